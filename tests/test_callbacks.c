/* Keras' callbacks: what each does and says, on logs that are made by hand. */
#include "read_file.h"
#include "own_directory.h"
#include <math.h>
#include <string.h>

TestSuite(callbacks, .init = enter_directory, .fini = leave_directory);

static const float xs[2] = {1, 1}, ys[2] = {0, 0};
#define DATA               \
    {cn_array(xs, 2, 1)},  \
    {                      \
        cn_array(ys, 2, 1) \
    }

/* y = w x with w = 1; the loss is w * w, and a step multiplies w by 1 - 2 * learning rate. */
static cn_model *new_model(cn_optimizer optimizer)
{
    cn_model *model = cn_sequential(cn_input_layer(1),
                                    cn_dense(1, .use_bias = false, .kernel_initializer = cn_init_ones(), .name = "w"));
    cn_compile(model, .optimizer = optimizer, .loss = cn_mean_squared_error(),
               .metrics = {cn_metric_of(cn_mean_absolute_error())});
    cr_assert(!cn_failed(), "%s", cn_error_message());
    return model;
}

static float weight_of(cn_model *model)
{
    float w = NAN;
    cr_assert(cn_get_weights(model, cn_array(&w, 1, 1)), "%s", cn_error_message());
    return w;
}

/* Values put into the logs of each epoch, NaN for none, and what was seen at the end of each. */
typedef struct script {
    const char *name;
    double value[16];
    double rate[16];
    float weight[16];
    int epochs;
} script;

static bool put_value(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    script *s = context;
    s->weight[epoch] = weight_of(model);
    s->epochs = epoch + 1;
    return !s->name || isnan(s->value[epoch]) || cn_logs_set(logs, s->name, s->value[epoch]);
}

static bool see_rate(void *context, cn_model *model, int epoch)
{
    ((script *)context)->rate[epoch] = cn_learning_rate(cn_model_updater(model));
    return true;
}

static cn_callback play(script *s)
{
    return (cn_callback){.context = s, .on_epoch_begin = see_rate, .on_epoch_end = put_value};
}

static char said[4096];

static void read_said(FILE *file)
{
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
}

/* Trains on the script with the callback behind it; what is said goes to `said`. */
static cn_history *fit_saying(cn_model *model, int epochs, script *s, cn_callback callback)
{
    FILE *file = tmpfile();
    cr_assert(file);
    cn_history *history = cn_fit(model, DATA, .batch_size = 2, .epochs = epochs, .verbose = 0, .file = file,
                                 .callbacks = {play(s), callback});
    read_said(file);
    return history;
}
#define FIT(model, script, callback) fit_saying(model, 16, script, callback)

static void expect_refused(cn_code code, const char *message)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect_str_eq(cn_error_message(), message);
    cn_error_clear();
}

/* EarlyStopping */

static int epochs_until_stopped(const script *values, cn_callback stopping)
{
    script s = *values;
    s.name = s.name ? s.name : "val_loss";
    cn_model *model = new_model(cn_sgd(0.1));
    cr_assert(FIT(model, &s, stopping), "%s", cn_error_message());
    cn_model_free(model);
    return s.epochs;
}

Test(callbacks, early_stopping_waits_for_patience_epochs_without_improvement)
{
    const script values = {.value = {5, 4, 4, 4.5, 3, 3.1, 3.2, 3.3, 3.4}};
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 0)), 3);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 2)), 4);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 3)), 8);
}

Test(callbacks, early_stopping_counts_what_is_better_by_more_than_min_delta)
{
    const script values = {.value = {5, 4.75, 4.5, 4, 4, 4}};
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 1)), 5);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 1, .min_delta = 0.25)), 2);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 2, .min_delta = -0.25)), 6,
                 "the sign does not matter");
}

Test(callbacks, early_stopping_takes_higher_values_for_better_in_mode_max)
{
    const script up = {.name = "mine", .value = {1, 2, 3, 4, 4}}, down = {.name = "mine", .value = {4, 3, 2, 2}};
    cr_expect_eq(epochs_until_stopped(&up, cn_early_stopping("mine", .mode = CN_MODE_MAX)), 5);
    cr_expect_eq(epochs_until_stopped(&down, cn_early_stopping("mine", .mode = CN_MODE_MAX)), 2);
    cr_expect_eq(epochs_until_stopped(&down, cn_early_stopping("mine", .mode = CN_MODE_MIN)), 4);
}

