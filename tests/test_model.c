/* Models: graphs of layers, their order, weights and names, sharing, nesting, compiling. */
#include "expect.h"
#include <criterion/criterion.h>
#include <cornet/cornet.h>
#include <string.h>

static void teardown(void)
{
    cn_error_clear();
    cn_clear_session();
}

TestSuite(model, .fini = teardown);

static void expect_layers(const cn_model *model, const char *const *names, int count)
{
    cr_assert_eq(cn_layer_count(model), count);
    for (int i = 0; i < count; i++)
        cr_expect_str_eq(cn_layer_name(cn_get_layer(model, i)), names[i]);
}

#define NAMES(...) \
    (const char *const[]){__VA_ARGS__}, (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

Test(model, functional_lists_its_layers_from_the_inputs_on)
{
    cn_tensor *in = cn_input(3, 2);
    cn_tensor *x = cn_call(cn_lstm(8), in);
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(2, cn_softmax), x)});
    cr_assert(model != NULL, "%s", cn_error_message());
    expect_layers(model, NAMES("input_1", "lstm", "dense"));
    cr_expect_eq(cn_count_params(model), 352 + 18);
    cr_expect_str_eq(cn_layer_name(model), "model");
    cn_model_free(model);
}

Test(model, sequential_hides_its_input_layer)
{
    cn_model *model = cn_sequential(cn_input_layer(4), cn_dense(3), cn_dense(2));
    expect_layers(model, NAMES("dense", "dense_1"));
    cr_expect_eq(cn_weight_count(model), 4);
    cn_model_free(model);
}

Test(model, sequential_without_input_gets_weights_at_its_first_call)
{
    cn_model *model = cn_sequential(cn_dense(5));
    cr_expect_eq(cn_weight_count(model), 0);
    cr_assert(cn_build(model, CN_SHAPE(2, 10, 3)), "%s", cn_error_message());
    cr_assert_eq(cn_weight_count(model), 2);
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(model, 0)), CN_SHAPE(3, 5)));
    cn_tape *tape = cn_tape_new();
    cn_tensor *y = cn_call(model, cn_zeros(tape, CN_SHAPE(2, 10, 3)));
    cr_expect(cn_shape_equal(cn_shape_of(y), CN_SHAPE(2, 10, 5)), "%s", cn_error_message());
    cn_tape_free(tape);
    cn_model_free(model);
}

Test(model, shared_layer_has_one_set_of_weights)
{
    cn_tensor *a = cn_input(4), *b = cn_input(4);
    cn_layer *shared = cn_dense(3);
    cn_tensor *both = cn_call_many(cn_concatenate_layer(), {cn_call(shared, a), cn_call(shared, b)}).item[0];
    cn_model *model = cn_model_new({a, b}, {cn_call(cn_dense(1), both)});
    cr_assert(model != NULL, "%s", cn_error_message());
    expect_layers(model, NAMES("input_1", "input_2", "dense", "concatenate", "dense_1"));
    cr_expect_eq(cn_count_params(model), 15 + 7);
    cn_model_free(model);
}

/* An encoder that is part of an autoencoder, freed in either order. */
static void free_in_order(bool encoder_first)
{
    cn_tensor *in = cn_input(6);
    cn_tensor *code = cn_call(cn_dense(2, cn_tanh), in);
    cn_model *encoder = cn_model_new({in}, {code});
    cn_model *autoencoder = cn_model_new({in}, {cn_call(cn_dense(6), code)});
    cr_assert(encoder && autoencoder, "%s", cn_error_message());
    float x[6] = {1, 2, 3, 4, 5, 6}, y[6];
    cn_model *kept = encoder_first ? autoencoder : encoder;
    cn_clear_session();
    cn_model_free(encoder_first ? encoder : autoencoder);
    cr_expect(cn_predict(kept, {cn_array(x, 1, 6)}, {cn_array(y, 1, encoder_first ? 6 : 2)}), "%s", cn_error_message());
    cn_model_free(kept);
}

Test(model, models_that_share_layers_are_freed_in_any_order)
{
    free_in_order(true);
    free_in_order(false);
}

Test(model, is_called_as_a_layer)
{
    cn_model *inner = cn_sequential(cn_input_layer(4), cn_dense(3), cn_dense(2));
    cn_tensor *in = cn_input(4);
    cn_model *outer = cn_model_new({in}, {cn_call(cn_dense(1), cn_call(inner, in))});
    cr_assert(outer != NULL, "%s", cn_error_message());
    expect_layers(outer, NAMES("input_2", "sequential", "dense_2"));
    cr_expect_eq(cn_count_params(outer), 15 + 8 + 3);
    cr_expect_eq(cn_layer_model(cn_get_layer(outer, 1)), inner);
    cn_model_free(inner);
    float x[4] = {1, 2, 3, 4}, y;
    cr_expect(cn_predict(outer, {cn_array(x, 1, 4)}, {cn_array(&y, 1, 1)}), "%s", cn_error_message());
    cn_model_free(outer);
}

