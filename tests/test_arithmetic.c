#include "central_differences.h"
#include "core/operation.h"
#include "expect.h"
#include <string.h>

extern const cn_operation *const cn_arithmetic_operations[];

enum { POINTS = 8 };
static const double anywhere[POINTS] = {-2.7, -1.4, -0.8, -0.3, 0.2, 0.75, 1.3, 2.6};
static const double above_zero[POINTS] = {0.15, 0.3, 0.6, 0.9, 1.2, 1.7, 2.3, 4.2};
static const double within_one[POINTS] = {-0.93, -0.6, -0.35, -0.1, 0.05, 0.3, 0.7, 0.95};
static const double above_one[POINTS] = {1.1, 1.2, 1.4, 1.7, 2.1, 2.6, 3.4, 5.5};

#define UNARY(name, value)       \
    static double name(double x) \
    {                            \
        return value;            \
    }
#define BINARY(name, value)                \
    static double name(double a, double b) \
    {                                      \
        return value;                      \
    }
UNARY(square_of, x *x)
UNARY(sign_of, (x > 0) - (x < 0))
UNARY(minus, -x)
UNARY(one_by_root, 1 / sqrt(x))
UNARY(one_by, 1 / x)

/* By bisection of erf. */
static double inverse_erf(double y)
{
    double low = -6, high = 6;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        *(erf(middle) < y ? &low : &high) = middle;
    }
    return low;
}

static const struct unary_case {
    const char *name;
    cn_activation *function;
    double (*formula)(double);
    const double *points;
} unary_cases[] = {
    {"negative", cn_negative, minus, anywhere},
    {"absolute", cn_absolute, fabs, anywhere},
    {"sign", cn_sign, sign_of, anywhere},
    {"square", cn_square, square_of, anywhere},
    {"sqrt", cn_sqrt, sqrt, above_zero},
    {"rsqrt", cn_rsqrt, one_by_root, above_zero},
    {"reciprocal", cn_reciprocal, one_by, above_zero},
    {"exp", cn_exp, exp, anywhere},
    {"expm1", cn_expm1, expm1, anywhere},
    {"log", cn_log, log, above_zero},
    {"log1p", cn_log1p, log1p, above_zero},
    {"log2", cn_log2, log2, above_zero},
    {"log10", cn_log10, log10, above_zero},
    {"sin", cn_sin, sin, anywhere},
    {"cos", cn_cos, cos, anywhere},
    {"tan", cn_tan, tan, within_one},
    {"arcsin", cn_arcsin, asin, within_one},
    {"arccos", cn_arccos, acos, within_one},
    {"arctan", cn_arctan, atan, anywhere},
    {"sinh", cn_sinh, sinh, anywhere},
    {"cosh", cn_cosh, cosh, anywhere},
    {"arcsinh", cn_arcsinh, asinh, anywhere},
    {"arccosh", cn_arccosh, acosh, above_one},
    {"arctanh", cn_arctanh, atanh, within_one},
    {"erf", cn_erf, erf, anywhere},
    {"erfinv", cn_erfinv, inverse_erf, within_one},
    {"floor", cn_floor, floor, anywhere},
    {"ceil", cn_ceil, ceil, anywhere},
    {"round", cn_round, rint, anywhere},
    {"trunc", cn_trunc, trunc, anywhere},
};

BINARY(sum_of, a + b)
BINARY(difference_of, a - b)
BINARY(product_of, a *b)
BINARY(quotient_of, a / b)
BINARY(floor_of_quotient, floor(a / b))
BINARY(remainder_of, a - b * floor(a / b))
BINARY(log_of_sum, log(exp(a) + exp(b)))

