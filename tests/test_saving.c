/* Models and weights on disk: what comes back, and what is refused. */
#include "cornet.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include "my_dense.h"
#include "read_file.h"
#include <glob.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static char saved_path[96];

static const char *path_to(const char *ending)
{
    snprintf(saved_path, sizeof saved_path, "/tmp/cornet-test-saving-%ld%s", (long)getpid(), ending);
    return saved_path;
}

static void clean(void)
{
    remove_file();
    unlink(saved_path);
    cn_clear_session();
}

TestSuite(saving, .fini = clean);

enum { BATCH = 2, ROOM = 4096 };

/* The outputs for inputs of a fixed pattern, one behind the other. */
static size_t predict(cn_model *model, const cn_shape *shapes, int inputs, float *numbers)
{
    static float data[4][ROOM];
    cn_tape *tape = cn_tape_new();
    cn_call_args args = {.training = CN_INFERENCE};
    for (int i = 0; i < inputs; i++) {
        for (int64_t k = 0; k < cn_shape_size(shapes[i]); k++)
            data[i][k] = (float)((k * 7 + i) % 5);
        args.inputs[i] = cn_constant(tape, cn_array_with(data[i], CN_ARRAY_F32, false, shapes[i]));
    }
    cn_tensors y = cn_call_model_many(model, args);
    cr_assert(y.count > 0, "%s", cn_error_message());
    size_t count = 0;
    for (int i = 0; i < y.count; i++) {
        cn_shape shape = cn_shape_of(y.item[i]);
        cr_assert(cn_values(y.item[i], cn_array_with(numbers + count, CN_ARRAY_F32, true, shape)));
        count += (size_t)cn_shape_size(shape);
    }
    cn_tape_free(tape);
    return count;
}

/* The model predicts the same bits when it has been saved in each format and loaded again. */
static void expect_back(cn_model *model, const cn_shape *shapes, int inputs)
{
    static const char *const whole[] = {".keras", ".h5"}, *const weights[] = {".weights.h5", ".hdf5", ".safetensors",
                                                                              ".npz"};
    static float before[ROOM], after[ROOM];
    cr_assert(model, "%s", cn_error_message());
    size_t count = predict(model, shapes, inputs, before);
    for (int f = 0; f < 2; f++) {
        cr_assert(cn_save(model, path_to(whole[f])), "%s", cn_error_message());
        cn_model *again = cn_load(saved_path);
        cr_assert(again, "%s: %s", whole[f], cn_error_message());
        cr_expect_eq(predict(again, shapes, inputs, after), count);
        cr_expect_arr_eq(after, before, count * sizeof *before, "%s changed the predictions", whole[f]);
        cr_expect_eq(cn_layer_count(again), cn_layer_count(model));
        for (int i = 0; i < cn_layer_count(model); i++)
            cr_expect_str_eq(cn_layer_name(cn_get_layer(again, i)), cn_layer_name(cn_get_layer(model, i)));
        cn_model_free(again);
        unlink(saved_path);
    }
    for (int f = 0; f < 4; f++) {
        cr_assert(cn_save_weights(model, path_to(weights[f])), "%s", cn_error_message());
        for (int i = 0; i < cn_weight_count(model); i++) {
            cn_shape shape = cn_shape_of(cn_weight(model, i));
            float *zeros = calloc((size_t)cn_shape_size(shape) + 1, sizeof *zeros);
            cr_assert(cn_variable_set(cn_weight(model, i), cn_array_with(zeros, CN_ARRAY_F32, false, shape)));
            free(zeros);
        }
        cr_assert(cn_load_weights(model, saved_path), "%s: %s", weights[f], cn_error_message());
        predict(model, shapes, inputs, after);
        cr_expect_arr_eq(after, before, count * sizeof *before, "%s changed the weights", weights[f]);
        unlink(saved_path);
    }
    cn_model_free(model);
}

Test(saving, brings_a_sequential_model_back)
{
    cn_model *model = cn_sequential(
        cn_input_layer(8, 8, 1), cn_conv2d(3, {3}, .activation = cn_relu, .kernel_regularizer = cn_l2(0.01)),
        cn_batch_normalization(), cn_max_pooling2d(), cn_zero_padding2d(.padding = CN_SHAPE(1, 0, 0, 2)), cn_flatten(),
        cn_dropout(0.5), cn_dense(4, .activation = cn_softmax, .kernel_constraint = cn_max_norm(.max_value = 3)));
    expect_back(model, (cn_shape[]){CN_SHAPE(BATCH, 8, 8, 1)}, 1);
}

