#include "cornet.h"
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SAMPLES = 22, BATCH = 4 };
static float X[SAMPLES][3], y[SAMPLES][1], weights[SAMPLES];

static void make_samples(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < 3; j++)
            X[i][j] = sinf((float)(3 * i + j));
        y[i][0] = X[i][0] - 2 * X[i][1];
        weights[i] = 1 + 0.25f * (float)(i % 3);
    }
}
TestSuite(fit_data, .init = make_samples);

static cn_model *new_model(void)
{
    cn_clear_session();
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(5, cn_tanh), cn_dense(1));
    cn_compile(model, .optimizer = cn_adam(0.05), .loss = cn_mean_squared_error(),
               .metrics = {cn_metric_mean_absolute_error()});
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    return model;
}

static cn_dataset *samples(void)
{
    return cn_dataset_arrays({cn_array(X[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 1)});
}

static void expect_same_history(const cn_history *a, const cn_history *b)
{
    cr_assert(a && b, "%s", cn_error_message());
    cr_assert_eq(cn_history_names(a), cn_history_names(b));
    cr_assert_eq(cn_history_epochs(a), cn_history_epochs(b));
    for (int i = 0; i < cn_history_names(a); i++) {
        const char *name = cn_history_name(a, i);
        cr_expect_arr_eq(cn_history_of(a, name), cn_history_of(b, name), (size_t)cn_history_epochs(a) * sizeof(double),
                         "%s differs", name);
    }
}

static void expect_refused(bool failed, cn_code code, const char *reason)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(fit_data, is_fit_to_the_bit)
{
    cn_model *a = new_model(), *b = new_model();
    cn_view val_x = cn_array(X[0], 6, 3), val_y = cn_array(y[0], 6, 1);
    cn_dataset *data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_shuffle(samples()), BATCH), 2);
    cn_dataset *validation = cn_dataset_batch(cn_dataset_arrays({val_x}, {val_y}), BATCH);
    expect_same_history(cn_fit(a, {cn_array(X[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 1)}, .batch_size = BATCH,
                               .epochs = 3, .verbose = 0, .validation_x = {val_x}, .validation_y = {val_y},
                               .class_weight = CN_CLASS_WEIGHTS({0, 1}, {1, 2})),
                        cn_fit_data(b, data, .epochs = 3, .verbose = 0, .validation_data = validation,
                                    .class_weight = CN_CLASS_WEIGHTS({0, 1}, {1, 2})));
    cn_dataset_free(data);
    cn_dataset_free(validation);
    cn_model_free(a);
    cn_model_free(b);
}