Test(callbacks, early_stopping_asks_the_metric_for_its_direction)
{
    const script error = {.name = "mean_absolute_error", .value = {3, 2, 1, 1}};
    const script error_of_validation = {.name = "val_mean_absolute_error", .value = {3, 2, 1, 1}};
    cr_expect_eq(epochs_until_stopped(&error, cn_early_stopping("mean_absolute_error")), 4);
    cr_expect_eq(epochs_until_stopped(&error_of_validation, cn_early_stopping("val_mean_absolute_error")), 4);
    cn_model *model = new_model(cn_sgd(0.1));
    cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_mean_squared_error(),
               .metrics = {cn_accuracy(), cn_root_mean_squared_error()});
    script up = {.name = "val_accuracy", .value = {0.1, 0.2, 0.3, 0.3}};
    cr_assert(FIT(model, &up, cn_early_stopping("val_accuracy")), "%s", cn_error_message());
    cr_expect_eq(up.epochs, 4);
    script down = {.name = "val_root_mean_squared_error", .value = {3, 2, 1, 1}};
    cr_assert(FIT(model, &down, cn_early_stopping("val_root_mean_squared_error")), "%s", cn_error_message());
    cr_expect_eq(down.epochs, 4);
    cn_model_free(model);
}

Test(callbacks, what_has_no_direction_needs_a_mode)
{
    script s = {.name = "mine", .value = {1}};
    cn_model *model = new_model(cn_sgd(0.1));
    cr_expect_null(FIT(model, &s, cn_early_stopping("mine")));
    expect_refused(CN_ARGUMENT,
                   "EarlyStopping: it is not known whether mine is better when it is higher or lower; give "
                   ".mode = CN_MODE_MAX or CN_MODE_MIN");
    cr_expect_eq(s.epochs, 0, "it is known before training");
    cn_model_free(model);
}

Test(callbacks, early_stopping_needs_to_beat_the_baseline)
{
    const script values = {.value = {9, 8, 7, 6, 5, 4, 4, 4}};
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 2)), 8);
    /* Each epoch is better than the one before, but the count goes on: it stops at the next that is not. */
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 2, .baseline = 1)), 7);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 2, .baseline = 4.5)), 8);
}

Test(callbacks, early_stopping_leaves_out_the_first_epochs)
{
    const script values = {.value = {1, 2, 3, 4, 5, 6}};
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 1)), 2);
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping(.patience = 1, .start_from_epoch = 3)), 5);
}

Test(callbacks, early_stopping_never_stops_at_the_first_epoch)
{
    const script values = {.value = {NAN, 1, 1}};
    cr_expect_eq(epochs_until_stopped(&values, cn_early_stopping()), 3);
}

Test(callbacks, early_stopping_restores_the_weights_of_the_best_epoch)
{
    script s = {.name = "val_loss", .value = {5, 4, 3, 4, 4}};
    cn_model *model = new_model(cn_sgd(0.1));
    cr_assert(FIT(model, &s, cn_early_stopping(.patience = 2, .verbose = 1, .restore_best_weights = true)), "%s",
              cn_error_message());
    cr_expect_eq(s.epochs, 5);
    cr_expect_eq(weight_of(model), s.weight[2]);
    cr_expect_str_eq(said, "Epoch 5: early stopping\nRestoring model weights from the end of the best epoch: 3.\n");
    cn_model_free(model);
}

Test(callbacks, early_stopping_restores_without_stopping_too)
{
    script s = {.name = "val_loss", .value = {5, 1, 2, 2}};
    cn_model *model = new_model(cn_sgd(0.1));
    cn_fit(model, DATA, .epochs = 4, .verbose = 0,
           .callbacks = {play(&s), cn_early_stopping(.patience = 9, .restore_best_weights = true)});
    cr_expect_eq(s.epochs, 4);
    cr_expect_eq(weight_of(model), s.weight[1]);
    cn_model_free(model);
}

