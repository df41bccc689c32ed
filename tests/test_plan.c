/* The planner: what it saves. That it changes no bit is tested by test_plan_fuzz.c. */
#include <criterion/criterion.h>
#include <cornet/cornet.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "core/gemm.h"
#include "core/plan.h"
#include "counting_allocator.h"

/* What planning saves. */

typedef struct step_of_descent {
    cn_tensor *w;
    cn_plan *plan;
} step_of_descent;

static step_of_descent plan_descent(void)
{
    float start[3] = {10, 20, 30};
    step_of_descent d = {.w = cn_variable_new(CN_SHAPE(3), .name = "w")};
    cn_variable_set(d.w, cn_array(start, 3));
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(2, 3));
    cn_tensor *loss = cn_mean(cn_square(cn_add(x, d.w)));
    cn_negative(cn_negative(loss));
    cn_tensor *gradient = cn_grad(loss, d.w);
    cn_assign(d.w, cn_sub(d.w, cn_mul(gradient, cn_scalar(tape, 0.5))));
    d.plan = cn_plan_new(tape, {loss});
    cn_tape_free(tape);
    cr_assert(d.plan != NULL, "%s", cn_error_message());
    return d;
}

static void free_descent(step_of_descent d)
{
    cn_plan_free(d.plan);
    cn_variable_free(d.w);
}

Test(plan, outlives_its_tape_and_updates_variables)
{
    step_of_descent d = plan_descent();
    const float x[6] = {1, 2, 3, 3, 2, 1};
    float loss = NAN, w[3];
    cr_assert(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&loss, 1)}));
    cr_expect_float_eq(loss, (121 + 484 + 1089 + 169 + 484 + 961) / 6.0f, 1e-3);
    cn_values(d.w, cn_array(w, 3));
    /* w - 0.5 * 2/6 * sum over rows of (x + w) */
    cr_expect_float_eq(w[0], 10 - (11 + 13) / 6.0f, 1e-5);
    cr_expect_float_eq(w[1], 20 - (22 + 22) / 6.0f, 1e-5);
    cr_expect_float_eq(w[2], 30 - (33 + 31) / 6.0f, 1e-5);
    free_descent(d);
}

Test(plan, run_allocates_nothing)
{
    counting_start(LONG_MAX);
    step_of_descent d = plan_descent();
    const float x[6] = {1, 2, 3, 3, 2, 1};
    float loss;
    long before = counting.calls;
    cr_assert_gt(before, 0);
    for (int i = 0; i < 10; i++)
        cr_assert(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&loss, 1)}));
    cr_expect_eq(counting.calls, before);
    free_descent(d);
    cr_expect_eq(counting.live, 0);
}

Test(plan, drops_what_nothing_needs)
{
    step_of_descent d = plan_descent();
    cn_plan_facts facts = cn_plan_describe(d.plan);
    cr_expect_lt(facts.kernels, facts.recorded);
    free_descent(d);
}

Test(plan, fuses_element_wise_chains_into_one_kernel_without_memory_for_what_lies_between)
{
    enum { N = 100000 };
    static float x[N], y[N];
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *in = cn_feed(tape, CN_SHAPE(N)), *out = in;
    for (int i = 0; i < 5; i++)
        out = cn_add(cn_mul(out, cn_scalar(tape, 0.5)), in);
    cn_plan *plan = cn_plan_new(tape, {out});
    cn_tape_free(tape);
    cn_plan_facts facts = cn_plan_describe(plan);
    cr_expect_eq(facts.kernels, 1);
    cr_expect_lt(facts.block_bytes, (int64_t)(2 * sizeof x + 1024));
    for (int i = 0; i < N; i++)
        x[i] = (float)i;
    cr_assert(cn_run(plan, {cn_array(x, N)}, {cn_array(y, N)}));
    /* 1 + 1/2 + 1/4 + ... + 1/32 */
    for (int i = 0; i < N; i += 997)
        cr_expect_float_eq(y[i], (float)i * 63 / 32, 1e-6 * i);
    cn_plan_free(plan);
}

static cn_tensor *through_all_types(cn_tensor *x)
{
    cn_tensor *whole = cn_cast(cn_mul(x, cn_scalar(x, 10)), CN_I32);
    cn_tensor *wide = cn_exp(cn_cast(cn_less(cn_square(x), x), CN_F64));
    return cn_add(cn_cast(cn_exp(cn_cast(wide, CN_F32)), CN_F64), cn_cast(whole, CN_F64));
}