Test(fit_data, takes_sample_weights_from_the_data_set)
{
    cn_model *a = new_model(), *b = new_model();
    cn_dataset *data = cn_dataset_batch(
        cn_dataset_arrays({cn_array(X[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 1)}, {cn_array(weights, SAMPLES)}),
        BATCH);
    expect_same_history(cn_fit(a, {cn_array(X[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 1)}, .batch_size = BATCH,
                               .epochs = 2, .verbose = 0, .shuffle = false,
                               .sample_weight = {cn_array(weights, SAMPLES)}),
                        cn_fit_data(b, data, .epochs = 2, .verbose = 0));
    cn_dataset_free(data);
    cn_model_free(a);
    cn_model_free(b);
}

Test(fit_data, evaluates_and_predicts_as_from_arrays)
{
    cn_model *model = new_model();
    float from_arrays[SAMPLES][1], from_data[SAMPLES][1];
    cn_dataset *data = cn_dataset_batch(samples(), 7);
    cn_logs logs;
    double loss = cn_evaluate(model, {cn_array(X[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 1)}, .batch_size = 7);
    cr_expect_eq(cn_evaluate_data(model, data, .logs = &logs), loss);
    cr_expect_eq(cn_logs_value(&logs, "loss"), loss);
    cr_assert(cn_predict(model, {cn_array(X[0], SAMPLES, 3)}, {cn_array(from_arrays[0], SAMPLES, 1)}, .batch_size = 7));
    cr_assert(cn_predict_data(model, data, {cn_array(from_data[0], SAMPLES, 1)}), "%s", cn_error_message());
    cr_expect_arr_eq(from_arrays, from_data, sizeof from_data);
    cn_dataset_free(data);
    cn_model_free(model);
}

static bool unchanged(void *context, cn_iterator *iterator, cn_element *element)
{
    (void)context, (void)iterator, (void)element;
    return true;
}

static bool count_call(void *context, cn_model *model)
{
    (void)model;
    ++*(int *)context;
    return true;
}

Test(fit_data, predictions_without_an_array_to_write_to_are_refused_before_anything_is_run)
{
    int calls = 0;
    cn_model *model = new_model();
    float out[SAMPLES][1];
    cn_dataset *data = cn_dataset_batch(samples(), 7);
    cn_view wrong[] = {cn_array((const float *)out[0], SAMPLES, 1), cn_array(out[0], SAMPLES - 1, 1), {0}};
    for (int i = 0; i < 3; i++) {
        expect_refused(!cn_predict_data(model, data, {wrong[i]},
                                        .callbacks = CN_CALLBACKS({.context = &calls, .on_predict_begin = count_call})),
                       i == 1 ? CN_SHAPES : CN_ARGUMENT, "predict: ");
        if (i != 1)
            expect_refused(!cn_predict(model, {cn_array(X[0], SAMPLES, 3)}, {wrong[i]},
                                       .callbacks = CN_CALLBACKS({.context = &calls, .on_predict_begin = count_call})),
                           CN_ARGUMENT, "not const");
    }
    cr_expect_eq(calls, 0);
    cn_dataset_free(data);
    cn_model_free(model);
}

Test(fit_data, predictions_need_an_array_of_the_size_of_the_data)
{
    cn_model *model = new_model();
    float out[SAMPLES + 1][1];
    cn_dataset *data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_shuffle(samples()), 7), 2);
    cr_expect_eq(cn_dataset_samples(data), SAMPLES);
    for (int less = -1; less <= 1; less += 2) {
        out[0][0] = 123;
        expect_refused(!cn_predict_data(model, data, {cn_array(out[0], SAMPLES - less, 1)}), CN_SHAPES, "has room for");
        cr_expect_eq(out[0][0], 123);
    }
    expect_refused(!cn_predict_data(model, data, {cn_array((const float *)out[0], SAMPLES, 1)}), CN_ARGUMENT,
                   "not const");
    /* What a function makes of batches is known at the end alone. */
    data = cn_dataset_map(data, unchanged, NULL);
    cr_expect_eq(cn_dataset_samples(data), -1);
    expect_refused(!cn_predict_data(model, data, {cn_array(out[0], SAMPLES - 1, 1)}), CN_SHAPES, "more samples");
    expect_refused(!cn_predict_data(model, data, {cn_array(out[0], SAMPLES + 1, 1)}), CN_SHAPES, "has room for 23");
    cr_expect(cn_predict_data(model, data, {cn_array(out[0], SAMPLES, 1)}));
    cr_expect(cn_predict_data(model, data, {cn_array(out[0], 14, 1)}, .steps = 2));
    cn_dataset_free(data);
    cn_model_free(model);
}

static bool count_batch(void *context, cn_model *model, int64_t batch, const cn_logs *logs)
{
    (void)model, (void)batch, (void)logs;
    ++*(int *)context;
    return true;
}

static int batches_of_fit(cn_dataset *data, int epochs, int64_t steps_per_epoch, char *printed, size_t room)
{
    int count = 0;
    FILE *file = tmpfile();
    cn_model *model = new_model();
    cr_assert(cn_fit_data(model, data, .epochs = epochs, .steps_per_epoch = steps_per_epoch, .verbose = 2, .file = file,
                          .callbacks = {{.context = &count, .on_train_batch_end = count_batch}}),
              "%s", cn_error_message());
    rewind(file);
    printed[fread(printed, 1, room - 1, file)] = 0;
    fclose(file);
    cn_dataset_free(data);
    cn_model_free(model);
    return count;
}

Test(fit_data, an_epoch_is_a_pass_or_steps_per_epoch)
{
    char printed[4096];
    cr_expect_eq(batches_of_fit(cn_dataset_batch(samples(), BATCH), 2, 0, printed, sizeof printed), 12);
    cr_expect_eq(batches_of_fit(cn_dataset_batch(cn_dataset_repeat(samples(), CN_FOREVER), BATCH), 3, 4, printed,
                                sizeof printed),
                 12);
    cr_expect_null(strstr(printed, "ran out of data"));
}

Test(fit_data, running_out_of_data_ends_the_epoch_with_a_warning)
{
    char printed[4096];
    cr_expect_eq(batches_of_fit(cn_dataset_batch(samples(), BATCH), 2, 8, printed, sizeof printed), 12);
    cr_expect(strstr(printed, "Your input ran out of data; interrupting epoch."));
}

Test(fit_data, refuses_wrong_use)
{
    cn_model *model = new_model();
    cn_dataset *data = cn_dataset_batch(cn_dataset_repeat(samples(), CN_FOREVER), BATCH), *single = samples(),
               *empty = cn_dataset_batch(cn_dataset_take(samples(), 0), BATCH);
    expect_refused(!cn_fit_data(model, data, .verbose = 0), CN_ARGUMENT, "no end; give steps_per_epoch");
    expect_refused(isnan(cn_evaluate_data(model, data, .verbose = 0)), CN_ARGUMENT, "no end; give steps");
    expect_refused(!cn_fit_data(model, empty, .verbose = 0), CN_ARGUMENT, "no batch");
    expect_refused(!cn_fit_data(model, single, .verbose = 0), CN_SHAPES, "fit: ");
    expect_refused(!cn_fit_data(model, data, .x = {cn_array(X[0], SAMPLES, 3)}), CN_ARGUMENT, "the data set's");
    expect_refused(!cn_fit_data(model, data, .validation_split = 0.5), CN_ARGUMENT, "validation_split");
    expect_refused(!cn_fit_data(model, data, .batch_size = 8), CN_ARGUMENT, "batch sizes are for arrays");
    expect_refused(!cn_fit_data(model, data, .validation_data = data, .validation_batch_size = 8), CN_ARGUMENT,
                   "batch sizes are for arrays");
    cr_expect_not(isnan(cn_evaluate_data(model, data, .steps = 3)));
    cn_dataset_free(data);
    cn_dataset_free(single);
    cn_dataset_free(empty);
    cn_model_free(model);
}

/* Data larger than memory */

enum { WIDE = 1024, ROWS = 48 << 10 };
static const size_t data_bytes = (size_t)WIDE * ROWS * sizeof(float);

static const char *sparse_npy(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/cornet-test-large-%ld", (long)getpid());
    char header[128];
    memset(header, ' ', sizeof header);
    memcpy(header, "\x93NUMPY\1\0\x76\0", 10);
    int length = snprintf(header + 10, sizeof header - 10,
                          "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", ROWS, WIDE);
    header[10 + length] = ' ';
    header[127] = '\n';
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(header, 1, sizeof header, file) == sizeof header);
    cr_assert_eq(fclose(file), 0);
    cr_assert_eq(truncate(path, (off_t)(sizeof header + data_bytes)), 0);
    return path;
}

