/* The same run is the same run: planned or eager, with any number of threads, again with the same seed. */
#include "models/step.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(reproducibility, .fini = teardown);

/* A training run. */
typedef struct run {
    cn_model *(*make)(void);
    cn_optimizer (*optimizer)(void);
    cn_shape sample; /* the shape of one */
    int samples, batch_size, epochs, classes;
} run;

static cn_model *make_mlp(void)
{
    return cn_sequential(cn_input_layer(784), cn_dense(512, cn_relu), cn_dense(512, cn_relu), cn_dense(10, cn_softmax));
}

static cn_model *make_lstm(void)
{
    return cn_sequential(cn_input_layer(8, 16), cn_lstm(256, .recurrent_initializer = cn_init_glorot_uniform()),
                         cn_dense(10, cn_softmax));
}

static cn_model *make_dropout(void)
{
    return cn_sequential(cn_input_layer(20), cn_dense(64, cn_relu), cn_dropout(0.5), cn_dense(32, cn_tanh),
                         cn_dropout(0.2), cn_dense(3, cn_softmax));
}

static cn_optimizer adam(void)
{
    return cn_adam();
}

static cn_optimizer momentum(void)
{
    return cn_sgd(0.05, .momentum = 0.9, .global_clipnorm = 1);
}

static const run mlp = {make_mlp, adam, {.rank = 1, .dim = {784}}, 384, 128, 1, 10},
                 lstm = {make_lstm, momentum, {.rank = 2, .dim = {8, 16}}, 64, 32, 2, 10},
                 dropout = {make_dropout, adam, {.rank = 1, .dim = {20}}, 100, 32, 3, 3};

typedef struct data {
    float *x;
    int32_t *y;
    cn_shape shape; /* of x */
} data;

static data make_data(const run *r)
{
    data d = {.shape = r->sample};
    int64_t size = cn_shape_size(r->sample);
    d.shape.rank++;
    d.shape.dim[0] = r->samples;
    for (int i = 0; i < r->sample.rank; i++)
        d.shape.dim[i + 1] = r->sample.dim[i];
    d.x = malloc((size_t)(r->samples * size) * sizeof *d.x);
    d.y = malloc((size_t)r->samples * sizeof *d.y);
    cr_assert(d.x && d.y);
    for (int64_t i = 0; i < r->samples * size; i++)
        d.x[i] = (float)sin((double)(i * 7919 % 10007));
    for (int i = 0; i < r->samples; i++)
        d.y[i] = i * 31 % r->classes;
    return d;
}

static cn_view samples_from(const data *d, int first, int64_t count)
{
    cn_shape shape = d->shape;
    shape.dim[0] = count;
    return cn_array_with(d->x + first * (cn_shape_size(d->shape) / d->shape.dim[0]), CN_ARRAY_F32, false, shape);
}

/* What is left of a run: the bits of every weight, of the optimizer's variables and of the loss. */
typedef struct outcome {
    unsigned char *bits;
    size_t size;
} outcome;

static void add_bits(outcome *o, cn_tensor *variable)
{
    cn_dtype dtype = cn_dtype_of(variable);
    size_t bytes = (size_t)cn_shape_size(cn_shape_of(variable)) * (dtype == CN_F64 ? 8 : 4);
    o->bits = realloc(o->bits, o->size + bytes);
    cr_assert(o->bits);
    cn_array_type type = dtype == CN_F32 ? CN_ARRAY_F32 : dtype == CN_F64 ? CN_ARRAY_F64 : CN_ARRAY_I32;
    cr_assert(cn_values(variable, cn_array_with(o->bits + o->size, type, true, cn_shape_of(variable))), "%s",
              cn_error_message());
    o->size += bytes;
}

static outcome outcome_of(cn_model *model)
{
    outcome o = {NULL, 0};
    cn_updater *updater = cn_model_updater(model);
    for (int i = 0; i < cn_weight_count(model); i++)
        add_bits(&o, cn_weight(model, i));
    for (int i = 0; i < cn_updater_variable_count(updater); i++)
        add_bits(&o, cn_updater_variable(updater, i));
    return o;
}

static cn_model *new_model(const run *r, uint64_t seed)
{
    cn_clear_session();
    cn_set_seed(seed);
    cn_model *model = r->make();
    cr_assert(cn_compile(model, .optimizer = r->optimizer(), .loss = cn_sparse_categorical_crossentropy(),
                         .metrics = {cn_accuracy()}),
              "%s", cn_error_message());
    return model;
}

/* fit gives the epoch's loss and accuracy, too. */
static outcome fit(const run *r, const data *d, uint64_t seed, int threads, bool shuffle)
{
    cn_set_threads(threads);
    cn_model *model = new_model(r, seed);
    cn_history *history = cn_fit(model, {samples_from(d, 0, r->samples)}, {cn_array(d->y, r->samples)},
                                 .batch_size = r->batch_size, .epochs = r->epochs, .shuffle = shuffle, .verbose = 0);
    cr_assert(history != NULL, "%s", cn_error_message());
    outcome o = outcome_of(model);
    cn_model_free(model);
    cn_set_threads(0);
    return o;
}

