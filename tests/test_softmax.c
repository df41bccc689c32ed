#include "central_differences.h"
#include "core/engine.h"
#include "expect.h"
#include <stdlib.h>

static cn_tape *tape;

static void setup(void)
{
    tape = cn_tape_new();
}

static void teardown(void)
{
    cn_tape_free(tape);
    cn_set_threads(0);
}

TestSuite(softmax, .init = setup, .fini = teardown);

static double scattered(int64_t i)
{
    return fmod((double)(i * 7919 % 10007) * 0.61803, 6) - 3;
}

static cn_tensor *scatter(cn_shape shape, cn_dtype dtype)
{
    int64_t count = cn_shape_size(shape);
    double *values = malloc(sizeof *values * (size_t)(count + 1));
    for (int64_t i = 0; i < count; i++)
        values[i] = scattered(i);
    cn_tensor *x = cn_constant_as(tape, cn_array_with(values, CN_ARRAY_F64, false, shape), dtype);
    free(values);
    return x;
}

/* The formulas, with sums in float64. */
static void expect_formulas(cn_tensor *x, cn_axes axes, double tolerance)
{
    cn_tensor *wide = cn_cast(x, CN_F64);
    cn_tensor *e = cn_exp(wide), *sum = cn_sum(e, .axes = axes, .keepdims = true);
    expect_tensors_close(cn_softmax(x, .axes = axes), cn_div(e, sum), tolerance);
    expect_tensors_close(cn_log_softmax(x, .axes = axes), cn_sub(wide, cn_log(sum)), tolerance);
    expect_tensors_close(cn_logsumexp(x, .axes = axes, .keepdims = true), cn_log(sum), tolerance);
}

Test(softmax, rows_of_all_lengths)
{
    for (int64_t n = 1; n < 70; n += n < 36 ? 1 : 11)
        for (int64_t rows = 1; rows < 40; rows += 13) {
            expect_formulas(scatter(CN_SHAPE(rows, n), CN_F64), CN_AXES(-1), 1e-13);
            expect_formulas(scatter(CN_SHAPE(rows, n), CN_F32), CN_AXES(-1), 1e-6);
        }
}

Test(softmax, any_axes)
{
    cn_shape shapes[] = {CN_SHAPE(3, 40, 5), CN_SHAPE(40, 3, 20), CN_SHAPE(2, 3, 1), CN_SHAPE(70, 2, 90)};
    for (int i = 0; i < 4; i++) {
        cn_tensor *x = scatter(shapes[i], CN_F64);
        expect_formulas(x, CN_AXES(0), 1e-13);
        expect_formulas(x, CN_AXES(1), 1e-13);
        expect_formulas(x, CN_AXES(1, 2), 1e-13);
        expect_formulas(x, CN_AXES(-1, 0), 1e-13);
        expect_formulas(x, CN_AXES(0, 1, 2), 1e-13);
        expect_formulas(cn_transpose(x), CN_AXES(0), 1e-13);
        expect_formulas(cn_getitem(x, {CN_RANGE(0, CN_NONE, 2)}), CN_AXES(2), 1e-13);
    }
}

Test(softmax, of_int32_is_of_the_default_type)
{
    int32_t values[] = {0, 0};
    cn_tensor *y = cn_softmax(cn_constant(tape, cn_array(values, 2)));
    cr_assert_eq(cn_dtype_of(y), CN_F32);
    EXPECT(cn_cast(y, CN_F64), CN_SHAPE(2), 0.5, 0.5);
}

Test(softmax, large_arguments_do_not_overflow)
{
    float values[] = {1000, 0, -1000, -INFINITY};
    cn_tensor *x = cn_constant(tape, cn_array(values, 4));
    EXPECT(cn_cast(cn_softmax(x), CN_F64), CN_SHAPE(4), 1, 0, 0, 0);
    EXPECT(cn_cast(cn_log_softmax(x), CN_F64), CN_SHAPE(4), 0, -1000, -2000, -INFINITY);
    EXPECT(cn_cast(cn_logsumexp(x), CN_F64), CN_SHAPE(), 1000);
}

Test(softmax, logsumexp_of_nothing_likely_is_minus_infinity)
{
    float values[] = {-INFINITY, -INFINITY};
    cr_assert_eq(cn_item(cn_logsumexp(cn_constant(tape, cn_array(values, 2)))), -INFINITY);
}

