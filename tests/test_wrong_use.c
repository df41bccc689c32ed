/* Wrong use of layers and of data in training: the error names what is wrong, and weights and states stay as they were
 * before the call, or before the step that failed. */
#include <cornet/cornet.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}
TestSuite(wrong_use, .fini = teardown);

enum { MOST = 512 };

/* All weights of a layer, one behind the other. */
static int64_t take_weights(const cn_layer *layer, double *to)
{
    int64_t used = 0;
    for (int i = 0; i < cn_weight_count(layer); i++) {
        int64_t size = cn_shape_size(cn_shape_of(cn_weight(layer, i)));
        cr_assert_leq(used + size, MOST);
        cr_assert(cn_values(cn_weight(layer, i), cn_array(to + used, size)), "%s", cn_error_message());
        used += size;
    }
    return used;
}

static void expect_message(cn_code code, const char *name, const char *part)
{
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), name), "%s is not in: %s", name, cn_error_message());
    cr_expect(strstr(cn_error_message(), part), "%s is not in: %s", part, cn_error_message());
    cn_error_clear();
}

/* A layer built by one input refuses another, and keeps its weights. */
static void expect_refused(cn_layer *layer, cn_shape good, cn_shape bad, const char *part)
{
    double before[MOST], after[MOST];
    cn_tape *tape = cn_tape_new();
    cr_assert_not_null(cn_call(layer, cn_ones(tape, good)), "%s", cn_error_message());
    int64_t size = take_weights(layer, before);
    cr_expect_null(cn_call(layer, cn_ones(tape, bad)), "%s", cn_layer_name(layer));
    expect_message(CN_SHAPES, cn_layer_name(layer), part);
    cr_assert_eq(take_weights(layer, after), size);
    cr_expect_arr_eq(after, before, (size_t)size * sizeof *after);
    cn_tape_free(tape);
}

Test(wrong_use, another_rank_or_width_than_a_layer_was_built_for)
{
    expect_refused(cn_dense(2), CN_SHAPE(3, 4), CN_SHAPE(3, 5), "(3, 5)");
    expect_refused(cn_dense(2), CN_SHAPE(3, 4), CN_SHAPE(3), "rank 2 or more");
    expect_refused(cn_conv1d(2, {2}), CN_SHAPE(1, 5, 3), CN_SHAPE(1, 5, 2), "3 channels");
    expect_refused(cn_conv2d(2, {2}), CN_SHAPE(1, 5, 5, 3), CN_SHAPE(1, 5, 5, 4), "3 channels");
    expect_refused(cn_conv2d(2, {2}), CN_SHAPE(1, 5, 5, 3), CN_SHAPE(1, 5, 5), "rank 4");
    expect_refused(cn_conv2d_transpose(2, {2}), CN_SHAPE(1, 3, 3, 2), CN_SHAPE(1, 3, 3, 1), "2 channels");
    expect_refused(cn_depthwise_conv2d({2}), CN_SHAPE(1, 3, 3, 2), CN_SHAPE(1, 3, 3, 1), "2 channels");
    expect_refused(cn_separable_conv2d(2, {2}), CN_SHAPE(1, 3, 3, 2), CN_SHAPE(1, 3, 3, 1), "2 channels");
    expect_refused(cn_lstm(2), CN_SHAPE(2, 3, 4), CN_SHAPE(2, 3, 5), "size 4");
    expect_refused(cn_gru(2), CN_SHAPE(2, 3, 4), CN_SHAPE(2, 4), "rank 3");
    expect_refused(cn_simple_rnn(2), CN_SHAPE(2, 3, 4), CN_SHAPE(2, 3, 5), "size 4");
    expect_refused(cn_bidirectional(cn_lstm(2)), CN_SHAPE(2, 3, 4), CN_SHAPE(2, 3, 5), "size 4");
    expect_refused(cn_time_distributed(cn_dense(2)), CN_SHAPE(2, 3, 4), CN_SHAPE(2, 3, 5), "size 4");
    expect_refused(cn_batch_normalization(), CN_SHAPE(2, 3), CN_SHAPE(2, 4), "3");
    expect_refused(cn_layer_normalization(), CN_SHAPE(2, 3), CN_SHAPE(2, 4), "3");
}

Test(wrong_use, a_window_larger_than_the_input)
{
    expect_refused(cn_conv1d(1, {3}), CN_SHAPE(1, 3, 2), CN_SHAPE(1, 2, 2), "extent 3");
    expect_refused(cn_conv2d(1, {3}, .dilation_rate = {2}), CN_SHAPE(1, 5, 5, 2), CN_SHAPE(1, 5, 4, 2), "extent 5");
    expect_refused(cn_max_pooling2d({3}), CN_SHAPE(1, 3, 3, 2), CN_SHAPE(1, 2, 3, 2), "3");
    expect_refused(cn_average_pooling1d({4}), CN_SHAPE(1, 4, 2), CN_SHAPE(1, 3, 2), "4");
    expect_refused(cn_cropping1d(CN_SHAPE(1)), CN_SHAPE(1, 3, 2), CN_SHAPE(1, 2, 2), "(1, 2, 2)");
}

