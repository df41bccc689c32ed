#include "central_differences.h"
#include "core/operation.h"
#include <string.h>

extern const cn_operation *const cn_activation_operations[];

enum { POINTS = 13 };
/* None at a kink. */
static const double points[POINTS] = {-7.3, -3.4, -2.2, -1.3, -0.7, -0.3, 0.2, 0.4, 0.8, 1.6, 2.4, 3.7, 6.9};

/* Formulas of keras.activations */

#define FORMULA(name, value)     \
    static double name(double x) \
    {                            \
        return value;            \
    }
static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}
FORMULA(linear, x)
FORMULA(relu, fmax(x, 0))
FORMULA(relu6, clamp(x, 0, 6))
FORMULA(relu_with_all, x >= 2 ? 2 : x > 0.6 ? x : 0.1 * (x - 0.6))
FORMULA(leaky_relu, x > 0 ? x : 0.2 * x)
FORMULA(leaky_relu_005, x > 0 ? x : 0.05 * x)
FORMULA(elu, x > 0 ? x : exp(x) - 1)
FORMULA(elu_07, x > 0 ? x : 0.7 * (exp(x) - 1))
FORMULA(celu_05, x > 0 ? x : 0.5 * (exp(x / 0.5) - 1))
FORMULA(selu, 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (exp(x) - 1)))
FORMULA(gelu, x * 0.5 * (1 + erf(x / sqrt(2))))
FORMULA(gelu_approximate, 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))))
FORMULA(sigmoid, 1 / (1 + exp(-x)))
FORMULA(silu, x *sigmoid(x))
FORMULA(softplus, log(1 + exp(x)))
FORMULA(mish, x *tanh(softplus(x)))
FORMULA(log_sigmoid, -softplus(-x))
FORMULA(hard_sigmoid, clamp(x / 6 + 0.5, 0, 1))
FORMULA(hard_silu, x *hard_sigmoid(x))
FORMULA(sparse_sigmoid, clamp(0.5 * (x + 1), 0, 1))
FORMULA(hard_tanh, clamp(x, -1, 1))
FORMULA(tanh_shrink, x - tanh(x))
FORMULA(squareplus, (x + sqrt(x * x + 4)) / 2)
FORMULA(squareplus_1, (x + sqrt(x * x + 1)) / 2)
FORMULA(sparse_plus, x <= -1 ? 0 : x >= 1 ? x : (x + 1) * (x + 1) / 4)
FORMULA(softsign, x / (1 + fabs(x)))
FORMULA(soft_shrink, x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : 0)
FORMULA(soft_shrink_1, x > 1 ? x - 1 : x < -1 ? x + 1 : 0)
FORMULA(hard_shrink, fabs(x) > 0.5 ? x : 0)
FORMULA(hard_shrink_1, fabs(x) > 1 ? x : 0)
FORMULA(threshold, x > 0.5 ? x : -0.25)

/* The same with parameters, as the library has them */

#define WITH_PARAMETERS(name, call)      \
    static cn_tensor *name(cn_tensor *x) \
    {                                    \
        return call;                     \
    }
WITH_PARAMETERS(call_relu_with_all, cn_relu(x, .negative_slope = 0.1, .max_value = 2, .threshold = 0.6))
WITH_PARAMETERS(call_relu_with_slope, cn_relu(x, .negative_slope = 0.2))
WITH_PARAMETERS(call_leaky_relu_005, cn_leaky_relu(x, 0.05))
WITH_PARAMETERS(call_elu_07, cn_elu(x, .alpha = 0.7))
WITH_PARAMETERS(call_celu_05, cn_celu(x, .alpha = 0.5))
WITH_PARAMETERS(call_gelu_approximate, cn_gelu(x, .approximate = true))
WITH_PARAMETERS(call_squareplus_1, cn_squareplus(x, .b = 1))
WITH_PARAMETERS(call_soft_shrink_1, cn_soft_shrink(x, .threshold = 1))
WITH_PARAMETERS(call_hard_shrink_1, cn_hard_shrink(x, 1))
WITH_PARAMETERS(call_threshold, cn_threshold(x, 0.5, -0.25))