Test(plan, a_chain_of_several_element_sizes_gives_the_eager_bits)
{
    enum { N = 5000 };
    static double x[N], eager[N], planned[N];
    for (int i = 0; i < N; i++)
        x[i] = sin(i) * 2;
    cn_tape *tape = cn_tape_new(), *deferred = cn_tape_new(.deferred = true);
    cr_assert(cn_values(through_all_types(cn_constant_as(tape, cn_array(x, N), CN_F64)), cn_array(eager, N)));
    cn_tensor *out = through_all_types(cn_feed(deferred, CN_SHAPE(N), .dtype = CN_F64));
    cn_plan *plan = cn_plan_new(deferred, {out});
    cr_assert(cn_run(plan, {cn_array(x, N)}, {cn_array(planned, N)}), "%s", cn_error_message());
    cr_expect_arr_eq(planned, eager, sizeof eager);
    cn_plan_free(plan);
    cn_tape_free(deferred);
    cn_tape_free(tape);
}

Test(plan, failure_of_any_allocation_is_an_error_and_leaves_nothing_behind)
{
    for (long limit = 0; limit < 10000; limit++) {
        counting_start(limit);
        cn_tape *tape = cn_tape_new(.deferred = true);
        cn_tensor *x = tape ? cn_feed(tape, CN_SHAPE(2, 3)) : NULL;
        cn_tensor *loss = x ? cn_mean(cn_square(cn_add(x, cn_scalar(x, 1)))) : NULL;
        cn_plan *plan = loss ? cn_plan_new(tape, {loss}) : NULL;
        bool failed = cn_failed();
        cr_expect_eq(plan == NULL, failed);
        cr_expect_eq(cn_error_code(), failed ? CN_MEMORY : CN_OK);
        cn_plan_free(plan);
        cn_tape_free(tape);
        cr_assert_eq(counting.live, 0, "%ld blocks are left after failure of allocation %ld", counting.live, limit);
        cn_error_clear();
        if (!failed)
            return;
    }
    cr_assert_fail("never succeeds");
}

Test(plan, a_chain_of_any_length_runs)
{
    enum { LENGTH = 9000, SIZE = 2100 };
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(SIZE)), *sum = x;
    for (int i = 1; i < LENGTH; i++)
        sum = cn_add(sum, x);
    cn_plan *plan = cn_plan_new(tape, {sum});
    cr_assert(plan != NULL, "%s", cn_error_message());
    static float in[SIZE], out[SIZE];
    in[0] = 1;
    in[SIZE - 1] = -2;
    cr_assert(cn_run(plan, {cn_array(in, SIZE)}, {cn_array(out, SIZE)}));
    cr_expect_eq(out[0], LENGTH);
    cr_expect_eq(out[1], 0);
    cr_expect_eq(out[SIZE - 1], -2 * LENGTH);
    cn_plan_free(plan);
    cn_tape_free(tape);
}

/* What a run is given */

static void expect_refusal(bool done, step_of_descent d, cn_code code)
{
    float w[3] = {0};
    cr_expect(!done);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cn_error_clear();
    cn_values(d.w, cn_array(w, 3));
    cr_expect_eq(w[0], 10);
    cr_expect_eq(w[2], 30);
}

Test(plan, run_with_more_arrays_than_feeds_or_outputs_is_refused)
{
    step_of_descent d = plan_descent();
    const float x[6] = {1, 2, 3, 3, 2, 1};
    float loss = NAN, more = NAN;
    expect_refusal(cn_run(d.plan, {cn_array(x, 2, 3), cn_array(x, 2, 3)}, {cn_array(&loss, 1)}), d, CN_ARGUMENT);
    expect_refusal(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&loss, 1), cn_array(&more, 1)}), d, CN_ARGUMENT);
    free_descent(d);
}

Test(plan, run_without_a_feed_is_refused)
{
    step_of_descent d = plan_descent();
    float loss = NAN;
    expect_refusal(cn_run(d.plan, {{0}}, {cn_array(&loss, 1)}), d, CN_SHAPES);
    free_descent(d);
}

Test(plan, run_into_an_array_of_the_wrong_type_leaves_the_variables)
{
    step_of_descent d = plan_descent();
    const float x[6] = {1, 2, 3, 3, 2, 1};
    int32_t loss = 0;
    expect_refusal(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&loss, 1)}), d, CN_TYPE);
    free_descent(d);
}

Test(plan, outlives_the_owner_of_its_variables)
{
    step_of_descent d = plan_descent();
    const float x[6] = {1, 2, 3, 3, 2, 1};
    float first = NAN, second = NAN;
    cn_variable_free(d.w);
    cr_assert(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&first, 1)}));
    cr_assert(cn_run(d.plan, {cn_array(x, 2, 3)}, {cn_array(&second, 1)}));
    cr_expect_lt(second, first);
    cn_plan_free(d.plan);
}

/* What a profiler is told. */

typedef struct told {
    const cn_plan *plan;
    int runs, kernels;
    double flops, bytes;
    char operation[32];
} told;

