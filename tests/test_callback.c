/* Callbacks: when they are called, with what, and what they can do. */
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const float xs[3] = {1, 2, 3}, ys[3] = {1, 0, 1};
#define DATA               \
    {cn_array(xs, 3, 1)},  \
    {                      \
        cn_array(ys, 3, 1) \
    }

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(callback, .fini = teardown);

static cn_model *new_model(void)
{
    cn_model *model = cn_sequential(cn_input_layer(1), cn_dense(1));
    cr_assert(cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error()), "%s", cn_error_message());
    return model;
}

/* The hooks that were called, a word each. */
typedef struct journal {
    char text[1024];
    const char *failing; /* this hook fails */
    const char *message; /* with this error, or none */
    int64_t stop_after;  /* this batch; -1: never */
} journal;

static bool note(journal *j, const char *hook, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t used = strlen(j->text);
    used += (size_t)snprintf(j->text + used, sizeof j->text - used, "%s%s", used ? " " : "", hook);
    vsnprintf(j->text + used, sizeof j->text - used, format, arguments);
    va_end(arguments);
    if (j->failing && strcmp(j->failing, hook) == 0)
        return j->message ? cn_fail(CN_VALUE, "%s", j->message) : false;
    return true;
}

static bool train_begin(void *context, cn_model *model)
{
    (void)model;
    return note(context, "train{", "");
}

static bool train_end(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    return note(context, "}train", ":%d", logs->count);
}

static bool epoch_begin(void *context, cn_model *model, int epoch)
{
    (void)model;
    return note(context, "epoch{", "%d", epoch);
}

static bool epoch_end(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)model;
    return note(context, "}epoch", "%d:%d", epoch, logs->count);
}

static bool batch_begin(void *context, cn_model *model, int64_t batch)
{
    (void)model;
    return note(context, "batch{", "%d", (int)batch);
}

static bool batch_end(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    journal *j = context;
    if (j->stop_after == batch)
        cn_stop_training(model);
    return note(context, "}batch", "%d:%s", (int)batch, logs->item[0].name);
}

static bool test_begin(void *context, cn_model *model)
{
    (void)model;
    return note(context, "test{", "");
}

static bool test_end(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    return note(context, "}test", ":%s", logs->item[logs->count - 1].name);
}

static bool predict_begin(void *context, cn_model *model)
{
    (void)model;
    return note(context, "predict{", "");
}

static bool predict_end(void *context, cn_model *model)
{
    (void)model;
    return note(context, "}predict", "");
}

static cn_callback write_to(journal *j)
{
    return (cn_callback){.context = j,
                         .on_train_begin = train_begin,
                         .on_train_end = train_end,
                         .on_epoch_begin = epoch_begin,
                         .on_epoch_end = epoch_end,
                         .on_train_batch_begin = batch_begin,
                         .on_train_batch_end = batch_end,
                         .on_test_begin = test_begin,
                         .on_test_end = test_end,
                         .on_predict_begin = predict_begin,
                         .on_predict_end = predict_end};
}

Test(callback, hooks_are_called_in_kerass_order)
{
    journal j = {.stop_after = -1};
    cn_model *model = new_model();
    cr_assert(cn_fit(model, DATA, .epochs = 2, .batch_size = 2, .verbose = 0, .validation_freq = 2,
                     .validation_x = {cn_array(xs, 3, 1)}, .validation_y = {cn_array(ys, 3, 1)},
                     .callbacks = {write_to(&j)}) != NULL,
              "%s", cn_error_message());
    cr_expect_str_eq(j.text, "train{ epoch{0 batch{0 }batch0:loss batch{1 }batch1:loss }epoch0:1 "
                             "epoch{1 batch{0 }batch0:loss batch{1 }batch1:loss test{ }test:loss }epoch1:2 }train:2");
    cn_model_free(model);
}

static bool keep_test_loss(void *context, cn_model *model, const cn_logs *logs)
{
    (void)model;
    *(double *)context = cn_logs_value(logs, "loss");
    return true;
}