typedef cn_tensor *binary_function(cn_tensor *a, cn_tensor *b);
static const struct binary_case {
    const char *name;
    binary_function *function;
    double (*formula)(double, double);
    const double *a, *b;
} binary_cases[] = {
    {"add", cn_add, sum_of, anywhere, within_one},
    {"subtract", cn_sub, difference_of, anywhere, within_one},
    {"multiply", cn_mul, product_of, anywhere, within_one},
    {"divide", cn_div, quotient_of, anywhere, above_zero},
    {"power", cn_power, pow, above_zero, anywhere},
    {"maximum", cn_maximum, fmax, anywhere, within_one},
    {"minimum", cn_minimum, fmin, anywhere, within_one},
    {"mod", cn_mod, remainder_of, anywhere, above_one},
    {"floor_divide", cn_floor_divide, floor_of_quotient, anywhere, above_one},
    {"arctan2", cn_arctan2, atan2, anywhere, within_one},
    {"logaddexp", cn_logaddexp, log_of_sum, anywhere, within_one},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

static cn_tensor *points_on(cn_tape *tape, const double *points, cn_dtype dtype)
{
    return cn_constant_as(tape, cn_array(points, POINTS), dtype);
}

static void expect_values(const char *name, cn_tensor *y, const double *expected, double tolerance)
{
    double got[POINTS];
    cr_assert(cn_values(y, cn_array(got, POINTS)), "%s: %s", name, cn_error_message());
    for (int i = 0; i < POINTS; i++)
        cr_expect(fabs(got[i] - expected[i]) <= tolerance * fmax(1, fabs(expected[i])),
                  "%s[%d]: %.12g instead of %.12g", name, i, got[i], expected[i]);
}

static void expect_ints(cn_tensor *y, int count, const int32_t *expected)
{
    int32_t got[POINTS];
    cr_assert_eq(cn_dtype_of(y), CN_I32, "%s", cn_error_message());
    cr_assert(cn_values(y, cn_array(got, count)));
    for (int i = 0; i < count; i++)
        cr_expect_eq(got[i], expected[i], "[%d]: %d instead of %d", i, got[i], expected[i]);
}

static void expect_formulas(cn_dtype dtype, double tolerance)
{
    cn_tape *tape = cn_tape_new();
    double expected[POINTS];
    for (int c = 0; c < COUNT(unary_cases); c++) {
        const struct unary_case *u = &unary_cases[c];
        for (int i = 0; i < POINTS; i++)
            expected[i] = u->formula(dtype == CN_F32 ? (float)u->points[i] : u->points[i]);
        expect_values(u->name, u->function(points_on(tape, u->points, dtype)), expected, tolerance);
    }
    for (int c = 0; c < COUNT(binary_cases); c++) {
        const struct binary_case *b = &binary_cases[c];
        for (int i = 0; i < POINTS; i++)
            expected[i] = dtype == CN_F32 ? b->formula((float)b->a[i], (float)b->b[i]) : b->formula(b->a[i], b->b[i]);
        cn_tensor *y = b->function(points_on(tape, b->a, dtype), points_on(tape, b->b, dtype));
        expect_values(b->name, y, expected, tolerance);
    }
    cn_tape_free(tape);
}

Test(arithmetic, gives_the_values_of_the_formulas_in_float64)
{
    expect_formulas(CN_F64, 1e-14);
}

Test(arithmetic, gives_the_values_of_the_formulas_in_float32)
{
    expect_formulas(CN_F32, 1e-6);
}

static const struct unary_case *unary;
static const struct binary_case *binary;

static cn_tensor *apply_unary(cn_tensor *const *x)
{
    return unary->function(x[0]);
}

static cn_tensor *apply_binary(cn_tensor *const *x)
{
    return binary->function(x[0], x[1]);
}

Test(arithmetic, gradients_of_one_operand_are_central_differences_to_the_third_order)
{
    for (unary = unary_cases; unary < unary_cases + COUNT(unary_cases); unary++) {
        tested_inputs inputs = {.count = 1, .shape = {CN_SHAPE(POINTS)}};
        memcpy(inputs.value[0], unary->points, sizeof anywhere);
        expect_gradients(unary->name, apply_unary, 3, inputs);
    }
}

Test(arithmetic, gradients_of_two_operands_are_central_differences_to_the_third_order)
{
    for (binary = binary_cases; binary < binary_cases + COUNT(binary_cases); binary++) {
        tested_inputs inputs = {.count = 2, .shape = {CN_SHAPE(POINTS), CN_SHAPE(POINTS)}};
        memcpy(inputs.value[0], binary->a, sizeof anywhere);
        memcpy(inputs.value[1], binary->b, sizeof anywhere);
        expect_gradients(binary->name, apply_binary, 3, inputs);
    }
}

Test(arithmetic, gradients_of_broadcast_operands_are_summed)
{
    for (binary = binary_cases; binary < binary_cases + COUNT(binary_cases); binary++) {
        tested_inputs inputs = {.count = 2, .shape = {CN_SHAPE(2, 1, 3), CN_SHAPE(4, 1)}};
        memcpy(inputs.value[0], binary->a, sizeof anywhere);
        memcpy(inputs.value[1], binary->b + 4, 4 * sizeof *binary->b);
        expect_gradients(binary->name, apply_binary, 2, inputs);
    }
}

static cn_tensor *choose(cn_tensor *const *x)
{
    static const int32_t condition[] = {1, 0, 0, 1};
    return cn_where(cn_constant(cn_tape_of(x[0]), cn_array(condition, 4)), x[0], cn_square(x[1]));
}

static cn_tensor *clip_cube(cn_tensor *const *x)
{
    return cn_clip(cn_mul(x[0], cn_square(x[0])), -1, 2);
}

static cn_tensor *cube_of_casts(cn_tensor *const *x)
{
    cn_tensor *there_and_back = cn_cast(cn_cast(x[0], CN_F64), CN_F64);
    return cn_mul(there_and_back, cn_square(there_and_back));
}

Test(arithmetic, gradients_of_where_clip_and_cast_are_central_differences_to_the_third_order)
{
    expect_gradients("where", choose, 3,
                     (tested_inputs){.count = 2,
                                     .shape = {CN_SHAPE(2, 1), CN_SHAPE(4)},
                                     .value = {{0.3, -1.2}, {0.4, -2.5, 1.5, 0.1}}});
    expect_gradients("clip", clip_cube, 3,
                     (tested_inputs){.count = 1, .shape = {CN_SHAPE(5)}, .value = {{-1.4, -0.7, 0.2, 0.9, 1.6}}});
    expect_gradients("cast", cube_of_casts, 3,
                     (tested_inputs){.count = 1, .shape = {CN_SHAPE(3)}, .value = {{-1.4, 0.7, 2.2}}});
}

Test(arithmetic, every_row_with_a_gradient_is_checked)
{
    static const char *const others[] = {"where",       "clip",        "clip_grad",  "copy",
                                         "cast_to_f32", "cast_to_f64", "cast_to_i32"};
    for (const cn_operation *const *row = cn_arithmetic_operations; *row; row++) {
        bool found = !(*row)->vjp;
        for (int i = 0; i < COUNT(unary_cases); i++)
            found = found || strcmp((*row)->name, unary_cases[i].name) == 0;
        for (int i = 0; i < COUNT(binary_cases); i++)
            found = found || strcmp((*row)->name, binary_cases[i].name) == 0;
        for (int i = 0; i < COUNT(others); i++)
            found = found || strcmp((*row)->name, others[i]) == 0;
        cr_expect(found, "the gradient of %s is not checked", (*row)->name);
    }
}

/* The gradients of a function of two numbers. */
static void expect_gradients_at(binary_function *function, double a, double b, double da, double db)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x[] = {cn_constant_as(tape, cn_array(&a, 1), CN_F64), cn_constant_as(tape, cn_array(&b, 1), CN_F64)};
    cn_tensor *dx[2];
    cr_assert(cn_gradients(function(x[0], x[1]), x, 2, dx), "%s", cn_error_message());
    cr_expect_float_eq(cn_item(dx[0]), da, 1e-15);
    cr_expect_float_eq(cn_item(dx[1]), db, 1e-15);
    cn_tape_free(tape);
}

