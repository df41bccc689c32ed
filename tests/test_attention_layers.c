/* Attention, AdditiveAttention, MultiHeadAttention and GroupQueryAttention: gradients, masks, names, wrong use. */
#include "expect.h"
#include "core/engine.h"
#include <string.h>

static void teardown(void)
{
    cn_clear_session();
    cn_set_default_dtype(CN_F32);
}
TestSuite(attention_layers, .fini = teardown);

/* Gradients */

#define EXPECT_GRADIENTS(layer, ...) \
    cr_expect(cn_gradient_check_layer(NULL, (layer), __VA_ARGS__), "%s: %s", #layer, cn_error_message())

Test(attention_layers, gradients_of_attention)
{
    const cn_shape query = CN_SHAPE(2, 3, 4), value = CN_SHAPE(2, 5, 2), key = CN_SHAPE(2, 5, 4);
    EXPECT_GRADIENTS(cn_attention(), .input_count = 3, .inputs = {query, value, key});
    EXPECT_GRADIENTS(cn_attention(true), .input_count = 2, .inputs = {query, key});
    EXPECT_GRADIENTS(cn_attention(true, CN_SCORE_CONCAT), .input_count = 3, .inputs = {query, value, key});
    EXPECT_GRADIENTS(cn_attention(.dropout = 0.4), .input_count = 2, .inputs = {query, key}, .training = true);
    EXPECT_GRADIENTS(cn_additive_attention(), .input_count = 3, .inputs = {query, value, key});
    EXPECT_GRADIENTS(cn_additive_attention(false), .input_count = 2, .inputs = {query, key});
}

Test(attention_layers, gradients_of_attention_with_heads)
{
    const cn_shape query = CN_SHAPE(2, 3, 4), value = CN_SHAPE(2, 5, 2), key = CN_SHAPE(2, 5, 3);
    EXPECT_GRADIENTS(cn_multi_head_attention(2, 3), .input_count = 2, .inputs = {query, value});
    EXPECT_GRADIENTS(cn_multi_head_attention(2, 3, .value_dim = 2, .use_gate = true, .sliding_window = 2),
                     .input_count = 3, .inputs = {query, value, key});
    EXPECT_GRADIENTS(cn_multi_head_attention(2, 2, .dropout = 0.3, .use_bias = false), .input_count = 2,
                     .inputs = {query, value}, .training = true);
    EXPECT_GRADIENTS(cn_multi_head_attention(2, 2, .output_shape = CN_SHAPE(2, 3)), .input_count = 2,
                     .inputs = {query, value});
    EXPECT_GRADIENTS(cn_multi_head_attention(1, 2, .attention_axes = CN_SHAPE(2)), .input_count = 2,
                     .inputs = {CN_SHAPE(2, 3, 2, 2), CN_SHAPE(2, 3, 3, 2)});
}

Test(attention_layers, gradients_of_shared_heads)
{
    EXPECT_GRADIENTS(cn_group_query_attention(3, 4, 2, .use_gate = true), .input_count = 2,
                     .inputs = {CN_SHAPE(2, 3, 4), CN_SHAPE(2, 5, 2)});
}

/* A layer's call with arguments, as a function for the gradient check. */
typedef struct checked_call {
    cn_layer *layer;
    bool use_causal_mask, return_attention_scores;
    int32_t mask[5];
} checked_call;

static cn_tensor *call_checked(cn_tape *tape, cn_tensor *const *x, void *context)
{
    const checked_call *c = context;
    cn_tensor *mask = cn_constant_as(tape, cn_array(c->mask, 1, 5), CN_I32);
    mask = cn_broadcast_to(mask, CN_SHAPE(2, 5));
    cn_tensors y = cn_call_many(c->layer, {x[0], x[1]}, .mask = {NULL, mask}, .use_causal_mask = c->use_causal_mask,
                                .return_attention_scores = c->return_attention_scores);
    return y.count == 2 ? cn_add(cn_sum(cn_square(y.item[0])), cn_sum(cn_square(y.item[1]))) : y.item[0];
}

Test(attention_layers, gradients_of_calls_with_masks_and_scores)
{
    cn_set_default_dtype(CN_F64);
    cn_layer *layers[] = {cn_attention(true), cn_additive_attention(), cn_multi_head_attention(2, 3),
                          cn_group_query_attention(2, 4, 2)};
    for (int i = 0; i < 4; i++)
        for (int scores = 0; scores < 2; scores++) {
            checked_call c = {layers[i], true, scores, {1, 0, 1, 1, 0}};
            cr_expect(cn_gradient_check(NULL, call_checked, .context = &c, .input_count = 2,
                                        .inputs = {CN_SHAPE(2, 4, 3), CN_SHAPE(2, 5, 3)}),
                      "%s: %s", cn_layer_name(layers[i]), cn_error_message());
            cn_error_clear();
        }
}

/* Names and weights */

Test(attention_layers, weights_have_the_names_and_the_order_of_keras)
{
    static const char *const names[] = {"query/kernel",
                                        "query/bias",
                                        "key/kernel",
                                        "key/bias",
                                        "gate/kernel",
                                        "gate/bias",
                                        "value/kernel",
                                        "value/bias",
                                        "attention_output/kernel",
                                        "attention_output/bias"};
    cn_layer *layer = cn_multi_head_attention(2, 3, .value_dim = 5, .use_gate = true, .name = "heads");
    cn_tensor *query = cn_input(4, 6), *value = cn_input(7, 8);
    cr_assert_eq(cn_call_many(layer, {query, value}).count, 1, "%s", cn_error_message());
    cr_assert_eq(cn_weight_count(layer), 10);
    for (int i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "heads/%s", names[i]);
        cr_expect_str_eq(cn_name_of(cn_weight(layer, i)), name);
    }
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(layer, 2)), CN_SHAPE(8, 2, 3)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(layer, 4)), CN_SHAPE(6, 2, 5)));
    cr_expect(cn_shape_equal(cn_shape_of(cn_weight(layer, 8)), CN_SHAPE(2, 5, 6)));
}

