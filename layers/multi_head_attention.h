/* Attention with heads: MultiHeadAttention and GroupQueryAttention. Inputs are queries, values and, if they are not the
 * values, keys, each (batch, places, features): cn_call_many(layer, {query, value}). Each head has projections of its
 * own of all three, to softmax(query key^T / sqrt(size)) value (Vaswani and others, 2017); what the heads give is
 * projected to the output.
 *
 * A query sees a key unless the mask of the query, the value or the key, the call's .attention_mask (batch, queries,
 * keys) or (batch, heads, queries, keys), its .use_causal_mask or the layer's .sliding_window (places less than so far
 * apart) says otherwise. A query that sees none gets the mean of the values; or nothing, if the weights are kept, for
 * dropout in training or for .return_attention_scores, a second output (batch, heads, queries, keys) from before
 * dropout. The output has the mask of the query.
 *
 * Weights, of which there are no biases without .use_bias: query/kernel (features, heads, size), query/bias (heads,
 * size), key/..., gate/... (with .use_gate: sigmoids of a projection of the query that the heads are multiplied by),
 * value/..., attention_output/kernel (heads, width, features) and attention_output/bias (features). Kernels are from
 * glorot_uniform, biases zeros. The activity regularizer is of each projection, and of scores. .flash_attention changes
 * no number, but is refused together with dropout or scores.
 *
 * CN_ARGUMENT for sizes that are not positive, CN_SHAPES for inputs or masks that do not fit. */
#ifndef CN_LAYERS_MULTI_HEAD_ATTENTION_H
#define CN_LAYERS_MULTI_HEAD_ATTENTION_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* key_dim is the size of a head, .value_dim the width of its values, by default the same. .output_shape replaces the
 * features of the query in the output. Inputs may have several axes of places, of which .attention_axes says which are
 * attended, by default all: over the others the layer works for each place alone. */
typedef struct cn_multi_head_attention_args {
    char first_;
    int64_t num_heads, key_dim, value_dim;
    double dropout;
    bool use_bias;
    cn_shape output_shape, attention_axes;
    int64_t sliding_window;
    bool flash_attention;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    bool use_gate;
    int64_t seed; /* of dropout; -1: the tape's */
    const char *name;
} cn_multi_head_attention_args;
#define CN_MULTI_HEAD_ATTENTION_DEFAULTS .value_dim = CN_NONE, .use_bias = true, .sliding_window = CN_NONE, .seed = -1
/* cn_multi_head_attention(8, 64) */
#define cn_multi_head_attention(...) \
    cn_multi_head_attention_with(    \
        (cn_multi_head_attention_args){CN_MULTI_HEAD_ATTENTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_multi_head_attention_with(cn_multi_head_attention_args args);
CN_API cn_multi_head_attention_args cn_multi_head_attention_defaults(void);

/* Keys and values have fewer heads, each shared by neighbouring heads of the query (Ainslie and others, 2023):
 * num_query_heads is a multiple of num_key_value_heads (CN_ARGUMENT). */
typedef struct cn_group_query_attention_args {
    char first_;
    int64_t head_dim, num_query_heads, num_key_value_heads;
    double dropout;
    bool use_bias;
    int64_t sliding_window;
    bool flash_attention;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    bool use_gate;
    int64_t seed; /* of dropout; -1: the tape's */
    const char *name;
} cn_group_query_attention_args;
#define CN_GROUP_QUERY_ATTENTION_DEFAULTS .use_bias = true, .sliding_window = CN_NONE, .seed = -1
/* cn_group_query_attention(64, 8, 2) */
#define cn_group_query_attention(...) \
    cn_group_query_attention_with(    \
        (cn_group_query_attention_args){CN_GROUP_QUERY_ATTENTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_group_query_attention_with(cn_group_query_attention_args args);
CN_API cn_group_query_attention_args cn_group_query_attention_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