Test(arithmetic, a_tie_gives_each_side_half_of_the_gradient)
{
    expect_gradients_at(cn_maximum, 2, 2, 0.5, 0.5);
    expect_gradients_at(cn_minimum, 2, 2, 0.5, 0.5);
}

Test(arithmetic, power_of_a_base_not_above_zero_has_finite_gradients)
{
    expect_gradients_at(cn_power, 0, 2, 0, 0);
    expect_gradients_at(cn_power, 0, 1, 1, 0);
    expect_gradients_at(cn_power, 0, 0, 0, 0);
    expect_gradients_at(cn_power, -3, 2, -6, 0);
    expect_gradients_at(cn_power, -2, 0, 0, 0);
}

Test(arithmetic, clip_has_gradient_one_at_its_bounds)
{
    const double at[] = {-1.5, -1, 0, 2, 2.5}, expected[] = {0, 1, 1, 1, 0};
    double got[5];
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant_as(tape, cn_array(at, 5), CN_F64);
    cr_assert(cn_values(cn_grad(cn_sum(cn_clip(x, -1, 2)), x), cn_array(got, 5)));
    cr_expect_arr_eq(got, expected, sizeof got);
    cn_tape_free(tape);
}

Test(arithmetic, comparisons_give_int32)
{
    const double a[] = {1, 2, 3, NAN}, b[] = {1, 3, 2, NAN};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant_as(tape, cn_array(a, 4), CN_F64), *y = cn_constant_as(tape, cn_array(b, 4), CN_F64);
    expect_ints(cn_equal(x, y), 4, (int32_t[]){1, 0, 0, 0});
    expect_ints(cn_not_equal(x, y), 4, (int32_t[]){0, 1, 1, 1});
    expect_ints(cn_less(x, y), 4, (int32_t[]){0, 1, 0, 0});
    expect_ints(cn_less_equal(x, y), 4, (int32_t[]){1, 1, 0, 0});
    expect_ints(cn_greater(x, y), 4, (int32_t[]){0, 0, 1, 0});
    expect_ints(cn_greater_equal(x, y), 4, (int32_t[]){1, 0, 1, 0});
    cn_tape_free(tape);
}