Test(saving, brings_recurrent_layers_back)
{
    cn_model *model = cn_sequential(cn_input_layer(5, 3), cn_bidirectional(cn_lstm(4, .return_sequences = true)),
                                    cn_time_distributed(cn_dense(3)), cn_gru(2));
    expect_back(model, (cn_shape[]){CN_SHAPE(BATCH, 5, 3)}, 1);
}

Test(saving, brings_attention_back)
{
    cn_tensor *x = cn_input(4, 6);
    cn_layer *attention = cn_multi_head_attention(2, 3);
    cn_tensors y = cn_call_many(attention, {x, x}, .use_causal_mask = true);
    cn_model *model = cn_model_new({x}, {y.item[0]});
    expect_back(model, (cn_shape[]){CN_SHAPE(BATCH, 4, 6)}, 1);
}

Test(saving, brings_a_graph_with_shared_layers_several_inputs_and_outputs_back)
{
    cn_tensor *a = cn_input(3), *b = cn_input(3);
    cn_layer *shared = cn_dense(4, .activation = cn_tanh);
    cn_tensor *u = cn_call(shared, a), *v = cn_call(shared, b);
    cn_tensor *sum = cn_call_many(cn_add_layer(), {u, v}).item[0];
    cn_tensor *joined = cn_call_many(cn_concatenate_layer(), {u, v}).item[0];
    cn_model *model = cn_model_new({a, b}, {cn_call(cn_dense(1), sum), cn_call(cn_dense(2), joined)});
    const cn_shape shapes[] = {CN_SHAPE(BATCH, 3), CN_SHAPE(BATCH, 3)};
    expect_back(model, shapes, 2);
}

Test(saving, brings_models_inside_models_back)
{
    cn_tensor *x = cn_input(3);
    cn_tensor *inner_x = cn_input(3);
    cn_model *inner = cn_model_new({inner_x}, {cn_call(cn_dense(3), inner_x)}, .name = "inner");
    cn_model *chain = cn_sequential(cn_input_layer(3), cn_dense(3), cn_batch_normalization(), cn_dense(2));
    cn_tensor *twice = cn_call(inner, cn_call(inner, x));
    cn_model *model = cn_model_new({x}, {cn_call(chain, twice), twice});
    cn_model_free(inner);
    cn_model_free(chain);
    expect_back(model, (cn_shape[]){CN_SHAPE(BATCH, 3)}, 1);
}

Test(saving, writes_the_same_file_for_the_same_model)
{
    static const char *const endings[] = {".keras", ".h5"};
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    for (int f = 0; f < 2; f++) {
        cr_assert(cn_save(model, path_to(endings[f])), "%s", cn_error_message());
        char *first = read_file(saved_path);
        cr_assert(cn_save(model, saved_path), "%s", cn_error_message());
        char *second = read_file(saved_path);
        cr_expect_arr_eq(first, second, 1000);
        free(first);
        free(second);
        unlink(saved_path);
    }
    cn_model_free(model);
}

/* How a model is compiled */

enum { SAMPLES = 8 };

static double train(cn_model *model)
{
    float x[SAMPLES][3], y[SAMPLES][2];
    for (int i = 0; i < SAMPLES; i++)
        for (int k = 0; k < 3; k++)
            x[i][k] = (float)((i * 5 + k * 3) % 7) - 3;
    for (int i = 0; i < SAMPLES; i++)
        for (int k = 0; k < 2; k++)
            y[i][k] = (float)((i + k) % 2);
    return cn_train_on_batch(model, {cn_array(x[0], SAMPLES, 3)}, {cn_array(y[0], SAMPLES, 2)});
}

/* A model that was trained, saved and loaded goes on training with the losses of one that was not. */
static void expect_training_goes_on(cn_compile_args args)
{
    static const char *const whole[] = {".keras", ".h5"};
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(4, .activation = cn_tanh), cn_dense(2));
    cr_assert(cn_compile_with(model, args), "%s", cn_error_message());
    for (int i = 0; i < 3; i++)
        train(model);
    cn_model *again[2];
    for (int f = 0; f < 2; f++) {
        cr_assert(cn_save(model, path_to(whole[f])), "%s", cn_error_message());
        again[f] = cn_load(saved_path);
        cr_assert(again[f], "%s", cn_error_message());
        unlink(saved_path);
    }
    for (int i = 0; i < 3; i++) {
        double loss = train(model);
        cr_assert_not(cn_failed(), "%s", cn_error_message());
        for (int f = 0; f < 2; f++)
            cr_expect_eq(train(again[f]), loss, "%s: the loss of step %d differs", whole[f], i);
    }
    cn_model_free(model);
    cn_model_free(again[0]);
    cn_model_free(again[1]);
}