Test(callbacks, early_stopping_keeps_the_last_weights_if_not_told_otherwise)
{
    script s = {.name = "val_loss", .value = {5, 4, 3, 4, 4}};
    cn_model *model = new_model(cn_sgd(0.1));
    cr_assert(FIT(model, &s, cn_early_stopping(.patience = 2)), "%s", cn_error_message());
    cr_expect_eq(weight_of(model), s.weight[4]);
    cr_expect_str_eq(said, "");
    cn_model_free(model);
}

Test(callbacks, a_monitored_value_that_is_not_there_is_warned_of)
{
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.1));
    FILE *file = tmpfile();
    cr_assert(cn_fit(model, DATA, .epochs = 1, .verbose = 2, .file = file,
                     .callbacks = {play(&s), cn_early_stopping(), cn_reduce_lr_on_plateau("val_loss")}),
              "%s", cn_error_message());
    read_said(file);
    cr_expect(strstr(said, "WARNING: Early stopping conditioned on metric `val_loss` which is not available. Available "
                           "metrics are: loss,mean_absolute_error\n"),
              "%s", said);
    cr_expect(strstr(said,
                     "WARNING: Learning rate reduction is conditioned on metric `val_loss` which is not available. "
                     "Available metrics are: loss,mean_absolute_error,learning_rate\n"),
              "%s", said);
    cn_model_free(model);
}

Test(callbacks, a_callback_may_be_given_again)
{
    const cn_callback stopping = cn_early_stopping(.patience = 1);
    cn_model *model = new_model(cn_sgd(0.1));
    for (int i = 0; i < 2; i++) {
        script s = {.name = "val_loss", .value = {3, 2, 2}};
        cr_assert(FIT(model, &s, stopping), "%s", cn_error_message());
        cr_expect_eq(s.epochs, 3);
    }
    cn_model_free(model);
}

/* TerminateOnNaN */

static const float wrong[2] = {INFINITY, 0};

Test(callbacks, terminate_on_nan_stops_after_the_batch)
{
    cn_model *model = new_model(cn_sgd(0.1));
    FILE *file = tmpfile();
    cn_history *history = cn_fit(model, {cn_array(xs, 2, 1)}, {cn_array(wrong, 2, 1)}, .batch_size = 1, .epochs = 3,
                                 .shuffle = false, .verbose = 0, .file = file, .callbacks = {cn_terminate_on_nan()});
    cr_assert(history, "%s", cn_error_message());
    cr_expect_eq(cn_history_epochs(history), 1);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 1);
    read_said(file);
    cr_expect_str_eq(said, "Batch 0: Invalid loss, terminating training\n");
    cn_model_free(model);
}

Test(callbacks, terminate_on_nan_raises_an_error_if_told_to)
{
    cn_model *model = new_model(cn_sgd(0.1));
    cr_expect_null(cn_fit(model, {cn_array(xs, 2, 1)}, {cn_array(wrong, 2, 1)}, .verbose = 0,
                          .callbacks = {cn_terminate_on_nan(.raise_error = true)}));
    expect_refused(CN_VALUE, "TerminateOnNaN: the loss is NaN or infinite at batch 0");
    cn_model_free(model);
}

/* Learning rates */

static double halve_from_two(void *context, int epoch, double rate)
{
    *(int *)context += 1;
    return epoch < 2 ? rate : rate / 2;
}

Test(callbacks, learning_rate_scheduler_sets_the_rate_of_each_epoch)
{
    int calls = 0;
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.25));
    cn_history *history =
        cn_fit(model, DATA, .batch_size = 2, .epochs = 4, .verbose = 0,
               .callbacks = {cn_learning_rate_scheduler(halve_from_two, .context = &calls), play(&s)});
    cr_assert(history, "%s", cn_error_message());
    const double rates[] = {0.25, 0.25, 0.125, 0.0625};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(s.rate[i], rates[i]);
        cr_expect_eq(cn_history_of(history, "learning_rate")[i], rates[i]);
    }
    cr_expect_eq(calls, 4);
    /* The planned steps went by these. */
    cr_expect_eq(weight_of(model), 0.5f * 0.5f * 0.75f * 0.875f);
    cn_model_free(model);
}

