/* Attention layers without projections: Attention and AdditiveAttention. Inputs are queries (batch, queries, size),
 * values (batch, keys, width) and, if they are not the values, keys (batch, keys, size): cn_call_many(layer, {query,
 * value}). The output is (batch, queries, width), for each query the mean of the values weighted by the softmax of its
 * scores.
 *
 * The mask of the values tells which of them count; where that of the queries is 0 the output is 0, and the output has
 * that mask. With .use_causal_mask query i sees keys 0 to i; with .return_attention_scores a second output has the
 * weights (batch, queries, keys), after dropout. Both layers refuse sizes that do not fit (CN_SHAPES). */
#ifndef CN_LAYERS_ATTENTION_H
#define CN_LAYERS_ATTENTION_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a query and a key make a score: by their product, or w sum tanh(query + key). */
typedef enum cn_score_mode { CN_SCORE_DOT, CN_SCORE_CONCAT } cn_score_mode;

/* scale query key^T (Luong and others, 2015), or w sum tanh(scale (query + key)). Weights: scale (), 1, with
 * .use_scale; concat_score_weight (), 1, with CN_SCORE_CONCAT. .dropout is of the weights, in training. */
typedef struct cn_attention_args {
    char first_;
    bool use_scale;
    cn_score_mode score_mode;
    double dropout;
    int64_t seed; /* -1: the tape's */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_attention_args;
#define CN_ATTENTION_DEFAULTS .seed = -1
#define cn_attention(...) cn_attention_with((cn_attention_args){CN_ATTENTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_attention_with(cn_attention_args args);
CN_API cn_attention_args cn_attention_defaults(void);

/* sum scale tanh(query + key) (Bahdanau and others, 2015). Weight: scale (size), from glorot_uniform, with .use_scale.
 */
typedef struct cn_additive_attention_args {
    char first_;
    bool use_scale;
    double dropout;
    int64_t seed; /* -1: the tape's */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_additive_attention_args;
#define CN_ADDITIVE_ATTENTION_DEFAULTS .use_scale = true, .seed = -1
#define cn_additive_attention(...) \
    cn_additive_attention_with((cn_additive_attention_args){CN_ADDITIVE_ATTENTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_additive_attention_with(cn_additive_attention_args args);
CN_API cn_additive_attention_args cn_additive_attention_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