Test(attention_layers, the_softmax_and_the_dropout_inside_take_names)
{
    cn_layer *layer = cn_multi_head_attention(2, 3);
    cn_tensor *x = cn_input(4, 6);
    cr_expect_str_eq(cn_layer_name(layer), "multi_head_attention");
    cr_assert_eq(cn_call_many(layer, {x, x}).count, 1);
    cr_expect_str_eq(cn_layer_name(cn_dropout(0.5)), "dropout_1");
    cr_expect_str_eq(cn_layer_name(cn_softmax_layer()), "softmax_1");
    cr_expect_str_eq(cn_layer_name(cn_group_query_attention(2, 2, 1)), "grouped_query_attention");
    cr_expect_str_eq(cn_layer_name(cn_attention()), "attention");
    cr_expect_str_eq(cn_layer_name(cn_additive_attention()), "additive_attention");
}

Test(attention_layers, group_query_attention_goes_by_two_names)
{
    cr_expect_not_null(cn_layer_class_named("GroupQueryAttention"));
    cr_expect_eq(cn_layer_class_named("GroupQueryAttention"), cn_layer_class_named("GroupedQueryAttention"));
}

/* The fans of a kernel (features, heads, size) are features and heads * size: glorot_uniform stays within their limit,
 * and comes near it. */
Test(attention_layers, kernels_are_drawn_by_the_fans_of_the_projection)
{
    cn_layer *layer = cn_multi_head_attention(4, 16, .use_bias = false);
    cn_tensor *x = cn_input(4, 32);
    cr_assert_eq(cn_call_many(layer, {x, x}).count, 1);
    static double values[32 * 64];
    cr_assert(cn_values(cn_weight(layer, 0), cn_array(values, 32, 4, 16)));
    double largest = 0, limit = sqrt(6.0 / (32 + 64));
    for (int i = 0; i < 32 * 64; i++)
        largest = fmax(largest, fabs(values[i]));
    cr_expect(largest <= limit && largest > 0.95 * limit, "%g of %g", largest, limit);
}

/* Masks */

typedef struct eager {
    cn_tape *tape;
    cn_tensor *x, *mask; /* (2, 3, 4), and of it (2, 3): the last place of each sample does not count */
} eager;

static eager begin(void)
{
    const int32_t counts[] = {1, 1, 0, 1, 1, 0};
    eager e = {.tape = cn_tape_new()};
    e.x = cn_sample_normal(e.tape, CN_SHAPE(2, 3, 4), .seed = 1);
    e.mask = cn_constant_as(e.tape, cn_array(counts, 2, 3), CN_I32);
    return e;
}

static double largest_difference(cn_tensor *a, cn_tensor *b)
{
    cr_assert(a && b, "%s", cn_error_message());
    cn_tensor *difference = cn_max(cn_absolute(cn_sub(a, b)));
    cr_assert_not_null(difference, "%s", cn_error_message());
    return cn_item(difference);
}

