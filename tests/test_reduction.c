#include "central_differences.h"
#include "core/engine.h"
#include "expect.h"
#include <stdlib.h>
#include <string.h>

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

TestSuite(reduction, .init = setup, .fini = teardown);

static cn_tensor *counting(cn_shape shape)
{
    return expect_counting(tape, shape);
}

static cn_tensor *empty(cn_shape shape)
{
    static const double nothing;
    return cn_constant_as(tape, cn_array_with(&nothing, CN_ARRAY_F64, false, shape), CN_F64);
}

/* Values without a pattern, from -1 to 1, never 0. */
static double scattered(int64_t i)
{
    return fmod((double)(i * 7919 % 10007) * 0.61803, 2) - 0.99991;
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

/* Every element of x goes to the output at its place without the reduced axes. */
typedef enum kind { SUM, PROD, MAX, MIN, COUNT, KINDS } kind;

static double step_of(kind k, double a, double x)
{
    return k == SUM ? a + x : k == PROD ? a * x : k == MAX ? fmax(a, x) : k == MIN ? fmin(a, x) : a + (x != 0);
}

static void expect_reduced(cn_tensor *x, unsigned mask, bool keepdims)
{
    static const double start[] = {0, 1, -INFINITY, INFINITY, 0};
    cn_shape shape = cn_shape_of(x), reduced = {0};
    cn_reduce_args args = {.x = x, .axis = CN_NONE, .keepdims = keepdims};
    int64_t stride[CN_MAX_RANK] = {0}, size = 1, count = cn_shape_size(shape);
    for (int d = 0; d < shape.rank; d++)
        if (mask >> d & 1)
            args.axes.axis[args.axes.count++] = d % 2 ? d - shape.rank : d;
    for (int d = shape.rank - 1; d >= 0; d--)
        if (!(mask >> d & 1)) {
            stride[d] = size;
            size *= shape.dim[d];
        }
    for (int d = 0; d < shape.rank; d++)
        if (keepdims || !(mask >> d & 1))
            reduced.dim[reduced.rank++] = mask >> d & 1 ? 1 : shape.dim[d];
    double *values = calloc((size_t)count + 1, sizeof *values), *got = calloc((size_t)size + 1, sizeof *got);
    double *wanted = calloc((size_t)size + 1, sizeof *wanted);
    cr_assert(cn_values(x, cn_array_with(values, CN_ARRAY_F64, true, shape)));
    cn_tensor *results[] = {cn_sum_with(args), cn_prod_with(args), cn_max_with(args), cn_min_with(args),
                            cn_count_nonzero_with(args)};
    for (kind k = SUM; k < KINDS; k++) {
        cr_assert_not_null(results[k], "%s", cn_error_message());
        cr_assert(cn_shape_equal(cn_shape_of(results[k]), reduced));
        for (int64_t i = 0; i < size; i++)
            wanted[i] = start[k];
        for (int64_t i = 0; i < count; i++) {
            int64_t to = 0, index = i;
            for (int d = shape.rank - 1; d >= 0; d--) {
                to += index % shape.dim[d] * stride[d];
                index /= shape.dim[d];
            }
            wanted[to] = step_of(k, wanted[to], values[i]);
        }
        cn_tensor *real = k == COUNT ? cn_cast(results[k], CN_F64) : results[k];
        cr_assert(cn_values(real, cn_array_with(got, CN_ARRAY_F64, true, reduced)), "%s", cn_error_message());
        for (int64_t i = 0; i < size; i++)
            cr_assert(fabs(got[i] - wanted[i]) <= 1e-12 * (1 + fabs(wanted[i])), "kind %d, axes %x: %g, not %g", (int)k,
                      mask, got[i], wanted[i]);
    }
    free(values);
    free(got);
    free(wanted);
}

static void expect_all_axes(cn_tensor *x)
{
    for (unsigned mask = 1; mask < 1u << cn_shape_of(x).rank; mask++)
        expect_reduced(x, mask, mask % 3 == 0);
}

Test(reduction, any_axes_of_a_dense_tensor)
{
    expect_all_axes(scatter(CN_SHAPE(3, 5, 2, 7), CN_F64));
    expect_all_axes(scatter(CN_SHAPE(2, 1, 37, 1), CN_F64));
    expect_all_axes(scatter(CN_SHAPE(70, 130), CN_F64));
}

Test(reduction, any_axes_of_transposed_sliced_and_repeated_tensors)
{
    cn_tensor *x = scatter(CN_SHAPE(4, 6, 20), CN_F64);
    expect_all_axes(cn_transpose(x, .axes = CN_AXES(2, 0, 1)));
    expect_all_axes(cn_getitem(x, {CN_RANGE(3, CN_NONE, -1), CN_RANGE(0, CN_NONE, 2), CN_RANGE(1, 19)}));
    expect_all_axes(cn_broadcast_to(scatter(CN_SHAPE(5, 1, 3), CN_F64), CN_SHAPE(2, 5, 4, 3)));
}

Test(reduction, long_rows_and_columns_are_cut_into_parts)
{
    expect_all_axes(scatter(CN_SHAPE(3, 200003), CN_F64));
    expect_all_axes(scatter(CN_SHAPE(200003, 3), CN_F64));
    expect_all_axes(cn_transpose(scatter(CN_SHAPE(300, 700), CN_F64)));
}

Test(reduction, without_axes_all_are_reduced)
{
    EXPECT(cn_sum(counting(CN_SHAPE(2, 3))), CN_SHAPE(), 15);
    EXPECT(cn_max(counting(CN_SHAPE(2, 3)), .keepdims = true), CN_SHAPE(1, 1), 5);
    EXPECT(cn_sum(counting(CN_SHAPE())), CN_SHAPE(), 0);
}

Test(reduction, empty_axes_give_the_neutral_element_or_an_error)
{
    cn_tensor *x = empty(CN_SHAPE(2, 0));
    EXPECT(cn_sum(x, .axis = 1), CN_SHAPE(2), 0, 0);
    EXPECT(cn_prod(x, .axis = 1), CN_SHAPE(2), 1, 1);
    EXPECT(cn_mean(x, .axis = 1), CN_SHAPE(2), NAN, NAN);
    EXPECT(cn_sum(x, .axis = 0), CN_SHAPE(0), 0);
    EXPECT(cn_max(x, .axis = 0), CN_SHAPE(0), 0);
    expect_error(!cn_max(x, .axis = 1), "max: of no values: (2, 0)");
    expect_error(!cn_argmin(x), "argmin: of no values, or of more than int32 counts: (2, 0)");
}

Test(reduction, wrong_axes_are_refused)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    expect_error(!cn_sum(x, .axis = 2), "sum: there is no axis 2 in a tensor of rank 2: (2, 3)");
    expect_error(!cn_prod(x, .axis = -3), "prod: there is no axis -3 in a tensor of rank 2: (2, 3)");
    expect_error(!cn_mean(x, .axes = CN_AXES(1, -1)), "mean: axis -1 is named twice: (2, 3)");
    expect_error(!cn_any(x, .axis = 0, .axes = CN_AXES(1)), "any: takes .axis or up to 8 .axes: (2, 3)");
}

