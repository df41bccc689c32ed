#include "cornet.h"
#include "core/engine.h"
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static void begin(void)
{
    cn_set_default_dtype(CN_F64);
}

static void end(void)
{
    cr_assert(!cn_failed(), "%s", cn_error_message());
}

TestSuite(optimizer, .init = begin, .fini = end);

static void expect_error(const char *message)
{
    cr_assert_str_eq(cn_error_message(), message);
    cn_error_clear();
}

/* Three steps from w = [1, -2] with the gradient [0.1, -0.3], as in Keras' tables. */
static void expect_steps(cn_optimizer optimizer, const double *wanted)
{
    const double start[] = {1, -2}, gradient[] = {.1, -.3};
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = "w");
    cn_variable_set(w, cn_array(start, 2));
    cn_updater *updater = cn_updater_new(optimizer, &w, 1);
    cn_tape *tape = cn_tape_new();
    for (int step = 0; step < 3; step++) {
        double got[2];
        cn_tensor *g = cn_constant(tape, cn_array(gradient, 2));
        cr_assert(cn_apply_gradients(updater, &g), "%s", cn_error_message());
        cr_assert(cn_values(w, cn_array(got, 2)));
        for (int i = 0; i < 2; i++)
            cr_assert_float_eq(got[i], wanted[2 * step + i], 1e-5, "step %d: %.7g is not %.7g", step + 1, got[i],
                               wanted[2 * step + i]);
    }
    cr_assert_eq(cn_iterations(updater), 3);
    cn_tape_free(tape);
    cn_updater_free(updater);
    cn_variable_free(w);
}
#define EXPECT_STEPS(optimizer, ...) expect_steps((optimizer), (const double[]){__VA_ARGS__})

Test(optimizer, sgd_is_keras)
{
    EXPECT_STEPS(cn_sgd(0.1), .99, -1.97, .98, -1.94, .97, -1.91);
    EXPECT_STEPS(cn_sgd(0.1, .momentum = 0.9), .99, -1.97, .971, -1.913, .9439, -1.8317);
    EXPECT_STEPS(cn_sgd(0.1, .momentum = 0.9, .nesterov = true), .981, -1.943, .9539, -1.8617, .91951, -1.75853);
}

Test(optimizer, adam_is_keras)
{
    EXPECT_STEPS(cn_adam(0.1), .900004, -1.9, .800007, -1.8, .700009, -1.7);
    EXPECT_STEPS(cn_adam(0.1, .amsgrad = true), .900004, -1.9, .800007, -1.8, .700009, -1.7);
}

Test(optimizer, adamw_is_keras)
{
    EXPECT_STEPS(cn_adamw(0.1), .899604, -1.8992, .799247, -1.79844, .69893, -1.69773);
}

Test(optimizer, rmsprop_is_keras)
{
    EXPECT_STEPS(cn_rmsprop(0.1), .683788, -1.68377, .454378, -1.45436, .262287, -1.26226);
    EXPECT_STEPS(cn_rmsprop(0.1, .momentum = 0.9, .centered = true), .666685, -1.66667, .111804, -1.11177, -.612568,
                 -.387368);
}

Test(optimizer, adagrad_and_adadelta_are_keras)
{
    EXPECT_STEPS(cn_adagrad(0.1), .969849, -1.93118, .940981, -1.87448, .913246, -1.82516);
    EXPECT_STEPS(cn_adadelta(1.0), .998586, -1.99859, .997154, -1.99715, .99571, -1.99571);
}

Test(optimizer, relatives_of_adam_are_keras)
{
    EXPECT_STEPS(cn_adamax(0.1), .9, -1.9, .8, -1.8, .7, -1.7);
    EXPECT_STEPS(cn_nadam(0.1), .893721, -1.89372, .816363, -1.81636, .745229, -1.74523);
    EXPECT_STEPS(cn_lamb(0.1), .841886, -1.84189, .698685, -1.69868, .568806, -1.56881);
}

Test(optimizer, lion_is_keras)
{
    EXPECT_STEPS(cn_lion(0.1), .9, -1.9, .8, -1.8, .7, -1.7);
}