Test(attention_layers, output_has_the_mask_of_the_query)
{
    eager e = begin();
    cn_layer *layers[] = {cn_attention(), cn_additive_attention(), cn_multi_head_attention(1, 2),
                          cn_group_query_attention(2, 2, 1)};
    for (int i = 0; i < 4; i++) {
        cn_tensors y = cn_call_many(layers[i], {e.x, e.x}, .mask = {e.mask, NULL}, .return_attention_scores = true);
        cr_assert_eq(y.count, 2, "%s", cn_error_message());
        cr_expect_eq(cn_mask_of(y.item[0]), e.mask);
        cr_expect_null(cn_mask_of(y.item[1]));
    }
    cn_tape_free(e.tape);
}

Test(attention_layers, masks_of_value_and_key_and_attention_masks_hide_the_same)
{
    eager e = begin();
    cn_layer *layer = cn_multi_head_attention(2, 2);
    cn_tensor *seen = cn_broadcast_to(cn_expand_dims(e.mask, 1), CN_SHAPE(2, 3, 3));
    cn_tensor *by_value = cn_call_many(layer, {e.x, e.x, e.x}, .mask = {NULL, e.mask}).item[0];
    cn_tensor *by_key = cn_call_many(layer, {e.x, e.x, e.x}, .mask = {NULL, NULL, e.mask}).item[0];
    cn_tensor *given = cn_call_many(layer, {e.x, e.x, e.x}, .attention_mask = seen).item[0];
    cn_tensor *of_heads = cn_call_many(layer, {e.x, e.x, e.x},
                                       .attention_mask = cn_broadcast_to(cn_expand_dims(seen, 1), CN_SHAPE(2, 2, 3, 3)))
                              .item[0];
    cn_tensor *kept =
        cn_call_many(layer, {e.x, e.x, e.x}, .attention_mask = seen, .return_attention_scores = true).item[0];
    cr_expect_eq(largest_difference(by_value, by_key), 0);
    cr_expect_eq(largest_difference(by_value, given), 0);
    cr_expect_eq(largest_difference(by_value, of_heads), 0);
    cr_expect_lt(largest_difference(by_value, kept), 1e-6);
    cr_expect_gt(largest_difference(by_value, cn_call_many(layer, {e.x, e.x, e.x}).item[0]), 1e-3);
    cn_tape_free(e.tape);
}

Test(attention_layers, query_that_sees_nothing_has_no_weights_where_they_are_kept)
{
    eager e = begin();
    cn_layer *layer = cn_multi_head_attention(1, 2);
    cn_tensor *none = cn_zeros(e.tape, CN_SHAPE(2, 3, 3), .dtype = CN_I32);
    cn_tensors y = cn_call_many(layer, {e.x, e.x}, .attention_mask = none, .return_attention_scores = true);
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cr_expect_eq(cn_item(cn_max(y.item[1])), 0);
    cn_tape_free(e.tape);
}

Test(attention_layers, scores_are_of_each_query_and_key)
{
    eager e = begin();
    cn_tensors y = cn_call_many(cn_group_query_attention(2, 4, 2), {e.x, cn_concatenate({e.x, e.x}, .axis = 1)},
                                .return_attention_scores = true);
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(y.item[1]), CN_SHAPE(2, 4, 3, 6)));
    cr_expect_lt(largest_difference(cn_sum(y.item[1], -1), cn_ones(e.tape, CN_SHAPE(2, 4, 3))), 1e-6);
    cn_tape_free(e.tape);
}

Test(attention_layers, dropout_of_weights_is_for_training)
{
    eager e = begin();
    cn_layer *layers[] = {cn_attention(.dropout = 0.5), cn_multi_head_attention(2, 2, .dropout = 0.5)};
    for (int i = 0; i < 2; i++) {
        cn_tensor *y = cn_call_many(layers[i], {e.x, e.x}).item[0];
        cr_expect_eq(largest_difference(y, cn_call_many(layers[i], {e.x, e.x}).item[0]), 0);
        cr_expect_gt(largest_difference(y, cn_call_many(layers[i], {e.x, e.x}, .training = CN_TRAINING).item[0]), 1e-3);
    }
    cn_tape_free(e.tape);
}

/* Attention axes */