/* The steps of fit without a plan: each is computed as it is recorded. */
static outcome train_eagerly(const run *r, const data *d, uint64_t seed)
{
    cn_model *model = new_model(r, seed);
    int64_t number = 0;
    for (int epoch = 0; epoch < r->epochs; epoch++)
        for (int first = 0; first < r->samples; first += r->batch_size, number++) {
            int64_t count = first + r->batch_size < r->samples ? r->batch_size : r->samples - first;
            cn_tape *tape = cn_tape_new(.training = true);
            tape->step_value = number;
            cn_step step = {.tape = tape, .x.count = 1, .y_true.count = 1};
            step.x.item[0] = cn_constant(tape, samples_from(d, first, count));
            step.y_true.item[0] = cn_constant(tape, cn_array(d->y + first, count));
            cr_assert(cn_step_forward(model, &step) && cn_step_loss(model, &step) && cn_step_update(model, &step) &&
                          cn_step_metrics(model, &step),
                      "%s", cn_error_message());
            cn_tape_free(tape);
        }
    outcome o = outcome_of(model);
    cn_model_free(model);
    return o;
}

static void expect_same(const outcome *expected, outcome o, bool same, const char *what)
{
    cr_assert_eq(expected->size, o.size);
    cr_expect_eq(memcmp(expected->bits, o.bits, o.size) == 0, same, "%s", what);
    free(o.bits);
}

static void expect_reproducible(const run *r)
{
    data d = make_data(r);
    outcome first = fit(r, &d, 1, 2, false);
    expect_same(&first, fit(r, &d, 1, 2, false), true, "run again");
    expect_same(&first, fit(r, &d, 1, 1, false), true, "1 thread");
    expect_same(&first, fit(r, &d, 1, 3, false), true, "3 threads");
    expect_same(&first, train_eagerly(r, &d, 1), true, "eager");
    expect_same(&first, fit(r, &d, 2, 2, false), false, "another seed");
    outcome shuffled = fit(r, &d, 1, 2, true);
    expect_same(&shuffled, fit(r, &d, 1, 1, true), true, "shuffled, 1 thread");
    expect_same(&first, shuffled, false, "shuffled");
    free(first.bits);
    free(d.x);
    free(d.y);
}

Test(reproducibility, of_a_dense_network)
{
    expect_reproducible(&mlp);
}

Test(reproducibility, of_an_lstm)
{
    expect_reproducible(&lstm);
}

Test(reproducibility, of_dropout_and_a_short_last_batch)
{
    expect_reproducible(&dropout);
}

Test(reproducibility, fit_in_two_parts_is_fit_in_one)
{
    data d = make_data(&dropout);
    outcome whole = fit(&dropout, &d, 3, 1, true);
    cn_model *model = new_model(&dropout, 3);
    cn_view x = samples_from(&d, 0, dropout.samples), y = cn_array(d.y, dropout.samples);
    cr_assert(cn_fit(model, {x}, {y}, .batch_size = dropout.batch_size, .epochs = 1, .verbose = 0) != NULL);
    cr_assert(cn_fit(model, {x}, {y}, .batch_size = dropout.batch_size, .initial_epoch = 1, .epochs = dropout.epochs,
                     .verbose = 0) != NULL);
    expect_same(&whole, outcome_of(model), true, "in two parts");
    cn_model_free(model);
    free(whole.bits);
    free(d.x);
    free(d.y);
}

/* Planning pays: less memory than the tensors of the step, fewer kernels than entries. */
static void expect_planned(const run *r)
{
    data d = make_data(r);
    cn_model *model = new_model(r, 0);
    cr_assert(cn_fit(model, {samples_from(&d, 0, r->samples)}, {cn_array(d.y, r->samples)}, .verbose = 0,
                     .batch_size = r->batch_size) != NULL);
    int steps = 0;
    for (const cn_recorded_step *step = model->steps; step; step = step->next, steps++) {
        cn_plan_facts facts = cn_plan_describe(step->plan);
        cr_assert_eq(step->shapes.kind, CN_TRAIN_STEP);
        cr_expect(facts.block_bytes < facts.tensor_bytes, "%lld bytes, %lld of tensors", (long long)facts.block_bytes,
                  (long long)facts.tensor_bytes);
        cr_expect(facts.kernels < facts.recorded, "%d kernels, %d entries", facts.kernels, facts.recorded);
    }
    cr_expect_eq(steps, r->samples % r->batch_size ? 2 : 1);
    cn_model_free(model);
    free(d.x);
    free(d.y);
}

Test(reproducibility, plans_take_less_than_their_tapes)
{
    expect_planned(&mlp);
    expect_planned(&lstm);
    expect_planned(&dropout);
}