/* A call that fails makes no weights. */
static void expect_axis_refused(cn_layer *layer, cn_shape in)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, in);
    cn_layer *named = layer ? cn_named(layer, "the_layer") : NULL;
    if (named)
        cr_expect_null(cn_call(named, x));
    cr_expect(cn_failed());
    cr_expect(cn_error_code() == CN_ARGUMENT || cn_error_code() == CN_SHAPES, "%s", cn_error_message());
    cr_expect(strstr(cn_error_message(), "ax"), "%s", cn_error_message());
    cn_error_clear();
    if (named)
        cr_expect_eq(cn_weight_count(named), 0);
    cn_tape_free(tape);
}

Test(wrong_use, an_axis_that_is_not_there)
{
    const cn_shape in = CN_SHAPE(2, 3);
    expect_axis_refused(cn_softmax_layer(CN_SHAPE(2)), in);
    expect_axis_refused(cn_batch_normalization(5), in);
    expect_axis_refused(cn_layer_normalization(CN_SHAPE(-4)), in);
    expect_axis_refused(cn_group_normalization(1, 7), in);
    expect_axis_refused(cn_rms_normalization(CN_SHAPE(3)), in);
    expect_axis_refused(cn_unit_normalization(CN_SHAPE(3)), in);
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, in);
    cr_expect_eq(cn_call_many(cn_concatenate_layer(4), {x, x}).count, 0);
    expect_message(CN_ARGUMENT, "concatenate", "axis");
    cr_expect_eq(cn_call_many(cn_dot_layer(CN_SHAPE(5)), {x, x}).count, 0);
    expect_message(CN_ARGUMENT, "dot", "ax");
    cn_tensor *reduced[] = {cn_sum(x, 2),
                            (cn_error_clear(), cn_mean(x, -3)),
                            (cn_error_clear(), cn_argmax(x, 2)),
                            (cn_error_clear(), cn_cumsum(x, 4)),
                            (cn_error_clear(), cn_sort(x, 2)),
                            (cn_error_clear(), cn_concatenate({x, x}, .axis = 2))};
    for (size_t i = 0; i < sizeof reduced / sizeof *reduced; i++)
        cr_expect_null(reduced[i], "%zu", i);
    cn_error_clear();
    cn_tape_free(tape);
}

Test(wrong_use, inputs_that_cannot_be_merged)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *a = cn_ones(tape, CN_SHAPE(2, 3)), *b = cn_ones(tape, CN_SHAPE(2, 4)),
              *c = cn_ones(tape, CN_SHAPE(3, 3));
    cn_layer *(*const makers[])(cn_merge_layer_args) = {cn_add_layer_with,      cn_subtract_layer_with,
                                                        cn_multiply_layer_with, cn_average_layer_with,
                                                        cn_maximum_layer_with,  cn_minimum_layer_with};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        cn_layer *layer = makers[i]((cn_merge_layer_args){.name = "merge"});
        cr_expect_eq(cn_call_many(layer, {a, b}).count, 0);
        expect_message(CN_SHAPES, "(2, 3)", "(2, 4)");
        cr_expect_eq(cn_call_many(layer, {a, c}).count, 0);
        cr_expect_eq(cn_error_code(), CN_SHAPES, "%s", cn_error_message());
        cn_error_clear();
    }
    cr_expect_eq(cn_call_many(cn_concatenate_layer(), {a, c}).count, 0);
    expect_message(CN_SHAPES, "(2, 3)", "(3, 3)");
    cr_expect_eq(cn_call_many(cn_dot_layer(CN_SHAPE(1)), {a, b}).count, 0);
    expect_message(CN_SHAPES, "dot", "");
    cn_tape_free(tape);
}

/* Training */

enum { SAMPLES = 6, CLASSES = 3 };
static const float xs[SAMPLES][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}};

static cn_model *classifier(cn_activation *last, bool from_logits)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(CLASSES, last, .name = "classes"));
    cr_assert(cn_compile(model, .optimizer = cn_adam(),
                         .loss = cn_sparse_categorical_crossentropy(.from_logits = from_logits)),
              "%s", cn_error_message());
    return model;
}

static cn_history *fit(cn_model *model, const int32_t *labels, int samples)
{
    return cn_fit(model, {cn_array(xs[0], samples, 2)}, {cn_array(labels, samples)}, .batch_size = 2, .shuffle = false,
                  .verbose = 0);
}

