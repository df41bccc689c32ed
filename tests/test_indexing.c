#include "expect.h"
#include <string.h>

static cn_tape *tape;

static void setup(void)
{
    tape = cn_tape_new();
}

static void teardown(void)
{
    cn_tape_free(tape);
}

TestSuite(indexing, .init = setup, .fini = teardown);

static cn_tensor *counting(cn_shape shape)
{
    return expect_counting(tape, shape);
}

#define INDICES(tape, shape, ...) \
    cn_constant_as((tape), cn_array_with((const int32_t[]){__VA_ARGS__}, CN_ARRAY_I32, false, (shape)), CN_I32)
#define NUMBERS(tape, shape, ...) \
    cn_constant_as((tape), cn_array_with((const double[]){__VA_ARGS__}, CN_ARRAY_F64, false, (shape)), CN_F64)

Test(indexing, take_gives_rows)
{
    cn_tensor *x = counting(CN_SHAPE(3, 2));
    EXPECT(cn_take(x, INDICES(tape, CN_SHAPE(2, 2), 2, 0, 0, 1), 0), CN_SHAPE(2, 2, 2), 4, 5, 0, 1, 0, 1, 2, 3);
    EXPECT(cn_take(x, INDICES(tape, CN_SHAPE(), 1), 0), CN_SHAPE(2), 2, 3);
}

Test(indexing, take_goes_along_other_axes_and_through_all_elements)
{
    cn_tensor *x = counting(CN_SHAPE(3, 2));
    EXPECT(cn_take(x, INDICES(tape, CN_SHAPE(3), 1, 1, 0), .axis = 1), CN_SHAPE(3, 3), 1, 1, 0, 3, 3, 2, 5, 5, 4);
    EXPECT(cn_take(x, INDICES(tape, CN_SHAPE(2), 5, 2)), CN_SHAPE(2), 5, 2);
    EXPECT(cn_take(cn_transpose(x), INDICES(tape, CN_SHAPE(1), 1), 0), CN_SHAPE(1, 3), 1, 3, 5);
}

Test(indexing, negative_indices_count_from_the_end)
{
    EXPECT(cn_take(counting(CN_SHAPE(3)), INDICES(tape, CN_SHAPE(2), -1, -3), 0), CN_SHAPE(2), 2, 0);
}

Test(indexing, an_index_out_of_range_is_named)
{
    cn_tensor *x = counting(CN_SHAPE(3, 2));
    expect_error(!cn_take(x, INDICES(tape, CN_SHAPE(2, 2), 0, 1, 3, 9), 0),
                 "take: index 3 at position (1, 0) is outside an axis of size 3");
    expect_error(!cn_take(x, INDICES(tape, CN_SHAPE(1), -3), 1),
                 "take: index -3 at position (0,) is outside an axis of size 2");
    expect_error(!cn_take_along_axis(x, INDICES(tape, CN_SHAPE(1, 2), 0, 3), 0),
                 "take_along_axis: index 3 at position (0, 1) is outside an axis of size 3");
    expect_error(!cn_segment_sum(x, INDICES(tape, CN_SHAPE(3), 0, 1, 2), 2),
                 "scatter_add: index 2 at position (2,) is outside an axis of size 2");
    expect_error(!cn_gather_nd(x, INDICES(tape, CN_SHAPE(1, 2), 0, 2)),
                 "gather_nd: index 2 at position (0, 1) is outside an axis of size 2");
}

Test(indexing, a_planned_run_ends_at_an_index_out_of_range)
{
    float rows[2] = {-1, -1};
    const int32_t fine[] = {1, 0}, wrong[] = {0, 3};
    cn_tape *deferred = cn_tape_new(.deferred = true);
    cn_tensor *indices = cn_feed(deferred, CN_SHAPE(2), .dtype = CN_I32);
    cn_plan *plan = cn_plan_new(deferred, {cn_take(cn_arange(deferred, 3, .dtype = CN_F32), indices, 0)});
    cr_assert(cn_run(plan, {cn_array(fine, 2)}, {cn_array(rows, 2)}), "%s", cn_error_message());
    cr_assert(rows[0] == 1 && rows[1] == 0);
    expect_error(!cn_run(plan, {cn_array(wrong, 2)}, {cn_array(rows, 2)}),
                 "take: index 3 at position (1,) is outside an axis of size 3");
    cn_plan_free(plan);
    cn_tape_free(deferred);
}