Test(arithmetic, logic_takes_anything_but_zero_for_true)
{
    const float a[] = {0, 0, 0.5f, -2}, b[] = {0, 7, 0, 1};
    const int32_t c[] = {0, 3, 0, -1};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(a, 4)), *y = cn_constant(tape, cn_array(b, 4));
    expect_ints(cn_logical_and(x, y), 4, (int32_t[]){0, 0, 0, 1});
    expect_ints(cn_logical_or(x, y), 4, (int32_t[]){0, 1, 1, 1});
    expect_ints(cn_logical_or(x, cn_constant(tape, cn_array(c, 4))), 4, (int32_t[]){0, 1, 1, 1});
    expect_ints(cn_logical_not(x), 4, (int32_t[]){1, 1, 0, 0});
    cn_tape_free(tape);
}

Test(arithmetic, where_takes_a_condition_of_any_type)
{
    const float condition[] = {0, 0.5f, -1};
    const int32_t a[] = {1, 2, 3};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(a, 3));
    expect_ints(cn_where(cn_constant(tape, cn_array(condition, 3)), x, cn_negative(x)), 3, (int32_t[]){-1, 2, 3});
    cn_tape_free(tape);
}

Test(arithmetic, special_values_are_told_apart)
{
    const double a[] = {1, INFINITY, -INFINITY, NAN};
    cn_tape *tape = cn_tape_new();
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++) {
        cn_tensor *x = cn_constant_as(tape, cn_array(a, 4), dtype);
        expect_ints(cn_isfinite(x), 4, (int32_t[]){1, 0, 0, 0});
        expect_ints(cn_isinf(x), 4, (int32_t[]){0, 1, 1, 0});
        expect_ints(cn_isnan(x), 4, (int32_t[]){0, 0, 0, 1});
    }
    cn_tape_free(tape);
}