Test(saving, training_goes_on_with_every_optimizer)
{
    const cn_optimizer optimizers[] = {cn_sgd(0.1, .momentum = 0.9, .nesterov = true),
                                       cn_adam(0.003, .amsgrad = true, .clipnorm = 1),
                                       cn_adamw(),
                                       cn_rmsprop(.centered = true, .momentum = 0.5),
                                       cn_adagrad(),
                                       cn_adadelta(),
                                       cn_adamax(),
                                       cn_nadam(),
                                       cn_ftrl(),
                                       cn_lion(),
                                       cn_adafactor(),
                                       cn_adam(.use_ema = true, .ema_overwrite_frequency = 2),
                                       cn_sgd(.gradient_accumulation_steps = 2)};
    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++)
        expect_training_goes_on((cn_compile_args){.optimizer = optimizers[i], .loss = cn_mean_squared_error()});
}

Test(saving, training_goes_on_with_every_schedule)
{
    const cn_schedule schedules[] = {
        cn_exponential_decay(0.1, 2, 0.5, .staircase = true),
        cn_inverse_time_decay(0.1, 2, 0.5),
        cn_polynomial_decay(0.1, 4, .power = 2, .cycle = true),
        cn_cosine_decay(0.1, 10, .warmup_steps = 2, .warmup_target = 0.2),
        cn_cosine_decay_restarts(0.1, 2),
        cn_piecewise_constant_decay(.count = 1, .boundaries = {4}, .values = {0.1, 0.01}),
    };
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++)
        expect_training_goes_on(
            (cn_compile_args){.optimizer = cn_adam(.schedule = schedules[i]), .loss = cn_mean_squared_error()});
}

Test(saving, training_goes_on_with_losses_and_metrics_with_arguments)
{
    const cn_loss losses[] = {cn_huber(.delta = 0.5), cn_categorical_crossentropy(.from_logits = true),
                              cn_kl_divergence(), cn_binary_crossentropy(.from_logits = true, .label_smoothing = 0.1)};
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        expect_training_goes_on(
            (cn_compile_args){.optimizer = cn_sgd(0.01),
                              .loss = losses[i],
                              .metrics = {cn_accuracy(), cn_auc(.num_thresholds = 50), cn_metric_named("mse")}});
}

static cn_logs evaluate_two_outputs(cn_model *model)
{
    const float x[2][3] = {{1, 2, 3}, {-1, 0, 1}}, y[2][2] = {{0, 1}, {1, 0}};
    cn_logs logs;
    cr_assert(!isnan(cn_evaluate(model, {cn_array(x[0], 2, 3)}, {cn_array(y[0], 2, 2), cn_array(y[0], 2, 2)},
                                 .sample_weight = {cn_array(((const float[]){1, 3}), 2)}, .logs = &logs)),
              "%s", cn_error_message());
    return logs;
}

static void expect_metrics_back(cn_compile_args args)
{
    cn_tensor *x = cn_input(3);
    cn_model *model = cn_model_new({x}, {cn_call(cn_dense(2, cn_sigmoid), x), cn_call(cn_dense(2, cn_sigmoid), x)});
    cr_assert(cn_compile_with(model, args), "%s", cn_error_message());
    const cn_logs before = evaluate_two_outputs(model);
    const char *const endings[] = {".keras", ".h5"};
    for (int f = 0; f < 2; f++) {
        cr_assert(cn_save(model, path_to(endings[f])), "%s", cn_error_message());
        cn_model *again = cn_load(saved_path);
        cr_assert(again, "%s", cn_error_message());
        const cn_logs after = evaluate_two_outputs(again);
        cr_assert_eq(after.count, before.count);
        for (int i = 0; i < before.count; i++) {
            cr_expect_str_eq(after.item[i].name, before.item[i].name);
            cr_expect_eq(after.item[i].value, before.item[i].value, "%s", before.item[i].name);
        }
        cn_model_free(again);
        unlink(saved_path);
    }
    cn_model_free(model);
}