/* Bytes of private memory that this process has now. */
static size_t private_bytes(void)
{
    char line[256];
    unsigned long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmData: %lu", &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return (size_t)kilobytes << 10;
}

Test(fit_data, data_larger_than_memory_train_in_bounded_memory)
{
    const char *path = sparse_npy();
    float *targets = calloc(ROWS, sizeof *targets);
    cn_model *model = cn_sequential(cn_input_layer(WIDE), cn_dense(1));
    cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_mean_squared_error());
    for (int i = 0; i < ROWS; i++)
        targets[i] = 1;
    cn_npy *npy = cn_npy_open(path);
    unlink(path);
    cr_assert(npy && private_bytes() > 0, "%s", cn_error_message());
    cn_dataset *data = cn_dataset_arrays({npy->array}, {cn_array(targets, ROWS, 1)});
    data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_shuffle(data), 256), 2);
    size_t room = data_bytes / 4;
    struct rlimit limit = {private_bytes() + room, private_bytes() + room};
    cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
    void *volatile too_much = malloc(data_bytes / 2);
    cr_expect_null(too_much, "the limit does not hold");
    cn_history *history = cn_fit_data(model, data, .verbose = 0);
    cr_assert(history, "%s", cn_error_message());
    /* Of inputs that are all zero the bias alone learns, (1 - 2 rate)^steps is left of the error. */
    float prediction = 0, zeros[WIDE] = {0};
    cr_assert(cn_predict(model, {cn_array(zeros, 1, WIDE)}, {cn_array(&prediction, 1, 1)}));
    cr_expect_float_eq(prediction, 1, 1e-5);
    cn_dataset_free(data);
    cn_npy_free(npy);
    cn_model_free(model);
    free(targets);
    free(too_much);
}