Test(arithmetic, shapes_broadcast)
{
    const double a[] = {1, 2}, b[] = {10, 20, 30}, expected[] = {11, 21, 31, 12, 22, 32};
    double got[6];
    cn_tape *tape = cn_tape_new();
    cn_tensor *y =
        cn_add(cn_constant_as(tape, cn_array(a, 2, 1), CN_F64), cn_constant_as(tape, cn_array(b, 3), CN_F64));
    cr_assert(cn_shape_equal(cn_shape_of(y), CN_SHAPE(2, 3)));
    cr_assert(cn_values(y, cn_array(got, 2, 3)));
    cr_expect_arr_eq(got, expected, sizeof got);
    cn_tape_free(tape);
}

/* Rows of few elements, of which several are run through at once, in float32 and float64. */
Test(arithmetic, an_axis_in_the_middle_broadcasts)
{
    enum { OUTER = 3, MIDDLE = 101, INNER = 7 };
    float a[OUTER][MIDDLE][INNER], b[OUTER][INNER], product[OUTER][MIDDLE][INNER];
    int32_t less[OUTER][MIDDLE][INNER];
    for (int i = 0; i < OUTER * MIDDLE * INNER; i++)
        (&a[0][0][0])[i] = (float)(i % 13) - 6;
    for (int i = 0; i < OUTER * INNER; i++)
        (&b[0][0])[i] = (float)(i % 5) - 2;
    for (cn_dtype dtype = CN_F32; dtype <= CN_F64; dtype++) {
        cn_tape *tape = cn_tape_new();
        cn_tensor *x = cn_constant_as(tape, cn_array(&a[0][0][0], OUTER, MIDDLE, INNER), dtype);
        cn_tensor *y = cn_constant_as(tape, cn_array(&b[0][0], OUTER, 1, INNER), dtype);
        cr_assert(cn_values(cn_mul(x, y), cn_array(&product[0][0][0], OUTER, MIDDLE, INNER)));
        cr_assert(cn_values(cn_less(y, x), cn_array(&less[0][0][0], OUTER, MIDDLE, INNER)));
        for (int o = 0; o < OUTER; o++)
            for (int m = 0; m < MIDDLE; m++)
                for (int i = 0; i < INNER; i++) {
                    cr_assert_eq(product[o][m][i], a[o][m][i] * b[o][i], "%d, %d, %d", o, m, i);
                    cr_assert_eq(less[o][m][i], b[o][i] < a[o][m][i], "%d, %d, %d", o, m, i);
                }
        cn_tape_free(tape);
    }
}

Test(arithmetic, shapes_that_do_not_broadcast_are_an_error)
{
    const double a[] = {1, 2, 3, 4, 5, 6};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant_as(tape, cn_array(a, 2, 3), CN_F64), *y = cn_constant_as(tape, cn_array(a, 2), CN_F64);
    cr_expect_null(cn_add(x, y));
    expect_failure(true, CN_SHAPES, "add: shapes cannot be broadcast together: (2, 3) x (2,)");
    cr_expect_null(cn_equal(x, y));
    expect_failure(true, CN_SHAPES, "equal: shapes cannot be broadcast together: (2, 3) x (2,)");
    cr_expect_null(cn_where(cn_greater(x, x), x, y));
    expect_failure(true, CN_SHAPES, "where: shapes cannot be broadcast together: (2, 3) x (2, 3) x (2,)");
    cn_tape_free(tape);
}

Test(arithmetic, two_float_types_are_an_error)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = points_on(tape, anywhere, CN_F32), *y = points_on(tape, anywhere, CN_F64);
    cr_expect_null(cn_sub(x, y));
    expect_failure(true, CN_TYPE, "subtract: float32 with float64; cn_cast converts");
    cr_expect_null(cn_where(cn_isnan(x), x, y));
    expect_failure(true, CN_TYPE, "where: float32 with float64; cn_cast converts");
    cn_tape_free(tape);
}