Test(callback, at_the_end_of_a_test_within_fit_the_loss_is_that_of_the_test)
{
    double tested = 0;
    cn_model *model = new_model();
    cn_history *history =
        cn_fit(model, DATA, .verbose = 0, .validation_x = {cn_array(xs, 1, 1)}, .validation_y = {cn_array(ys, 1, 1)},
               .callbacks = {{.context = &tested, .on_test_end = keep_test_loss}});
    cr_assert(history, "%s", cn_error_message());
    cr_expect_eq(tested, cn_history_of(history, "val_loss")[0]);
    cr_expect_neq(tested, cn_history_of(history, "loss")[0]);
    cn_model_free(model);
}

Test(callback, evaluate_and_predict_have_hooks_of_their_own)
{
    journal j = {.stop_after = -1};
    float p[3];
    cn_model *model = new_model();
    cn_evaluate(model, DATA, .callbacks = {write_to(&j)});
    cn_predict(model, {cn_array(xs, 3, 1)}, {cn_array(p, 3, 1)}, .callbacks = CN_CALLBACKS(write_to(&j)));
    cr_expect_str_eq(j.text, "test{ }test:loss predict{ }predict");
    cn_model_free(model);
}

Test(callback, callbacks_are_called_in_their_order)
{
    journal j = {.stop_after = -1};
    cn_model *model = new_model();
    cn_fit(model, DATA, .verbose = 0,
           .callbacks = {{.context = &j, .on_epoch_end = epoch_end},
                         {.context = &j, .on_epoch_begin = epoch_begin},
                         {.context = &j, .on_epoch_end = epoch_end}});
    cr_expect_str_eq(j.text, "epoch{0 }epoch0:1 }epoch0:1");
    cn_model_free(model);
}

Test(callback, training_stops_after_the_batch)
{
    journal j = {.stop_after = 0};
    cn_model *model = new_model();
    cn_history *history = cn_fit(model, DATA, .epochs = 3, .batch_size = 1, .verbose = 0, .callbacks = {write_to(&j)});
    cr_assert(history != NULL, "%s", cn_error_message());
    cr_expect_str_eq(j.text, "train{ epoch{0 batch{0 }batch0:loss }epoch0:1 }train:1");
    cr_expect_eq(cn_history_epochs(history), 1);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 1);
    j = (journal){.stop_after = -1};
    cr_expect_eq(cn_history_epochs(cn_fit(model, DATA, .epochs = 3, .verbose = 0)), 3, "the next fit trains on");
    cn_model_free(model);
}

static bool stop_at_epoch(void *context, cn_model *model, int epoch)
{
    (void)context;
    (void)epoch;
    cn_stop_training(model);
    return true;
}

static bool stop_at_train(void *context, cn_model *model)
{
    return stop_at_epoch(context, model, 0);
}

Test(callback, training_stops_after_the_first_batch_if_told_before_it)
{
    const cn_callback stops[] = {{.on_train_begin = stop_at_train}, {.on_epoch_begin = stop_at_epoch}};
    for (int i = 0; i < 2; i++) {
        cn_model *model = new_model();
        double first = cn_test_on_batch(model, {cn_array(xs, 1, 1)}, {cn_array(ys, 1, 1)});
        cn_history *history =
            cn_fit(model, DATA, .epochs = 3, .batch_size = 1, .shuffle = false, .verbose = 0, .callbacks = {stops[i]});
        cr_assert(history != NULL, "%s", cn_error_message());
        cr_expect_eq(cn_iterations(cn_model_updater(model)), 1);
        cr_expect_eq(cn_history_epochs(history), 1);
        cr_expect_eq(cn_history_of(history, "loss")[0], first);
        cn_model_free(model);
    }
}

static bool add_value(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)context;
    (void)model;
    logs->item[logs->count++] = (cn_logged){"epoch_squared", epoch * epoch};
    return true;
}

Test(callback, values_added_to_the_logs_are_in_the_history)
{
    cn_model *model = new_model();
    cn_history *history = cn_fit(model, DATA, .epochs = 3, .verbose = 0, .callbacks = {{.on_epoch_end = add_value}});
    cr_expect_eq(cn_history_names(history), 2);
    cr_expect_eq(cn_history_of(history, "epoch_squared")[2], 4);
    cr_expect_null(cn_history_of(history, "absent"));
    cn_model_free(model);
}