Test(model, operations_on_symbolic_tensors_are_part_of_it)
{
    cn_tensor *in = cn_input(3);
    cn_model *model =
        cn_model_new({in}, {cn_mul(cn_add(in, cn_scalar(in, 1)), cn_sum(in, .axis = -1, .keepdims = true))});
    cr_assert(model != NULL, "%s", cn_error_message());
    float x[2][3] = {{1, 2, 3}, {0, -1, 2}}, y[2][3];
    cr_assert(cn_predict(model, {cn_array(x[0], 2, 3)}, {cn_array(y[0], 2, 3)}), "%s", cn_error_message());
    const float expected[2][3] = {{12, 18, 24}, {1, 0, 3}};
    cr_expect_arr_eq(y, expected, sizeof y);
    cn_model_free(model);
}

Test(model, weights_are_set_only_if_every_shape_fits)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(2));
    float w[2][2] = {{1, 2}, {3, 4}}, b[3] = {5, 6, 7}, got[2][2];
    cn_layer *layer = cn_model_layer(model);
    cr_assert(cn_set_weights(layer, cn_array(w[0], 2, 2), cn_array(b, 2)));
    w[0][0] = 9;
    cr_expect_not(cn_set_weights(layer, cn_array(w[0], 2, 2), cn_array(b, 3)));
    expect_failure(true, CN_SHAPES, "set_weights: weight 1 of sequential (dense/bias) has shape (2,), the array (3,)");
    cn_values(cn_weight(layer, 0), cn_array(got[0], 2, 2));
    cr_expect_float_eq(got[0][0], 1, 0);
    cn_model_free(model);
}

Test(model, layer_is_found_by_name)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_named(cn_dense(2), "hidden"), cn_dense(1));
    cr_expect_eq(cn_layer_by_name(model, "hidden"), cn_get_layer(model, 0));
    cr_expect_null(cn_layer_by_name(model, "absent"));
    expect_failure(true, CN_ARGUMENT, "sequential: has no layer named absent");
    cn_model_free(model);
}

Test(model, disconnected_graph_is_an_error)
{
    cn_tensor *a = cn_input(2), *b = cn_input(2);
    cr_expect_null(cn_model_new({a}, {cn_call(cn_dense(1), b)}));
    expect_failure(true, CN_ARGUMENT,
                   "model: the graph is disconnected: its outputs need input_2, which is not among its inputs");
}

Test(model, two_layers_of_one_name_are_an_error)
{
    cn_tensor *in = cn_input(2);
    cn_tensor *x = cn_call(cn_named(cn_dense(2), "same"), in);
    cr_expect_null(cn_model_new({in}, {cn_call(cn_named(cn_dense(2), "same"), x)}));
    expect_failure(true, CN_ARGUMENT, "model: two layers are named same");
}

Test(model, thousand_layers_deep_model_is_no_problem)
{
    cn_tensor *in = cn_input(2), *x = in;
    for (int i = 0; i < 1000; i++)
        x = cn_call(cn_dense(2), x);
    cn_model *model = cn_model_new({in}, {x});
    cr_assert(model != NULL, "%s", cn_error_message());
    float v[2] = {1, 1}, y[2];
    cr_expect(cn_predict(model, {cn_array(v, 1, 2)}, {cn_array(y, 1, 2)}), "%s", cn_error_message());
    cn_model_free(model);
}

/* Summaries of real models; the text itself is tested with summary_text. */

static void expect_summary(cn_summary_args args, const char *file)
{
    char path[512], expected[8192], written[8192];
    snprintf(path, sizeof path, CN_TEST_DATA "/summaries/%s.txt", file);
    FILE *in = fopen(path, "rb"), *out = tmpfile();
    cr_assert(in && out, "%s", path);
    args.file = out;
    cr_assert(cn_summary_with(args), "%s", cn_error_message());
    rewind(out);
    size_t wanted = fread(expected, 1, sizeof expected - 1, in), got = fread(written, 1, sizeof written - 1, out);
    expected[wanted] = written[got] = '\0';
    cr_expect_str_eq(written, expected);
    fclose(in);
    fclose(out);
}

