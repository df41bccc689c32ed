/* Attention: for each query a mean of values, weighted by how well their keys fit it. */
#ifndef CN_CORE_OPS_ATTENTION_H
#define CN_CORE_OPS_ATTENTION_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_dot_product_attention_args {
    cn_tensor *query, *key, *value, *mask;
    double scale; /* 0: 1 / sqrt(size) */
    bool is_causal;
    int64_t sliding_window; /* 0: none */
} cn_dot_product_attention_args;
/* softmax(scale query key^T) value for each sample and head (Vaswani and others, 2017), with the axes of keras.ops:
 * query (batch, queries, heads, size), key (batch, keys, groups, size) and value (batch, keys, groups, width) give
 * (batch, queries, heads, width). heads is a multiple of groups: so many neighbouring heads share a key and a value.
 *
 * A query sees the keys at which .mask, broadcast to (batch, heads, queries, keys), is not 0; with .is_causal query i
 * sees keys 0 to i, with a .sliding_window those less than so many places away; what is given counts together. One that
 * sees no key gets the mean of all values. In memory are the scores of some queries at a time, never all of them.
 * Differentiable once; any number of times on a tape of second order, where all scores are kept.
 * cn_dot_product_attention(q, k, v, .is_causal = true). CN_SHAPES for sizes that do not fit. */
#define cn_dot_product_attention(...) \
    cn_dot_product_attention_with((cn_dot_product_attention_args){.query = __VA_ARGS__})
CN_API cn_tensor *cn_dot_product_attention_with(cn_dot_product_attention_args args);

#ifdef __cplusplus
}
#endif
#endif
