/* Memory that runs out at any call of the allocator: an error, and nothing is lost. */
#include "counting_allocator.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <limits.h>
#include <unistd.h>

enum { SAMPLES = 5, STEPS = 3 };

static const int32_t tokens[SAMPLES][STEPS] = {{1, 2, 3}, {0, 1, 4}, {2, 2, 1}, {3, 0, 0}, {4, 1, 2}};
static const float xs[SAMPLES][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 8}};
static const int32_t classes[SAMPLES] = {0, 1, 2, 1, 0};
static const float numbers[SAMPLES] = {1, 2, 3, 4, 5}, weights[SAMPLES] = {1, 2, 1, 0, 1};

#define INPUTS                                                           \
    {                                                                    \
        cn_array(tokens[0], SAMPLES, STEPS), cn_array(xs[0], SAMPLES, 2) \
    }
#define TARGETS                                                \
    {                                                          \
        cn_array(classes, SAMPLES), cn_array(numbers, SAMPLES) \
    }

/* Two inputs and outputs, operations, a shared layer, penalties and masks. */
static cn_model *functional(void)
{
    cn_tensor *a = cn_input_with((cn_input_args){.shape = CN_SHAPE(STEPS), .dtype = CN_I32}), *b = cn_input(2);
    cn_tensor *sequence = cn_call(cn_embedding(5, 4, .mask_zero = true), a);
    cn_layer *shared = cn_dense(3, cn_tanh, .kernel_regularizer = cn_l2(0.01));
    cn_tensor *code = cn_call(shared, cn_call(cn_lstm(2), sequence));
    cn_tensor *both = cn_call_many(cn_concatenate_layer(), {code, cn_call(shared, cn_mul(b, cn_scalar(b, 2)))}).item[0];
    cn_tensor *dropped = cn_call(cn_dropout(0.5), both);
    return cn_model_new({a, b}, {cn_call(cn_dense(3, cn_softmax), dropped), cn_call(cn_dense(1), both)});
}

static cn_model *compiled(void)
{
    cn_model *model = functional();
    if (model)
        cn_compile(model, .optimizer = cn_adam(0.01, .use_ema = true),
                   .losses = {cn_sparse_categorical_crossentropy(), cn_mean_squared_error()},
                   .output_metrics = {{cn_accuracy()}, {cn_metric_of(cn_mean_absolute_error())}});
    return model;
}

static void build_and_free(void)
{
    cn_model_free(functional());
}

static void compile(void)
{
    cn_model_free(compiled());
}

static void fit(void)
{
    cn_model *model = compiled();
    cn_fit(model, INPUTS, TARGETS, .sample_weight = {cn_array(weights, SAMPLES)}, .batch_size = 2, .epochs = 2,
           .validation_split = 0.4, .verbose = 0);
    cn_model_free(model);
}

static void predict(void)
{
    float p[SAMPLES][3], q[SAMPLES];
    cn_model *model = functional();
    cn_predict(model, INPUTS, {cn_array(p[0], SAMPLES, 3), cn_array(q, SAMPLES, 1)}, .batch_size = 2);
    cn_model_free(model);
}

/* A model without an input layer is built by what it is first given; it must be so again after a failure. */
static cn_model *unbuilt;

static void predict_unbuilt(void)
{
    float p[SAMPLES];
    cn_predict(unbuilt, {cn_array(xs[0], SAMPLES, 2)}, {cn_array(p, SAMPLES, 1)});
}

static void make_and_build(void)
{
    unbuilt = cn_sequential(cn_dense(4, cn_relu), cn_dense(1));
    predict_unbuilt();
    cn_model_free(unbuilt);
}

#ifdef CN_HAVE_JANSSON
/* One epoch, with callbacks that keep copies, write files and resume. */
static void fit_with(cn_callback backup)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(1));
    cn_compile(model, .optimizer = cn_adam(0.01, .use_ema = true), .loss = cn_mean_squared_error());
    cn_fit(model, {cn_array(xs[0], SAMPLES, 2)}, {cn_array(numbers, SAMPLES)}, .validation_split = 0.4, .verbose = 0,
           .callbacks = {cn_early_stopping(.restore_best_weights = true), cn_reduce_lr_on_plateau(.verbose = 1),
                         cn_swap_ema_weights(.swap_on_epoch = true), cn_csv_logger("log.csv"),
                         cn_tensorboard(.histogram_freq = 1, .update_freq = CN_EACH_BATCH), backup});
    cn_model_free(model);
}