Test(indexing, indices_must_be_integers)
{
    cn_tensor *x = counting(CN_SHAPE(3));
    expect_error(!cn_take(x, x, 0), "take: the indices are float64, not int32: (3,) x (3,)");
    expect_error(!cn_one_hot(x, 3), "one_hot: the indices are float64, not int32: (3,)");
}

Test(indexing, take_along_axis_has_an_index_for_each_element)
{
    cn_tensor *x = counting(CN_SHAPE(2, 3));
    EXPECT(cn_take_along_axis(x, INDICES(tape, CN_SHAPE(2, 2), 2, 0, -1, 1), 1), CN_SHAPE(2, 2), 2, 0, 5, 4);
    EXPECT(cn_take_along_axis(x, INDICES(tape, CN_SHAPE(1, 3), 1, 0, 1), 0), CN_SHAPE(1, 3), 3, 1, 5);
    EXPECT(cn_take_along_axis(x, INDICES(tape, CN_SHAPE(2), 5, 0)), CN_SHAPE(2), 5, 0);
    expect_error(!cn_take_along_axis(x, INDICES(tape, CN_SHAPE(1, 1), 0), 1),
                 "take_along_axis: the indices differ in another axis than 1: (2, 3) x (1, 1)");
}

Test(indexing, gather_nd_names_places_in_several_axes)
{
    cn_tensor *x = counting(CN_SHAPE(2, 2, 2));
    EXPECT(cn_gather_nd(x, INDICES(tape, CN_SHAPE(2, 2), 0, 1, -1, 0)), CN_SHAPE(2, 2), 2, 3, 4, 5);
}

Test(indexing, scatter_adds_what_meets)
{
    cn_tensor *values = counting(CN_SHAPE(3, 2));
    EXPECT(cn_scatter(INDICES(tape, CN_SHAPE(3, 1), 1, 3, 1), values, CN_SHAPE(4, 2)), CN_SHAPE(4, 2), 0, 0, 4, 6, 0, 0,
           2, 3);
    EXPECT(cn_scatter(INDICES(tape, CN_SHAPE(2, 2), 0, 1, 1, 0), counting(CN_SHAPE(2)), CN_SHAPE(2, 2)), CN_SHAPE(2, 2),
           0, 0, 1, 0);
    expect_error(!cn_scatter(INDICES(tape, CN_SHAPE(3, 1), 0, 0, 0), values, CN_SHAPE(4, 3)),
                 "scatter: the values must have shape (3, 3): (3, 2) x (3, 1)");
}

/* So many that they are cut into pieces. */
Test(indexing, many_rows_are_taken_and_scattered)
{
    enum { OUTER = 2, SIZE = 90, COUNT = 700, INNER = 33 };
    static double whole[OUTER][SIZE][INNER], taken[OUTER][COUNT][INNER], sums[OUTER][SIZE][INNER],
        expected[OUTER][SIZE][INNER];
    int32_t index[COUNT];
    double weight[COUNT];
    for (int i = 0; i < OUTER * SIZE * INNER; i++)
        (&whole[0][0][0])[i] = i;
    for (int j = 0; j < COUNT; j++) {
        index[j] = (int32_t)(j * j % 83) - (j % 3 == 0 ? SIZE : 0);
        weight[j] = j % 11;
    }
    cn_tensor *x = cn_constant_as(tape, cn_array(&whole[0][0][0], OUTER, SIZE, INNER), CN_F64);
    cn_tensor *rows = cn_take(x, cn_constant(tape, cn_array(index, COUNT)), 1);
    cn_tensor *weighted = cn_mul(rows, cn_constant_as(tape, cn_array(weight, COUNT, 1), CN_F64));
    cr_assert(cn_values(rows, cn_array(&taken[0][0][0], OUTER, COUNT, INNER)));
    cr_assert(cn_values(cn_grad(cn_sum(weighted), x), cn_array(&sums[0][0][0], OUTER, SIZE, INNER)));
    for (int o = 0; o < OUTER; o++)
        for (int j = 0; j < COUNT; j++)
            for (int i = 0, at = (index[j] + SIZE) % SIZE; i < INNER; i++) {
                cr_assert_eq(taken[o][j][i], whole[o][at][i], "%d, %d, %d", o, j, i);
                expected[o][at][i] += weight[j];
            }
    cr_expect_arr_eq(sums, expected, sizeof sums);
}