/* Labels of the last batch are wrong: everything is as the first two batches left it. */
static void expect_label_refused(cn_activation *last, bool from_logits, int32_t wrong)
{
    const int32_t labels[SAMPLES] = {0, 1, 2, 0, 1, wrong};
    double expected[MOST], got[MOST];
    cn_clear_session();
    cn_model *good = classifier(last, from_logits);
    cr_assert_not_null(fit(good, labels, 4), "%s", cn_error_message());
    int64_t size = take_weights(cn_model_layer(good), expected);
    cn_model_free(good);
    cn_clear_session();
    cn_model *model = classifier(last, from_logits);
    char text[32];
    snprintf(text, sizeof text, "label %d", wrong);
    cr_expect_null(fit(model, labels, SAMPLES));
    expect_message(CN_VALUE, text, "3 classes");
    cr_assert_eq(take_weights(cn_model_layer(model), got), size);
    cr_expect_arr_eq(got, expected, (size_t)size * sizeof *got);
    cn_model_free(model);
}

Test(wrong_use, a_class_label_out_of_range_in_the_middle_of_a_run)
{
    expect_label_refused(cn_softmax, false, CLASSES);
    expect_label_refused(cn_softmax, false, -1);
    expect_label_refused(NULL, true, CLASSES);
    expect_label_refused(cn_sigmoid, false, -1);
}

Test(wrong_use, labels_of_another_shape_than_the_output)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(2, cn_softmax, .name = "classes"));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_categorical_crossentropy());
    double before[MOST], after[MOST];
    float y[2][3] = {{1, 0, 0}, {0, 1, 0}};
    int64_t size = take_weights(cn_model_layer(model), before);
    cr_expect_null(cn_fit(model, {cn_array(xs[0], 2, 2)}, {cn_array(y[0], 2, 3)}, .verbose = 0));
    expect_message(CN_SHAPES, "(2, 3)", "(2, 2)");
    cr_assert_eq(take_weights(cn_model_layer(model), after), size);
    cr_expect_arr_eq(after, before, (size_t)size * sizeof *after);
    cn_model_free(model);
}

/* Trains with states in batches of two, perhaps offers a batch of one, and gives what comes next. */
static void run_stateful(bool offers_short, float next[2][3], double *weights)
{
    static const float x[4][2][1] = {{{1}}, {{2}}, {{3}}}, y[4][1] = {{1}};
    cn_clear_session();
    cn_layer *lstm = cn_lstm(3, .stateful = true, .name = "memory");
    cn_model *model = cn_sequential(cn_input_layer(2, 1), lstm, cn_dense(1));
    cn_compile(model, .optimizer = cn_adam(), .loss = cn_mean_squared_error());
    cr_assert_not_null(
        cn_fit(model, {cn_array(x[0][0], 4, 2, 1)}, {cn_array(y[0], 4, 1)}, .batch_size = 2, .verbose = 0), "%s",
        cn_error_message());
    if (offers_short) {
        cr_expect_null(cn_fit(model, {cn_array(x[0][0], 1, 2, 1)}, {cn_array(y[0], 1, 1)}, .verbose = 0));
        expect_message(CN_SHAPES, "memory", "batches of 2");
    }
    take_weights(cn_model_layer(model), weights);
    cn_tape *tape = cn_tape_new();
    cn_tensor *output = cn_call(lstm, cn_ones(tape, CN_SHAPE(2, 2, 1)));
    cr_assert(cn_values(output, cn_array(next[0], 2, 3)), "%s", cn_error_message());
    cn_tape_free(tape);
    cn_model_free(model);
}

Test(wrong_use, a_short_batch_for_a_stateful_layer)
{
    float expected[2][3], got[2][3];
    double before[MOST] = {0}, after[MOST] = {0};
    run_stateful(false, expected, before);
    run_stateful(true, got, after);
    cr_expect_arr_eq(after, before, sizeof after);
    cr_expect_arr_eq(got[0], expected[0], sizeof got);
}

Test(wrong_use, nan_in_the_data_trains_on_and_shows_in_the_loss)
{
    float x[4][2] = {{1, 2}, {NAN, 1}, {3, 4}, {5, 6}}, y[4][1] = {{1}};
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(1));
    cn_compile(model, .optimizer = cn_sgd(), .loss = cn_mean_squared_error(),
               .metrics = {cn_metric_of(cn_mean_absolute_error())});
    FILE *out = tmpfile();
    cn_history *history =
        cn_fit(model, {cn_array(x[0], 4, 2)}, {cn_array(y[0], 4, 1)}, .epochs = 2, .verbose = 2, .file = out);
    cr_assert_not_null(history, "%s", cn_error_message());
    cr_assert_eq(cn_history_epochs(history), 2);
    cr_expect(isnan(cn_history_of(history, "loss")[1]));
    char text[512] = "";
    rewind(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    cr_expect(strstr(text, "loss: nan - mean_absolute_error: nan"), "%s", text);
    fclose(out);
    cn_model_free(model);
}