Test(optimizer, ftrl_is_keras)
{
    EXPECT_STEPS(cn_ftrl(0.1, .l1_regularization_strength = 0.01, .l2_regularization_strength = 0.01), .013291,
                 -.475746, -.00967043, -.419265, -.0372524, -.370107);
}

Test(optimizer, adafactor_of_vectors_is_keras)
{
    EXPECT_STEPS(cn_adafactor(0.1), .841886, -1.84189, .698685, -1.69868, .568806, -1.56881);
}

Test(optimizer, schedule_free_adamw_is_keras)
{
    EXPECT_STEPS(cn_schedule_free_adamw(0.1), .9, -1.9, .845, -1.845, .79, -1.79);
}

/* Two steps from [[1, -2], [.5, 3]] with the gradient [[.1, -.3], [.2, .05]], as in Keras' tables. */
static void expect_steps_of_matrix(cn_optimizer optimizer, const double *wanted)
{
    const double start[] = {1, -2, .5, 3}, gradient[] = {.1, -.3, .2, .05};
    cn_tensor *w = cn_variable_new(CN_SHAPE(2, 2), .name = "w");
    cn_variable_set(w, cn_array(start, 2, 2));
    cn_updater *updater = cn_updater_new(optimizer, &w, 1);
    cn_tape *tape = cn_tape_new();
    for (int step = 0; step < 2; step++) {
        double got[4];
        cn_tensor *g = cn_constant(tape, cn_array(gradient, 2, 2));
        cr_assert(cn_apply_gradients(updater, &g), "%s", cn_error_message());
        cr_assert(cn_values(w, cn_array(got, 2, 2)));
        for (int i = 0; i < 4; i++)
            cr_assert_float_eq(got[i], wanted[4 * step + i], 1e-5, "step %d: %.7g is not %.7g", step + 1, got[i],
                               wanted[4 * step + i]);
    }
    cn_tape_free(tape);
    cn_updater_free(updater);
    cn_variable_free(w);
}
#define EXPECT_STEPS_OF_MATRIX(optimizer, ...) expect_steps_of_matrix((optimizer), (const double[]){__VA_ARGS__})

Test(optimizer, rules_of_matrices_are_keras)
{
    EXPECT_STEPS_OF_MATRIX(cn_adafactor(0.1), .904408, -1.78916, .206738, 2.9461, .814018, -1.58979, -.0705652,
                           2.89513);
    EXPECT_STEPS_OF_MATRIX(cn_muon(0.1), .9898, -1.96999, .480941, 2.99418, .979605, -1.93998, .46189, 2.98836);
    EXPECT_STEPS_OF_MATRIX(cn_lamb(0.1), .811254, -1.81125, .311254, 2.81125, .638491, -1.63849, .138491, 2.63849);
}

Test(optimizer, options_of_all_are_keras)
{
    EXPECT_STEPS(cn_sgd(0.1, .weight_decay = 0.5), .94, -1.87, .883, -1.7465, .82885, -1.62918);
    EXPECT_STEPS(cn_sgd(0.1, .clipnorm = 0.1), .996838, -1.99051, .993675, -1.98103, .990513, -1.97154);
    EXPECT_STEPS(cn_sgd(0.1, .global_clipnorm = 0.1), .996838, -1.99051, .993675, -1.98103, .990513, -1.97154);
    EXPECT_STEPS(cn_sgd(0.1, .clipvalue = 0.2), .99, -1.98, .98, -1.96, .97, -1.94);
    EXPECT_STEPS(cn_sgd(0.1, .gradient_accumulation_steps = 2), 1, -2, .99, -1.97, .99, -1.97);
    EXPECT_STEPS(cn_sgd(0.1, .use_ema = true, .ema_momentum = 0.5, .ema_overwrite_frequency = 2), .99, -1.97, .985,
                 -1.955, .975, -1.925);
    EXPECT_STEPS(cn_sgd(0.05, .loss_scale_factor = 0.5), .99, -1.97, .98, -1.94, .97, -1.91);
}

Test(optimizer, a_schedule_gives_the_learning_rate_of_each_step)
{
    const cn_schedule schedule = cn_piecewise_constant_decay(.count = 1, .boundaries = {0}, .values = {0.1, 0.2});
    EXPECT_STEPS(cn_sgd(.schedule = schedule), .99, -1.97, .97, -1.91, .95, -1.85);
}

