/* Loss scaling, and several optimizers for one list of variables. */
#include "expect.h"
#include <string.h>

static cn_tensor *w[2];

static void begin(void)
{
    cn_set_default_dtype(CN_F64);
    w[0] = cn_variable_new(CN_SHAPE(2), .name = "dense/kernel");
    w[1] = cn_variable_new(CN_SHAPE(2), .name = "dense/bias");
    for (int i = 0; i < 2; i++)
        cn_variable_set(w[i], cn_array(((double[]){1, -2}), 2));
}

static void end(void)
{
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    for (int i = 0; i < 2; i++)
        cn_variable_free(w[i]);
    cn_clear_session();
    cn_set_default_dtype(CN_F32);
}

TestSuite(combined_optimizers, .init = begin, .fini = end);

static void step(cn_updater *updater, double a, double b)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradients[] = {cn_constant(tape, cn_array(((double[]){a, b}), 2)),
                              cn_constant(tape, cn_array(((double[]){b, a}), 2))};
    cr_assert(cn_apply_gradients(updater, gradients), "%s", cn_error_message());
    cn_tape_free(tape);
}

static void expect_variable(cn_tensor *variable, double a, double b)
{
    double got[2];
    cr_assert(cn_values(variable, cn_array(got, 2)), "%s", cn_error_message());
    cr_expect_float_eq(got[0], a, 1e-12, "%.17g is not %.17g", got[0], a);
    cr_expect_float_eq(got[1], b, 1e-12, "%.17g is not %.17g", got[1], b);
}

enum { MOST_NUMBERS = 64 };

/* Everything that the updater and its variables hold, from its variable `first` on. */
static int numbers_of(const cn_updater *updater, int first, double *numbers)
{
    int count = 0;
    for (int i = first; i < cn_updater_variable_count(updater) + 2; i++) {
        cn_tensor *variable = i < cn_updater_variable_count(updater) ? cn_updater_variable(updater, i)
                                                                     : w[i - cn_updater_variable_count(updater)];
        cn_shape shape = cn_shape_of(variable);
        cr_assert(cn_values(variable, cn_array_with(numbers + count, CN_ARRAY_F64, true, shape)), "%s",
                  cn_error_message());
        count += (int)cn_shape_size(shape);
    }
    return count;
}

#define ADAM cn_adam(0.1, .use_ema = true, .ema_overwrite_frequency = 2, .gradient_accumulation_steps = 2)

Test(combined_optimizers, a_step_that_is_not_finite_changes_nothing_but_the_scale)
{
    double before[MOST_NUMBERS], after[MOST_NUMBERS];
    cn_updater *updater = cn_updater_new(cn_loss_scale_optimizer(ADAM, .initial_scale = 8), w, 2);
    for (int i = 0; i < 5; i++)
        step(updater, 0.5 * i, -1);
    int count = numbers_of(updater, 2, before);
    step(updater, 1, (double)NAN);
    step(updater, -(double)INFINITY, 3);
    cr_expect_eq(numbers_of(updater, 2, after), count);
    cr_expect(memcmp(before, after, (size_t)count * sizeof *before) == 0);
    cr_expect_eq(cn_iterations(updater), 5);
    cn_tape *tape = cn_tape_new();
    cr_expect_eq(cn_item(cn_read(tape, cn_updater_variable(updater, 0))), 0);
    cr_expect_eq(cn_item(cn_read(tape, cn_updater_variable(updater, 1))), 2);
    cn_tape_free(tape);
    cn_updater_free(updater);
}

/* A power of two changes no digit. */
Test(combined_optimizers, scaled_steps_are_those_of_the_inner_optimizer)
{
    double plain[MOST_NUMBERS], scaled[MOST_NUMBERS];
    cn_updater *updater = cn_updater_new(ADAM, w, 2);
    for (int i = 0; i < 5; i++)
        step(updater, i, -1);
    int count = numbers_of(updater, 0, plain);
    cn_updater_free(updater);
    for (int i = 0; i < 2; i++)
        cn_variable_set(w[i], cn_array(((double[]){1, -2}), 2));
    updater = cn_updater_new(cn_loss_scale_optimizer(ADAM, .initial_scale = 4, .dynamic_growth_steps = 2), w, 2);
    const double scale[] = {4, 4, 8, 8, 16};
    for (int i = 0; i < 5; i++)
        step(updater, scale[i] * i, -scale[i]);
    cr_expect_eq(numbers_of(updater, 2, scaled), count);
    cr_expect(memcmp(plain, scaled, (size_t)count * sizeof *plain) == 0);
    cn_updater_free(updater);
}

static void train(cn_optimizer optimizer, double *losses, float *weights)
{
    const float x[] = {1, 2, 3, 4, -1, 0, 2, -2}, y[] = {1, 0, 2, -1};
    cn_clear_session();
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(1));
    cn_compile(model, .optimizer = optimizer, .loss = cn_mean_squared_error());
    cn_history *history = cn_fit(model, {cn_array(x, 4, 2)}, {cn_array(y, 4)}, .epochs = 6, .batch_size = 2,
                                 .shuffle = false, .verbose = 0);
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    memcpy(losses, cn_history_of(history, "loss"), 6 * sizeof *losses);
    cr_assert(cn_values(cn_weight(model, 0), cn_array(weights, 2, 1)));
    cn_model_free(model);
}

