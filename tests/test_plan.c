/* The planner: what it saves, and that it changes no bit. */
#include <criterion/criterion.h>
#include <cornet/cornet.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "core/plan.h"
#include "counting_allocator.h"

/* Random programs, eager against planned. A program is a function of its seed: the same calls in the same order,
 * whatever tape it is recorded on, with reads and assignments in the middle. Values stay near 1, so that no infinity
 * turns into a NaN whose bits say nothing. */

enum { VARIABLES = 4, INPUTS = 2, MOST_OUTPUTS = 3, POOL = 256, RUNS = 3, LARGEST = 24 * 40 };

typedef struct program {
    uint64_t seed;
    int64_t rows, columns;
    cn_tensor *variable[VARIABLES];
    cn_shape variable_shape[VARIABLES];
    float input[INPUTS][LARGEST];
    int outputs;
    cn_shape output_shape[MOST_OUTPUTS];
} program;

static uint64_t draw(uint64_t *state, uint64_t below)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint64_t x = *state ^ *state >> 29;
    return (x * 0xBF58476D1CE4E5B9u >> 32) % below;
}

static float draw_float(uint64_t *state)
{
    return (float)draw(state, 4001) / 2000.0f - 1.0f;
}

static void make_program(program *p, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    *p = (program){.seed = seed};
    p->rows = 1 + (int64_t)draw(&state, 24);
    p->columns = 1 + (int64_t)draw(&state, 40);
    for (int i = 0; i < VARIABLES; i++) {
        static float values[LARGEST];
        p->variable_shape[i] = i == 3 ? CN_SHAPE(p->columns) : CN_SHAPE(p->rows, p->columns);
        for (int64_t j = 0; j < p->rows * p->columns; j++)
            values[j] = draw_float(&state);
        p->variable[i] = cn_variable_new(p->variable_shape[i], .name = "v");
        cn_variable_set(p->variable[i], cn_array_with(values, CN_ARRAY_F32, false, p->variable_shape[i]));
    }
}

static void free_program(program *p)
{
    for (int i = 0; i < VARIABLES; i++)
        cn_variable_free(p->variable[i]);
}

static cn_tensor *mean_of(cn_tensor *a, cn_tensor *b)
{
    return cn_mul(cn_add(a, b), cn_scalar(cn_tape_of(a) ? a : b, 0.5));
}

/* Records one operation on tensors of the pool. */
static cn_tensor *random_operation(const program *p, cn_tape *tape, uint64_t *state, cn_tensor **pool, int count)
{
    cn_tensor *a = pool[draw(state, (uint64_t)count)], *b = pool[draw(state, (uint64_t)count)];
    const cn_shape full = CN_SHAPE(p->rows, p->columns);
    switch (draw(state, 12)) {
    case 0:
    case 1:
        return mean_of(a, b);
    case 2:
        return cn_mul(a, b);
    case 3:
        return cn_sub(cn_mul(a, cn_scalar(tape, 0.5)), cn_mul(b, cn_scalar(tape, 0.25)));
    case 4:
        return cn_negative(a);
    case 5:
        return cn_mul(cn_sum_to(cn_broadcast_to(a, full), CN_SHAPE(p->columns)),
                      cn_scalar(tape, 1.0 / (double)p->rows));
    case 6:
        return cn_mul(cn_sum_to(cn_broadcast_to(a, full), CN_SHAPE(p->rows, 1)),
                      cn_scalar(tape, 1.0 / (double)p->columns));
    case 7:
        return cn_broadcast_to(a, full);
    case 8:
    case 9: {
        int i = (int)draw(state, VARIABLES);
        cn_tensor *value = cn_broadcast_to(a, full);
        if (i == 3)
            value = cn_mul(cn_sum_to(value, CN_SHAPE(p->columns)), cn_scalar(tape, 1.0 / (double)p->rows));
        if (draw(state, 3) == 0)
            value = mean_of(value, cn_read(tape, p->variable[i]));
        if (!cn_assign(p->variable[i], value))
            return NULL;
        return draw(state, 2) ? cn_read(tape, p->variable[i]) : a;
    }
    case 10: { /* a swap */
        cn_tensor *first = cn_read(tape, p->variable[0]), *second = cn_read(tape, p->variable[1]);
        return cn_assign(p->variable[0], second) && cn_assign(p->variable[1], first) ? second : NULL;
    }
    default: {
        cn_tensor *loss = cn_mean(cn_mul(a, b));
        return cn_grad(loss, p->variable[draw(state, VARIABLES)]);
    }
    }
}