static void expect_schedule(cn_schedule schedule, const double *wanted)
{
    const int64_t steps[] = {0, 1, 5, 10, 15, 20, 30};
    for (int i = 0; i < 7; i++) {
        double got = cn_schedule_value(&schedule, steps[i]);
        cr_assert_float_eq(got, wanted[i], 1e-6, "%s, step %d: %.7g is not %.7g", schedule.name, (int)steps[i], got,
                           wanted[i]);
    }
}
#define EXPECT_SCHEDULE(schedule, ...) expect_schedule((schedule), (const double[]){__VA_ARGS__})

Test(optimizer, schedules_are_keras)
{
    EXPECT_SCHEDULE(cn_exponential_decay(.1, 10, .5), .1, .0933033, .0707107, .05, .0353553, .025, .0125);
    EXPECT_SCHEDULE(cn_exponential_decay(.1, 10, .5, .staircase = true), .1, .1, .1, .05, .05, .025, .0125);
    EXPECT_SCHEDULE(cn_piecewise_constant_decay(.count = 2, .boundaries = {10, 20}, .values = {1, .5, .1}), 1, 1, 1, 1,
                    .5, .5, .1);
    EXPECT_SCHEDULE(cn_polynomial_decay(.1, 10, .end_learning_rate = .01, .power = 2), .1, .0829, .0325, .01, .01, .01,
                    .01);
    EXPECT_SCHEDULE(cn_polynomial_decay(.1, 10, .end_learning_rate = .01, .power = 2, .cycle = true), .1, .0829, .0325,
                    .01, .015625, .01, .01);
    EXPECT_SCHEDULE(cn_inverse_time_decay(.1, 10, .5), .1, .0952381, .08, .0666667, .0571429, .05, .04);
    EXPECT_SCHEDULE(cn_cosine_decay(.1, 20), .1, .0993844, .0853553, .05, .0146447, 0, 0);
    EXPECT_SCHEDULE(cn_cosine_decay(.1, 20, .alpha = .1, .warmup_target = .2, .warmup_steps = 5), .1, .12, .2, .17364,
                    .11, .0463604, .02);
    EXPECT_SCHEDULE(cn_cosine_decay_restarts(.1, 10), .1, .0975528, .05, .1, .0853553, .05, .1);
    EXPECT_SCHEDULE(cn_cosine_decay_restarts(.1, 10, .t_mul = 1, .m_mul = .5), .1, .0975528, .05, .05, .025, .025,
                    .0125);
}

/* Two variables of three, in one block as a model lays them out. */
typedef struct pair {
    cn_tensor *variable[2];
    double *block;
} pair;

static void make_pair(pair *p)
{
    const double first[] = {1, 2, 3}, second[] = {-1, 0.5, 4};
    p->block = cn_allocate(2, 64);
    for (int i = 0; i < 2; i++) {
        p->variable[i] = cn_variable_new(CN_SHAPE(3), .name = i ? "dense/bias" : "dense/kernel");
        cn_variable_set(p->variable[i], cn_array(i ? second : first, 3));
        cn_variable_move(p->variable[i], p->block + 8 * i, p->block, NULL);
    }
}

static void free_pair(pair *p)
{
    for (int i = 0; i < 2; i++)
        cn_variable_free(p->variable[i]);
    cn_release(p->block);
}

/* Records a step that minimizes sum (w0 w1)²; true if it could be. */
static bool record_step(cn_tape *tape, pair *p, cn_updater *updater)
{
    cn_tensor *gradients[2], *w = cn_read(tape, p->variable[0]);
    cn_tensor *loss = cn_sum(cn_square(cn_mul(w, p->variable[1])));
    return cn_gradients(loss, p->variable, 2, gradients) && cn_apply_gradients(updater, gradients);
}

