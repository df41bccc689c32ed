/* Private: the parts of attention as operations of their own, each differentiable any number of times. */
#ifndef CN_CORE_OPS_ATTENTION_UNFUSED_H
#define CN_CORE_OPS_ATTENTION_UNFUSED_H
#include "core/engine.h"

/* scale query key^T: (batch, heads, queries, keys), of the operands of cn_dot_product_attention. */
cn_tensor *cn_attention_scores(cn_tensor *query, cn_tensor *key, double scale);
/* The values weighted: (batch, queries, heads, width) of weights (batch, heads, queries, keys). */
cn_tensor *cn_attention_mix(cn_tensor *weights, cn_tensor *value);

/* Which keys a query sees, as an int32 tensor that broadcasts to (..., queries, keys); false with the error set.
 * *seen is NULL if all of them. `mask` may be NULL, `window` 0. */
bool cn_attention_seen(cn_tape *tape, int64_t queries, int64_t keys, cn_tensor *mask, bool is_causal, int64_t window,
                       cn_tensor **seen);
#endif