static const struct activation_case {
    const char *row; /* the operation that computes it */
    cn_activation *function;
    double (*formula)(double);
} cases[] = {
    {"linear", cn_linear, linear},
    {"relu", cn_relu, relu},
    {"leaky_relu", call_relu_with_slope, leaky_relu},
    {"general_relu", call_relu_with_all, relu_with_all},
    {"relu6", cn_relu6, relu6},
    {"leaky_relu", cn_leaky_relu, leaky_relu},
    {"leaky_relu", call_leaky_relu_005, leaky_relu_005},
    {"elu", cn_elu, elu},
    {"elu", call_elu_07, elu_07},
    {"celu", cn_celu, elu},
    {"celu", call_celu_05, celu_05},
    {"selu", cn_selu, selu},
    {"gelu", cn_gelu, gelu},
    {"gelu_approximate", call_gelu_approximate, gelu_approximate},
    {"silu", cn_silu, silu},
    {"mish", cn_mish, mish},
    {"sigmoid", cn_sigmoid, sigmoid},
    {"log_sigmoid", cn_log_sigmoid, log_sigmoid},
    {"hard_sigmoid", cn_hard_sigmoid, hard_sigmoid},
    {"hard_silu", cn_hard_silu, hard_silu},
    {"sparse_sigmoid", cn_sparse_sigmoid, sparse_sigmoid},
    {"tanh", cn_tanh, tanh},
    {"hard_tanh", cn_hard_tanh, hard_tanh},
    {"tanh_shrink", cn_tanh_shrink, tanh_shrink},
    {"softplus", cn_softplus, softplus},
    {"squareplus", cn_squareplus, squareplus},
    {"squareplus", call_squareplus_1, squareplus_1},
    {"sparse_plus", cn_sparse_plus, sparse_plus},
    {"softsign", cn_softsign, softsign},
    {"soft_shrink", cn_soft_shrink, soft_shrink},
    {"soft_shrink", call_soft_shrink_1, soft_shrink_1},
    {"hard_shrink", cn_hard_shrink, hard_shrink},
    {"hard_shrink", call_hard_shrink_1, hard_shrink_1},
    {"threshold", call_threshold, threshold},
    {"exp", cn_exponential, exp},
};
enum { CASES = sizeof cases / sizeof *cases };

static void expect_formulas(cn_dtype dtype, double tolerance)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant_as(tape, cn_array(points, POINTS), dtype);
    for (int c = 0; c < CASES; c++) {
        double got[POINTS];
        cr_assert(cn_values(cases[c].function(x), cn_array(got, POINTS)), "%s: %s", cases[c].row, cn_error_message());
        for (int i = 0; i < POINTS; i++) {
            double expected = cases[c].formula(dtype == CN_F32 ? (float)points[i] : points[i]);
            cr_expect(fabs(got[i] - expected) <= tolerance * fmax(1, fabs(expected)), "%s(%g): %.12g instead of %.12g",
                      cases[c].row, points[i], got[i], expected);
        }
    }
    cn_tape_free(tape);
}

Test(activation, gives_the_values_of_the_formulas_in_float64)
{
    expect_formulas(CN_F64, 1e-14);
}

Test(activation, gives_the_values_of_the_formulas_in_float32)
{
    expect_formulas(CN_F32, 1e-6);
}

static const struct activation_case *current;

static cn_tensor *apply(cn_tensor *const *x)
{
    return current->function(x[0]);
}

Test(activation, gradients_are_central_differences_to_the_third_order)
{
    for (current = cases; current < cases + CASES; current++) {
        tested_inputs inputs = {.count = 1, .shape = {CN_SHAPE(POINTS)}};
        memcpy(inputs.value[0], points, sizeof points);
        expect_gradients(current->row, apply, 3, inputs);
    }
}

Test(activation, every_row_is_checked)
{
    for (const cn_operation *const *row = cn_activation_operations; *row; row++) {
        size_t length = strlen((*row)->name);
        bool is_gradient = length > 5 && strcmp((*row)->name + length - 5, "_grad") == 0, found = false;
        for (int c = 0; c < CASES; c++)
            found = found || (strncmp(cases[c].row, (*row)->name, is_gradient ? length - 5 : length + 1) == 0 &&
                              strlen(cases[c].row) == (is_gradient ? length - 5 : length));
        cr_expect(found, "%s is not checked", (*row)->name);
    }
}

Test(activation, large_arguments_do_not_overflow)
{
    const double large[] = {-1000, 1000};
    cn_tape *tape = cn_tape_new();
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++)
        for (int c = 0; c < CASES; c++) {
            cn_tensor *x = cn_constant_as(tape, cn_array(large, 2), dtype), *y = cases[c].function(x);
            for (int order = 0; order < 4 && cases[c].function != cn_exponential; order++) {
                double got[2];
                cr_assert(cn_values(y, cn_array(got, 2)), "%s: %s", cases[c].row, cn_error_message());
                for (int i = 0; i < 2; i++)
                    cr_expect(isfinite(got[i]), "%s at %g: derivative %d is %g", cases[c].row, large[i], order, got[i]);
                y = cn_grad(cn_sum(y), x);
            }
        }
    cn_tape_free(tape);
}

Test(activation, gradient_at_a_kink_is_that_of_the_flat_side)
{
    const struct {
        cn_activation *function;
        double at;
    } kinks[] = {{cn_relu, 0},           {cn_relu6, 0},         {cn_relu6, 6},          {cn_hard_sigmoid, -3},
                 {cn_hard_sigmoid, 3},   {cn_hard_silu, -3},    {cn_sparse_sigmoid, 1}, {cn_sparse_sigmoid, -1},
                 {cn_hard_tanh, -1},     {cn_hard_tanh, 1},     {cn_sparse_plus, -1},   {cn_soft_shrink, 0.5},
                 {cn_soft_shrink, -0.5}, {cn_hard_shrink, 0.5}, {call_threshold, 0.5}};
    cn_tape *tape = cn_tape_new();
    for (size_t i = 0; i < sizeof kinks / sizeof *kinks; i++) {
        cn_tensor *x = cn_constant_as(tape, cn_array(&kinks[i].at, 1), CN_F64);
        cr_expect_eq(cn_item(cn_grad(cn_sum(kinks[i].function(x)), x)), 0, "%s at %g",
                     cn_activation_name(kinks[i].function), kinks[i].at);
    }
    cn_tape_free(tape);
}

