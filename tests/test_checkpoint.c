/* Checkpoints: training goes on from one bit for bit, and what is refused changes nothing. */
#include "cornet.h"
#include "file_of_bytes.h"
#include <string.h>

TestSuite(checkpoint, .fini = remove_file);

enum { SAMPLES = 12, FEATURES = 3 };

/* Random layers draw by the names of layer and model. */
static cn_model *new_model(cn_optimizer optimizer, int64_t units)
{
    cn_tensor *x = cn_input(FEATURES);
    cn_tensor *h = cn_call(cn_batch_normalization(.name = "norm"), cn_call(cn_dense(units, cn_tanh, .name = "h"), x));
    cn_tensor *y = cn_call(cn_dense(1, .name = "y"), cn_call(cn_dropout(0.5, .name = "dropout"), h));
    cn_model *model = cn_model_new({x}, {y}, .name = "m");
    if (optimizer.type)
        cn_compile(model, .optimizer = optimizer, .loss = cn_mean_squared_error());
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    return model;
}

static void train(cn_model *model, int from, int to)
{
    float x[SAMPLES][FEATURES], y[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        for (int k = 0; k < FEATURES; k++)
            x[i][k] = (float)((i * 5 + k * 3) % 7) - 3;
        y[i] = x[i][0] - 2 * x[i][1];
    }
    cr_assert(cn_fit(model, {cn_array(x[0], SAMPLES, FEATURES)}, {cn_array(y, SAMPLES, 1)}, .batch_size = 5,
                     .initial_epoch = from, .epochs = to, .verbose = 0),
              "%s", cn_error_message());
}

static void expect_same_weights(cn_model *a, cn_model *b)
{
    for (int i = 0; i < cn_weight_count(a); i++) {
        float left[64], right[64];
        cn_shape shape = cn_shape_of(cn_weight(a, i));
        cr_assert(cn_values(cn_weight(a, i), cn_array_with(left, CN_ARRAY_F32, true, shape)));
        cr_assert(cn_values(cn_weight(b, i), cn_array_with(right, CN_ARRAY_F32, true, shape)));
        cr_expect_arr_eq(left, right, (size_t)cn_shape_size(shape) * sizeof *left, "%s", cn_name_of(cn_weight(a, i)));
    }
}

/* A path where nothing lies yet. */
static const char *new_path(void)
{
    file_of("", 0);
    unlink(file_path);
    strcat(file_path, ".safetensors");
    return file_path;
}

static cn_safetensors *saved(cn_model *model)
{
    const char *path = new_path();
    cr_assert(cn_save_checkpoint(model, path, NULL, 0, NULL), "%s", cn_error_message());
    cn_safetensors *file = cn_safetensors_open(path);
    cr_assert(file, "%s", cn_error_message());
    return file;
}

static void expect_training_goes_on(cn_optimizer optimizer)
{
    cn_set_seed(7);
    cn_model *unbroken = new_model(optimizer, 5), *first = new_model(optimizer, 5);
    train(unbroken, 0, 2);
    train(unbroken, 2, 5);
    train(first, 0, 2);
    cn_safetensors *file = saved(first);
    cn_set_seed(1);
    cn_model *second = new_model(optimizer, 5);
    train(second, 0, 1);
    cr_assert(cn_restore_checkpoint(second, file), "%s", cn_error_message());
    cr_expect_eq(cn_default_seed(), 7);
    train(second, 2, 5);
    expect_same_weights(unbroken, second);
    cn_safetensors_close(file);
    cn_model_free(unbroken);
    cn_model_free(first);
    cn_model_free(second);
}

Test(checkpoint, training_goes_on_bit_for_bit)
{
    expect_training_goes_on(cn_adam(0.01));
}

Test(checkpoint, training_goes_on_with_momentum_and_a_schedule)
{
    expect_training_goes_on(cn_sgd(.momentum = 0.9, .schedule = cn_exponential_decay(0.1, 2, 0.5)));
}

Test(checkpoint, training_goes_on_with_averages_and_accumulated_gradients)
{
    expect_training_goes_on(cn_adam(0.01, .use_ema = true, .gradient_accumulation_steps = 2));
}

