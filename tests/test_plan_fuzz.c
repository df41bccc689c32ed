/* The planner changes no bit: random programs with reads and assignments in the middle, eager against planned.
 *
 * A program is a function of its seed: the same calls in the same order, whatever tape it is recorded on. Values stay
 * near 1, so that no infinity turns into a NaN whose bits say nothing. */
#include <criterion/criterion.h>
#include <cornet/cornet.h>
#include <stdint.h>
#include <string.h>
#include "core/plan.h"

enum {
    VARIABLES = 5, /* 0 to 2 lie in one block, as a model's; 3 is a row, 4 alone */
    BLOCK = 3,
    INPUTS = 2,
    MOST_OUTPUTS = 3,
    POOL = 256,
    RUNS = 3,
    LARGEST = 24 * 40
};

typedef struct program {
    uint64_t seed;
    int64_t rows, columns;
    cn_tensor *variable[VARIABLES];
    cn_shape variable_shape[VARIABLES];
    float *block;
    cn_updater *updater; /* of the variables in the block */
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

static void forget_nothing(void *block)
{
    (void)block;
}

static cn_optimizer draw_optimizer(uint64_t *state)
{
    switch (draw(state, 4)) {
    case 0:
        return cn_sgd(0.1);
    case 1:
        return cn_sgd(0.1, .momentum = 0.9, .nesterov = true);
    case 2:
        return cn_adam(0.01, .global_clipnorm = 1);
    default:
        return cn_adam(0.01);
    }
}

static void make_program(program *p, uint64_t seed)
{
    uint64_t state = seed * 2 + 1;
    *p = (program){.seed = seed};
    p->rows = 1 + (int64_t)draw(&state, 24);
    p->columns = 1 + (int64_t)draw(&state, 40);
    size_t bytes = ((size_t)(p->rows * p->columns) * sizeof(float) + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
    p->block = cn_allocate(BLOCK, bytes);
    for (int i = 0; i < VARIABLES; i++) {
        static float values[LARGEST];
        p->variable_shape[i] = i == 3 ? CN_SHAPE(p->columns) : CN_SHAPE(p->rows, p->columns);
        for (int64_t j = 0; j < p->rows * p->columns; j++)
            values[j] = draw_float(&state);
        p->variable[i] = cn_variable_new(p->variable_shape[i], .name = "v");
        if (i < BLOCK)
            cn_variable_move(p->variable[i], (unsigned char *)p->block + (size_t)i * bytes, p->block, forget_nothing);
        cn_variable_set(p->variable[i], cn_array_with(values, CN_ARRAY_F32, false, p->variable_shape[i]));
    }
    p->updater = cn_updater_new(draw_optimizer(&state), p->variable, BLOCK);
}

static void free_program(program *p)
{
    cn_updater_free(p->updater);
    for (int i = 0; i < VARIABLES; i++)
        cn_variable_free(p->variable[i]);
    cn_release(p->block);
}

static cn_tensor *scaled(cn_tensor *x, double factor)
{
    return cn_mul(x, cn_scalar(x, factor));
}

static cn_tensor *mean_of(cn_tensor *a, cn_tensor *b)
{
    return scaled(cn_add(a, b), 0.5);
}

static cn_tensor *full(const program *p, cn_tensor *x)
{
    return cn_broadcast_to(x, CN_SHAPE(p->rows, p->columns));
}

static cn_tensor *row_mean(const program *p, cn_tensor *x)
{
    return scaled(cn_sum_to(full(p, x), CN_SHAPE(p->columns)), 1.0 / (double)p->rows);
}

/* (rows, columns) again, by way of a product with an epilogue. */
static cn_tensor *dense(const program *p, cn_tensor *a, cn_tensor *b, cn_tensor *bias, uint64_t *state)
{
    static cn_activation *const activations[] = {cn_relu, cn_tanh, cn_sigmoid, cn_negative};
    cn_tensor *square = cn_matmul(full(p, a), cn_transpose(full(p, b)));
    cn_tensor *product = cn_matmul(scaled(square, 0.5 / (double)p->columns), full(p, b));
    cn_tensor *y = cn_add(scaled(product, 1.0 / (double)p->rows), row_mean(p, bias));
    return draw(state, 3) ? activations[draw(state, 4)](y) : y;
}

static cn_tensor *assign(const program *p, cn_tape *tape, cn_tensor *a, uint64_t *state)
{
    int i = (int)draw(state, VARIABLES);
    cn_tensor *value = i == 3 ? row_mean(p, a) : full(p, a);
    if (draw(state, 3) == 0)
        value = mean_of(value, cn_read(tape, p->variable[i]));
    if (!cn_assign(p->variable[i], value))
        return NULL;
    return draw(state, 2) ? cn_read(tape, p->variable[i]) : a;
}

static cn_tensor *swap(const program *p, cn_tape *tape)
{
    cn_tensor *first = cn_read(tape, p->variable[0]), *second = cn_read(tape, p->variable[1]);
    return cn_assign(p->variable[0], second) && cn_assign(p->variable[1], first) ? second : NULL;
}

static cn_tensor *update(const program *p, cn_tensor *loss)
{
    cn_tensor *gradient[BLOCK];
    return cn_gradients(loss, p->variable, BLOCK, gradient) && cn_apply_gradients(p->updater, gradient) ? loss : NULL;
}

static cn_tensor *cut_and_join(cn_tensor *x, int64_t columns)
{
    cn_tensors parts = cn_split(x, .points = CN_POINTS((int)columns / 2), .axis = -1);
    return cn_concatenate({parts.item[1], parts.item[0]}, .axis = -1);
}

/* Rows by number; the check of the numbers ends a run before any variable changes. */
static cn_tensor *pick_rows(const program *p, cn_tensor *x)
{
    cn_tensor *largest = cn_argmax(full(p, x), .axis = 1);
    return cn_take(full(p, x),
                   cn_minimum(largest, cn_full(cn_tape_of(x), CN_SHAPE(), (double)p->rows - 1, .dtype = CN_I32)),
                   .axis = 0);
}

/* Records one operation on tensors of the pool. */
static cn_tensor *random_operation(const program *p, cn_tape *tape, uint64_t *state, cn_tensor **pool, int count)
{
    cn_tensor *a = pool[draw(state, (uint64_t)count)], *b = pool[draw(state, (uint64_t)count)];
    switch (draw(state, 24)) {
    case 0:
    case 1:
        return mean_of(a, b);
    case 2:
        return cn_mul(a, b);
    case 3:
        return cn_sub(scaled(a, 0.5), scaled(b, 0.25));
    case 4:
        return cn_negative(a);
    case 5:
        return row_mean(p, a);
    case 6:
        return scaled(cn_sum_to(full(p, a), CN_SHAPE(p->rows, 1)), 1.0 / (double)p->columns);
    case 7:
        return full(p, a);
    case 8:
    case 9:
        return assign(p, tape, a, state);
    case 10:
        return swap(p, tape);
    case 11:
        return cn_tanh(a);
    case 12:
        return cn_relu(a);
    case 13:
        return cn_sigmoid(cn_add(a, b));
    case 14:
    case 15:
        return dense(p, a, b, pool[draw(state, (uint64_t)count)], state);
    case 16:
        return cn_where(cn_greater(a, b), a, cn_negative(b));
    case 17:
        return cut_and_join(full(p, a), p->columns);
    case 18:
        return cn_flip(full(p, a), .axis = 1);
    case 19:
        return cn_softmax(full(p, a));
    case 20:
        return pick_rows(p, a);
    case 21:
        return cn_mul(a, cn_dropout_mask(tape, CN_SHAPE(p->rows, p->columns), .rate = 0.25));
    case 22:
        return update(p, cn_mean(cn_mul(full(p, a), full(p, b))));
    default:
        return cn_grad(cn_mean(cn_mul(a, b)), p->variable[draw(state, VARIABLES)]);
    }
}

static bool record_program(program *p, cn_tape *tape, cn_tensor *const *inputs, cn_tensor **outputs)
{
    uint64_t state = p->seed * 77 + 5;
    cn_tensor *pool[POOL];
    int count = 0, length = 4 + (int)draw(&state, 28);
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

#define SEED (unsigned long long)seed

static void run_eager(uint64_t seed, result *r)
{
    static program p;
    make_program(&p, seed);
    cn_tape *tape = cn_tape_new();
    for (int run = 0; run < RUNS; run++) {
        cn_tensor *inputs[INPUTS], *outputs[MOST_OUTPUTS];
        cn_tape_reset(tape);
        tape->step_value = run;
        fill_inputs(&p, run);
        for (int i = 0; i < INPUTS; i++)
            inputs[i] = cn_constant(tape, cn_array(p.input[i], p.rows, p.columns));
        cr_assert(record_program(&p, tape, inputs, outputs), "seed %llu: %s", SEED, cn_error_message());
        for (int i = 0; i < p.outputs; i++)
            cn_values(outputs[i], cn_array_with(r->output[run][i], CN_ARRAY_F32, true, p.output_shape[i]));
    }
    keep_variables(&p, r);
    cn_tape_free(tape);
    free_program(&p);
    cr_assert(!cn_failed(), "seed %llu: %s", SEED, cn_error_message());
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
    cr_assert(record_program(&p, tape, inputs, args.outputs), "seed %llu: %s", SEED, cn_error_message());
    cn_plan *plan = cn_plan_with(tape, args);
    cr_assert(plan != NULL, "seed %llu: %s", SEED, cn_error_message());
    cn_tape_free(tape);
    for (int run = 0; run < RUNS; run++) {
        cn_run_args run_args = {.step = run};
        fill_inputs(&p, run);
        for (int i = 0; i < INPUTS; i++)
            run_args.in[i] = cn_array(p.input[i], p.rows, p.columns);
        for (int i = 0; i < p.outputs; i++)
            run_args.out[i] = cn_array_with(r->output[run][i], CN_ARRAY_F32, true, p.output_shape[i]);
        cr_assert(cn_run_with(plan, run_args), "seed %llu: %s", SEED, cn_error_message());
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
                      "seed %llu: output %d of run %d differs", SEED, i, run);
    for (int i = 0; i < VARIABLES; i++)
        cr_assert(memcmp(eager.variable[i], planned.variable[i], sizeof eager.variable[i]) == 0,
                  "seed %llu: variable %d differs", SEED, i);
}

Test(plan_fuzz, tiny_tiles_give_the_eager_bits)
{
    for (uint64_t seed = 0; seed < 15000; seed++) {
        cn_plan_set_tile(1 + (int64_t)(seed % 37));
        compare(seed);
    }
    cn_plan_set_tile(0);
}

Test(plan_fuzz, usual_tiles_give_the_eager_bits)
{
    for (uint64_t seed = 50000; seed < 55000; seed++)
        compare(seed);
}