Test(callbacks, learning_rate_scheduler_says_what_it_sets)
{
    int calls = 0;
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.0001));
    fit_saying(model, 3, &s, cn_learning_rate_scheduler(halve_from_two, .verbose = 1, .context = &calls));
    cr_expect_str_eq(said, "\nEpoch 1: LearningRateScheduler setting learning rate to 0.0001.\n"
                           "\nEpoch 2: LearningRateScheduler setting learning rate to 0.0001.\n"
                           "\nEpoch 3: LearningRateScheduler setting learning rate to 5e-05.\n");
    cn_model_free(model);
}

static double no_number(void *context, int epoch, double rate)
{
    (void)context;
    return epoch == 1 ? NAN : rate;
}

Test(callbacks, learning_rate_scheduler_refuses_what_is_no_rate)
{
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.1));
    cr_expect_null(FIT(model, &s, cn_learning_rate_scheduler(no_number)));
    expect_refused(CN_VALUE, "LearningRateScheduler: the schedule gives nan for epoch 1");
    cr_expect_eq(s.epochs, 1);
    cn_compile(model, .optimizer = cn_sgd(.schedule = cn_exponential_decay(0.1, 10, 0.9)),
               .loss = cn_mean_squared_error());
    cr_expect_null(FIT(model, &s, cn_learning_rate_scheduler(halve_from_two, .context = &s.epochs)));
    expect_refused(CN_STATE, "set_learning_rate: the schedule ExponentialDecay gives the learning rate");
    cn_model_free(model);
}

static void expect_rates(const script *values, cn_callback callback, const double *rates)
{
    script s = *values;
    s.name = "val_loss";
    cn_model *model = new_model(cn_sgd(1));
    cr_assert(FIT(model, &s, callback), "%s", cn_error_message());
    for (int i = 0; i < 10; i++)
        cr_expect_float_eq(s.rate[i], rates[i], 1e-15, "epoch %d has the rate %g, not %g", i, s.rate[i], rates[i]);
    cn_model_free(model);
}

Test(callbacks, reduce_lr_on_plateau_multiplies_the_rate_when_nothing_improves)
{
    const script values = {.value = {5, 4, 4, 4, 3, 3, 3, 3, 3, 3}};
    expect_rates(&values, cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 2),
                 (const double[]){1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125});
}

Test(callbacks, reduce_lr_on_plateau_does_not_count_epochs_that_cool_down)
{
    const script values = {.value = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4}};
    expect_rates(&values, cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 1, .cooldown = 3),
                 (const double[]){1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125});
}

Test(callbacks, reduce_lr_on_plateau_stays_above_min_lr)
{
    const script values = {.value = {4, 4, 4, 4, 4, 4, 4, 4, 4, 4}};
    expect_rates(&values, cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 1, .min_lr = 0.3),
                 (const double[]){1, 1, 0.5, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3});
}

Test(callbacks, reduce_lr_on_plateau_takes_small_changes_for_none)
{
    const script values = {.value = {4, 3.99995, 3.9999, 3.99985, 3, 2, 1, 0, -1, -2}};
    expect_rates(&values, cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 2),
                 (const double[]){1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5});
}

Test(callbacks, reduce_lr_on_plateau_says_what_it_does_and_logs_the_rate)
{
    script s = {.name = "val_loss", .value = {4, 4, 4}};
    cn_model *model = new_model(cn_sgd(0.25));
    cn_history *history = fit_saying(model, 3, &s, cn_reduce_lr_on_plateau(.factor = 0.5, .patience = 1, .verbose = 1));
    cr_assert(history, "%s", cn_error_message());
    cr_expect_str_eq(said, "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.125.\n"
                           "\nEpoch 3: ReduceLROnPlateau reducing learning rate to 0.0625.\n");
    const double *logged = cn_history_of(history, "learning_rate");
    cr_expect(logged[0] == 0.25 && logged[1] == 0.25 && logged[2] == 0.125, "the rate that the epoch was trained by");
    cn_model_free(model);
}