Test(combined_optimizers, fit_reports_the_loss_without_its_scale)
{
    double losses[3][6];
    float weights[3][2];
    cn_set_default_dtype(CN_F32);
    train(cn_sgd(0.01), losses[0], weights[0]);
    train(cn_loss_scale_optimizer(cn_sgd(0.01), .dynamic_growth_steps = 3), losses[1], weights[1]);
    train(cn_sgd(0.01, .loss_scale_factor = 64), losses[2], weights[2]);
    for (int i = 1; i < 3; i++) {
        cr_expect(memcmp(losses[0], losses[i], sizeof losses[0]) == 0);
        cr_expect(memcmp(weights[0], weights[i], sizeof weights[0]) == 0);
    }
}

Test(combined_optimizers, loss_scaling_refuses)
{
    cn_loss_scale_optimizer(cn_sgd(), .initial_scale = 0);
    expect_error(true, "LossScaleOptimizer: initial_scale and dynamic_growth_steps must be positive, not 0 and 2000");
    expect_error(!cn_updater_new(cn_multi_optimizer(cn_sgd(), {"x", cn_loss_scale_optimizer(cn_sgd())}), w, 2),
                 "MultiOptimizer: one of several optimizers cannot scale the loss");
    cn_loss_scale_optimizer(cn_multi_optimizer(cn_sgd(), {"x", cn_sgd()}));
    expect_error(true, "LossScaleOptimizer: the inner one cannot be several");
}

Test(combined_optimizers, each_variable_goes_to_one_optimizer)
{
    cn_updater *updater = cn_updater_new(cn_multi_optimizer(cn_sgd(1), {"dense/b.*", cn_sgd(0.5)}), w, 2);
    step(updater, 1, 2);
    expect_variable(w[0], 0, -4);
    expect_variable(w[1], 0, -2.5);
    cr_expect_eq(cn_updater_variable_count(updater), 4);
    cr_expect_eq(cn_learning_rate(updater), 1);
    cn_updater_free(updater);
}

Test(combined_optimizers, expressions_match_whole_names)
{
    cn_updater *updater =
        cn_updater_new(cn_multi_optimizer(cn_sgd(1), {"dense", cn_sgd(0.5)}, {"kernel|dense/kernel", cn_sgd(0.25)},
                                          {"ense/bias", cn_sgd(0.125)}),
                       w, 2);
    step(updater, 1, 1);
    expect_variable(w[0], 0.75, -2.25);
    expect_variable(w[1], 0, -3);
    cn_updater_free(updater);
}

Test(combined_optimizers, a_name_comes_before_expressions)
{
    cn_updater *updater =
        cn_updater_new(cn_multi_optimizer(cn_sgd(1), {"dense/.*", cn_sgd(0.5)}, {"dense/bias", cn_sgd(0.25)}), w, 2);
    step(updater, 1, 1);
    expect_variable(w[0], 0.5, -2.5);
    expect_variable(w[1], 0.75, -2.25);
    cn_updater_free(updater);
}

Test(combined_optimizers, several_need_a_gradient_for_one_of_them_only)
{
    cn_updater *updater = cn_updater_new(cn_multi_optimizer(cn_sgd(1), {"dense/bias", cn_sgd(0.5)}), w, 2);
    cn_tape *tape = cn_tape_new();
    cn_tensor *gradients[] = {NULL, cn_constant(tape, cn_array(((double[]){1, 1}), 2))};
    cr_assert(cn_apply_gradients(updater, gradients));
    expect_variable(w[0], 1, -2);
    expect_variable(w[1], 0.5, -2.5);
    gradients[1] = NULL;
    expect_error(!cn_apply_gradients(updater, gradients), "apply_gradients: there is no gradient for any variable");
    cn_tape_free(tape);
    cn_updater_free(updater);
}

Test(combined_optimizers, averages_of_several_are_taken_over)
{
    cn_updater *updater = cn_updater_new(
        cn_multi_optimizer(cn_sgd(1, .use_ema = true, .ema_momentum = 0.5), {"dense/bias", cn_sgd(1)}), w, 2);
    step(updater, 1, 1);
    step(updater, 1, 1);
    expect_variable(w[0], -1, -4);
    cr_assert(cn_finish_updates(updater));
    expect_variable(w[0], -0.5, -3.5);
    expect_variable(w[1], -1, -4);
    cn_updater_free(updater);
}

Test(combined_optimizers, several_refuse)
{
    expect_error(!cn_updater_new(cn_multi_optimizer(cn_sgd(), {"dense/.*", cn_sgd()}, {".*bias", cn_sgd()}), w, 2),
                 "updater: two optimizers are for dense/bias: \"dense/.*\" and \".*bias\"");
    expect_error(!cn_updater_new(cn_multi_optimizer(cn_sgd(), {"(", cn_sgd()}), w, 2),
                 "updater: \"(\" is not a regular expression");
    expect_error(!cn_updater_new(cn_multi_optimizer(cn_sgd(), {"x", cn_sgd(.clipnorm = -1)}), w, 2),
                 "SGD: a bound for clipping is negative");
}
