/* Other ways to train than the built-in step: a step of one's own, a loop of one's own, frozen layers, learning rates.
 */
#include "models/step.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

enum {
    SAMPLES = 10,
    FEATURES = 4,
    CLASSES = 3,
    BATCH = 4,
    EPOCHS = 3,
    WEIGHTS = FEATURES * 8 + 8 + 8 * CLASSES + CLASSES
};

static float xs[SAMPLES][FEATURES];
static int32_t ys[SAMPLES];

static void setup(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < FEATURES; j++)
            xs[i][j] = (float)sin(1 + 3 * i + j * j);
        ys[i] = i % CLASSES;
    }
}

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(training_step, .init = setup, .fini = teardown);

static void expect_done(bool done)
{
    cr_assert(done, "%s", cn_error_message());
}

typedef bool train_step(cn_model *model, cn_step *step);

/* A new model has the same weights each time: their numbers depend on the names, which begin anew. */
static cn_model *new_model(double dropout, cn_optimizer optimizer, train_step *step)
{
    cn_clear_session();
    cn_model *model =
        cn_sequential(cn_input_layer(FEATURES), cn_dense(8, cn_relu, .activity_regularizer = cn_l2(0.01)),
                      cn_dropout(dropout), cn_dense(CLASSES, cn_softmax, .kernel_regularizer = cn_l2(0.1)));
    expect_done(cn_compile(model, .optimizer = optimizer, .loss = cn_sparse_categorical_crossentropy(),
                           .metrics = {cn_accuracy()}, .train_step = step));
    return model;
}

static void fit(cn_model *model)
{
    expect_done(cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .batch_size = BATCH,
                       .epochs = EPOCHS, .shuffle = false, .verbose = 0) != NULL);
}

static void take_weights(cn_model *model, float *to)
{
    expect_done(cn_get_weights(model, cn_array(to, FEATURES, 8), cn_array(to + FEATURES * 8, 8),
                               cn_array(to + FEATURES * 8 + 8, 8, CLASSES), cn_array(to + WEIGHTS - CLASSES, CLASSES)));
}

/* The weights after fit's own step. */
static void weights_of_fit(double dropout, cn_optimizer optimizer, float *weights)
{
    cn_model *model = new_model(dropout, optimizer, NULL);
    fit(model);
    take_weights(model, weights);
    cn_model_free(model);
}

static bool built_in_parts(cn_model *model, cn_step *step)
{
    return cn_step_forward(model, step) && cn_step_loss(model, step) && cn_step_update(model, step);
}

Test(training_step, of_the_built_in_parts_is_the_built_in_step)
{
    float expected[WEIGHTS], got[WEIGHTS];
    weights_of_fit(0.5, cn_adam(0.01), expected);
    cn_model *model = new_model(0.5, cn_adam(0.01), built_in_parts);
    fit(model);
    take_weights(model, got);
    cr_expect_arr_eq(got, expected, sizeof got);
    cn_model_free(model);
}

static bool doubled_loss(cn_model *model, cn_step *step)
{
    if (!cn_step_forward(model, step) || !cn_step_loss(model, step))
        return false;
    step->loss = cn_mul(step->loss, cn_scalar(step->loss, 2));
    return cn_step_update(model, step);
}

Test(training_step, may_change_the_loss)
{
    /* For gradient descent, twice the loss is twice the learning rate; both are exact. */
    float expected[WEIGHTS], got[WEIGHTS];
    weights_of_fit(0, cn_sgd(0.125), expected);
    cn_model *model = new_model(0, cn_sgd(0.0625), doubled_loss);
    fit(model);
    take_weights(model, got);
    cr_expect_arr_eq(got, expected, sizeof got);
    cn_model_free(model);
}

static bool failing_step(cn_model *model, cn_step *step)
{
    (void)model;
    (void)step;
    return false;
}

static bool lossless_step(cn_model *model, cn_step *step)
{
    return cn_step_forward(model, step);
}

static bool early_update(cn_model *model, cn_step *step)
{
    return cn_step_forward(model, step) && cn_step_update(model, step);
}

static bool early_loss(cn_model *model, cn_step *step)
{
    return cn_step_loss(model, step);
}