Test(indexing, segment_sum_adds_rows_of_one_id)
{
    cn_tensor *data = counting(CN_SHAPE(4, 2));
    EXPECT(cn_segment_sum(data, INDICES(tape, CN_SHAPE(4), 2, 0, 2, 0), 3), CN_SHAPE(3, 2), 8, 10, 0, 0, 4, 6);
}

Test(indexing, one_hot_has_zeros_for_an_index_out_of_range)
{
    cn_tensor *labels = INDICES(tape, CN_SHAPE(4), 1, -1, 2, 0);
    cn_tensor *rows = cn_one_hot(labels, 2);
    EXPECT(rows, CN_SHAPE(4, 2), 0, 1, 0, 0, 0, 0, 1, 0);
    cr_assert_eq(cn_dtype_of(rows), CN_F32);
    EXPECT(cn_one_hot(labels, 3, 0, .dtype = CN_I32), CN_SHAPE(3, 4), 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0);
}

Test(indexing, sort_orders_along_an_axis)
{
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(2, 3), 3, 1, 2, 0, 5, 4);
    EXPECT(cn_sort(x), CN_SHAPE(2, 3), 1, 2, 3, 0, 4, 5);
    EXPECT(cn_sort(x, 0), CN_SHAPE(2, 3), 0, 1, 2, 3, 5, 4);
    EXPECT(cn_sort(x, CN_NONE), CN_SHAPE(6), 0, 1, 2, 3, 4, 5);
}

Test(indexing, argsort_is_stable_and_puts_nan_last)
{
    cn_tensor *x = NUMBERS(tape, CN_SHAPE(7), 1, NAN, 0, 1, 0, NAN, -INFINITY);
    cn_tensor *order = cn_argsort(x);
    EXPECT(order, CN_SHAPE(7), 6, 2, 4, 0, 3, 1, 5);
    cr_assert_eq(cn_dtype_of(order), CN_I32);
}

Test(indexing, top_k_gives_the_first_of_equals)
{
    cn_tensors top = cn_top_k(NUMBERS(tape, CN_SHAPE(2, 4), 1, 3, 3, 2, 0, 0, 0, 0), 2);
    cr_assert_eq(top.count, 2);
    EXPECT(top.item[0], CN_SHAPE(2, 2), 3, 3, 0, 0);
    EXPECT(top.item[1], CN_SHAPE(2, 2), 1, 2, 0, 1);
    expect_error(cn_top_k(counting(CN_SHAPE(3)), 4).count == 0, "top_k: the last axis has not 4 elements: (3,)");
}

Test(indexing, empty_tensors_keep_their_shapes)
{
    cn_tensor *none = cn_zeros(tape, CN_SHAPE(0), .dtype = CN_I32);
    EXPECT(cn_take(counting(CN_SHAPE(3, 2)), none, 0), CN_SHAPE(0, 2), 0);
    EXPECT(cn_segment_sum(counting(CN_SHAPE(0, 2)), none, 1), CN_SHAPE(1, 2), 0, 0);
    EXPECT(cn_sort(counting(CN_SHAPE(2, 0))), CN_SHAPE(2, 0), 0);
    EXPECT(cn_one_hot(none, 3), CN_SHAPE(0, 3), 0);
    expect_error(!cn_take(counting(CN_SHAPE(0)), INDICES(tape, CN_SHAPE(1), 0), 0),
                 "take: index 0 at position (0,) is outside an axis of size 0");
}

