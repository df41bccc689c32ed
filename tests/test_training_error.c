/* Wrong use of models and training: the error says what is wrong, and weights stay as they were. */
#include "models/structure.h"
#include "expect.h"
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

static const float xs[6][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}}, ys[6][2] = {{1, 0}, {0, 1}};

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(training_error, .fini = teardown);

static cn_model *new_model(void)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(2));
    cr_assert(cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error()), "%s", cn_error_message());
    return model;
}

#define X cn_array(xs[0], 6, 2)
#define Y cn_array(ys[0], 6, 2)

/* fit with these arguments fails, and leaves the weights as they were. */
static void expect_fit_error(cn_fit_args args, cn_code code, const char *message)
{
    float before[6], after[6];
    cn_model *model = new_model();
    cn_layer *layer = cn_model_layer(model);
    cr_assert(cn_get_weights(layer, cn_array(before, 2, 2), cn_array(before + 4, 2)));
    expect_failure(cn_fit_with(model, args) == NULL, code, message);
    cr_assert(cn_get_weights(layer, cn_array(after, 2, 2), cn_array(after + 4, 2)));
    cr_expect_arr_eq(before, after, sizeof before);
    cr_expect_eq(cn_iterations(cn_model_updater(model)), 0);
    cn_model_free(model);
    cn_clear_session();
}

#define EXPECT_FIT_ERROR(code, message, ...) \
    expect_fit_error((cn_fit_args){.batch_size = 32, .epochs = 1, .validation_freq = 1, __VA_ARGS__}, (code), (message))

Test(training_error, arrays_that_do_not_fit_the_model)
{
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: sequential is given no input", .y = {Y});
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: sequential has 1 inputs, 2 are given", .x = {X, X}, .y = {Y});
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: sequential has 1 outputs, 0 targets are given", .x = {X});
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: sequential has 1 outputs, 2 targets are given", .x = {X}, .y = {Y, Y});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: input 0 of sequential has shape (4, 3), the model wants (None, 2)",
                     .x = {cn_array(xs[0], 4, 3)}, .y = {Y});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: input 0 of sequential has shape (2, 3, 2), the model wants (None, 2)",
                     .x = {cn_array(xs[0], 2, 3, 2)}, .y = {Y});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: input 0 of sequential has shape (); the first axis must be the samples",
                     .x = {cn_array_with(xs, CN_ARRAY_F32, false, (cn_shape){.rank = 0})}, .y = {Y});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: target 0 of sequential has 5 samples, the arrays before it 6", .x = {X},
                     .y = {cn_array(ys[0], 5, 2)});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: sample weight 0 of sequential has 3 samples, the arrays before it 6", .x = {X},
                     .y = {Y}, .sample_weight = {cn_array(ys[0], 3)});
    EXPECT_FIT_ERROR(CN_SHAPES, "mean_squared_error: y_true of shape (6, 1) does not fit an output of shape (6, 2)",
                     .x = {X}, .y = {cn_array(ys[0], 6, 1)});
    EXPECT_FIT_ERROR(CN_SHAPES, "mean_squared_error: sample weights of shape (6, 2) do not fit values of shape (6,)",
                     .x = {X}, .y = {Y}, .sample_weight = {cn_array(ys[0], 6, 2)});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: validation: input 0 of sequential has shape (4, 3), the model wants (None, 2)",
                     .x = {X}, .y = {Y}, .validation_x = {cn_array(xs[0], 4, 3)}, .validation_y = {Y});
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation: sequential has 1 outputs, 0 targets are given", .x = {X}, .y = {Y},
                     .validation_x = {X});
}

Test(training_error, arguments_out_of_range)
{
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: there are no samples", .x = {cn_array(xs[0], 0, 2)},
                     .y = {cn_array(ys[0], 0, 2)});
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation_batch_size is -1", .x = {X}, .y = {Y}, .validation_batch_size = -1);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: batch_size is -3", .x = {X}, .y = {Y}, .batch_size = -3);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: epochs is -1", .x = {X}, .y = {Y}, .epochs = -1);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: verbose is 3; it is 0, 1 or 2", .x = {X}, .y = {Y}, .verbose = 3);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation_freq is 0", .x = {X}, .y = {Y}, .validation_freq = 0);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation_split is 1; it must lie between 0 and 1", .x = {X}, .y = {Y},
                     .validation_split = 1);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation_split is nan; it must lie between 0 and 1", .x = {X}, .y = {Y},
                     .validation_split = (double)NAN);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: validation_split 0.9 of 6 samples leaves an empty part", .x = {X}, .y = {Y},
                     .validation_split = 0.9);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: class_weight goes with one output and no sample_weight", .x = {X}, .y = {Y},
                     .sample_weight = {cn_array(ys[0], 6)}, .class_weight = (cn_class_weight[]){{0, 1}, {0, -1}});
}

