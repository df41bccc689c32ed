/* ModelCheckpoint: when it saves, where, and what it says. */
#include "core/arena.h"
#include "training/callbacks/file_path.h"
#include "own_directory.h"
#include <math.h>
#include <string.h>

TestSuite(model_checkpoint, .init = enter_directory, .fini = leave_directory);

static const float xs[4] = {1, 1, 1, 1}, ys[4] = {0, 0, 0, 0};
static const double *script; /* val_loss of each epoch */
static float weights[16];
static char said[4096];

static float weight_of(cn_model *model)
{
    float w = NAN;
    cr_assert(cn_get_weights(model, cn_array(&w, 1, 1)), "%s", cn_error_message());
    return w;
}

static cn_model *new_model(void)
{
    cn_model *model = cn_sequential(cn_input_layer(1),
                                    cn_dense(1, .use_bias = false, .kernel_initializer = cn_init_ones(), .name = "w"));
    cn_compile(model, .optimizer = cn_sgd(0.1), .loss = cn_mean_squared_error());
    return model;
}

static bool follow_script(void *context, cn_model *model, int epoch, cn_logs *logs)
{
    (void)context;
    weights[epoch] = weight_of(model);
    return !script || cn_logs_set(logs, "val_loss", script[epoch]);
}

/* Four epochs of two batches. */
static cn_model *fit(cn_callback checkpoint)
{
    FILE *file = tmpfile();
    cn_model *model = new_model();
    cn_fit(model, {cn_array(xs, 4, 1)}, {cn_array(ys, 4, 1)}, .batch_size = 2, .epochs = 4, .verbose = 0, .file = file,
           .callbacks = {{.on_epoch_end = follow_script}, checkpoint});
    rewind(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return model;
}

static void expect_saved(const char *path, float weight)
{
    cn_model *model = new_model();
    cr_assert(cn_load_weights(model, path), "%s", cn_error_message());
    cr_expect_eq(weight_of(model), weight, "%s has %g, not %g", path, (double)weight_of(model), (double)weight);
    cn_model_free(model);
}

static void expect_refused(cn_code code, const char *message)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect_str_eq(cn_error_message(), message);
    cn_error_clear();
}

static bool exists(const char *path)
{
    return access(path, F_OK) == 0;
}