static void expect_plan_equals_eager(cn_optimizer optimizer)
{
    enum { STEPS = 5 };
    pair eager, planned;
    make_pair(&eager);
    make_pair(&planned);
    cn_updater *first = cn_updater_new(optimizer, eager.variable, 2);
    cn_updater *second = cn_updater_new(optimizer, planned.variable, 2);
    cn_tape *tape = cn_tape_new(), *deferred = cn_tape_new(.deferred = true);
    for (int i = 0; i < STEPS; i++) {
        cr_assert(record_step(tape, &eager, first), "%s", cn_error_message());
        cn_tape_reset(tape);
    }
    cr_assert(record_step(deferred, &planned, second), "%s", cn_error_message());
    cn_plan *plan = cn_plan_new(deferred, {NULL});
    for (int i = 0; i < STEPS; i++)
        cr_assert(cn_run(plan, .step = -1), "%s", cn_error_message());
    for (int i = 0; i < 2; i++)
        cr_assert_arr_eq(eager.block + 8 * i, planned.block + 8 * i, 3 * sizeof(double), "%s", optimizer.type->name);
    cr_assert_eq(cn_iterations(second), STEPS);
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_tape_free(deferred);
    cn_updater_free(first);
    cn_updater_free(second);
    free_pair(&eager);
    free_pair(&planned);
}

static cn_plan *plan_pair(pair *p, cn_updater *updater)
{
    cn_tape *tape = cn_tape_new(.deferred = true);
    cr_assert(record_step(tape, p, updater), "%s", cn_error_message());
    cn_plan *plan = cn_plan_new(tape, {NULL});
    cr_assert(plan != NULL, "%s", cn_error_message());
    cn_tape_free(tape);
    return plan;
}

Test(optimizer, merged_updates_of_variables_that_moved_apart_are_refused_every_time)
{
    pair p;
    make_pair(&p);
    cn_updater *updater = cn_updater_new(cn_sgd(), p.variable, 2);
    cn_plan *plan = plan_pair(&p, updater);
    cr_assert(cn_run(plan, .step = -1), "%s", cn_error_message());
    double elsewhere[3];
    cn_variable_move(p.variable[1], elsewhere, elsewhere, NULL);
    for (int i = 0; i < 2; i++) {
        cr_expect(!cn_run(plan, .step = -1));
        cr_expect_eq(cn_error_code(), CN_STATE);
        cn_error_clear();
    }
    cn_plan_free(plan);
    cn_updater_free(updater);
    free_pair(&p);
}

Test(optimizer, updates_are_merged_only_within_a_block)
{
    int kernels[2];
    for (int i = 0; i < 2; i++) {
        pair p;
        make_pair(&p);
        if (i)
            cn_variable_move(p.variable[1], p.block + 8, p.block + 8, NULL);
        cn_updater *updater = cn_updater_new(cn_sgd(), p.variable, 2);
        cn_plan *plan = plan_pair(&p, updater);
        kernels[i] = cn_plan_describe(plan).kernels;
        cn_plan_free(plan);
        cn_updater_free(updater);
        free_pair(&p);
    }
    cr_expect_eq(kernels[1], kernels[0] + 1);
}

Test(optimizer, planned_steps_equal_eager_ones_bit_for_bit)
{
    expect_plan_equals_eager(cn_sgd(0.01));
    expect_plan_equals_eager(cn_sgd(0.01, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1));
    expect_plan_equals_eager(cn_rmsprop());
    expect_plan_equals_eager(cn_rmsprop(.centered = true, .momentum = 0.5, .gradient_accumulation_steps = 2));
    expect_plan_equals_eager(cn_muon());
    expect_plan_equals_eager(cn_adafactor(.gradient_accumulation_steps = 2));
    expect_plan_equals_eager(cn_schedule_free_adamw(.gradient_accumulation_steps = 2));
    expect_plan_equals_eager(cn_adadelta(.weight_decay = 0.1));
    expect_plan_equals_eager(cn_nadam(.gradient_accumulation_steps = 2));
    expect_plan_equals_eager(cn_adam(0.01, .global_clipnorm = 1));
    expect_plan_equals_eager(cn_adam(0.01, .amsgrad = true, .clipnorm = 1));
    expect_plan_equals_eager(cn_adamw(0.01, .exclude_from_weight_decay = {"bias"}));
    expect_plan_equals_eager(cn_adam(0.01, .gradient_accumulation_steps = 2, .use_ema = true));
    expect_plan_equals_eager(cn_adam(0.01, .use_ema = true, .ema_overwrite_frequency = 2));
    expect_plan_equals_eager(cn_adam(.schedule = cn_exponential_decay(0.1, 2, 0.5)));
}