/* What would have no effect, or another one than is meant. */
Test(training_error, weights_that_belong_to_nothing)
{
    const cn_view w = cn_array(ys[0], 6);
    EXPECT_FIT_ERROR(CN_ARGUMENT, "fit: sequential has 1 outputs, there is a sample weight 1", .x = {X}, .y = {Y},
                     .sample_weight = {w, w});
    EXPECT_FIT_ERROR(CN_ARGUMENT,
                     "fit: validation_sample_weight needs validation_x; validation_split takes those that validate "
                     "from sample_weight",
                     .x = {X}, .y = {Y}, .validation_split = 0.5, .validation_sample_weight = {cn_array(ys[0], 3)});
    EXPECT_FIT_ERROR(CN_SHAPES, "fit: class_weight goes with targets (samples,) or (samples, classes), not (6, 2, 1)",
                     .x = {X}, .y = {cn_array(ys[0], 6, 2, 1)}, .class_weight = CN_CLASS_WEIGHTS({1, 2}));
}

Test(training_error, of_evaluate_and_predict)
{
    float p[6][2];
    cn_model *model = new_model();
    expect_failure(isnan(cn_evaluate(model, {X}, {Y}, .batch_size = 0)), CN_ARGUMENT, "evaluate: batch_size is 0");
    expect_failure(isnan(cn_evaluate(model, {cn_array(xs[0], 0, 2)}, {Y})), CN_ARGUMENT,
                   "evaluate: there are no samples");
    expect_failure(isnan(cn_evaluate(model, {X}, {Y}, .verbose = 3)), CN_ARGUMENT,
                   "evaluate: verbose is 3; it is 0, 1 or 2");
    expect_failure(!cn_predict(model, {X}, {cn_array(p[0], 6, 2)}, .verbose = -1), CN_ARGUMENT,
                   "predict: verbose is -1; it is 0, 1 or 2");
    expect_failure(!cn_predict(model, {X}, {cn_array(p[0], 6, 2)}, .batch_size = 0), CN_ARGUMENT,
                   "predict: batch_size is 0");
    expect_failure(!cn_predict(model, {cn_array(xs[0], 0, 2)}, {cn_array(p[0], 6, 2)}), CN_ARGUMENT,
                   "predict: there are no samples");
    expect_failure(isnan(cn_train_on_batch(model, {X})), CN_ARGUMENT,
                   "train_on_batch: sequential has 1 outputs, 0 targets are given");
    expect_failure(isnan(cn_test_on_batch(model, {cn_array(xs[0], 0, 2)}, {Y})), CN_ARGUMENT,
                   "test_on_batch: there are no samples");
    cn_model_free(model);
}

Test(training_error, of_a_model_that_is_not_compiled)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(2));
    expect_failure(!cn_fit(model, {X}, {Y}), CN_STATE, "fit: sequential is not compiled; call cn_compile first");
    expect_failure(isnan(cn_evaluate(model, {X}, {Y})), CN_STATE,
                   "evaluate: sequential is not compiled; call cn_compile first");
    expect_failure(isnan(cn_train_on_batch(model, {X}, {Y})), CN_STATE,
                   "train_on_batch: sequential is not compiled; call cn_compile first");
    expect_failure(!cn_compile(model, .loss = cn_mean_squared_error()), CN_ARGUMENT,
                   "compile: sequential is given no optimizer; .optimizer = cn_adam(), for example");
    expect_failure(
        !cn_compile(model, .optimizer = cn_sgd(), .losses = {cn_mean_squared_error(), cn_mean_squared_error()}),
        CN_ARGUMENT, "compile: sequential has 1 outputs; losses has something for output 1");
    cr_assert(cn_compile(model, .optimizer = cn_sgd()));
    expect_failure(!cn_fit(model, {X}, {Y}, .verbose = 0), CN_STATE, "sequential: there is no loss to train by");
    cn_model_free(model);
}

Test(training_error, of_too_many_outputs)
{
    float p[6][2];
    cn_tensor *in = cn_input(2);
    cn_model_args args = {.inputs = {in}};
    for (int i = 0; i < CN_MAX_OUTPUTS + 1; i++)
        args.outputs[i] = cn_call(cn_dense(1), in);
    cn_model *model = cn_model_with(args);
    expect_failure(!cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error()), CN_UNSUPPORTED,
                   "compile: model has 9 outputs; 8 is the most");
    expect_failure(!cn_predict(model, {X}, {cn_array(p[0], 6, 1)}), CN_UNSUPPORTED,
                   "predict: model has 9 outputs; 8 is the most");
    cn_model_free(model);
}