/* CSVLogger */

static void log_table(cn_callback logger, int validation_freq)
{
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.25));
    cr_assert(cn_fit(model, DATA, .batch_size = 2, .epochs = 2, .verbose = 0, .validation_x = {cn_array(xs, 2, 1)},
                     .validation_y = {cn_array(ys, 2, 1)}, .validation_freq = validation_freq,
                     .callbacks = {play(&s), logger}),
              "%s", cn_error_message());
    cn_model_free(model);
}

static void expect_file(const char *path, const char *text)
{
    char *is = read_file(path);
    cr_expect_str_eq(is, text);
    free(is);
}

Test(callbacks, csv_logger_writes_a_line_an_epoch)
{
    log_table(cn_csv_logger("log.csv"), 1);
    expect_file("log.csv", "epoch,loss,mean_absolute_error,val_loss,val_mean_absolute_error\r\n"
                           "0,1.0,1.0,0.25,0.5\r\n"
                           "1,0.25,0.5,0.0625,0.25\r\n");
}

Test(callbacks, csv_logger_has_columns_for_validation_that_comes_later)
{
    log_table(cn_csv_logger("log.csv", ';'), 2);
    expect_file("log.csv", "epoch;loss;mean_absolute_error;val_loss;val_mean_absolute_error\r\n"
                           "0;1.0;1.0;NA;NA\r\n"
                           "1;0.25;0.5;0.0625;0.25\r\n");
}

Test(callbacks, csv_logger_appends_without_a_second_header)
{
    log_table(cn_csv_logger("log.csv", .append = true), 1);
    log_table(cn_csv_logger("log.csv", .append = true), 1);
    expect_file("log.csv", "epoch,loss,mean_absolute_error,val_loss,val_mean_absolute_error\r\n"
                           "0,1.0,1.0,0.25,0.5\r\n"
                           "1,0.25,0.5,0.0625,0.25\r\n"
                           "0,1.0,1.0,0.25,0.5\r\n"
                           "1,0.25,0.5,0.0625,0.25\r\n");
    log_table(cn_csv_logger("log.csv"), 1);
    char *text = read_file("log.csv");
    cr_expect_eq(strlen(text), 63 + 2 + 20 + 24, "without .append the table begins anew");
    free(text);
}

Test(callbacks, csv_logger_quotes_names_with_separators)
{
    script s = {.name = "a \"b\",c", .value = {1, 2}};
    cn_model *model = new_model(cn_sgd(0.25));
    cr_assert(cn_fit(model, DATA, .verbose = 0, .callbacks = {play(&s), cn_csv_logger("log.csv")}), "%s",
              cn_error_message());
    char *text = read_file("log.csv");
    cr_expect(strstr(text, "epoch,\"a \"\"b\"\",c\",loss"), "%s", text);
    free(text);
    cn_model_free(model);
}

Test(callbacks, csv_logger_fails_where_it_cannot_write)
{
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.25));
    cr_expect_null(FIT(model, &s, cn_csv_logger("missing/log.csv")));
    expect_refused(CN_FILE, "CSVLogger: missing/log.csv: No such file or directory");
    cr_expect_eq(s.epochs, 0);
    cn_model_free(model);
}

/* SwapEMAWeights */

typedef struct seen_in_test {
    float weight;
} seen_in_test;

static bool see_weight(void *context, cn_model *model)
{
    ((seen_in_test *)context)->weight = weight_of(model);
    return true;
}

static bool see_weight_at_end(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)epoch;
    (void)logs;
    return see_weight(context, model);
}

Test(callbacks, swap_ema_weights_evaluates_with_the_averages)
{
    seen_in_test seen = {0};
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.25, .use_ema = true, .ema_momentum = 0.5));
    cr_assert(cn_fit(model, DATA, .batch_size = 2, .epochs = 2, .verbose = 0, .validation_x = {cn_array(xs, 2, 1)},
                     .validation_y = {cn_array(ys, 2, 1)},
                     .callbacks = {cn_swap_ema_weights(), {.context = &seen, .on_test_begin = see_weight}, play(&s)}),
              "%s", cn_error_message());
    /* w: 1, 0.5, 0.25; the average is 0.5, then 0.375. */
    cr_expect_eq(seen.weight, 0.375f);
    cr_expect_eq(s.weight[1], 0.25f, "after the validation the weights are back");
    cr_expect_eq(weight_of(model), 0.375f, "fit ends with the averages");
    cn_model_free(model);
}