/* Over the other axes the layer works as on samples of their own. */
Test(attention_layers, attends_along_the_axes_that_it_is_given)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_multi_head_attention(2, 3, .attention_axes = CN_SHAPE(-2), .name = "heads");
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 3, 4, 5), .seed = 1);
    cn_tensors y = cn_call_many(layer, {x, x}, .use_causal_mask = true, .return_attention_scores = true);
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(y.item[1]), CN_SHAPE(2, 3, 2, 4, 4)));
    cn_layer *flat = cn_multi_head_attention(2, 3);
    cn_tensor *samples = cn_reshape(x, CN_SHAPE(6, 4, 5));
    cr_assert_eq(cn_call_many(flat, {samples, samples}).count, 1);
    for (int i = 0; i < cn_weight_count(flat); i++)
        cr_assert(cn_assign(cn_weight(flat, i), cn_read(tape, cn_weight(layer, i))));
    cn_tensor *wanted = cn_call_many(flat, {samples, samples}, .use_causal_mask = true).item[0];
    cr_expect_lt(largest_difference(cn_reshape(y.item[0], CN_SHAPE(6, 4, 5)), wanted), 1e-5);
    cn_tape_free(tape);
}

Test(attention_layers, attends_along_the_first_of_two_axes)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_multi_head_attention(2, 3, .attention_axes = CN_SHAPE(1));
    cn_layer *last = cn_multi_head_attention(2, 3, .attention_axes = CN_SHAPE(2));
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 3, 4, 5), .seed = 1), *turned = cn_swapaxes(x, 1, 2);
    cn_tensor *y = cn_call_many(layer, {x, x}).item[0];
    cr_assert_eq(cn_call_many(last, {turned, turned}).count, 1);
    for (int i = 0; i < cn_weight_count(layer); i++)
        cr_assert(cn_assign(cn_weight(last, i), cn_read(tape, cn_weight(layer, i))));
    cr_expect_lt(largest_difference(y, cn_swapaxes(cn_call_many(last, {turned, turned}).item[0], 1, 2)), 1e-5);
    cn_tape_free(tape);
}

Test(attention_layers, attends_along_all_axes_by_default)
{
    cn_tape *tape = cn_tape_new();
    cn_layer *layer = cn_multi_head_attention(1, 2);
    cn_tensor *x = cn_sample_normal(tape, CN_SHAPE(2, 3, 4, 5), .seed = 1);
    cn_tensors y = cn_call_many(layer, {x, x}, .return_attention_scores = true);
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cr_expect(cn_shape_equal(cn_shape_of(y.item[0]), CN_SHAPE(2, 3, 4, 5)));
    cr_expect(cn_shape_equal(cn_shape_of(y.item[1]), CN_SHAPE(2, 1, 3, 4, 3, 4)));
    cn_tape_free(tape);
}

/* Models */

Test(attention_layers, models_keep_the_arguments_of_calls)
{
    cn_layer *layer = cn_multi_head_attention(2, 2);
    cn_tensor *in = cn_input(3, 4), *seen = cn_input_with((cn_input_args){.shape = CN_SHAPE(3, 3), .dtype = CN_I32});
    cn_tensors y =
        cn_call_many(layer, {in, in}, .attention_mask = seen, .use_causal_mask = true, .return_attention_scores = true);
    cr_assert_eq(y.count, 2, "%s", cn_error_message());
    cn_model *model = cn_model_new({in, seen}, {y.item[0], y.item[1]});
    cr_assert_not_null(model, "%s", cn_error_message());
    eager e = begin();
    cn_tensor *mask = cn_broadcast_to(cn_expand_dims(e.mask, 1), CN_SHAPE(2, 3, 3));
    cn_tensors wanted = cn_call_many(layer, {e.x, e.x}, .attention_mask = mask, .use_causal_mask = true,
                                     .return_attention_scores = true);
    cn_tensors got = cn_call_many(model, {e.x, mask});
    cr_assert_eq(got.count, 2, "%s", cn_error_message());
    for (int i = 0; i < 2; i++)
        cr_expect_eq(largest_difference(got.item[i], wanted.item[i]), 0);
    cn_tape_free(e.tape);
    cn_model_free(model);
}

/* Regularizers */

Test(attention_layers, activity_regularizer_is_of_each_projection)
{
    eager e = begin();
    cn_layer *layer = cn_multi_head_attention(2, 2, .activity_regularizer = cn_l2(0.5));
    cr_assert_eq(cn_call_many(layer, {e.x, e.x}).count, 1);
    cr_expect_eq(e.tape->loss_count, 4);
    cn_tape_free(e.tape);
}