static int kernels_of_step(cn_optimizer optimizer)
{
    pair p;
    make_pair(&p);
    cn_updater *updater = cn_updater_new(optimizer, p.variable, 2);
    cn_tape *tape = cn_tape_new(.deferred = true);
    cr_assert(record_step(tape, &p, updater));
    cn_plan *plan = cn_plan_new(tape, {NULL});
    int kernels = cn_plan_describe(plan).kernels;
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_updater_free(updater);
    free_pair(&p);
    return kernels;
}

Test(optimizer, neighbours_in_memory_are_updated_in_one_pass)
{
    /* Excluding one of the two from weight decay, which changes no entry, keeps them apart. */
    int together = kernels_of_step(cn_adamw()),
        apart = kernels_of_step(cn_adamw(.exclude_from_weight_decay = {"bias"}));
    cr_assert_eq(apart, together + 1, "%d and %d kernels", together, apart);
}

Test(optimizer, words_exclude_from_weight_decay)
{
    pair p;
    make_pair(&p);
    const double zero[3] = {0};
    cn_updater *updater =
        cn_updater_new(cn_sgd(0.1, .weight_decay = 0.5, .exclude_from_weight_decay = {"^bi", "dense"}), p.variable, 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *g = cn_constant(tape, cn_array(zero, 3)), *gradients[] = {g, g};
    cr_assert(cn_apply_gradients(updater, gradients));
    cr_assert_float_eq(p.block[0], 0.95, 1e-12);
    cr_assert_eq(p.block[8], -1);
    cn_tape_free(tape);
    cn_updater_free(updater);
    free_pair(&p);
}

Test(optimizer, a_variable_without_gradient_is_left_alone)
{
    pair p;
    make_pair(&p);
    const double one[] = {1, 1, 1};
    cn_updater *updater = cn_updater_new(cn_sgd(1), p.variable, 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradients[] = {NULL, cn_constant(tape, cn_array(one, 3))};
    cr_assert(cn_apply_gradients(updater, gradients));
    cr_assert_eq(p.block[0], 1);
    cr_assert_eq(p.block[8], -2);
    gradients[1] = NULL;
    cr_assert(!cn_apply_gradients(updater, gradients));
    expect_error("apply_gradients: there is no gradient for any variable");
    cn_tape_free(tape);
    cn_updater_free(updater);
    free_pair(&p);
}

Test(optimizer, variables_are_listed_in_the_order_of_keras)
{
    static const char *const wanted[] = {"iteration",
                                         "learning_rate",
                                         "dense/kernel_average",
                                         "dense/bias_average",
                                         "dense/kernel_gradient_accumulator",
                                         "dense/bias_gradient_accumulator",
                                         "dense/kernel_momentum",
                                         "dense/kernel_velocity",
                                         "dense/bias_momentum",
                                         "dense/bias_velocity",
                                         "dense/kernel_velocity_hat",
                                         "dense/bias_velocity_hat"};
    pair p;
    make_pair(&p);
    cn_updater *updater =
        cn_updater_new(cn_adam(.amsgrad = true, .use_ema = true, .gradient_accumulation_steps = 2), p.variable, 2);
    cr_assert_eq(cn_updater_variable_count(updater), 12);
    for (int i = 0; i < 12; i++)
        cr_assert_str_eq(cn_name_of(cn_updater_variable(updater, i)), wanted[i]);
    cr_assert_null(cn_updater_variable(updater, 12));
    cn_updater_free(updater);
    free_pair(&p);
}

Test(optimizer, averages_replace_the_variables_in_the_end)
{
    pair p;
    make_pair(&p);
    const double one[] = {1, 1, 1};
    cn_updater *updater = cn_updater_new(cn_sgd(1, .use_ema = true, .ema_momentum = 0.5), p.variable, 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *g = cn_constant(tape, cn_array(one, 3)), *gradients[] = {g, g};
    for (int i = 0; i < 2; i++)
        cr_assert(cn_apply_gradients(updater, gradients));
    cr_assert_eq(p.block[0], -1);
    cr_assert(cn_finish_updates(updater));
    cr_assert_eq(p.block[0], -0.5);
    cn_tape_free(tape);
    cn_updater_free(updater);
    free_pair(&p);
}

Test(optimizer, the_learning_rate_can_be_set_between_runs_of_a_plan)
{
    pair p;
    make_pair(&p);
    cn_updater *updater = cn_updater_new(cn_sgd(0), p.variable, 2);
    cn_tape *tape = cn_tape_new(.deferred = true);
    cr_assert(record_step(tape, &p, updater));
    cn_plan *plan = cn_plan_new(tape, {NULL});
    cr_assert(cn_run(plan, .step = -1));
    cr_assert_eq(p.block[0], 1);
    cr_assert(cn_set_learning_rate(updater, 0.25));
    cr_assert_eq(cn_learning_rate(updater), 0.25);
    cr_assert(cn_run(plan, .step = -1));
    cr_assert_eq(p.block[0], 0.5); /* 1 - 0.25 * 2 w0 w1² */
    cn_plan_free(plan);
    cn_tape_free(tape);
    cn_updater_free(updater);
    free_pair(&p);
}

static bool halve(const cn_optimizer *self, cn_update *update)
{
    (void)self;
    update->new_w = cn_mul(update->w, cn_scalar(update->gradient, 0.5));
    return update->new_w != NULL;
}

Test(optimizer, a_rule_of_ones_own_is_a_row)
{
    static const cn_optimizer_class halving = {.name = "Halving", .update = halve};
    EXPECT_STEPS(((cn_optimizer){.type = &halving}), .5, -1, .25, -.5, .125, -.25);
}

static void expect_refused(cn_optimizer optimizer, const char *message)
{
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = "w");
    cr_assert_null(cn_updater_new(optimizer, &w, 1));
    expect_error(message);
    cn_variable_free(w);
}

Test(optimizer, arguments_that_keras_refuses_are_refused)
{
    expect_refused((cn_optimizer){0}, "updater: no optimizer is given");
    expect_refused(cn_adam(.momentum = 0.9), "Adam: has no argument momentum");
    expect_refused(cn_lion(.exclude_layers = {"out"}), "Lion: has no argument exclude_layers");
    expect_refused(cn_sgd(.clipnorm = 1, .clipvalue = 1),
                   "SGD: at most one of clipnorm, clipvalue and global_clipnorm can be given");
    expect_refused(cn_sgd(.use_ema = true, .ema_momentum = 2), "SGD: ema_momentum is 2; it must be from 0 to 1");
    expect_refused(cn_sgd(.gradient_accumulation_steps = 1),
                   "SGD: gradient_accumulation_steps is 1; it must be 2 or more");
    expect_refused(cn_adam(.exclude_from_weight_decay = {"("}), "updater: \"(\" is not a regular expression");
    expect_refused(cn_sgd(.schedule = cn_exponential_decay(0.1, 0, 0.5)),
                   "ExponentialDecay: decay_steps is 0; it must be above 0");
}

Test(optimizer, momentum_out_of_range_is_refused)
{
    cn_sgd(.momentum = 1.5);
    expect_error("SGD: momentum is 1.5; it must be from 0 to 1");
}

Test(optimizer, a_learning_rate_from_a_schedule_cannot_be_set)
{
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = "w");
    cn_updater *updater = cn_updater_new(cn_sgd(.schedule = cn_exponential_decay(0.1, 10, 0.5)), &w, 1);
    cr_assert_eq(cn_learning_rate(updater), 0.1);
    cr_assert(!cn_set_learning_rate(updater, 1));
    expect_error("set_learning_rate: the schedule ExponentialDecay gives the learning rate");
    cn_updater_free(updater);
    cn_variable_free(w);
}

Test(optimizer, a_gradient_of_another_shape_is_refused)
{
    const double g[] = {1, 2, 3};
    cn_tensor *w = cn_variable_new(CN_SHAPE(2), .name = "w");
    cn_updater *updater = cn_updater_new(cn_sgd(), &w, 1);
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradient = cn_constant(tape, cn_array(g, 3));
    cr_assert(!cn_apply_gradients(updater, &gradient));
    expect_error("sgd_update: a gradient or a slot has another shape than its variable: (2,) x (3,) x (9,)");
    cn_tape_free(tape);
    cn_updater_free(updater);
    cn_variable_free(w);
}