Test(reduction, types_of_results)
{
    cn_tensor *x = cn_cast(counting(CN_SHAPE(2, 2)), CN_I32);
    cr_assert_eq(cn_dtype_of(cn_sum(x)), CN_I32);
    cr_assert_eq(cn_dtype_of(cn_prod(x)), CN_I32);
    cr_assert_eq(cn_dtype_of(cn_mean(x)), CN_F32);
    cr_assert_eq(cn_dtype_of(cn_any(counting(CN_SHAPE(2)))), CN_I32);
    cr_assert_eq(cn_dtype_of(cn_argmax(counting(CN_SHAPE(2)))), CN_I32);
    cr_assert_float_eq(cn_item(cn_mean(x)), 1.5, 0);
}

Test(reduction, integers_are_summed_exactly)
{
    int32_t values[40];
    for (int i = 0; i < 40; i++)
        values[i] = i % 2 ? 16777217 : -16777216;
    cn_tensor *x = cn_constant(tape, cn_array(values, 4, 10));
    EXPECT(cn_cast(cn_sum(x, .axis = 1), CN_F64), CN_SHAPE(4), 5, 5, 5, 5);
    EXPECT(cn_cast(cn_max(x, .axis = 0), CN_F64), CN_SHAPE(10), -16777216, 16777217, -16777216, 16777217, -16777216,
           16777217, -16777216, 16777217, -16777216, 16777217);
}