Test(model_checkpoint, saves_weights_after_each_epoch)
{
    cn_model_free(fit(cn_model_checkpoint("all/{epoch:02d}.safetensors", .save_weights_only = true, .verbose = 1)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    for (int i = 0; i < 4; i++) {
        char path[64];
        snprintf(path, sizeof path, "all/%02d.safetensors", i + 1);
        expect_saved(path, weights[i]);
    }
    cr_expect_str_eq(said, "\nEpoch 1: saving model to all/01.safetensors\n"
                           "\nEpoch 2: saving model to all/02.safetensors\n"
                           "\nEpoch 3: saving model to all/03.safetensors\n"
                           "\nEpoch 4: saving model to all/04.safetensors\n");
}

#if defined(CN_HAVE_HDF5) && defined(CN_HAVE_LIBZIP)
Test(model_checkpoint, saves_whole_models)
{
    cn_model_free(fit(cn_model_checkpoint("model.keras")));
    cn_model *model = cn_load("model.keras");
    cr_assert(model, "%s", cn_error_message());
    cr_expect_eq(weight_of(model), weights[3]);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 8, "with the optimizer's state");
    cn_model_free(model);
}
#endif

Test(model_checkpoint, saves_the_best_only)
{
    script = (const double[]){3, 2, 2.5, 1.25};
    cn_model_free(fit(cn_model_checkpoint("{epoch}-{val_loss:.1f}.safetensors", .save_best_only = true,
                                          .save_weights_only = true, .verbose = 1)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    expect_saved("1-3.0.safetensors", weights[0]);
    expect_saved("2-2.0.safetensors", weights[1]);
    cr_expect_not(exists("3-2.5.safetensors"));
    expect_saved("4-1.2.safetensors", weights[3]);
    cr_expect_str_eq(said, "\nEpoch 1: val_loss improved from inf to 3.00000, saving model to 1-3.0.safetensors\n"
                           "\nEpoch 2: val_loss improved from 3.00000 to 2.00000, saving model to 2-2.0.safetensors\n"
                           "\nEpoch 3: val_loss did not improve from 2.00000\n"
                           "\nEpoch 4: val_loss improved from 2.00000 to 1.25000, saving model to 4-1.2.safetensors\n");
}

Test(model_checkpoint, saves_the_highest_in_mode_max)
{
    script = (const double[]){3, 2, 4, 1};
    cn_model_free(fit(cn_model_checkpoint("best.safetensors", .save_best_only = true, .save_weights_only = true,
                                          .mode = CN_MODE_MAX, .verbose = 1)));
    expect_saved("best.safetensors", weights[2]);
    cr_expect(strstr(said, "Epoch 1: val_loss improved from -inf to 3.00000"), "%s", said);
}

Test(model_checkpoint, saves_what_is_better_than_the_threshold)
{
    script = (const double[]){3, 2, 1.5, 1};
    cn_model_free(fit(cn_model_checkpoint("{epoch}.safetensors", .save_best_only = true, .save_weights_only = true,
                                          .initial_value_threshold = 2)));
    cr_expect(!exists("1.safetensors") && !exists("2.safetensors"));
    cr_expect(exists("3.safetensors") && exists("4.safetensors"));
    cr_expect_str_eq(said, "");
}

Test(model_checkpoint, saves_after_so_many_batches)
{
    cn_model_free(fit(cn_model_checkpoint("{epoch}-{batch}.safetensors", .save_weights_only = true, .save_freq = 3)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    /* Batches 3 and 6 of the eight. */
    cr_expect(exists("2-1.safetensors") && exists("3-2.safetensors"));
    cr_expect_eq(system("test $(ls | wc -l) = 2"), 0);
    expect_saved("3-2.safetensors", weights[2]);
}

Test(model_checkpoint, monitors_values_of_batches)
{
    cn_model_free(fit(cn_model_checkpoint("best.safetensors", "loss", .save_best_only = true, .save_weights_only = true,
                                          .save_freq = CN_EACH_BATCH)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    expect_saved("best.safetensors", weights[3]);
}

Test(model_checkpoint, a_value_that_is_not_there_is_skipped)
{
    script = NULL;
    cn_model_free(fit(cn_model_checkpoint("best.safetensors", .save_best_only = true, .save_weights_only = true)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    cr_expect_not(exists("best.safetensors"));
}

Test(model_checkpoint, a_format_that_is_not_known_is_refused_before_training)
{
    cn_model_checkpoint("model.txt");
    expect_refused(CN_ARGUMENT, "ModelCheckpoint: model.txt: a model is saved as .keras, .h5 or .hdf5");
    cn_model_checkpoint("{epoch}.weights.h5");
    expect_refused(CN_ARGUMENT, "ModelCheckpoint: {epoch}.weights.h5: a model is saved as .keras, .h5 or .hdf5");
    cn_model_checkpoint("{epoch}.keras", .save_weights_only = true);
    expect_refused(CN_ARGUMENT, "ModelCheckpoint: {epoch}.keras: weights are saved as .safetensors, .npz, .weights.h5, "
                                ".h5 or .hdf5");
}

Test(model_checkpoint, what_is_not_a_number_is_never_the_best)
{
    const double values[] = {(double)NAN, 5, (double)NAN, 6};
    script = values;
    cn_model_free(fit(cn_model_checkpoint("best.safetensors", .save_best_only = true, .save_weights_only = true)));
    cr_assert(!cn_failed(), "%s", cn_error_message());
    expect_saved("best.safetensors", weights[1]);
}

/* Paths */

static void expect_path(const char *pattern, const char *path)
{
    const cn_logs logs = {.count = 3, .item = {{"loss", 0.5}, {"val_loss", -12.345}, {"tiny", 1e-5}}};
    cn_text text = {0};
    cr_assert(cn_format_path(&text, pattern, 7, 12, &logs), "%s", cn_error_message());
    cr_expect_str_eq(text.data, path);
    cn_text_free(&text);
}

Test(model_checkpoint, paths_are_formatted_as_python_does)
{
    expect_path("plain", "plain");
    expect_path("{epoch}", "7");
    expect_path("{epoch:d}", "7");
    expect_path("{epoch:02d}-{epoch:3}", "07-  7");
    expect_path("{epoch:.1f}", "7.0");
    expect_path("{batch:05}", "00012");
    expect_path("{loss}", "0.5");
    expect_path("{tiny}", "1e-05");
    expect_path("{val_loss:.2f}", "-12.35");
    expect_path("{val_loss:f}", "-12.345000");
    expect_path("{val_loss:09.2f}", "-00012.35");
    expect_path("{val_loss:9.2f}", "   -12.35");
    expect_path("{loss:.2e}", "5.00e-01");
    expect_path("{loss:g}", "0.5");
    expect_path("{{{epoch}}}", "{7}");
}

static void refuse_path(const char *pattern, const char *message)
{
    const cn_logs logs = {.count = 1, .item = {{"loss", 0.5}}};
    cn_text text = {0};
    cr_expect_not(cn_format_path(&text, pattern, 7, -1, &logs));
    expect_refused(CN_ARGUMENT, message);
    cn_text_free(&text);
}

Test(model_checkpoint, paths_that_cannot_be_formatted_are_refused)
{
    refuse_path("{loss", "ModelCheckpoint: {loss: a brace is not closed");
    refuse_path("loss}", "ModelCheckpoint: loss}: a brace is not opened");
    refuse_path("{mine}", "ModelCheckpoint: {mine}: there is no value named mine");
    refuse_path("{batch}", "ModelCheckpoint: {batch}: there is no value named batch");
    refuse_path("{loss:d}", "ModelCheckpoint: {loss:d}: the format of loss is not known");
    refuse_path("{loss:.2}", "ModelCheckpoint: {loss:.2}: the format of loss is not known");
    refuse_path("{loss:<9f}", "ModelCheckpoint: {loss:<9f}: the format of loss is not known");
    refuse_path("{loss:.99f}", "ModelCheckpoint: {loss:.99f}: the format of loss is not known");
    refuse_path("{loss:999999999999f}", "ModelCheckpoint: {loss:999999999999f}: the format of loss is not known");
}