/* Wrong use */

Test(attention_layers, wrong_arguments_are_refused_at_once)
{
    expect_failure(!cn_multi_head_attention(0, 2, .name = "a"), CN_ARGUMENT, "a: num_heads must be positive, not 0");
    expect_failure(!cn_multi_head_attention(2, -1, .name = "a"), CN_ARGUMENT, "a: key_dim must be positive, not -1");
    expect_failure(!cn_multi_head_attention(2, 2, 0, .name = "a"), CN_ARGUMENT, "a: value_dim must be positive, not 0");
    expect_failure(!cn_multi_head_attention(2, 2, .dropout = 1.5, .name = "a"), CN_ARGUMENT,
                   "a: dropout must be from 0 to 1, not 1.5");
    expect_failure(!cn_multi_head_attention(2, 2, .sliding_window = 0, .name = "a"), CN_ARGUMENT,
                   "a: sliding_window must be positive, not 0");
    expect_failure(!cn_multi_head_attention(2, 2, .output_shape = CN_SHAPE(3, 0), .name = "a"), CN_ARGUMENT,
                   "a: output_shape must be positive, not 0");
    expect_failure(!cn_multi_head_attention(2, 2, .dropout = 0.1, .flash_attention = true, .name = "a"), CN_ARGUMENT,
                   "a: flash_attention does not go with dropout");
    expect_failure(!cn_group_query_attention(2, 5, 2, .name = "a"), CN_ARGUMENT,
                   "a: num_query_heads, 5, is not a multiple of num_key_value_heads, 2");
    expect_failure(!cn_group_query_attention(2, 5, 0, .name = "a"), CN_ARGUMENT,
                   "a: num_key_value_heads must be positive, not 0");
    expect_failure(!cn_attention(.dropout = -1, .name = "a"), CN_ARGUMENT, "a: dropout must be from 0 to 1, not -1");
}

/* A call that is refused leaves the layer unbuilt. */
#define EXPECT_REFUSAL(layer, code, message, ...)                                         \
    do {                                                                                  \
        expect_failure(cn_call_many((layer), __VA_ARGS__).count == 0, (code), (message)); \
        cr_expect_eq(cn_weight_count(layer), 0);                                          \
    } while (0)

Test(attention_layers, wrong_inputs_are_refused_before_a_weight_is_made)
{
    eager e = begin();
    cn_tensor *flat = cn_ones(e.tape, CN_SHAPE(2, 3)), *other = cn_ones(e.tape, CN_SHAPE(3, 3, 4));
    cn_tensor *long_value = cn_ones(e.tape, CN_SHAPE(2, 5, 4)), *cube = cn_ones(e.tape, CN_SHAPE(2, 3, 3, 4));
    cn_layer *attention = cn_attention(true, .name = "a"), *heads = cn_multi_head_attention(2, 2, .name = "h");
    cn_layer *groups = cn_group_query_attention(2, 2, 1, .name = "g");
    EXPECT_REFUSAL(attention, CN_ARGUMENT, "a: takes a query, a value and maybe a key, got 1 input", {e.x});
    EXPECT_REFUSAL(heads, CN_ARGUMENT, "h: takes a query, a value and maybe a key, got 1 input", {e.x});
    EXPECT_REFUSAL(attention, CN_SHAPES,
                   "a: needs a query (batch, queries, size), a value (batch, keys, width) and a key (batch, keys, "
                   "size), got (None, 3), (None, 3, 4) and (None, 3, 4)",
                   {flat, e.x});
    EXPECT_REFUSAL(attention, CN_SHAPES,
                   "a: needs a query (batch, queries, size), a value (batch, keys, width) and a key (batch, keys, "
                   "size), got (None, 3, 4), (None, 3, 4) and (None, 5, 4)",
                   {e.x, e.x, long_value});
    EXPECT_REFUSAL(heads, CN_SHAPES,
                   "h: needs a query (batch, queries, features), a value (batch, keys, features) and a key (batch, "
                   "keys, features), got (None, 3, 4), (None, 3, 4) and (None, 5, 4)",
                   {e.x, e.x, long_value});
    EXPECT_REFUSAL(groups, CN_SHAPES, "g: expected an input of rank 3, got (2, 3, 3, 4)", {cube, cube});
    EXPECT_REFUSAL(cn_multi_head_attention(2, 2, .attention_axes = CN_SHAPE(3), .name = "i"), CN_ARGUMENT,
                   "i: attention_axes: 3 is not an axis of places, or named twice", {cube, cube});
    EXPECT_REFUSAL(cn_multi_head_attention(2, 2, .attention_axes = CN_SHAPE(2), .name = "j"), CN_SHAPES,
                   "j: query (None, 3, 3, 4) and value (None, 5, 3, 4) differ in an axis that is not attended",
                   {cube, cn_ones(e.tape, CN_SHAPE(2, 5, 3, 4))});
    cr_assert_eq(cn_call_many(heads, {e.x, e.x}).count, 1, "%s", cn_error_message());
    expect_failure(cn_call_many(heads, {e.x, other}).count == 0, CN_SHAPES,
                   "h: needs a query (batch, queries, features), a value (batch, keys, features) and a key (batch, "
                   "keys, features), got (2, 3, 4), (3, 3, 4) and (3, 3, 4)");
    cn_tape_free(e.tape);
}