/* The names of the layers in a summary, from `first` to `last`. */
static void expect_range(cn_model *model, const char *first, const char *last, const char *names)
{
    char line[256], name[64], found[256] = "";
    FILE *out = tmpfile();
    cr_assert(cn_summary(model, .file = out, .layer_range = {first, last}), "%s", cn_error_message());
    rewind(out);
    while (fgets(line, sizeof line, out))
        if (sscanf(line, " %63[a-z0-9_] (%*[A-Z]", name) == 1 && strchr(line, '('))
            strcat(strcat(found, *found ? " " : ""), name);
        else if (strncmp(line, "Total", 5) == 0)
            cr_expect_str_eq(line, "Total params: 20\n", "all layers are counted");
    cr_expect_str_eq(found, names);
    fclose(out);
}

Test(model, summary_of_a_range_of_layers)
{
    cn_model *model = cn_sequential(cn_input_layer(2), cn_dense(3, .name = "first"), cn_dropout(0.5, .name = "drop"),
                                    cn_dense(2, .name = "second"), cn_dense(1, .name = "third"),
                                    cn_dropout(0.5, .name = "drop_last"));
    expect_range(model, NULL, NULL, "first drop second third drop_last");
    expect_range(model, "drop", "third", "drop second third");
    expect_range(model, "third", "dro.$", "drop second third");
    expect_range(model, "second", "second", "second");
    expect_range(model, "f|s", "d", "first drop second third drop_last");
    cr_expect_not(cn_summary(model, .layer_range = {"econd", "third"}));
    cr_expect_str_eq(cn_error_message(), "summary: no layer of sequential has a name that begins with econd");
    cn_error_clear();
    cr_expect_not(cn_summary(model, .layer_range = {"second"}));
    cr_expect_str_eq(cn_error_message(), "summary: layer_range has two ends, of which one is given");
    cn_error_clear();
    cr_expect_not(cn_summary(model, .layer_range = {"(", "third"}));
    cr_expect_str_eq(cn_error_message(), "summary: ( is no regular expression");
    cn_error_clear();
    cn_model_free(model);
}

Test(model, summary_of_the_lstm_notebook)
{
    cn_tensor *in = cn_input(3, 2);
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(2, cn_softmax), cn_call(cn_lstm(8), in))});
    expect_summary((cn_summary_args){.model = model}, "B-seed002-lstm");
    cn_model_free(model);
}

Test(model, summary_of_a_sequential_model)
{
    cn_model *model = cn_sequential(cn_input_layer(784), cn_dense(128), cn_dropout(0.2), cn_dense(10));
    expect_summary((cn_summary_args){.model = model}, "A-sequential-mlp");
    cn_model_free(model);
}

Test(model, summary_of_a_shared_layer_shows_its_calls)
{
    cn_tensor *a = cn_input(4), *b = cn_input(4);
    cn_layer *shared = cn_dense(3);
    cn_tensor *both = cn_call_many(cn_concatenate_layer(), {cn_call(shared, a), cn_call(shared, b)}).item[0];
    cn_model *model = cn_model_new({a, b}, {cn_call(cn_dense(1), both)});
    expect_summary((cn_summary_args){.model = model}, "C-shared-layer");
    cn_model_free(model);
}

Test(model, summary_of_two_outputs)
{
    cn_tensor *in = cn_input(8);
    cn_tensor *x = cn_call(cn_dense(16), in);
    cn_model *model =
        cn_model_new({in}, {cn_call(cn_named(cn_dense(1), "out_a"), x), cn_call(cn_named(cn_dense(3), "out_b"), x)},
                     .name = "two_heads");
    expect_summary((cn_summary_args){.model = model}, "F-two-outputs");
    cn_model_free(model);
}

Test(model, summary_of_a_normalized_convolution)
{
    cn_tensor *in = cn_input(32, 32, 3);
    cn_tensor *x = cn_call(cn_batch_normalization(), cn_call(cn_conv2d(8, {3}), in));
    x = cn_call(cn_global_average_pooling2d(), cn_call(cn_activation_layer(cn_relu), x));
    cn_model *model = cn_model_new({in}, {cn_call(cn_dense(10), x)});
    expect_summary((cn_summary_args){.model = model}, "D-conv-batchnorm");
    expect_summary((cn_summary_args){.model = model, .show_trainable = true}, "E-show-trainable");
    cn_model_free(model);
}

Test(model, summary_of_a_nested_model)
{
    cn_model *inner = cn_sequential(cn_dense(3), cn_dense(2));
    cn_tensor *in = cn_input(4);
    cn_model *outer = cn_model_new({in}, {cn_call(cn_dense(1), cn_call(inner, in))});
    expect_summary((cn_summary_args){.model = outer}, "H-nested-collapsed");
    expect_summary((cn_summary_args){.model = outer, .expand_nested = true}, "G-nested-expanded");
    cn_model_free(inner);
    cn_model_free(outer);
}