Test(callbacks, swap_ema_weights_has_the_averages_at_the_end_of_epochs)
{
    seen_in_test seen = {0};
    cn_model *model = new_model(cn_sgd(0.25, .use_ema = true, .ema_momentum = 0.5));
    cr_assert(cn_fit(model, DATA, .batch_size = 2, .epochs = 3, .verbose = 0,
                     .callbacks = {cn_swap_ema_weights(.swap_on_epoch = true),
                                   {.context = &seen, .on_epoch_end = see_weight_at_end}}),
              "%s", cn_error_message());
    /* w: 1, 0.5, 0.25, 0.125; the average: 0.5, 0.375, 0.25. */
    cr_expect_eq(seen.weight, 0.25f);
    cr_expect_eq(weight_of(model), 0.25f);
    cn_model_free(model);
}

Test(callbacks, swap_ema_weights_predicts_with_the_averages)
{
    float p[2];
    cn_model *model = new_model(cn_sgd(0.25, .use_ema = true, .ema_momentum = 0.5));
    for (int i = 0; i < 2; i++)
        cn_train_on_batch(model, DATA);
    cr_assert(
        cn_predict(model, {cn_array(xs, 2, 1)}, {cn_array(p, 2, 1)}, .callbacks = CN_CALLBACKS(cn_swap_ema_weights())),
        "%s", cn_error_message());
    cr_expect_eq(p[0], 0.375f);
    cr_expect_eq(weight_of(model), 0.25f);
    cn_model_free(model);
}

static bool fail_here(void *context, cn_model *model)
{
    (void)context;
    (void)model;
    return cn_fail(CN_VALUE, "enough");
}

Test(callbacks, swap_ema_weights_gives_the_weights_back_after_a_failure)
{
    cn_model *model = new_model(cn_sgd(0.25, .use_ema = true, .ema_momentum = 0.5));
    for (int i = 0; i < 2; i++)
        cn_train_on_batch(model, DATA);
    cr_expect(isnan(cn_evaluate(model, DATA, .callbacks = {cn_swap_ema_weights(), {.on_test_begin = fail_here}})));
    expect_refused(CN_VALUE, "enough");
    cr_expect_eq(weight_of(model), 0.25f);
    cn_model_free(model);
}

Test(callbacks, swap_ema_weights_needs_averages)
{
    script s = {.name = NULL};
    cn_model *model = new_model(cn_sgd(0.25));
    cr_expect_null(FIT(model, &s, cn_swap_ema_weights()));
    expect_refused(CN_STATE, "SwapEMAWeights: the optimizer keeps no averages; compile with .use_ema = true");
    cr_expect_eq(weight_of(model), 1);
    cn_model_free(model);
}

/* LambdaCallback and the protocol */

Test(callbacks, lambda_callbacks_are_given_by_their_functions)
{
    script s = {.name = "mine", .value = {7}};
    cn_model *model = new_model(cn_sgd(0.25));
    cn_history *history =
        cn_fit(model, DATA, .verbose = 0, .callbacks = {cn_lambda_callback(.context = &s, .on_epoch_end = put_value)});
    cr_assert(history, "%s", cn_error_message());
    cr_expect_eq(cn_history_of(history, "mine")[0], 7);
    cn_model_free(model);
}

/* A class of the user's own: counts down from an argument. */
typedef struct countdown {
    int64_t from;
    int64_t left;
    bool begun;
} countdown;

static int closed;

static bool count_down(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    countdown *c = context;
    (void)epoch;
    if (!c->begun)
        c->left = c->from;
    c->begun = true;
    if (--c->left == 0)
        cn_stop_training(model);
    return cn_logs_set(logs, "left", (double)c->left);
}

static void close_countdown(void *context)
{
    closed += (int)((countdown *)context)->from;
}