Test(reduction, float32_sums_are_rounded_once)
{
    enum { MANY = 1 << 20 };
    float *values = malloc(MANY * sizeof *values);
    for (int i = 0; i < MANY; i++)
        values[i] = 0.1f;
    cn_tensor *x = cn_constant(tape, cn_array(values, MANY));
    float wanted = (float)(MANY * (double)0.1f);
    cr_assert_float_eq(cn_item(cn_sum(x)), wanted, 0);
    cr_assert_float_eq(cn_item(cn_sum(cn_reshape(x, CN_SHAPE(-1, 1)), .axis = 0)), wanted, 0);
    cr_assert_float_eq(cn_item(cn_mean(x)), 0.1f, 0);
    free(values);
}

Test(reduction, nan_is_the_largest_and_the_smallest)
{
    for (int n = 1; n < 70; n++)
        for (int at = 0; at < n; at += 7) {
            double values[70];
            for (int i = 0; i < n; i++)
                values[i] = i == at ? (double)NAN : i;
            cn_tensor *x = cn_constant_as(tape, cn_array(values, n), CN_F64);
            cr_assert(isnan(cn_item(cn_max(x))));
            cr_assert(isnan(cn_item(cn_min(x))));
            cr_assert_eq(cn_item(cn_argmax(x)), at);
            cr_assert_eq(cn_item(cn_argmin(x)), at);
        }
}

Test(reduction, any_all_and_count_nonzero)
{
    double values[] = {0, 0, 1, -2, 3, 0};
    cn_tensor *x = cn_constant_as(tape, cn_array(values, 3, 2), CN_F64);
    EXPECT(cn_cast(cn_any(x, .axis = 1), CN_F64), CN_SHAPE(3), 0, 1, 1);
    EXPECT(cn_cast(cn_all(x, .axis = 1), CN_F64), CN_SHAPE(3), 0, 1, 0);
    EXPECT(cn_cast(cn_count_nonzero(x, .axis = 0), CN_F64), CN_SHAPE(2), 2, 1);
    EXPECT(cn_cast(cn_all(empty(CN_SHAPE(0))), CN_F64), CN_SHAPE(), 1);
}

Test(reduction, argmax_takes_the_first_of_equal_values)
{
    double values[] = {1, 3, 3, 2, 0, 0};
    cn_tensor *x = cn_constant_as(tape, cn_array(values, 2, 3), CN_F64);
    EXPECT(cn_cast(cn_argmax(x), CN_F64), CN_SHAPE(), 1);
    EXPECT(cn_cast(cn_argmin(x, .keepdims = true), CN_F64), CN_SHAPE(1, 1), 4);
    EXPECT(cn_cast(cn_argmax(x, .axis = 1), CN_F64), CN_SHAPE(2), 1, 0);
    EXPECT(cn_cast(cn_argmin(x, .axis = 0, .keepdims = true), CN_F64), CN_SHAPE(1, 3), 0, 1, 1);
    EXPECT(cn_cast(cn_argmax(cn_transpose(x), .axis = -1), CN_F64), CN_SHAPE(3), 1, 0, 0);
}

Test(reduction, cumulative_sums_and_products)
{
    cn_tensor *x = cn_add(counting(CN_SHAPE(2, 3)), cn_scalar(tape, 1));
    EXPECT(cn_cumsum(x, .axis = 0), CN_SHAPE(2, 3), 1, 2, 3, 5, 7, 9);
    EXPECT(cn_cumsum(x, .axis = -1), CN_SHAPE(2, 3), 1, 3, 6, 4, 9, 15);
    EXPECT(cn_cumsum(x), CN_SHAPE(6), 1, 3, 6, 10, 15, 21);
    EXPECT(cn_cumprod(x, .axis = 1), CN_SHAPE(2, 3), 1, 2, 6, 4, 20, 120);
    EXPECT(cn_cumprod(cn_transpose(x), .axis = 1), CN_SHAPE(3, 2), 1, 4, 2, 10, 3, 18);
    EXPECT(cn_cumsum(empty(CN_SHAPE(2, 0)), .axis = 1), CN_SHAPE(2, 0), 0);
    expect_error(!cn_cumsum(x, .axis = 2), "cumsum: there is no axis 2 in a tensor of rank 2: (2, 3)");
}