Test(attention_layers, masks_that_do_not_fit_are_refused)
{
    eager e = begin();
    cn_tensor *wide = cn_ones(e.tape, CN_SHAPE(2, 4), .dtype = CN_I32);
    cn_tensor *seen = cn_ones(e.tape, CN_SHAPE(2, 3, 4), .dtype = CN_I32);
    cn_tensor *of_heads = cn_ones(e.tape, CN_SHAPE(2, 3, 3, 3), .dtype = CN_I32);
    cn_layer *heads = cn_multi_head_attention(2, 2, .name = "h"), *attention = cn_attention(.name = "a");
    expect_failure(!cn_call_many(heads, {e.x, e.x}, .mask = {NULL, wide}).count, CN_SHAPES,
                   "h: the value's mask (2, 4) does not fit its inputs");
    expect_failure(!cn_call_many(heads, {e.x, e.x}, .attention_mask = seen).count, CN_SHAPES,
                   "h: attention_mask (2, 3, 4) does not fit its inputs");
    expect_failure(!cn_call_many(heads, {e.x, e.x}, .attention_mask = of_heads).count, CN_SHAPES,
                   "h: attention_mask (2, 3, 3, 3) does not fit its inputs");
    expect_failure(!cn_call_many(heads, {e.x, e.x}, .attention_mask = e.x).count, CN_SHAPES,
                   "h: attention_mask (2, 3, 4) does not fit its inputs");
    expect_failure(!cn_call_many(attention, {e.x, e.x}, .mask = {wide, NULL}).count, CN_SHAPES,
                   "a: its mask (2, 4) does not fit (2, 3, 4)");
    cn_tape_free(e.tape);
}

Test(attention_layers, arguments_that_a_layer_does_not_take_are_refused)
{
    eager e = begin();
    cn_layer *attention = cn_attention(.name = "a"), *dense = cn_dense(2, .name = "d");
    cn_layer *flash = cn_multi_head_attention(1, 1, .flash_attention = true, .name = "f");
    expect_failure(!cn_call_many(attention, {e.x, e.x}, .attention_mask = e.mask).count, CN_ARGUMENT,
                   "a: takes no attention_mask");
    expect_failure(!cn_call_many(dense, {e.x}, .use_causal_mask = true).count, CN_ARGUMENT,
                   "d: takes no use_causal_mask");
    cn_tensor *in = cn_input(3, 4);
    expect_failure(!cn_call_many(dense, {in}, .return_attention_scores = true).count, CN_ARGUMENT,
                   "d: takes no return_attention_scores");
    expect_failure(!cn_call_many(flash, {e.x, e.x}, .return_attention_scores = true).count, CN_ARGUMENT,
                   "f: flash_attention gives no scores");
    cn_tape_free(e.tape);
}

Test(attention_layers, causal_masks_and_windows_need_one_attended_axis)
{
    cn_tape *tape = cn_tape_new();
    cn_tensor *x = cn_ones(tape, CN_SHAPE(1, 2, 2, 3));
    expect_failure(!cn_call_many(cn_multi_head_attention(1, 1, .name = "h"), {x, x}, .use_causal_mask = true).count,
                   CN_UNSUPPORTED, "h: use_causal_mask needs a single attended axis");
    expect_failure(!cn_call_many(cn_multi_head_attention(1, 1, .sliding_window = 2, .name = "w"), {x, x}).count,
                   CN_UNSUPPORTED, "w: sliding_window needs a single attended axis");
    cn_tape_free(tape);
}