static void fit_with_callbacks(void)
{
    fit_with(cn_model_checkpoint("{epoch}.safetensors", .save_weights_only = true));
}

static void fit_with_backups(void)
{
    unlink("backup/latest.safetensors");
    fit_with(cn_backup_and_restore("backup"));
}

static void resume(void)
{
    fit_with(cn_backup_and_restore("backup", .delete_checkpoint = false));
}
#endif

/* A model inside another. */
static void nest(void)
{
    cn_model *inner = cn_sequential(cn_dense(2), cn_dense(2, cn_relu));
    cn_tensor *in = cn_input(2);
    cn_model *outer = cn_model_new({in}, {cn_call(cn_dense(1), cn_call_model(inner, in))});
    cn_model_free(inner);
    cn_model_free(outer);
}

static void summarize(void)
{
    FILE *file = tmpfile();
    cn_model *model = functional();
    cn_summary_with((cn_summary_args){.model = model, .file = file, .expand_nested = true});
    cn_model_free(model);
    fclose(file);
}

static void begin_round(long limit)
{
    cn_error_clear();
    cn_clear_session();
    counting_start(limit);
}

static void expect_errors(void (*scenario)(void))
{
    begin_round(LONG_MAX);
    scenario();
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    long calls = counting.calls;
    cr_assert_gt(calls, 10);
    for (long limit = 0; limit < calls; limit++) {
        begin_round(limit);
        scenario();
        cr_assert_eq(cn_error_code(), CN_MEMORY, "call %ld of %ld: \"%s\"", limit, calls, cn_error_message());
        cn_clear_session();
        cr_assert_eq(counting.live, 0, "call %ld of %ld: %ld blocks are lost", limit, calls, counting.live);
    }
    cn_error_clear();
}

Test(training_memory, runs_out_while_a_model_is_made)
{
    expect_errors(build_and_free);
}

Test(training_memory, runs_out_while_models_are_nested)
{
    expect_errors(nest);
}

Test(training_memory, runs_out_while_a_model_is_built_by_its_input)
{
    expect_errors(make_and_build);
}

Test(training_memory, runs_out_in_compile)
{
    expect_errors(compile);
}

Test(training_memory, runs_out_in_fit)
{
    expect_errors(fit);
}

#ifdef CN_HAVE_JANSSON
static char directory[] = "/tmp/cornet-memory-XXXXXX";

static void enter_directory(void)
{
    cr_assert(mkdtemp(directory) && chdir(directory) == 0);
}

static void remove_directory(void)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", directory);
    cr_assert_eq(system(command), 0);
}

Test(training_memory, runs_out_in_callbacks, .init = enter_directory, .fini = remove_directory)
{
    expect_errors(fit_with_callbacks);
    expect_errors(fit_with_backups);
    begin_round(LONG_MAX);
    resume();
    expect_errors(resume);
}
#endif

Test(training_memory, runs_out_in_predict)
{
    expect_errors(predict);
}

Test(training_memory, runs_out_in_summary)
{
    expect_errors(summarize);
}

/* After an error a model is as good as before it. */
Test(training_memory, a_model_works_again_when_there_is_memory)
{
    begin_round(LONG_MAX);
    cn_model *model = cn_sequential(cn_dense(4, cn_relu), cn_dense(1));
    cr_assert(cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error(), .metrics = {cn_accuracy()}));
    bool done = false;
    long limit = 0;
    for (; !done; limit++) {
        counting.calls = 0;
        counting.limit = limit;
        done = cn_fit(model, {cn_array(xs[0], SAMPLES, 2)}, {cn_array(numbers, SAMPLES)}, .batch_size = 2,
                      .verbose = 0) != NULL;
        cr_assert(done || cn_error_code() == CN_MEMORY, "call %ld: \"%s\"", limit, cn_error_message());
        cn_error_clear();
    }
    cr_expect_gt(limit, 10);
    cn_model_free(model);
    cn_clear_session();
    cr_expect_eq(counting.live, 0);
}