Test(reduction, variance_and_norms)
{
    double values[] = {3, -4, 0, 0};
    cn_tensor *x = cn_constant_as(tape, cn_array(values, 2, 2), CN_F64);
    EXPECT(cn_var(x, .axis = 1), CN_SHAPE(2), 12.25, 0);
    EXPECT(cn_std(x, .axis = 1, .keepdims = true), CN_SHAPE(2, 1), 3.5, 0);
    EXPECT(cn_norm(x, .axis = 1), CN_SHAPE(2), 5, 0);
    EXPECT(cn_norm(x, .ord = 1, .axis = 1), CN_SHAPE(2), 7, 0);
    EXPECT(cn_norm(x, .ord = INFINITY), CN_SHAPE(), 4);
    EXPECT(cn_normalize(x), CN_SHAPE(2, 2), 3. / 5, -4. / 5, 0, 0);
    expect_error(!cn_norm(x, .ord = 3), "norm: .ord is 1, 2 or INFINITY, not 3: (2, 2)");
}

Test(reduction, the_norm_of_a_zero_vector_has_the_gradient_zero)
{
    double zeros[3] = {0};
    cn_tensor *x = cn_constant_as(tape, cn_array(zeros, 3), CN_F64);
    EXPECT(cn_grad(cn_norm(x), x), CN_SHAPE(3), 0, 0, 0);
}

Test(reduction, equal_extremes_share_the_gradient)
{
    double values[] = {2, 7, 7, 1};
    cn_tensor *x = cn_constant_as(tape, cn_array(values, 4), CN_F64);
    EXPECT(cn_grad(cn_max(x), x), CN_SHAPE(4), 0, 0.5, 0.5, 0);
    EXPECT(cn_grad(cn_min(x), x), CN_SHAPE(4), 0, 0, 0, 1);
}

Test(reduction, counts_and_positions_have_no_gradient)
{
    cn_tensor *x = counting(CN_SHAPE(3));
    expect_error(!cn_grad(cn_any(x), x), "gradient: integers have none");
}

/* Bits */

static void expect_equal_bits(cn_tensor *(*function)(cn_tensor *x), cn_tensor *x)
{
    cn_set_threads(1);
    cn_tensor *one = function(x);
    for (int threads = 2; threads < 6; threads++) {
        cn_set_threads(threads);
        cn_tensor *many = function(x);
        cr_assert(one && many, "%s", cn_error_message());
        cr_assert_arr_eq(cn_pointer(one), cn_pointer(many),
                         (size_t)cn_shape_size(cn_shape_of(one)) * cn_dtype_size(cn_dtype_of(one)));
    }
}

#define OF_ALL_AXES(name)                          \
    static cn_tensor *name##_rows(cn_tensor *x)    \
    {                                              \
        return cn_##name(x, .axis = -1);           \
    }                                              \
    static cn_tensor *name##_columns(cn_tensor *x) \
    {                                              \
        return cn_##name(x, .axis = 0);            \
    }
OF_ALL_AXES(sum)
OF_ALL_AXES(argmax)
OF_ALL_AXES(cumsum)

static cn_tensor *sum_of_all(cn_tensor *x)
{
    return cn_sum(x);
}

Test(reduction, the_number_of_threads_changes_no_bit)
{
    cn_shape shapes[] = {CN_SHAPE(1000, 777), CN_SHAPE(3, 300000), CN_SHAPE(300000, 3)};
    for (int i = 0; i < 3; i++) {
        cn_tensor *x = scatter(shapes[i], CN_F32);
        expect_equal_bits(sum_of_all, x);
        expect_equal_bits(sum_rows, x);
        expect_equal_bits(sum_columns, x);
        expect_equal_bits(argmax_rows, x);
        expect_equal_bits(argmax_columns, x);
        expect_equal_bits(cumsum_rows, x);
        expect_equal_bits(cumsum_columns, x);
        expect_equal_bits(sum_columns, cn_transpose(x));
    }
}

/* Gradients */