Test(saving, brings_all_metrics_of_several_outputs_back)
{
    const cn_compile_args args = {.optimizer = cn_sgd(), .loss = cn_binary_crossentropy()};
    cn_compile_args many = args, own = args, weighted = args;
    cn_metric *metrics = many.metrics;
    *metrics++ = cn_binary_accuracy();
    *metrics++ = cn_auc();
    *metrics++ = cn_precision();
    *metrics++ = cn_recall();
    *metrics++ = cn_metric_mean_absolute_error();
    *metrics++ = cn_metric_mean_squared_error();
    expect_metrics_back(many);
    own.metrics[0] = cn_binary_accuracy();
    for (int i = 0; i < CN_MAX_OUTPUT_METRICS; i++)
        own.output_metrics[0][i] = many.metrics[1 + i];
    own.output_metrics[1][0] = cn_recall();
    expect_metrics_back(own);
    weighted.weighted_metrics[0] = cn_binary_accuracy();
    weighted.weighted_metrics[1] = cn_metric_mean_absolute_error();
    weighted.output_metrics[1][0] = cn_recall();
    expect_metrics_back(weighted);
}

Test(saving, brings_metrics_back_under_names_of_the_users_own)
{
    char name[] = "area";
    cn_metric error = cn_metric_mean_squared_error();
    error.name = "error";
    cn_compile_args args = {.optimizer = cn_sgd(),
                            .loss = cn_binary_crossentropy(),
                            .metrics = {cn_auc(.name = name, .curve = CN_PR), error,
                                        cn_metric_accuracy(.name = "equal"), cn_metric_named("mse"),
                                        cn_log_cosh_error()}};
    expect_metrics_back(args);
}

Test(saving, texts_of_an_optimizer_outlive_the_caller_and_the_file)
{
    char word[] = "output";
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2), cn_named(cn_dense(2), "output"));
    cr_assert(cn_compile(model, .optimizer = cn_muon(.exclude_layers = {word}), .loss = cn_mean_squared_error()));
    strcpy(word, "other");
    int variables = cn_updater_variable_count(cn_model_updater(model));
    for (int i = 0; i < 2; i++) {
        cr_assert(cn_save(model, path_to(".keras")), "%s", cn_error_message());
        cn_model_free(model);
        model = cn_load(saved_path);
        cr_assert(model, "%s", cn_error_message());
        cr_expect_eq(cn_updater_variable_count(cn_model_updater(model)), variables);
    }
    cn_model_free(model);
}

/* What is refused */

static void expect_error(bool failed, cn_code code, const char *reason)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), reason), "'%s' does not say '%s'", cn_error_message(), reason);
    cn_error_clear();
}

Test(saving, refuses_a_path_without_a_known_ending)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    expect_error(!cn_save(model, "model.bin"), CN_ARGUMENT, "model.bin");
    expect_error(!cn_save(model, "model.weights.h5"), CN_ARGUMENT, ".keras, .h5 or .hdf5");
    expect_error(!cn_save_weights(model, "model.bin"), CN_ARGUMENT, ".weights.h5");
    cn_model_free(model);
}

Test(saving, refuses_a_model_that_is_not_built)
{
    cn_model *model = cn_sequential(cn_dense(2));
    expect_error(!cn_save(model, "model.keras"), CN_STATE, "has no weights yet");
    cn_model_free(model);
}

Test(saving, refuses_weights_of_another_shape_and_changes_nothing)
{
    static const char *const endings[] = {".weights.h5", ".hdf5", ".safetensors", ".npz"};
    for (int f = 0; f < 4; f++) {
        cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2, .name = "a"), cn_dense(4, .name = "b"));
        cn_model *other = cn_sequential(cn_input_layer(3), cn_dense(2, .name = "a"), cn_dense(5, .name = "b"));
        float before[6], after[6];
        cn_values(cn_weight(other, 0), cn_array(before, 3, 2));
        cr_assert(cn_save_weights(model, path_to(endings[f])), "%s", cn_error_message());
        expect_error(!cn_load_weights(other, saved_path), CN_SHAPES, "(2, 4)");
        cn_values(cn_weight(other, 0), cn_array(after, 3, 2));
        cr_expect_arr_eq(before, after, sizeof before);
        cn_model_free(model);
        cn_model_free(other);
        unlink(saved_path);
    }
}

Test(saving, names_an_operation_that_has_no_place_in_a_config)
{
    cn_tensor *x = cn_input(3);
    cn_model *model = cn_model_new({x}, {cn_square(x)});
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "square");
    cn_model_free(model);
}