Test(arithmetic, null_is_an_error_that_names_the_operation)
{
    cn_tape *tape = cn_tape_new();
    cr_expect_null(cn_mul(points_on(tape, anywhere, CN_F32), NULL));
    expect_failure(true, CN_ARGUMENT, "multiply: input 1 is NULL");
    cr_expect_null(cn_exp(NULL));
    expect_failure(true, CN_ARGUMENT, "exp: input 0 is NULL");
    cn_tape_free(tape);
}

Test(arithmetic, int32_beside_a_float_becomes_that_float)
{
    const int32_t n[] = {3, -4};
    const double b[] = {0.5, 2};
    cn_tape *tape = cn_tape_new();
    cn_tensor *i = cn_constant(tape, cn_array(n, 2)), *x = cn_constant_as(tape, cn_array(b, 2), CN_F64);
    cr_expect_eq(cn_dtype_of(cn_mul(i, x)), CN_F64);
    cr_expect_eq(cn_dtype_of(cn_less(x, i)), CN_I32);
    cn_tensor *variable = cn_variable_new(CN_SHAPE(2), .dtype = CN_I32);
    cr_assert(cn_variable_set(variable, cn_array(n, 2)));
    double got[2];
    cr_assert(cn_values(cn_add(x, variable), cn_array(got, 2)), "%s", cn_error_message());
    cr_expect_arr_eq(got, ((double[]){3.5, -2}), sizeof got);
    cn_variable_free(variable);
    cn_tape_free(tape);
}

Test(arithmetic, a_scalar_takes_the_float_type_beside_it)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *half = cn_scalar(tape, 0.5);
    cr_expect_eq(cn_dtype_of(cn_mul(points_on(tape, anywhere, CN_F64), half)), CN_F64);
    cr_expect_eq(cn_dtype_of(cn_mul(half, points_on(tape, anywhere, CN_F32))), CN_F32);
    cn_tape_free(tape);
}

Test(arithmetic, integers_stay_integers_where_that_means_something)
{
    const int32_t a[] = {7, -7, 0}, b[] = {2, 2, 5};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(a, 3)), *y = cn_constant(tape, cn_array(b, 3));
    expect_ints(cn_add(x, y), 3, (int32_t[]){9, -5, 5});
    expect_ints(cn_mul(x, y), 3, (int32_t[]){14, -14, 0});
    expect_ints(cn_maximum(x, y), 3, (int32_t[]){7, 2, 5});
    expect_ints(cn_mod(x, y), 3, (int32_t[]){1, 1, 0});
    expect_ints(cn_floor_divide(x, y), 3, (int32_t[]){3, -4, 0});
    expect_ints(cn_absolute(x), 3, (int32_t[]){7, 7, 0});
    expect_ints(cn_sign(x), 3, (int32_t[]){1, -1, 0});
    expect_ints(cn_clip(x, -1, 3), 3, (int32_t[]){3, -1, 0});
    expect_ints(cn_where(cn_less(x, y), x, y), 3, (int32_t[]){2, -7, 0});
    cn_tape_free(tape);
}

Test(arithmetic, integers_become_floats_where_it_does_not)
{
    const int32_t a[] = {7, 1}, b[] = {2, 4};
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_constant(tape, cn_array(a, 2)), *y = cn_constant(tape, cn_array(b, 2));
    float got[2];
    cr_assert(cn_values(cn_div(x, y), cn_array(got, 2)), "%s", cn_error_message());
    cr_expect_arr_eq(got, ((float[]){3.5f, 0.25f}), sizeof got);
    cr_expect_eq(cn_dtype_of(cn_sqrt(x)), CN_F32);
    cr_expect_eq(cn_dtype_of(cn_logaddexp(x, y)), CN_F32);
    cn_tape_free(tape);
}