static void add_run(void *context, const cn_kernel_run *run)
{
    told *t = context;
    cr_expect_eq(run->index, t->runs++);
    cr_expect_geq(run->seconds, 0);
    t->plan = run->plan;
    t->flops += run->flops;
    t->bytes += run->bytes;
    t->kernels += 1 + run->fused;
    strncpy(t->operation, run->operation, sizeof t->operation - 1);
}

Test(plan, tells_a_profiler_of_each_kernel_with_its_work)
{
    float a[6] = {1, 2, 3, 4, 5, 6}, b[12] = {1}, c[8];
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(2, 3)), *y = cn_feed(tape, CN_SHAPE(3, 4));
    cn_plan *plan = cn_plan_new(tape, {cn_relu(cn_matmul(x, y))});
    cn_tape_free(tape);
    told t = {.plan = NULL};
    cn_set_profiler(add_run, &t);
    cr_assert(cn_run(plan, {cn_array(a, 2, 3), cn_array(b, 3, 4)}, {cn_array(c, 2, 4)}));
    cn_set_profiler(NULL, NULL);
    cr_expect_eq(t.plan, plan);
    cr_expect_eq(t.runs, cn_plan_describe(plan).kernels);
    cr_expect_eq(t.runs, 1);
    cr_expect_eq(t.kernels, 2);
    cr_expect_str_eq(t.operation, "matmul");
    cr_expect_eq(t.flops, 2 * 2 * 3 * 4);
    cr_expect_eq(t.bytes, (6 + 12 + 8) * sizeof(float));
    cr_assert(cn_run(plan, {cn_array(a, 2, 3), cn_array(b, 3, 4)}, {cn_array(c, 2, 4)}));
    cr_expect_eq(t.runs, 1, "called after it was taken away");
    cn_plan_free(plan);
}

/* What follows from variables alone. */

static void count_run(void *context, const cn_kernel_run *run)
{
    told *t = context;
    (void)run;
    t->runs++;
}

static int kernels_of_run(cn_plan *plan, const float *x, float *y)
{
    told t = {.plan = NULL};
    cn_set_profiler(count_run, &t);
    cr_assert(cn_run(plan, {cn_array(x, 1, 6, 2)}, {cn_array(y, 1, 6, 2)}), "%s", cn_error_message());
    cn_set_profiler(NULL, NULL);
    return t.runs;
}

Test(plan, runs_what_follows_from_variables_again_when_one_has_changed)
{
    float weights[4] = {1, 0, 0, 1}, factor = 3, x[12], y[12];
    for (int i = 0; i < 12; i++)
        x[i] = (float)(i - 5);
    cn_tensor *kernel = cn_variable_new(CN_SHAPE(1, 2, 2)), *scale = cn_variable_new(CN_SHAPE(1));
    cn_variable_set(kernel, cn_array(weights, 1, 2, 2));
    cn_variable_set(scale, cn_array(&factor, 1));
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *feed = cn_feed(tape, CN_SHAPE(1, 6, 2));
    cn_plan *plan = cn_plan_new(tape, {cn_mul(cn_conv(feed, kernel), cn_exp(cn_read(tape, scale)))});
    cn_tape_free(tape);
    cr_assert(plan != NULL, "%s", cn_error_message());
    int all = cn_plan_describe(plan).kernels;
    cr_expect_eq(all, 3, "the exponential, the packing, the convolution");
    cr_expect_eq(kernels_of_run(plan, x, y), all);
    cr_expect_eq(kernels_of_run(plan, x, y), 1);
    cr_expect_float_eq(y[0], -5 * expf(3), 1e-3);
    weights[0] = 2;
    cn_variable_set(kernel, cn_array(weights, 1, 2, 2));
    cr_expect_eq(kernels_of_run(plan, x, y), all);
    cr_expect_float_eq(y[0], -10 * expf(3), 1e-3);
    factor = 0;
    cn_variable_set(scale, cn_array(&factor, 1));
    cr_expect_eq(kernels_of_run(plan, x, y), all);
    cr_expect_float_eq(y[0], -10, 1e-5);
    cr_expect_eq(kernels_of_run(plan, x, y), 1);
    cn_plan_free(plan);
    cn_variable_free(kernel);
    cn_variable_free(scale);
}