static cn_tensor *unknown(cn_tensor *x)
{
    return x;
}

/* Read again, the layer would be two; and Keras' .weights.h5 has it in one place alone. */
Test(saving, refuses_a_layer_that_a_model_shares_with_one_inside_it)
{
    cn_layer *shared = cn_named(cn_dense(3), "shared");
    cn_tensor *x = cn_input(3), *in = cn_input(3);
    cn_model *inner = cn_model_new({x}, {cn_call(shared, x)}, .name = "inner");
    cn_model *outer = cn_model_new({in}, {cn_call(inner, cn_call(shared, in))}, .name = "outer");
    const char *const endings[] = {".keras", ".h5"};
    for (int f = 0; f < 2; f++) {
        expect_error(!cn_save(outer, path_to(endings[f])), CN_UNSUPPORTED, "shared is shared by outer and inner");
        cr_expect_neq(access(saved_path, F_OK), 0);
    }
    cr_expect(cn_save_weights(outer, path_to(".weights.h5")) && cn_load_weights(outer, saved_path), "%s",
              cn_error_message());
    cn_model_free(outer);
    cn_model_free(inner);
}

Test(saving, names_an_optimizer_that_it_cannot_save)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    cr_assert(cn_compile(model, .optimizer = cn_multi_optimizer(cn_adam(), {"dense.*", cn_sgd()}),
                         .loss = cn_mean_squared_error()));
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "the optimizer MultiOptimizer");
    cn_model_free(model);
}

Test(saving, a_name_that_is_no_utf8_is_refused)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_named(cn_dense(2), "\xFF"));
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "is no UTF-8");
    expect_error(!cn_save(model, path_to(".h5")), CN_UNSUPPORTED, "is no UTF-8");
    cn_model_free(model);
}

Test(saving, names_a_function_that_is_not_registered)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_named(cn_dense(2, .activation = unknown), "last"));
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED,
                 "last: activation: the function that is registered under no name");
    cn_model_free(model);
}

static cn_tensor *own_loss(cn_tensor *y_true, cn_tensor *y_pred)
{
    return cn_mean(cn_square(cn_sub(y_true, y_pred)), .axis = -1);
}

Test(saving, names_a_loss_of_the_users_own)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_loss_from("own_loss", own_loss));
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "own_loss");
    cn_model_free(model);
}

Test(saving, names_the_first_of_several_that_it_cannot_save)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error(),
               .metrics = {cn_metric_of(cn_loss_from("own_loss", own_loss)), cn_auc(), cn_accuracy()});
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "own_loss");
    expect_error(!cn_save(model, path_to(".h5")), CN_UNSUPPORTED, "own_loss");
    cr_expect_neq(access(saved_path, F_OK), 0);
    cn_model_free(model);
}

Test(saving, a_number_that_json_does_not_have_is_refused)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2, .kernel_initializer = cn_init_constant(HUGE_VAL)));
    expect_error(!cn_save(model, path_to(".keras")), CN_UNSUPPORTED, "value");
    cn_model_free(model);
}

Test(saving, leaves_out_how_a_model_is_compiled_if_asked)
{
    static const char *const whole[] = {".keras", ".h5"};
    for (int f = 0; f < 2; f++) {
        cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2));
        cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error());
        cr_assert(cn_save(model, path_to(whole[f])), "%s", cn_error_message());
        cn_model *compiled = cn_load(saved_path), *plain = cn_load(saved_path, .compile = false);
        cr_assert(compiled && plain, "%s", cn_error_message());
        cr_expect(cn_model_updater(compiled));
        cr_expect_null(cn_model_updater(plain));
        cn_error_clear();
        cn_model_free(model);
        cn_model_free(compiled);
        cn_model_free(plain);
        unlink(saved_path);
    }
}

/* Layers of the user's own */

Test(saving, brings_registered_layers_of_the_users_own_back)
{
    cr_assert(cn_register_layer(&my_dense_class), "%s", cn_error_message());
    expect_back(cn_sequential(cn_input_layer(3), my_dense(4)), (cn_shape[]){CN_SHAPE(BATCH, 3)}, 1);
}

Test(saving, names_a_layer_that_is_not_registered)
{
    cn_model *model = cn_sequential(cn_input_layer(3), my_dense(4));
    cr_assert(cn_save(model, path_to(".keras")), "%s", cn_error_message());
    expect_error(!cn_load(saved_path), CN_UNSUPPORTED, "MyDense");
    cn_model_free(model);
}