Test(training_step, that_fails_ends_fit)
{
    static const struct {
        train_step *step;
        const char *message;
    } cases[] = {
        {failing_step, "sequential: its train_step failed"},
        {lossless_step, "sequential: its train_step has set no loss"},
        {early_update, "step_update: there is no loss; call cn_step_loss first"},
        {early_loss, "step_loss: there are no predictions; call cn_step_forward first"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float before[WEIGHTS], after[WEIGHTS];
        cn_model *model = new_model(0, cn_sgd(), cases[i].step);
        take_weights(model, before);
        cr_expect_null(cn_fit(model, {cn_array(xs[0], SAMPLES, FEATURES)}, {cn_array(ys, SAMPLES)}, .verbose = 0));
        cr_expect_eq(cn_error_code(), CN_STATE);
        cr_expect_str_eq(cn_error_message(), cases[i].message);
        cn_error_clear();
        take_weights(model, after);
        cr_expect_arr_eq(before, after, sizeof before);
        cn_model_free(model);
    }
}

Test(training_step, parts_refuse_what_they_cannot_use)
{
    cn_step step = {.tape = NULL};
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1));
    static const struct {
        bool (*part)(cn_model *model, cn_step *step);
        const char *name;
    } parts[] = {{cn_step_forward, "step_forward"},
                 {cn_step_loss, "step_loss"},
                 {cn_step_update, "step_update"},
                 {cn_step_metrics, "step_metrics"}};
    for (int i = 0; i < 4; i++) {
        for (int missing = 0; missing < 3; missing++) {
            char message[128];
            snprintf(message, sizeof message, "%s: needs a model, and a step with a tape", parts[i].name);
            cr_expect_not(parts[i].part(missing == 0 ? NULL : model, missing == 1 ? NULL : &step));
            cr_expect_str_eq(cn_error_message(), message);
            cn_error_clear();
        }
    }
    step.tape = cn_tape_new(.training = true);
    cr_expect_not(cn_step_loss(model, &step));
    cr_expect_str_eq(cn_error_message(), "step_loss: sequential is not compiled; call cn_compile first");
    cn_tape_free(step.tape);
    cn_model_free(model);
}

/* Loops of one's own. */

/* The loss of a batch as fit has it: a mean, and the penalties. */
static cn_tensor *loss_of_batch(cn_model *model, cn_tensor *x, cn_tensor *y)
{
    cn_tensor *p = cn_call(model, x), *kernel = cn_read(cn_tape_of(x), cn_weight(cn_get_layer(model, 2), 0));
    cn_tensor *hidden = cn_call(cn_get_layer(model, 0), x);
    double rows = (double)cn_shape_of(x).dim[0];
    cn_tensor *loss = cn_loss_of(cn_sparse_categorical_crossentropy(), y, p, NULL);
    cn_tensor *activity = cn_div(cn_mul(cn_sum(cn_square(hidden)), cn_scalar(x, 0.01)), cn_scalar(x, rows));
    return cn_add(cn_add(loss, activity), cn_mul(cn_sum(cn_square(kernel)), cn_scalar(x, 0.1)));
}

static bool record_update(cn_model *model, cn_updater *updater, cn_tensor *x, cn_tensor *y)
{
    cn_tensor *weights[4], *gradients[4];
    for (int i = 0; i < 4; i++)
        weights[i] = cn_weight(model, i);
    return cn_gradients(loss_of_batch(model, x, y), weights, 4, gradients) && cn_apply_gradients(updater, gradients);
}

static void expect_close_to_fit(cn_model *model)
{
    float expected[WEIGHTS], got[WEIGHTS];
    take_weights(model, got);
    weights_of_fit(0, cn_adam(0.01), expected);
    for (int i = 0; i < WEIGHTS; i++)
        cr_assert(fabsf(got[i] - expected[i]) <= 2e-6f, "weight %d is %g, not %g", i, (double)got[i],
                  (double)expected[i]);
}

static cn_updater *updater_of(cn_model *model)
{
    cn_tensor *weights[4];
    for (int i = 0; i < 4; i++)
        weights[i] = cn_weight(model, i);
    return cn_updater_new(cn_adam(0.01), weights, 4);
}

Test(training_step, eager_loop_trains_as_fit_does)
{
    cn_model *model = new_model(0, cn_adam(), NULL);
    cn_updater *updater = updater_of(model);
    cn_tape *tape = cn_tape_new(.training = true);
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (int first = 0; first < SAMPLES; first += BATCH) {
            int64_t count = first + BATCH < SAMPLES ? BATCH : SAMPLES - first;
            cn_tape_reset(tape);
            expect_done(record_update(model, updater, cn_constant(tape, cn_array(xs[first], count, FEATURES)),
                                      cn_constant(tape, cn_array(ys + first, count))));
        }
    cn_tape_free(tape);
    expect_close_to_fit(model);
    cn_updater_free(updater);
    cn_model_free(model);
}