/* Sums whose order matters: with any number of threads they must have the same bits. */
Test(indexing, results_do_not_depend_on_threads)
{
    enum { ROWS = 5000, WIDTH = 24, PLACES = 700 };
    static float values[ROWS * WIDTH], got[3][PLACES * WIDTH], sorted[3][ROWS * WIDTH];
    static int32_t ids[ROWS];
    for (int i = 0; i < ROWS * WIDTH; i++)
        values[i] = 1 / (float)(1 + i * 7919 % 10007);
    for (int i = 0; i < ROWS; i++)
        ids[i] = i * 31 % PLACES;
    for (int threads = 1; threads <= 3; threads++) {
        cn_set_threads(threads);
        cn_tensor *rows = cn_constant(tape, cn_array(values, ROWS, WIDTH));
        cn_tensor *sums = cn_segment_sum(rows, cn_constant(tape, cn_array(ids, ROWS)), PLACES);
        cr_assert(cn_values(sums, cn_array(got[threads - 1], PLACES, WIDTH)), "%s", cn_error_message());
        cr_assert(cn_values(cn_sort(rows, 0), cn_array(sorted[threads - 1], ROWS, WIDTH)));
    }
    cn_set_threads(0);
    for (int i = 1; i < 3; i++) {
        cr_assert_eq(memcmp(got[0], got[i], sizeof got[0]), 0);
        cr_assert_eq(memcmp(sorted[0], sorted[i], sizeof sorted[0]), 0);
    }
    float sum = 0;
    for (int i = 0; i < ROWS; i++)
        sum += ids[i] == 3 ? values[i * WIDTH + 5] : 0;
    cr_assert_eq(got[0][3 * WIDTH + 5], sum);
    for (int i = WIDTH; i < ROWS * WIDTH; i++)
        cr_assert(sorted[0][i - WIDTH] <= sorted[0][i]);
}

/* Gradients */

static cn_tensor *taken(cn_tensor *x)
{
    return cn_take(x, INDICES(cn_tape_of(x), CN_SHAPE(2, 3), 2, 0, 0, -1, 2, 1), 1);
}
static cn_tensor *taken_from_all(cn_tensor *x)
{
    return cn_take(x, INDICES(cn_tape_of(x), CN_SHAPE(4), 23, 7, 7, 0));
}
static cn_tensor *taken_along(cn_tensor *x)
{
    return cn_take_along_axis(
        x, INDICES(cn_tape_of(x), CN_SHAPE(2, 2, 4), 2, 0, 0, 1, 2, 1, 0, 0, 1, 1, 1, 1, 2, 0, 2, 0), 1);
}
static cn_tensor *gathered(cn_tensor *x)
{
    return cn_gather_nd(x, INDICES(cn_tape_of(x), CN_SHAPE(3, 2), 0, 2, 1, 1, 0, 2));
}
static cn_tensor *scattered(cn_tensor *x)
{
    return cn_scatter(INDICES(cn_tape_of(x), CN_SHAPE(2, 2), 1, 0, 1, 0), x, CN_SHAPE(2, 2, 3, 4));
}
static cn_tensor *summed_by_segment(cn_tensor *x)
{
    return cn_segment_sum(x, INDICES(cn_tape_of(x), CN_SHAPE(2), 1, 1), 3);
}
static cn_tensor *sorted_first(cn_tensor *x)
{
    return cn_sort(x, 1);
}
static cn_tensor *top_values(cn_tensor *x)
{
    return cn_top_k(x, 3).item[0];
}

static const struct {
    const char *name;
    expect_function *function;
} cases[] = {
    {"take", taken},
    {"take from all", taken_from_all},
    {"take_along_axis", taken_along},
    {"gather_nd", gathered},
    {"scatter", scattered},
    {"segment_sum", summed_by_segment},
    {"sort", sorted_first},
    {"top_k", top_values},
};

Test(indexing, derivatives_agree_with_central_differences)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_derivatives(cases[i].name, cases[i].function, CN_SHAPE(2, 3, 4));
}

Test(indexing, planned_runs_give_the_same_bits)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_planned(cases[i].name, cases[i].function, CN_SHAPE(2, 3, 4));
}