static cn_tensor *cube(cn_tensor *x)
{
    return cn_mul(x, cn_square(x));
}

/* Linear functions are tested with cubes, so that there are second derivatives. */
#define FUNCTION(name, ...)                          \
    static cn_tensor *name(cn_tensor *const *inputs) \
    {                                                \
        cn_tensor *x = inputs[0];                    \
        return __VA_ARGS__;                          \
    }
FUNCTION(sum_of_cubes, cn_sum(cube(x), .axis = 1))
FUNCTION(cubes_of_sums, cube(cn_sum(x, .axes = CN_AXES(0, 2), .keepdims = true)))
FUNCTION(cubes_of_means, cube(cn_mean(x, .axis = -1)))
FUNCTION(cubes_of_max, cube(cn_max(x, .axis = 0)))
FUNCTION(cubes_of_min, cube(cn_min(x, .axes = CN_AXES(0, 1), .keepdims = true)))
FUNCTION(prod_of_all, cn_prod(x))
FUNCTION(prod_of_axes, cn_prod(x, .axes = CN_AXES(0, 2)))
FUNCTION(prod_kept, cn_prod(x, .axis = 1, .keepdims = true))
FUNCTION(cubes_of_cumsum, cube(cn_cumsum(x, .axis = 1)))
FUNCTION(cumprod_of_axis, cn_cumprod(x, .axis = 0))
FUNCTION(cumprod_of_all, cn_cumprod(x))
FUNCTION(var_of_axes, cn_var(x, .axes = CN_AXES(1, 2)))
FUNCTION(std_of_axis, cn_std(x, .axis = 2))
FUNCTION(norm_1, cube(cn_norm(x, .ord = 1, .axis = 2)))
FUNCTION(norm_2, cn_norm(x, .axis = 2, .keepdims = true))
FUNCTION(norm_of_all, cn_norm(x))
FUNCTION(norm_infinity, cube(cn_norm(x, .ord = INFINITY, .axis = 0)))
FUNCTION(normalized, cn_normalize(x))
FUNCTION(normalized_1, cn_normalize(x, .order = 1, .axis = 1))
FUNCTION(repeated, cube(cn_broadcast_to(cn_sum(x, .axis = 0), CN_SHAPE(2, 3, 2))))
FUNCTION(summed_to, cube(cn_sum_to(x, CN_SHAPE(3, 1))))
#undef FUNCTION

static tested_inputs point(cn_shape shape)
{
    tested_inputs inputs = {.count = 1, .shape = {shape}};
    for (int i = 0; i < cn_shape_size(shape); i++)
        inputs.value[0][i] = 0.3 + fabs(scattered(i)) * (i % 3 ? 1 : -1);
    return inputs;
}

Test(reduction, gradients_agree_with_central_differences)
{
#define CHECK(function) expect_gradients(#function, function, 2, point(CN_SHAPE(2, 3, 2)));
    CHECK(sum_of_cubes)
    CHECK(cubes_of_sums)
    CHECK(cubes_of_means)
    CHECK(cubes_of_max)
    CHECK(cubes_of_min)
    CHECK(prod_of_all)
    CHECK(prod_of_axes)
    CHECK(prod_kept)
    CHECK(cubes_of_cumsum)
    CHECK(cumprod_of_axis)
    CHECK(cumprod_of_all)
    CHECK(var_of_axes)
    CHECK(std_of_axis)
    CHECK(norm_1)
    CHECK(norm_2)
    CHECK(norm_of_all)
    CHECK(norm_infinity)
    CHECK(normalized)
    CHECK(normalized_1)
    CHECK(repeated)
    CHECK(summed_to)
#undef CHECK
}

Test(reduction, products_with_zeros_have_right_gradients)
{
    for (int zeros = 1; zeros <= 3; zeros++) {
        tested_inputs inputs = point(CN_SHAPE(2, 3, 2));
        for (int i = 0; i < zeros; i++)
            inputs.value[0][i * 4 + 1] = 0;
        expect_gradients("prod of all", prod_of_all, 3, inputs);
        expect_gradients("prod of axes", prod_of_axes, 2, inputs);
        expect_gradients("cumprod", cumprod_of_axis, 2, inputs);
        expect_gradients("cumprod of all", cumprod_of_all, 3, inputs);
    }
}