Test(arithmetic, cast_converts_between_all_types)
{
    const double a[] = {-1.75, 0, 2.5};
    static const double exact[] = {-1.75, 0, 2.5}, whole[] = {-1, 0, 2};
    cn_tape *tape = cn_tape_new();
    for (cn_dtype from = CN_F32; from <= CN_I32; from++)
        for (cn_dtype to = CN_F32; to <= CN_I32; to++) {
            cn_tensor *x = cn_cast(cn_constant_as(tape, cn_array(a, 3), CN_F64), from), *y = cn_cast(x, to);
            double got[3];
            cr_assert_eq(cn_dtype_of(y), to);
            cr_assert(cn_values(cn_cast(y, CN_F64), cn_array(got, 3)), "%s", cn_error_message());
            cr_expect_arr_eq(got, from == CN_I32 || to == CN_I32 ? whole : exact, sizeof got);
        }
    cn_tape_free(tape);
}

Test(arithmetic, gradients_pass_through_casts_between_floats_only)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = points_on(tape, anywhere, CN_F64);
    cn_tensor *dx = cn_grad(cn_sum(cn_square(cn_cast(x, CN_F32))), x);
    double expected[POINTS];
    for (int i = 0; i < POINTS; i++)
        expected[i] = 2 * anywhere[i];
    cr_expect_eq(cn_dtype_of(dx), CN_F64);
    expect_values("cast", dx, expected, 1e-6);
    dx = cn_grad(cn_sum(cn_mul(x, cn_cast(cn_cast(x, CN_I32), CN_F64))), x);
    for (int i = 0; i < POINTS; i++)
        expected[i] = trunc(anywhere[i]);
    expect_values("cast to int32", dx, expected, 0);
    cn_tape_free(tape);
}

static void expect_pair(cn_tensor *y, double first, double second)
{
    double got[2];
    cr_assert(cn_values(cn_cast(y, CN_F64), cn_array(got, 2)), "%s", cn_error_message());
    cr_expect_eq(got[0], first);
    cr_expect_eq(got[1], second);
}

Test(arithmetic, a_variable_is_converted_as_any_operand)
{
    const int32_t counts[] = {2, 4};
    const float zero_or_not[] = {0, 0.5f};
    cn_tensor *integers = cn_variable_new(CN_SHAPE(2), .dtype = CN_I32), *reals = cn_variable_new(CN_SHAPE(2));
    cn_variable_set(integers, cn_array(counts, 2));
    cn_variable_set(reals, cn_array(zero_or_not, 2));
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_full(tape, CN_SHAPE(2), 3), *n = cn_full(tape, CN_SHAPE(2), 1, .dtype = CN_I32);
    expect_pair(cn_div(x, integers), 1.5, 0.75);
    expect_pair(cn_div(integers, n), 2, 4);
    expect_pair(cn_logical_and(x, reals), 0, 1);
    expect_pair(cn_where(reals, x, integers), 2, 3);
    expect_pair(cn_where(n, integers, reals), 2, 4);
    cr_assert_null(cn_div(integers, reals));
    cr_expect_str_eq(cn_error_message(), "divide: no input is on a tape; cn_read puts a variable on one");
    cn_error_clear();
    cr_assert_null(cn_sqrt(integers));
    cr_expect_str_eq(cn_error_message(), "sqrt: no input is on a tape; cn_read puts a variable on one");
    cn_error_clear();
    cn_tape_free(tape);
    cn_variable_free(integers);
    cn_variable_free(reals);
}

Test(arithmetic, int32_beside_a_float_becomes_that_float_where_there_is_no_form_for_integers)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *n = cn_full(tape, CN_SHAPE(), 4, .dtype = CN_I32), *x = cn_full(tape, CN_SHAPE(), 3, .dtype = CN_F64);
    cr_expect_eq(cn_dtype_of(cn_div(x, n)), CN_F64, "%s", cn_error_message());
    cr_expect_eq(cn_item(cn_div(n, x)), 4.0 / 3);
    cn_tape_free(tape);
}

Test(arithmetic, cast_refuses_what_is_no_element_type)
{
    cn_tape *tape = cn_tape_new();
    cr_assert_null(cn_cast(cn_full(tape, CN_SHAPE(2)), (cn_dtype)3));
    cr_expect_eq(cn_error_code(), CN_TYPE);
    cr_expect_str_eq(cn_error_message(), "cast: 3 is not an element type: (2,)");
    cn_error_clear();
    cn_tape_free(tape);
}