/* Without memory */

static bool save_and_load(const char *ending, bool whole)
{
    cn_model *model = cn_sequential(cn_input_layer(3), cn_dense(2, .name = "a"), cn_batch_normalization(.name = "b"));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error(), .metrics = {cn_accuracy()});
    const char *path = path_to(ending);
    bool done = whole ? cn_save(model, path) : cn_save_weights(model, path) && cn_load_weights(model, path);
    cn_model *again = done && whole ? cn_load(path) : NULL;
    cn_model_free(model);
    cn_model_free(again);
    cn_clear_session();
    return done && !cn_failed();
}

Test(saving, running_out_of_memory_anywhere_leaves_nothing_behind)
{
    static const char *const endings[] = {".keras", ".h5", ".weights.h5", ".hdf5", ".safetensors", ".npz"};
    for (size_t f = 0; f < sizeof endings / sizeof *endings; f++) {
        /* The first load registers the activations of Keras 2, for good. */
        bool done = !save_and_load(endings[f], f < 2);
        for (long limit = 0; !done && limit < 4000; limit++) {
            counting_start(limit);
            done = save_and_load(endings[f], f < 2);
            cr_assert(done || cn_error_code() == CN_MEMORY, "%s, %ld: %s", endings[f], limit, cn_error_message());
            cn_error_clear();
            cr_assert_eq(counting.live, 0, "%s: %ld blocks are left after %ld", endings[f], counting.live, limit);
            cn_set_allocator((cn_allocator){NULL, NULL});
        }
        cr_expect(done, "%s: never enough", endings[f]);
        unlink(saved_path);
    }
}

/* Killed while it saves */

static cn_model *constant_model(double value)
{
    return cn_sequential(cn_input_layer(300),
                         cn_dense(100, .kernel_initializer = cn_init_constant(value), .name = "d"));
}

static bool save(cn_model *model, const char *path, bool whole)
{
    return whole ? cn_save(model, path) : cn_save_weights(model, path);
}

/* Saves one model and another to one path, over and over. */
static void save_for_ever(cn_model *const *models, const char *path, bool whole)
{
    for (int i = 0; save(models[i % 2], path, whole); i++)
        ;
    _exit(1);
}

/* The file has the weights of one of the two. */
static void expect_either(const char *path, bool whole, int kills)
{
    cn_model *again = whole ? cn_load(path) : constant_model(3);
    cr_assert(again && (whole || cn_load_weights(again, path)), "after %d kills: %s", kills, cn_error_message());
    float kernel[300 * 100];
    cn_values(cn_weight(again, 0), cn_array(kernel, 300, 100));
    for (int k = 0; k < 300 * 100; k++)
        cr_assert(kernel[k] == kernel[0] && (kernel[0] == 1 || kernel[0] == 2), "a mixture of both");
    cn_model_free(again);
}

static void remove_all(const char *pattern)
{
    glob_t left;
    if (glob(pattern, 0, NULL, &left) == 0) {
        for (size_t i = 0; i < left.gl_pathc; i++)
            unlink(left.gl_pathv[i]);
        globfree(&left);
    }
}

static void kill_while_saving(const char *ending, bool whole, int kills)
{
    cn_model *models[2] = {constant_model(1), constant_model(2)};
    char path[96], beside[112];
    snprintf(path, sizeof path, "%s", path_to(ending));
    snprintf(beside, sizeof beside, "%s.tmp*", path);
    cr_assert(save(models[0], path, whole), "%s", cn_error_message());
    uint64_t random = 7;
    for (int i = 0; i < kills; i++) {
        pid_t child = fork();
        cr_assert_geq(child, 0);
        if (child == 0)
            save_for_ever(models, path, whole);
        usleep((useconds_t)(next_random(&random) % 6000));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        cr_expect(WIFSIGNALED(status), "saving failed by itself");
        expect_either(path, whole, i + 1);
    }
    remove_all(beside);
    unlink(path);
    cn_model_free(models[0]);
    cn_model_free(models[1]);
}

Test(saving, a_kill_at_any_moment_leaves_a_whole_file)
{
    kill_while_saving(".keras", true, 50);
    kill_while_saving(".h5", true, 50);
    kill_while_saving(".safetensors", false, 50);
    kill_while_saving(".weights.h5", false, 25);
    kill_while_saving(".npz", false, 25);
}