Test(training_error, of_models)
{
    cn_tensor *in = cn_input(2), *out = cn_call(cn_dense(1), in);
    expect_failure(!cn_model_new({in}), CN_ARGUMENT, "model: needs inputs and outputs");
    expect_failure(!cn_model_with((cn_model_args){.outputs = {out}}), CN_ARGUMENT, "model_1: needs inputs and outputs");
    cn_tape *tape = cn_tape_new();
    expect_failure(!cn_model_new({in}, {cn_zeros(tape, CN_SHAPE(2))}), CN_ARGUMENT,
                   "model_2: output 0 is not a symbolic tensor");
    cn_tape_free(tape);
    cn_model *empty = cn_sequential_of(NULL, 0);
    float p[6];
    expect_failure(!cn_predict(empty, {X}, {cn_array(p, 6, 1)}), CN_STATE, "sequential: has no layers");
    expect_failure(!cn_add_layer_to(empty, NULL), CN_ARGUMENT, "add_layer_to: needs a sequential model and a layer");
    cr_assert(cn_add_layer_to(empty, cn_dense(1)));
    expect_failure(!cn_add_layer_to(empty, cn_input_layer(2)), CN_ARGUMENT, "sequential: an input layer comes first");
    cr_assert(cn_predict(empty, {X}, {cn_array(p, 6, 1)}), "%s", cn_error_message());
    expect_failure(!cn_add_layer_to(empty, cn_dense(1)), CN_STATE,
                   "sequential: is built; a layer cannot be added any more");
    cn_model_free(empty);
}

Test(training_error, of_calls_of_models)
{
    cn_tensor *a = cn_input(2), *b = cn_input(2);
    cn_model *model = cn_model_new({a, b}, {cn_add(a, b)});
    expect_failure(!cn_call(model, cn_input(2)), CN_ARGUMENT, "model: has 2 inputs, 1 are given");
    cn_model_free(model);
}

Test(training_error, of_weights)
{
    float w[2][2], b[2];
    cn_model *model = new_model();
    cn_layer *layer = cn_model_layer(model);
    expect_failure(!cn_set_weights_from(NULL, NULL, 0), CN_ARGUMENT, "set_weights: the layer is NULL");
    expect_failure(!cn_get_weights_into(NULL, NULL, 0), CN_ARGUMENT, "get_weights: the layer is NULL");
    expect_failure(!cn_get_weights(layer, cn_array(w[0], 2, 2)), CN_ARGUMENT,
                   "get_weights: sequential has 2 weights, 1 arrays are given");
    expect_failure(!cn_get_weights(layer, cn_array(w[0], 2, 2), cn_array((float *)NULL, 2)), CN_ARGUMENT,
                   "get_weights: array 1 is NULL");
    expect_failure(!cn_get_weights(layer, cn_array(w[0], 2, 2), cn_array(b, 1)), CN_SHAPES,
                   "get_weights: weight 1 of sequential (dense/bias) has shape (2,), the array (1,)");
    cn_model_free(model);
}

Test(training_error, of_null)
{
    float p[6][2];
    expect_failure(!cn_fit((cn_model *)NULL, {X}, {Y}), CN_ARGUMENT, "fit: the model is NULL");
    expect_failure(isnan(cn_evaluate(NULL, {X}, {Y})), CN_ARGUMENT, "evaluate: the model is NULL");
    expect_failure(!cn_predict(NULL, {X}, {cn_array(p[0], 6, 2)}), CN_ARGUMENT, "predict: the model is NULL");
    expect_failure(isnan(cn_train_on_batch(NULL, {X}, {Y})), CN_ARGUMENT, "train_on_batch: the model is NULL");
    expect_failure(isnan(cn_test_on_batch(NULL, {X}, {Y})), CN_ARGUMENT, "test_on_batch: the model is NULL");
    expect_failure(!cn_compile(NULL, .optimizer = cn_sgd()), CN_ARGUMENT, "compile: the model is NULL");
    expect_failure(!cn_summary(NULL), CN_ARGUMENT, "summary: the model is NULL");
    expect_failure(!cn_call_model(NULL, NULL), CN_ARGUMENT, "call: the layer is NULL");
    expect_failure(!cn_history_plot(NULL, "x.svg"), CN_ARGUMENT, "history_plot: needs a history and a path");
    cn_model_free(NULL);
    cn_stop_training(NULL);
    cr_expect_null(cn_model_layer(NULL));
    cr_expect_null(cn_layer_model(NULL));
    cr_expect_null(cn_model_updater(NULL));
    cr_expect_null(cn_get_layer(NULL, 0));
    cr_expect_null(cn_layer_by_name(NULL, "dense"));
    cr_expect_eq(cn_layer_count(NULL), 0);
    cr_expect_eq(cn_history_epochs(NULL), 0);
    cr_expect_eq(cn_history_names(NULL), 0);
    cr_expect_null(cn_history_name(NULL, 0));
    cr_expect_null(cn_history_of(NULL, "loss"));
    cr_expect(isnan(cn_logs_value(NULL, "loss")));
    cr_expect_not(cn_failed(), "%s", cn_error_message());
}