static void expect_hook_failure(const char *hook, const char *given, cn_code code, const char *message)
{
    journal j = {.stop_after = -1, .failing = hook, .message = given};
    cn_model *model = new_model();
    cr_expect_null(cn_fit(model, DATA, .epochs = 2, .verbose = 0, .callbacks = {write_to(&j)},
                          .validation_x = {cn_array(xs, 3, 1)}, .validation_y = {cn_array(ys, 3, 1)}));
    cr_expect_eq(cn_error_code(), code);
    cr_expect_str_eq(cn_error_message(), message);
    size_t length = strlen(j.text), last = length - strlen(strrchr(j.text, ' ') ? strrchr(j.text, ' ') + 1 : j.text);
    cr_expect(strncmp(j.text + last, hook, strlen(hook)) == 0, "after %s came %s", hook, j.text);
    cn_error_clear();
    cn_model_free(model);
}

Test(callback, a_hook_that_fails_ends_training_with_its_error)
{
    expect_hook_failure("}epoch", "epoch: enough", CN_VALUE, "epoch: enough");
    expect_hook_failure("train{", NULL, CN_STATE, "a callback's on_train_begin failed");
    expect_hook_failure("}train", NULL, CN_STATE, "a callback's on_train_end failed");
    expect_hook_failure("epoch{", NULL, CN_STATE, "a callback's on_epoch_begin failed");
    expect_hook_failure("}epoch", NULL, CN_STATE, "a callback's on_epoch_end failed");
    expect_hook_failure("batch{", NULL, CN_STATE, "a callback's on_train_batch_begin failed");
    expect_hook_failure("}batch", NULL, CN_STATE, "a callback's on_train_batch_end failed");
    expect_hook_failure("test{", NULL, CN_STATE, "a callback's on_test_begin failed");
    expect_hook_failure("}test", NULL, CN_STATE, "a callback's on_test_end failed");
}

Test(callback, a_hook_that_fails_ends_evaluate_and_predict)
{
    journal j = {.stop_after = -1, .failing = "test{"};
    float p[3];
    cn_model *model = new_model();
    cn_evaluate(model, DATA, .callbacks = {write_to(&j)});
    cr_expect_str_eq(cn_error_message(), "a callback's on_test_begin failed");
    cn_error_clear();
    j.failing = "predict{";
    cr_expect_not(
        cn_predict(model, {cn_array(xs, 3, 1)}, {cn_array(p, 3, 1)}, .callbacks = CN_CALLBACKS(write_to(&j))));
    cr_expect_str_eq(cn_error_message(), "a callback's on_predict_begin failed");
    cr_expect_str_eq(j.text, "test{ predict{");
    cn_model_free(model);
}

static bool fit_again(void *context, cn_model *model, int epoch)
{
    (void)context;
    (void)epoch;
    return cn_fit(model, DATA, .verbose = 0) != NULL;
}

static bool compile_again(void *context, cn_model *model, int epoch)
{
    (void)context;
    (void)epoch;
    return cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error());
}

Test(callback, the_model_is_not_fitted_or_compiled_anew_while_it_is_trained)
{
    cn_model *model = new_model();
    cr_expect_null(cn_fit(model, DATA, .verbose = 0, .callbacks = {{.on_epoch_begin = fit_again}}));
    cr_expect_eq(cn_error_code(), CN_STATE);
    cr_expect_str_eq(cn_error_message(), "fit: sequential is being trained; callbacks may use train_on_batch");
    cn_error_clear();
    cr_expect_null(cn_fit(model, DATA, .verbose = 0, .callbacks = {{.on_epoch_begin = compile_again}}));
    cr_expect_eq(cn_error_code(), CN_STATE);
    cr_expect_str_eq(cn_error_message(), "compile: sequential is being trained");
    cn_error_clear();
    cr_expect(cn_fit(model, DATA, .verbose = 0), "%s", cn_error_message());
    cn_model_free(model);
}