static cn_callback new_countdown(int64_t from)
{
    static const cn_callback row = {
        .state_size = sizeof(countdown), .on_epoch_end = count_down, .close = close_countdown};
    return cn_callback_like(&row, &from, sizeof from);
}

Test(callbacks, a_class_of_the_users_has_a_state_for_each_fit)
{
    cn_callback callback = new_countdown(3);
    cn_model *model = new_model(cn_sgd(0.25));
    for (int i = 1; i <= 2; i++) {
        cn_history *history = cn_fit(model, DATA, .epochs = 9, .verbose = 0, .callbacks = {callback});
        cr_assert(history, "%s", cn_error_message());
        cr_expect_eq(cn_history_epochs(history), 3);
        cr_expect_eq(cn_history_of(history, "left")[1], 1);
        cr_expect_eq(closed, 3 * i);
    }
    cn_model_free(model);
}

Test(callbacks, callbacks_are_closed_after_a_failure_too)
{
    cn_model *model = new_model(cn_sgd(0.25));
    cr_expect_null(cn_fit(model, DATA, .verbose = 0, .callbacks = {new_countdown(3), {.on_train_begin = fail_here}}));
    expect_refused(CN_VALUE, "enough");
    cr_expect_eq(closed, 3);
    cn_model_free(model);
}

static bool note_order(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)model;
    (void)epoch;
    double so_far = cn_logs_have(logs, "order") ? cn_logs_value(logs, "order") : 0;
    return cn_logs_set(logs, "order", 10 * so_far + *(const int *)context);
}

Test(callbacks, what_is_last_is_called_after_the_others)
{
    int numbers[] = {1, 2, 3};
    cn_model *model = new_model(cn_sgd(0.25));
    cn_history *history = cn_fit(model, DATA, .verbose = 0,
                                 .callbacks = {{.context = &numbers[0], .on_epoch_end = note_order, .last = true},
                                               {.context = &numbers[1], .on_epoch_end = note_order},
                                               {.context = &numbers[2], .on_epoch_end = note_order}});
    cr_assert(history, "%s", cn_error_message());
    cr_expect_eq(cn_history_of(history, "order")[0], 231);
    cn_model_free(model);
}

/* As when one of them is chosen by a condition. */
Test(callbacks, what_has_no_function_is_left_out_and_does_not_end_the_list)
{
    int number = 7;
    cn_model *model = new_model(cn_sgd(0.25));
    cn_history *history = cn_fit(
        model, DATA, .verbose = 0,
        .callbacks = {{.context = NULL}, cn_lambda_callback(), {.context = &number, .on_epoch_end = note_order}});
    cr_assert(history, "%s", cn_error_message());
    cr_expect_eq(cn_history_of(history, "order")[0], 7);
    cn_model_free(model);
}

static bool count_batch(void *context, cn_model *model, int64_t batch)
{
    (void)model;
    *(int64_t *)context += 1 + batch;
    return true;
}

static bool count_test_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    cr_expect_str_eq(logs->item[0].name, "loss");
    return count_batch(context, model, batch);
}

Test(callbacks, batches_of_tests_and_predictions_have_hooks)
{
    int64_t tested = 0, predicted = 0;
    float p[2];
    cn_model *model = new_model(cn_sgd(0.25));
    cn_evaluate(
        model, DATA, .batch_size = 1,
        .callbacks = {{.context = &tested, .on_test_batch_begin = count_batch, .on_test_batch_end = count_test_batch}});
    cr_expect_eq(tested, 6);
    cn_predict(
        model, {cn_array(xs, 2, 1)}, {cn_array(p, 2, 1)}, .batch_size = 1,
        .callbacks = CN_CALLBACKS(
            {.context = &predicted, .on_predict_batch_begin = count_batch, .on_predict_batch_end = count_batch}));
    cr_expect_eq(predicted, 6);
    cn_model_free(model);
}

static cn_training_params params;

static bool see_params(void *context, cn_model *model)
{
    (void)context;
    params = cn_training_params_of(model);
    return true;
}