Test(activation, relu_at_its_threshold_is_not_above_it_whatever_max_value_says)
{
    cn_tape *tape = cn_tape_new();
    float x[3] = {4, 5, 10}, got[3];
    cn_tensor *y = cn_relu(cn_constant(tape, cn_array(x, 3)), .max_value = 5, .threshold = 5);
    cr_assert(cn_values(y, cn_array(got, 3)), "%s", cn_error_message());
    cr_expect_eq(got[0], 0);
    cr_expect_eq(got[1], 0);
    cr_expect_eq(got[2], 5);
    cn_tape_free(tape);
}

Test(activation, gradients_of_relu_tanh_and_sigmoid_read_the_result_only)
{
    cn_activation *const functions[] = {cn_relu, cn_tanh, cn_sigmoid};
    static const double expected[] = {1, 1 - 0.25 * 0.25, 0.25 * 0.75};
    for (int f = 0; f < 3; f++) {
        cn_tape *tape = cn_tape_new();
        double two = 2, quarter = 0.25, one = 1;
        cn_tensor *x = cn_constant_as(tape, cn_array(&two, 1), CN_F64), *y = functions[f](x);
        cn_entry entry = {0};
        cn_tensor *pretended = cn_constant_as(tape, cn_array(&quarter, 1), CN_F64);
        cn_tensor *dy = cn_constant_as(tape, cn_array(&one, 1), CN_F64), *dx = NULL;
        const bool needed = true;
        const char *names[] = {"relu", "tanh", "sigmoid"};
        entry.operation = cn_operation_named(names[f]);
        entry.input_count = entry.output_count = 1;
        entry.input = &x;
        entry.output = &pretended;
        entry.needed = &needed;
        cr_assert_not_null(y);
        cr_assert(entry.operation->vjp(&entry, &dy, &dx));
        cr_expect_float_eq(cn_item(dx), expected[f], 1e-15);
        cn_tape_free(tape);
    }
}

Test(activation, integers_become_floats)
{
    const int32_t n[] = {-2, 3};
    float got[2];
    cn_tape *tape = cn_tape_new();
    cr_assert(cn_values(cn_relu(cn_constant(tape, cn_array(n, 2))), cn_array(got, 2)), "%s", cn_error_message());
    cr_expect_arr_eq(got, ((float[]){0, 3}), sizeof got);
    cn_tape_free(tape);
}

Test(activation, is_found_by_the_name_that_keras_gives_it)
{
    cr_expect_eq(cn_activation_named("relu"), cn_relu);
    cr_expect_eq(cn_activation_named("swish"), cn_silu);
    cr_expect_eq(cn_activation_named("hard_swish"), cn_hard_silu);
    cr_expect_eq(cn_activation_named("linear"), cn_linear);
    cr_expect_str_eq(cn_activation_name(cn_silu), "silu");
    cr_expect_str_eq(cn_activation_name(cn_hard_silu), "hard_silu");
    cr_expect_str_eq(cn_activation_name(NULL), "linear");
}

Test(activation, an_unknown_name_is_an_error)
{
    cr_expect_null(cn_activation_named("rleu"));
    cr_expect_eq(cn_error_code(), CN_ARGUMENT);
    cr_expect_str_eq(cn_error_message(), "activation: there is none named rleu");
    cr_expect_null(cn_activation_named("relu"), "while an error is set everything fails");
    cn_error_clear();
}

Test(activation, a_function_of_the_users_own_can_be_given_a_name)
{
    cr_expect_null(cn_activation_name(call_threshold));
    cr_expect_not(cn_failed());
    char name[] = "half_threshold";
    cr_assert(cn_register_activation(name, call_threshold));
    name[0] = '?';
    cr_expect_eq(cn_activation_named("half_threshold"), call_threshold);
    cr_expect_str_eq(cn_activation_name(call_threshold), "half_threshold");
    cr_expect(cn_register_activation("half_threshold", call_threshold), "again the same");
    cr_expect_not(cn_register_activation("half_threshold", call_elu_07));
    cr_expect_str_eq(cn_error_message(), "register_activation: there is an activation half_threshold already");
    cn_error_clear();
    cr_expect_not(cn_register_activation("relu", call_elu_07));
    cn_error_clear();
    cr_expect_not(cn_register_activation("", call_elu_07));
    cr_expect_str_eq(cn_error_message(), "register_activation: needs a name and a function");
    cn_error_clear();
}