Test(training_step, loop_recorded_once_and_run_trains_as_fit_does)
{
    cn_model *model = new_model(0, cn_adam(), NULL);
    cn_updater *updater = updater_of(model);
    cn_plan *plan[2];
    for (int i = 0; i < 2; i++) {
        int64_t count = i == 0 ? BATCH : SAMPLES % BATCH;
        cn_tape *tape = cn_tape_new(.deferred = true, .training = true);
        cn_tensor *x = cn_feed(tape, CN_SHAPE(count, FEATURES)), *y = cn_feed(tape, CN_SHAPE(count), .dtype = CN_I32);
        expect_done(record_update(model, updater, x, y) && (plan[i] = cn_plan_with(tape, (cn_plan_args){.first_ = 0})));
        cn_tape_free(tape);
    }
    for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (int first = 0; first < SAMPLES; first += BATCH) {
            bool whole = first + BATCH <= SAMPLES;
            int64_t count = whole ? BATCH : SAMPLES % BATCH;
            expect_done(
                cn_run(plan[whole ? 0 : 1], {cn_array(xs[first], count, FEATURES), cn_array(ys + first, count)}));
        }
    cn_plan_free(plan[0]);
    cn_plan_free(plan[1]);
    expect_close_to_fit(model);
    cn_updater_free(updater);
    cn_model_free(model);
}

/* What is trained, and how fast. */

Test(training_step, frozen_layer_keeps_its_weights)
{
    float before[WEIGHTS], after[WEIGHTS];
    cn_model *model = new_model(0, cn_sgd(0.1), NULL);
    cn_set_trainable(cn_get_layer(model, 0), false);
    expect_done(cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_sparse_categorical_crossentropy()));
    take_weights(model, before);
    fit(model);
    take_weights(model, after);
    cr_expect_arr_eq(before, after, (FEATURES * 8 + 8) * sizeof *before);
    cr_expect_arr_neq(before + FEATURES * 8 + 8, after + FEATURES * 8 + 8, 8 * CLASSES * sizeof *before);
    cn_model_free(model);
}

Test(training_step, frozen_model_only_measures)
{
    float before[WEIGHTS], after[WEIGHTS];
    cn_model *model = new_model(0, cn_sgd(0.1), NULL);
    cn_set_trainable(model, false);
    expect_done(cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_sparse_categorical_crossentropy()));
    take_weights(model, before);
    fit(model);
    take_weights(model, after);
    cr_expect_arr_eq(before, after, sizeof before);
    cr_expect_null(cn_model_updater(model));
    cn_model_free(model);
}

/* y = w x from 1 sample with x = 1, y = 0 and the loss w²: w becomes w (1 - 2 rate). */

static cn_model *one_weight(cn_optimizer optimizer)
{
    const double w = 1;
    cn_set_default_dtype(CN_F64);
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1, .use_bias = false));
    expect_done(cn_set_weights(model, cn_array(&w, 1, 1)));
    expect_done(cn_compile(model, .optimizer = optimizer, .loss = cn_mean_squared_error()));
    return model;
}

static void fit_one(cn_model *model, int epochs, cn_callback callback)
{
    const double x = 1, y = 0;
    expect_done(cn_fit(model, {cn_array(&x, 1, 1)}, {cn_array(&y, 1, 1)}, .epochs = epochs, .verbose = 0,
                       .callbacks = {callback}) != NULL);
}

static void expect_weight(cn_model *model, double expected)
{
    double w = cn_item(cn_weight(model, 0));
    cr_expect(fabs(w - expected) <= 1e-14, "%.17g, not %.17g", w, expected);
}

static bool halve_rate(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)context;
    (void)epoch;
    (void)logs;
    cn_updater *updater = cn_model_updater(model);
    return cn_set_learning_rate(updater, cn_learning_rate(updater) / 2);
}

Test(training_step, learning_rate_changes_between_runs_of_a_plan)
{
    cn_model *model = one_weight(cn_sgd(0.25));
    fit_one(model, 3, (cn_callback){.on_epoch_end = halve_rate});
    expect_weight(model, (1 - 0.5) * (1 - 0.25) * (1 - 0.125));
    const cn_recorded_step *step = model->steps;
    cr_expect(step && !step->next, "one plan serves all learning rates");
    cn_model_free(model);
}

Test(training_step, schedule_gives_the_learning_rate_of_every_step)
{
    cn_model *model = one_weight(
        cn_sgd(.schedule = cn_piecewise_constant_decay(.count = 1, .boundaries = {1}, .values = {0.25, 0.125})));
    fit_one(model, 4, (cn_callback){.context = NULL});
    expect_weight(model, 0.5 * 0.5 * 0.75 * 0.75);
    cr_expect_not(cn_set_learning_rate(cn_model_updater(model), 1));
    cr_expect_str_eq(cn_error_message(),
                     "set_learning_rate: the schedule PiecewiseConstantDecay gives the learning rate");
    cn_model_free(model);
}