Test(checkpoint, the_learning_rate_is_part_of_it)
{
    cn_model *model = new_model(cn_adam(0.01), 5);
    cn_set_learning_rate(cn_model_updater(model), 0.3);
    cn_safetensors *file = saved(model);
    cn_set_learning_rate(cn_model_updater(model), 0.4);
    cr_assert(cn_restore_checkpoint(model, file), "%s", cn_error_message());
    cr_expect_eq(cn_learning_rate(cn_model_updater(model)), 0.3);
    cn_safetensors_close(file);
    cn_model_free(model);
}

Test(checkpoint, holds_what_the_caller_adds)
{
    cn_model *model = new_model(cn_adam(), 5);
    const double best[2] = {0.1, 0.2};
    const cn_safetensors_tensor tensor = {"training/best", CN_F64, CN_SHAPE(2), best};
    const cn_safetensors_text texts[] = {{"training/epoch", "3"}, {NULL, NULL}};
    cr_assert(cn_save_checkpoint(model, new_path(), &tensor, 1, texts), "%s", cn_error_message());
    cn_safetensors *file = cn_safetensors_open(file_path);
    double read[2] = {0};
    cr_assert(cn_restore_checkpoint(model, file), "%s", cn_error_message());
    cr_expect(cn_safetensors_read(cn_safetensors_find(file, "training/best"), CN_F64, read));
    cr_expect_arr_eq(read, best, sizeof best);
    cr_expect_str_eq(cn_safetensors_metadata(file, "training/epoch"), "3");
    cn_safetensors_close(file);
    cn_model_free(model);
}

Test(checkpoint, its_weights_can_be_loaded_alone)
{
    cn_model *model = new_model(cn_adam(), 5), *other = new_model((cn_optimizer){.type = NULL}, 5);
    train(model, 0, 1);
    cn_safetensors_close(saved(model));
    cr_assert(cn_load_weights(other, file_path), "%s", cn_error_message());
    expect_same_weights(model, other);
    cn_model_free(model);
    cn_model_free(other);
}

static void expect_error(bool done, cn_code code, const char *reason)
{
    cr_expect_not(done);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(checkpoint, refuses_names_that_are_not_the_callers)
{
    cn_model *model = new_model(cn_adam(), 5);
    const cn_safetensors_tensor tensor = {"model/h/kernel", CN_F64, CN_SHAPE(1), (double[]){1}};
    const cn_safetensors_text text[] = {{"step", "3"}, {NULL, NULL}};
    expect_error(cn_save_checkpoint(model, new_path(), &tensor, 1, NULL), CN_ARGUMENT, "'model/h/kernel'");
    expect_error(cn_save_checkpoint(model, file_path, NULL, 0, text), CN_ARGUMENT, "'step'");
    expect_error(cn_save_checkpoint(NULL, file_path, NULL, 0, NULL), CN_ARGUMENT, "needs a model");
    cr_expect_neq(access(file_path, F_OK), 0);
    cn_model_free(model);
}

Test(checkpoint, of_another_model_or_optimizer_changes_nothing)
{
    cn_model *model = new_model(cn_adam(), 5), *untouched = new_model(cn_adam(), 5);
    cn_model *wide = new_model(cn_adam(), 6), *other = new_model(cn_sgd(), 5);
    cn_safetensors *file = saved(wide);
    expect_error(cn_restore_checkpoint(model, file), CN_SHAPES, "model/h/kernel has shape (3, 6), the weight (3, 5)");
    cn_safetensors_close(file);
    file = saved(other);
    expect_error(cn_restore_checkpoint(model, file), CN_FORMAT, "another model or optimizer");
    cn_safetensors_close(file);
    unlink(file_path);
    file = cn_safetensors_open(file_of("\2\0\0\0\0\0\0\0{}", 10));
    expect_error(cn_restore_checkpoint(model, file), CN_FORMAT, "is no checkpoint");
    cn_safetensors_close(file);
    expect_same_weights(model, untouched);
    cn_model_free(model);
    cn_model_free(untouched);
    cn_model_free(wide);
    cn_model_free(other);
}