Test(callbacks, callbacks_see_the_arguments_of_fit)
{
    cn_model *model = new_model(cn_sgd(0.25));
    cr_assert(
        cn_fit(model, DATA, .batch_size = 1, .epochs = 3, .verbose = 0, .callbacks = {{.on_train_begin = see_params}}),
        "%s", cn_error_message());
    cr_expect(params.epochs == 3 && params.steps == 2 && params.verbose == 0);
    cr_expect_eq(cn_training_params_of(model).epochs, 0);
    cn_model_free(model);
}

Test(callbacks, wrong_arguments_are_refused_by_name)
{
    cn_early_stopping(.patience = -1);
    expect_refused(CN_ARGUMENT, "EarlyStopping: patience is -1 and start_from_epoch 0; they cannot be negative");
    cn_early_stopping("");
    expect_refused(CN_ARGUMENT, "EarlyStopping: monitor is not given");
    cn_early_stopping(.mode = (cn_monitor_mode)7);
    expect_refused(CN_ARGUMENT, "EarlyStopping: mode is 7; it is CN_MODE_AUTO, CN_MODE_MIN or CN_MODE_MAX");
    cn_reduce_lr_on_plateau(.factor = 1);
    expect_refused(CN_ARGUMENT, "ReduceLROnPlateau: factor is 1; it must be below 1");
    cn_reduce_lr_on_plateau(.cooldown = -2);
    expect_refused(CN_ARGUMENT, "ReduceLROnPlateau: patience is 10 and cooldown -2; they cannot be negative");
    cn_learning_rate_scheduler(NULL);
    expect_refused(CN_ARGUMENT, "LearningRateScheduler: the schedule is NULL");
    cn_csv_logger("");
    expect_refused(CN_ARGUMENT, "CSVLogger: the filename is not given");
    cn_csv_logger("a", '"');
    expect_refused(CN_ARGUMENT, "CSVLogger: that separator cannot be used");
    cn_model_checkpoint();
    expect_refused(CN_ARGUMENT, "ModelCheckpoint: the filepath is not given");
    cn_model_checkpoint("a.keras", .save_freq = -1);
    expect_refused(CN_ARGUMENT, "ModelCheckpoint: save_freq is -1; it is CN_EACH_EPOCH or a number of batches");
    cn_backup_and_restore();
    expect_refused(CN_ARGUMENT, "BackupAndRestore: backup_dir is not given");
    cn_backup_and_restore("a", -1);
    expect_refused(CN_ARGUMENT, "BackupAndRestore: save_freq is -1; it is CN_EACH_EPOCH or a number of batches");
    cn_tensorboard("");
    expect_refused(CN_ARGUMENT, "TensorBoard: log_dir is not given, or too long");
    cn_tensorboard(.histogram_freq = -1);
    expect_refused(CN_ARGUMENT, "TensorBoard: histogram_freq is -1 and update_freq 0; they cannot be negative");
    char arguments[CN_CALLBACK_ARGUMENTS + 1] = "";
    cn_callback_like(&(cn_callback){.state_size = sizeof arguments}, arguments, sizeof arguments);
    expect_refused(CN_ARGUMENT, "callback_like: needs a row whose state has room for the arguments, at most 128 bytes");
}

Test(callbacks, defaults_are_keras)
{
    cr_expect_str_eq(cn_early_stopping_defaults().monitor, "val_loss");
    cr_expect_eq(cn_early_stopping_defaults().baseline, CN_NONE);
    cr_expect_str_eq(cn_model_checkpoint_defaults().monitor, "val_loss");
    cr_expect_eq(cn_model_checkpoint_defaults().save_freq, CN_EACH_EPOCH);
    cr_expect_eq(cn_reduce_lr_on_plateau_defaults().factor, 0.1);
    cr_expect_eq(cn_reduce_lr_on_plateau_defaults().patience, 10);
    cr_expect_eq(cn_reduce_lr_on_plateau_defaults().min_delta, 1e-4);
    cr_expect_eq(cn_csv_logger_defaults().separator, ',');
    cr_expect_str_eq(cn_tensorboard_defaults().log_dir, "logs");
    cr_expect(cn_backup_and_restore_defaults().delete_checkpoint);
}