Test(plan, of_a_step_that_trains_packs_in_every_run)
{
    float weights[4] = {1, 0, 0, 1}, x[12] = {1, 1, 1}, y[12], seen[4];
    cn_tensor *kernel = cn_variable_new(CN_SHAPE(1, 2, 2));
    cn_variable_set(kernel, cn_array(weights, 1, 2, 2));
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *feed = cn_feed(tape, CN_SHAPE(1, 6, 2)), *result = cn_conv(feed, kernel);
    cn_assign(kernel, cn_mul(kernel, cn_scalar(tape, 2)));
    cn_plan *plan = cn_plan_new(tape, {result});
    cn_tape_free(tape);
    cr_assert(plan != NULL, "%s", cn_error_message());
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(kernels_of_run(plan, x, y), cn_plan_describe(plan).kernels);
        cr_expect_float_eq(y[0], (float)(1 << i), 1e-6);
    }
    cr_expect(cn_values(kernel, cn_array(seen, 1, 2, 2)));
    cr_expect_float_eq(seen[0], 8, 1e-6);
    cn_plan_free(plan);
    cn_variable_free(kernel);
}

/* A product whose right operand is worth keeping packed: in two blocks of depth, with a last panel that is not whole.
 */
enum { ROWS = 29, DEPTH = 600, COLUMNS = 333 };

static void fill(float *values, int count, int step)
{
    for (int i = 0; i < count; i++)
        values[i] = (float)((i * step) % 17 - 8) / 8;
}

static cn_tensor *product_with(cn_tape *tape, cn_tensor *x, cn_tensor *w, bool transposed)
{
    cn_tensor *right = cn_read(tape, w);
    return cn_relu(cn_matmul(x, transposed ? cn_transpose(right) : right));
}

/* By an eager tape, whose products pack nothing beforehand. */
static void expect_product(const float *x, cn_tensor *w, bool transposed, const float *got)
{
    static float expected[ROWS * COLUMNS];
    cn_tape *tape = cn_tape_new();
    cn_values(product_with(tape, cn_constant(tape, cn_array(x, ROWS, DEPTH)), w, transposed),
              cn_array(expected, ROWS, COLUMNS));
    cn_tape_free(tape);
    cr_expect_arr_eq(got, expected, sizeof expected);
}

static void expect_packed_once(bool transposed)
{
    static float x[ROWS * DEPTH], y[ROWS * COLUMNS], weights[DEPTH * COLUMNS];
    const cn_gemm gemm = {.batch = 1,
                          .m = ROWS,
                          .n = COLUMNS,
                          .k = DEPTH,
                          .a_row = DEPTH,
                          .a_column = 1,
                          .b_row = transposed ? 1 : COLUMNS,
                          .b_column = transposed ? DEPTH : 1,
                          .ldc = COLUMNS};
    const cn_shape shape = transposed ? CN_SHAPE(COLUMNS, DEPTH) : CN_SHAPE(DEPTH, COLUMNS);
    cn_tensor *w = cn_variable_new(shape);
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_plan *plan = cn_plan_new(tape, {product_with(tape, cn_feed(tape, CN_SHAPE(ROWS, DEPTH)), w, transposed)});
    cn_tape_free(tape);
    cr_assert(plan != NULL, "%s", cn_error_message());
    fill(x, ROWS * DEPTH, 5);
    for (int change = 1; change < 3; change++) {
        fill(weights, DEPTH * COLUMNS, 2 * change + 1);
        cn_variable_set(w, cn_array_with(weights, CN_ARRAY_F32, false, shape));
        for (int run = 0; run < 3; run++) {
            told t = {.plan = NULL};
            cn_set_profiler(count_run, &t);
            cr_assert(cn_run(plan, {cn_array(x, ROWS, DEPTH)}, {cn_array(y, ROWS, COLUMNS)}));
            cn_set_profiler(NULL, NULL);
            cr_expect_eq(t.runs, run == 1 && cn_gemm_wants_packed(&gemm) ? 2 : 1);
            expect_product(x, w, transposed, y);
        }
    }
    cn_plan_free(plan);
    cn_variable_free(w);
}

Test(plan, packs_the_weights_of_a_product_once_they_stay)
{
    expect_packed_once(false);
}

Test(plan, packs_transposed_weights_of_a_product_once_they_stay)
{
    expect_packed_once(true);
}

Test(plan, packs_no_right_operand_that_changes_with_every_run)
{
    cn_tensor *w = cn_variable_new(CN_SHAPE(DEPTH, COLUMNS));
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *x = cn_feed(tape, CN_SHAPE(ROWS, DEPTH)), *right = cn_feed(tape, CN_SHAPE(DEPTH, COLUMNS));
    cn_plan *fed = cn_plan_new(tape, {cn_matmul(x, right)});
    cr_expect_eq(cn_plan_describe(fed).kernels, 1);
    cn_tensor *y = cn_matmul(x, w);
    cn_assign(w, cn_mul(w, cn_scalar(tape, 2)));
    cn_plan *training = cn_plan_new(tape, {y});
    cr_expect_eq(cn_plan_describe(training).kernels, 2, "the product and the new weights");
    cn_plan_free(fed);
    cn_plan_free(training);
    cn_tape_free(tape);
    cn_variable_free(w);
}
