#include "core/ops/attention_unfused.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"

cn_tensor *cn_attention_scores(cn_tensor *query, cn_tensor *key, double scale)
{
    if (!query || !key)
        return NULL;
    const int64_t *q = query->shape.dim, groups = key->shape.dim[2];
    cn_tensor *scaled = cn_mul(query, cn_scalar(query, scale));
    scaled = cn_reshape(scaled, CN_SHAPE(q[0], q[1], groups, q[2] / groups, q[3]));
    return cn_reshape(cn_einsum("bqghd,bkgd->bghqk", scaled, key), CN_SHAPE(q[0], q[2], q[1], key->shape.dim[1]));
}

cn_tensor *cn_attention_mix(cn_tensor *weights, cn_tensor *value)
{
    if (!weights || !value)
        return NULL;
    const int64_t *w = weights->shape.dim, groups = value->shape.dim[2];
    cn_tensor *grouped = cn_reshape(weights, CN_SHAPE(w[0], groups, w[1] / groups, w[2], w[3]));
    return cn_reshape(cn_einsum("bghqk,bkgd->bqghd", grouped, value), CN_SHAPE(w[0], w[2], w[1], value->shape.dim[3]));
}

bool cn_attention_seen(cn_tape *tape, int64_t queries, int64_t keys, cn_tensor *mask, bool is_causal, int64_t window,
                       cn_tensor **seen)
{
    *seen = mask;
    if (!is_causal && window == 0)
        return true;
    cn_tensor *query = cn_reshape(cn_arange(tape, (double)queries), CN_SHAPE(queries, 1));
    cn_tensor *behind = cn_sub(query, cn_arange(tape, (double)keys));
    cn_tensor *zero = cn_full(tape, CN_SHAPE(), 0, .dtype = CN_I32);
    cn_tensor *inside = is_causal ? cn_greater_equal(behind, zero) : NULL;
    if (window > 0) {
        cn_tensor *distance = cn_absolute(behind);
        cn_tensor *near = cn_less(distance, cn_full(tape, CN_SHAPE(), (double)window, .dtype = CN_I32));
        inside = inside ? cn_logical_and(inside, near) : near;
    }
    *seen = mask ? cn_logical_and(mask, inside) : inside;
    return *seen != NULL;
}