Test(softmax, is_an_activation)
{
    cn_tensor *(*activation)(cn_tensor *) = cn_softmax;
    cn_tensor *x = scatter(CN_SHAPE(2, 3), CN_F64);
    expect_tensors_close(activation(x), cn_softmax(x, .axis = 1), 0);
}

Test(softmax, wrong_axes_are_refused)
{
    cn_tensor *x = scatter(CN_SHAPE(2, 3), CN_F64);
    expect_error(!cn_softmax(x, .axis = 2), "softmax: there is no axis 2 in a tensor of rank 2: (2, 3)");
    expect_error(!cn_log_softmax(cn_sum(x)), "log_softmax: there is no axis -1 in a tensor of rank 0: ()");
    expect_error(!cn_glu(x), "glu: axis 1 cannot be halved: (2, 3)");
}

Test(softmax, sparsemax_is_the_nearest_point_of_the_simplex)
{
    double values[] = {0.5, 0.1, -1, 3, 0, 0, 0.2, 0.2, 0.2};
    cn_tensor *x = cn_constant_as(tape, cn_array(values, 3, 3), CN_F64);
    double wanted[] = {0.7, 0.3, 0, 1, 0, 0, 1. / 3, 1. / 3, 1. / 3};
    expect_tensors_close(cn_sparsemax(x), cn_constant_as(tape, cn_array(wanted, 3, 3), CN_F64), 1e-15);
    expect_tensors_close(cn_transpose(cn_sparsemax(cn_transpose(x), .axis = 0)), cn_sparsemax(x), 0);
    cn_tensor *many = cn_sparsemax(scatter(CN_SHAPE(20, 100), CN_F64));
    cr_assert(cn_item(cn_min(many)) >= 0);
    expect_tensors_close(cn_sum(many, .axis = 1), cn_ones_like(cn_sum(many, .axis = 1)), 1e-14);
}

Test(softmax, glu_gates_one_half_by_the_other)
{
    cn_tensor *x = scatter(CN_SHAPE(3, 4, 2), CN_F64);
    cn_tensor *a = cn_getitem(x, {CN_ALL, CN_RANGE(0, 2)}), *b = cn_getitem(x, {CN_ALL, CN_RANGE(2, 4)});
    expect_tensors_close(cn_glu(x, .axis = 1), cn_mul(a, cn_sigmoid(b)), 0);
}

static cn_tensor *softmax_rows(cn_tensor *x)
{
    return cn_softmax(x);
}

static cn_tensor *softmax_columns(cn_tensor *x)
{
    return cn_softmax(x, .axis = 0);
}

Test(softmax, the_number_of_threads_changes_no_bit)
{
    cn_tensor *(*functions[])(cn_tensor *) = {softmax_rows, softmax_columns};
    cn_shape shapes[] = {CN_SHAPE(2000, 10), CN_SHAPE(300, 1001), CN_SHAPE(7, 30001)};
    for (int i = 0; i < 6; i++) {
        cn_tensor *x = scatter(shapes[i / 2], CN_F32);
        cn_set_threads(1);
        cn_tensor *one = functions[i % 2](x);
        for (int threads = 2; threads < 5; threads++) {
            cn_set_threads(threads);
            cn_tensor *many = functions[i % 2](x);
            cr_assert_arr_eq(cn_pointer(one), cn_pointer(many),
                             (size_t)cn_shape_size(cn_shape_of(one)) * sizeof(float));
        }
    }
}

#define FUNCTION(name, ...)                          \
    static cn_tensor *name(cn_tensor *const *inputs) \
    {                                                \
        cn_tensor *x = inputs[0];                    \
        return __VA_ARGS__;                          \
    }
FUNCTION(softmax_last, cn_softmax(x))
FUNCTION(softmax_first, cn_softmax(x, .axis = 0))
FUNCTION(softmax_jointly, cn_softmax(x, .axes = CN_AXES(0, 2)))
FUNCTION(log_softmax_last, cn_log_softmax(x))
FUNCTION(log_softmax_middle, cn_log_softmax(x, .axis = 1))
FUNCTION(logsumexp_last, cn_logsumexp(x, .axis = -1))
FUNCTION(logsumexp_jointly, cn_logsumexp(x, .axes = CN_AXES(0, 2), .keepdims = true))
FUNCTION(sparsemax_last, cn_square(cn_sparsemax(x)))
FUNCTION(glu_middle, cn_glu(x, .axis = 0))
#undef FUNCTION