static bool record_program(program *p, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs)
{
    uint64_t state = p->seed * 77 + 5;
    cn_tensor *pool[POOL];
    int count = 0, length = 4 + (int)draw(&state, 24);
    for (int i = 0; i < INPUTS; i++)
        pool[count++] = inputs[i];
    for (int i = 0; i < length; i++) {
        cn_tensor *made = draw(&state, 4) == 0 ? cn_read(tape, p->variable[draw(&state, VARIABLES)])
                                               : random_operation(p, tape, &state, pool, count);
        if (!made)
            return false;
        pool[count++] = made;
    }
    p->outputs = 1 + (int)draw(&state, MOST_OUTPUTS);
    for (int i = 0; i < p->outputs; i++) {
        outputs[i] = pool[count - 1 - (int)draw(&state, (uint64_t)(count < 8 ? count : 8))];
        p->output_shape[i] = cn_shape_of(outputs[i]);
    }
    return true;
}

typedef struct result {
    float output[RUNS][MOST_OUTPUTS][LARGEST], variable[VARIABLES][LARGEST];
} result;

static void fill_inputs(program *p, int run)
{
    uint64_t state = p->seed + 1000u * (uint64_t)run;
    for (int i = 0; i < INPUTS; i++)
        for (int64_t j = 0; j < p->rows * p->columns; j++)
            p->input[i][j] = draw_float(&state);
}

static void keep_variables(program *p, result *r)
{
    for (int i = 0; i < VARIABLES; i++)
        cn_values(p->variable[i], cn_array_with(r->variable[i], CN_ARRAY_F32, true, p->variable_shape[i]));
}

static void run_eager(uint64_t seed, result *r)
{
    static program p;
    make_program(&p, seed);
    cn_tape *tape = cn_tape_new();
    for (int run = 0; run < RUNS; run++) {
        cn_tensor *inputs[INPUTS], *outputs[MOST_OUTPUTS];
        cn_tape_reset(tape);
        fill_inputs(&p, run);
        for (int i = 0; i < INPUTS; i++)
            inputs[i] = cn_constant(tape, cn_array(p.input[i], p.rows, p.columns));
        cr_assert(record_program(&p, tape, inputs, outputs), "seed %llu: %s", (unsigned long long)seed,
                  cn_error_message());
        for (int i = 0; i < p.outputs; i++)
            cn_values(outputs[i], cn_array_with(r->output[run][i], CN_ARRAY_F32, true, p.output_shape[i]));
    }
    keep_variables(&p, r);
    cn_tape_free(tape);
    free_program(&p);
    cr_assert(!cn_failed(), "seed %llu: %s", (unsigned long long)seed, cn_error_message());
}

static void run_planned(uint64_t seed, result *r)
{
    static program p;
    make_program(&p, seed);
    cn_tape *tape = cn_tape_new(.deferred = true);
    cn_tensor *inputs[INPUTS];
    cn_plan_args args = {0};
    for (int i = 0; i < INPUTS; i++)
        inputs[i] = cn_feed(tape, CN_SHAPE(p.rows, p.columns));
    cr_assert(record_program(&p, tape, inputs, args.outputs), "seed %llu: %s", (unsigned long long)seed,
              cn_error_message());
    cn_plan *plan = cn_plan_with(tape, args);
    cr_assert(plan != NULL, "seed %llu: %s", (unsigned long long)seed, cn_error_message());
    cn_tape_free(tape);
    for (int run = 0; run < RUNS; run++) {
        cn_run_args run_args = {.step = -1};
        fill_inputs(&p, run);
        for (int i = 0; i < INPUTS; i++)
            run_args.in[i] = cn_array(p.input[i], p.rows, p.columns);
        for (int i = 0; i < p.outputs; i++)
            run_args.out[i] = cn_array_with(r->output[run][i], CN_ARRAY_F32, true, p.output_shape[i]);
        cr_assert(cn_run_with(plan, run_args), "seed %llu: %s", (unsigned long long)seed, cn_error_message());
    }
    keep_variables(&p, r);
    cn_plan_free(plan);
    free_program(&p);
}

static void compare(uint64_t seed)
{
    static result eager, planned;
    memset(&eager, 0, sizeof eager);
    memset(&planned, 0, sizeof planned);
    run_eager(seed, &eager);
    run_planned(seed, &planned);
    for (int run = 0; run < RUNS; run++)
        for (int i = 0; i < MOST_OUTPUTS; i++)
            cr_assert(memcmp(eager.output[run][i], planned.output[run][i], sizeof eager.output[run][i]) == 0,
                      "seed %llu: output %d of run %d differs", (unsigned long long)seed, i, run);
    for (int i = 0; i < VARIABLES; i++)
        cr_assert(memcmp(eager.variable[i], planned.variable[i], sizeof eager.variable[i]) == 0,
                  "seed %llu: variable %d differs", (unsigned long long)seed, i);
}

Test(plan, random_programs_give_the_eager_bits_with_tiny_tiles)
{
    for (uint64_t seed = 0; seed < 1500; seed++) {
        cn_plan_set_tile(1 + (int64_t)(seed % 37));
        compare(seed);
    }
    cn_plan_set_tile(0);
}

Test(plan, random_programs_give_the_eager_bits)
{
    for (uint64_t seed = 10000; seed < 10500; seed++)
        compare(seed);
}

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