/* A token that is out of range in the third of four batches: everything is as the second left it. */

enum { TOKENS = 8, VOCABULARY = 5, UNITS = 3, BATCHES = 3, BITS = 1024 };

static cn_model *token_model(void)
{
    cn_clear_session();
    cn_model *model = cn_sequential(cn_input_layer_with((cn_input_args){.shape = CN_SHAPE(2), .dtype = CN_I32}),
                                    cn_embedding(VOCABULARY, UNITS), cn_flatten(), cn_dense(1));
    cr_assert(cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error(),
                         .metrics = {cn_metric_of(cn_mean_absolute_error())}),
              "%s", cn_error_message());
    return model;
}

static size_t take_state(cn_model *model, double *to)
{
    size_t used = 0;
    cn_layer *layer = cn_model_layer(model);
    cn_updater *updater = cn_model_updater(model);
    int weights = cn_weight_count(layer), count = weights + cn_updater_variable_count(updater);
    for (int i = 0; i < count; i++) {
        cn_tensor *variable = i < weights ? cn_weight(layer, i) : cn_updater_variable(updater, i - weights);
        int64_t size = cn_shape_size(cn_shape_of(variable));
        cr_assert(used + (size_t)size < BITS);
        cr_assert(cn_values(variable, cn_array(to + used, size)), "%s", cn_error_message());
        used += (size_t)size;
    }
    to[used++] = cn_meter_result(model->tracked[0].meter);
    return used;
}

Test(training_error, token_out_of_range_leaves_all_as_the_step_before)
{
    static const int32_t tokens[TOKENS][2] = {{0, 1}, {2, 3}, {4, 0}, {1, 1}, {2, VOCABULARY}, {0, 0}, {1, 2}, {3, 4}};
    static const float targets[TOKENS] = {1, 2, 3, 4, 5, 6, 7, 8};
    double expected[BITS], got[BITS];
    cn_model *model = token_model();
    cr_assert(cn_fit(model, {cn_array(tokens[0], 4, 2)}, {cn_array(targets, 4)}, .batch_size = 2, .shuffle = false,
                     .verbose = 0) != NULL);
    size_t size = take_state(model, expected);
    cn_model_free(model);

    model = token_model();
    cn_history *history = cn_fit(model, {cn_array(tokens[0], TOKENS, 2)}, {cn_array(targets, TOKENS)}, .batch_size = 2,
                                 .shuffle = false, .verbose = 0);
    cr_expect_null(history);
    cr_expect_eq(cn_error_code(), CN_VALUE);
    cr_expect(strstr(cn_error_message(), "5") != NULL, "%s", cn_error_message());
    cn_error_clear();
    cr_assert_eq(take_state(model, got), size);
    cr_expect_arr_eq(got, expected, size * sizeof *got);

    /* And it trains on. */
    cr_expect(cn_fit(model, {cn_array(tokens[0], 4, 2)}, {cn_array(targets, 4)}, .verbose = 0) != NULL, "%s",
              cn_error_message());
    cn_model_free(model);
}

Test(training_error, arguments_of_fit_out_of_range)
{
    cn_model *model = token_model();
    static const int32_t token[2] = {0, 1};
    static const float target = 1;
    cn_fit(model, {cn_array(token, 1, 2)}, {cn_array(&target, 1)}, .verbose = 3);
    cr_expect_str_eq(cn_error_message(), "fit: verbose is 3; it is 0, 1 or 2");
    cn_error_clear();
    cn_fit(model, {cn_array(token, 1, 2)}, {cn_array(&target, 1)}, .initial_epoch = -1);
    cr_expect_str_eq(cn_error_message(), "fit: steps_per_epoch and initial_epoch cannot be negative");
    cn_error_clear();
    cn_fit(model, {cn_array(token, 1, 2)}, {cn_array(&target, 1)}, .validation_y = {cn_array(&target, 1)});
    cr_expect_str_eq(cn_error_message(), "fit: validation_y needs validation_x");
    cn_error_clear();
    cn_model_free(model);
}