Test(softmax, gradients_agree_with_central_differences)
{
    tested_inputs inputs = {.count = 1, .shape = {CN_SHAPE(2, 3, 4)}};
    for (int i = 0; i < 24; i++)
        inputs.value[0][i] = scattered(i);
#define CHECK(function, orders) expect_gradients(#function, function, orders, inputs);
    CHECK(softmax_last, 3)
    CHECK(softmax_first, 2)
    CHECK(softmax_jointly, 2)
    CHECK(log_softmax_last, 3)
    CHECK(log_softmax_middle, 2)
    CHECK(logsumexp_last, 2)
    CHECK(logsumexp_jointly, 2)
    CHECK(sparsemax_last, 2)
    CHECK(glu_middle, 2)
#undef CHECK
}

Test(softmax, logsumexp_of_a_scalar_is_the_scalar)
{
    cn_tensor *x = cn_full(tape, CN_SHAPE(), 1.5, .dtype = CN_F64);
    cr_expect_eq(cn_item(cn_logsumexp(x)), 1.5, "%s", cn_error_message());
    cr_expect_eq(cn_item(cn_grad(cn_logsumexp(x), x)), 1, "%s", cn_error_message());
}

Test(softmax, glu_takes_one_axis_only)
{
    cr_assert_null(cn_glu(cn_full(tape, CN_SHAPE(2, 4)), .axes = CN_AXES(0, 1)));
    cr_assert_eq(cn_error_code(), CN_ARGUMENT);
    cn_error_clear();
}

/* The layer */

Test(softmax, layer_leaves_out_what_its_mask_does)
{
    cn_layer *layer = cn_softmax_layer();
    const int32_t counts[] = {1, 1, 0, 0, 0, 0};
    cn_tensor *x = cn_zeros(tape, CN_SHAPE(2, 3), .dtype = CN_F64);
    cn_tensor *mask = cn_constant_as(tape, cn_array(counts, 2, 3), CN_I32);
    cn_tensor *y = cn_call_many(layer, {x}, .mask = {mask}).item[0];
    EXPECT(y, CN_SHAPE(2, 3), 0.5, 0.5, 0, 0, 0, 0);
    cr_expect_eq(cn_mask_of(y), mask);
    cr_expect_str_eq(cn_layer_name(layer), "softmax");
    cn_clear_session();
}

Test(softmax, layer_sums_over_its_axes_jointly)
{
    cn_layer *layer = cn_softmax_layer(CN_SHAPE(1, -1));
    EXPECT(cn_call(layer, cn_ones(tape, CN_SHAPE(2, 2, 2), .dtype = CN_F64)), CN_SHAPE(2, 2, 2), 0.25, 0.25, 0.25, 0.25,
           0.25, 0.25, 0.25, 0.25);
    cr_expect(cn_gradient_check_layer(NULL, cn_softmax_layer(CN_SHAPE(1, -1)), .input_count = 1,
                                      .inputs = {CN_SHAPE(2, 3, 2)}),
              "%s", cn_error_message());
    cn_clear_session();
}

Test(softmax, layer_refuses_axes_and_masks_that_do_not_fit)
{
    cn_tensor *x = cn_ones(tape, CN_SHAPE(2, 3));
    cn_tensor *mask = cn_ones(tape, CN_SHAPE(2, 2), .dtype = CN_I32);
    expect_error(!cn_softmax_layer(.axis = {0}, .name = "s"), "s: needs an axis");
    expect_error(!cn_call(cn_softmax_layer(CN_SHAPE(2), .name = "s"), x),
                 "s: there is no axis 2 in (None, 3), or it is named twice");
    expect_error(!cn_call(cn_softmax_layer(CN_SHAPE(1, -1), .name = "t"), x),
                 "t: there is no axis -1 in (None, 3), or it is named twice");
    expect_error(cn_call_many(cn_softmax_layer(.name = "u"), {x}, .mask = {mask}).count == 0,
                 "u: its mask (2, 2) does not fit (2, 3)");
    cn_clear_session();
}
