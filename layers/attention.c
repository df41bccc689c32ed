#include "layers/attention.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/attention.h"
#include "core/ops/attention_unfused.h"
#include "core/ops/product.h"
#include "core/ops/random.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/ops/softmax.h"
#include "layers/arguments.h"
#include "layers/classes.h"

/* The scores of AdditiveAttention, beside those of cn_score_mode. */
enum { SCORE_ADDITIVE = CN_SCORE_CONCAT + 1 };
enum { QUERY, VALUE, KEY };

typedef struct attention {
    cn_layer base;
    cn_attention_args args;
    cn_tensor *scale, *concat_score_weight;
} attention;

static bool attention_init(cn_layer *layer)
{
    double rate = ((attention *)layer)->args.dropout;
    return (rate >= 0 && rate <= 1) ||
           cn_fail(CN_ARGUMENT, "%s: dropout must be from 0 to 1, not %g", layer->name, rate);
}

static bool fit(int64_t a, int64_t b)
{
    return a == b || a < 0 || b < 0;
}

static bool check_inputs(const cn_layer *layer, const cn_shape *in, int count)
{
    char query[CN_SHAPE_TEXT], key[CN_SHAPE_TEXT], value[CN_SHAPE_TEXT];
    if (count != 2 && count != 3)
        return cn_fail(CN_ARGUMENT, "%s: takes a query, a value and maybe a key, got %d input%s", layer->name, count,
                       count == 1 ? "" : "s");
    const cn_shape *q = &in[QUERY], *v = &in[VALUE], *k = &in[count == 3 ? KEY : VALUE];
    bool valid = q->rank == 3 && v->rank == 3 && k->rank == 3;
    if (!valid || !fit(q->dim[0], v->dim[0]) || !fit(k->dim[0], v->dim[0]) || !fit(k->dim[1], v->dim[1]) ||
        !fit(q->dim[2], k->dim[2]))
        return cn_fail(CN_SHAPES,
                       "%s: needs a query (batch, queries, size), a value (batch, keys, width) and a key (batch, keys, "
                       "size), got %s, %s and %s",
                       layer->name, cn_shape_text(*q, query, sizeof query), cn_shape_text(*v, value, sizeof value),
                       cn_shape_text(*k, key, sizeof key));
    return true;
}

static bool attention_build(cn_layer *layer, const cn_shape *in)
{
    attention *a = (attention *)layer;
    bool additive = (int)a->args.score_mode == SCORE_ADDITIVE;
    if (!check_inputs(layer, in, layer->input_count))
        return false;
    if (a->args.use_scale && additive) {
        if (in[QUERY].dim[2] < 0)
            return cn_fail(CN_SHAPES, "%s: the last dimension of the query must be known", layer->name);
        a->scale = cn_add_weight(layer, "scale", CN_SHAPE(in[QUERY].dim[2]));
    } else if (a->args.use_scale) {
        a->scale = cn_add_weight(layer, "scale", CN_SHAPE(), .initializer = cn_init_ones());
    }
    if (a->args.score_mode == CN_SCORE_CONCAT)
        a->concat_score_weight = cn_add_weight(layer, "concat_score_weight", CN_SHAPE(), .initializer = cn_init_ones());
    return !cn_failed();
}

/* x scale, or x if the layer has none. */
static cn_tensor *scaled(const attention *a, cn_tensor *x)
{
    return a->scale ? cn_mul(x, a->scale) : x;
}

/* (batch, queries, keys) */
static cn_tensor *scores_of(const attention *a, cn_tensor *query, cn_tensor *key)
{
    if (a->args.score_mode == CN_SCORE_DOT)
        return scaled(a, cn_matmul(query, cn_swapaxes(key, 1, 2)));
    cn_tensor *sum = cn_add(cn_expand_dims(query, 2), cn_expand_dims(key, 1));
    if (a->args.score_mode == CN_SCORE_CONCAT)
        return cn_mul(cn_sum(cn_tanh(scaled(a, sum)), -1), a->concat_score_weight);
    return cn_sum(scaled(a, cn_tanh(sum)), -1);
}

/* The same weights, without keeping all scores. Only where every query sees a key do all ways to leave keys out agree.
 */
static cn_tensor *fused(const attention *a, const cn_layer_call *call, cn_tensor *query, cn_tensor *key,
                        cn_tensor *value)
{
    cn_shape q = cn_shape_of(query), k = cn_shape_of(key), v = cn_shape_of(value);
    cn_tensor *y = cn_dot_product_attention(cn_reshape(scaled(a, query), CN_SHAPE(q.dim[0], q.dim[1], 1, q.dim[2])),
                                            cn_reshape(key, CN_SHAPE(k.dim[0], k.dim[1], 1, k.dim[2])),
                                            cn_reshape(value, CN_SHAPE(v.dim[0], v.dim[1], 1, v.dim[2])), .scale = 1,
                                            .is_causal = call->use_causal_mask);
    return cn_reshape(y, CN_SHAPE(q.dim[0], q.dim[1], v.dim[2]));
}

static cn_tensor *weights_of(const attention *a, const cn_layer_call *call, cn_tensor *query, cn_tensor *key)
{
    cn_tensor *scores = scores_of(a, query, key), *seen = NULL;
    cn_tensor *mask = call->mask[VALUE] ? cn_expand_dims(call->mask[VALUE], 1) : NULL;
    if (!scores || !cn_attention_seen(call->tape, cn_shape_of(query).dim[1], cn_shape_of(key).dim[1], mask,
                                      call->use_causal_mask, 0, &seen))
        return NULL;
    if (seen) {
        cn_tensor *hidden = cn_cast(cn_logical_not(seen), cn_dtype_of(scores));
        scores = cn_sub(scores, cn_mul(hidden, cn_scalar(scores, 1e9)));
    }
    cn_tensor *weights = cn_softmax(scores);
    if (!weights || !call->training || a->args.dropout == 0)
        return weights;
    return cn_mul(weights, cn_dropout_mask(call->tape, cn_shape_of(weights), a->args.dropout, .seed = a->args.seed,
                                           .dtype = cn_dtype_of(weights)));
}

/* A mask is that of an input, (batch, places). */
static bool check_mask(const cn_layer *layer, const cn_tensor *mask, const cn_tensor *x)
{
    char text[CN_SHAPE_TEXT], shape[CN_SHAPE_TEXT];
    cn_shape m = cn_shape_of(mask), s = cn_shape_of(x);
    return !mask || (m.rank == 2 && m.dim[0] == s.dim[0] && m.dim[1] == s.dim[1]) ||
           cn_fail(CN_SHAPES, "%s: its mask %s does not fit %s", layer->name, cn_shape_text(m, text, sizeof text),
                   cn_shape_text(s, shape, sizeof shape));
}

static bool attention_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const attention *a = (attention *)layer;
    cn_tensor *const *x = call->inputs.item, *key = x[call->inputs.count == 3 ? KEY : VALUE];
    cn_shape shapes[CN_MAX_TENSORS];
    for (int i = 0; i < call->inputs.count; i++)
        shapes[i] = cn_shape_of(x[i]);
    if (!check_inputs(layer, shapes, call->inputs.count) || !check_mask(layer, call->mask[QUERY], x[QUERY]) ||
        !check_mask(layer, call->mask[VALUE], x[VALUE]))
        return false;
    bool keeps = call->return_attention_scores || call->mask[VALUE] || (call->training && a->args.dropout > 0);
    cn_tensor *weights = NULL, *y;
    if (a->args.score_mode == CN_SCORE_DOT && !keeps) {
        y = fused(a, call, x[QUERY], key, x[VALUE]);
    } else {
        weights = weights_of(a, call, x[QUERY], key);
        y = cn_matmul(weights, x[VALUE]);
    }
    if (call->mask[QUERY] && y)
        y = cn_mul(y, cn_cast(cn_expand_dims(call->mask[QUERY], 2), cn_dtype_of(y)));
    outputs->count = 1 + call->return_attention_scores;
    outputs->item[0] = y;
    outputs->item[1] = weights;
    cn_set_mask(y, call->mask[QUERY]);
    return !cn_failed();
}

static const char *const score_modes[] = {"dot", "concat", NULL};

#define ATTENTION_CLASS(class_name)                                                                    \
    .name = (class_name), .size = sizeof(attention), .init = attention_init, .build = attention_build, \
    .call_many = attention_call, .mask = CN_MASK_MAKES, .takes_causal_mask = true, .takes_scores = true

static const cn_layer_class attention_class = {
    ATTENTION_CLASS("Attention"), .values = &(const attention){.args = {CN_ATTENTION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(attention, BOOL, use_scale), CN_ARGUMENT_CHOICE(attention, score_mode, score_modes),
               CN_ARGUMENT_FIELD(attention, FLOAT, dropout), CN_ARGUMENT_FIELD(attention, INT, seed)}};

cn_layer *cn_attention_with(cn_attention_args args)
{
    return cn_layer_like(&attention_class, &(attention){.base = CN_BASE_OF(args), .args = args});
}

cn_attention_args cn_attention_defaults(void)
{
    return (cn_attention_args){CN_ATTENTION_DEFAULTS};
}

#define ADDITIVE .score_mode = (cn_score_mode)SCORE_ADDITIVE

static const cn_layer_class additive_attention_class = {
    ATTENTION_CLASS("AdditiveAttention"),
    .values = &(const attention){.args = {CN_ADDITIVE_ATTENTION_DEFAULTS, ADDITIVE}},
    .fields = {CN_ARGUMENT_FIELD(attention, BOOL, use_scale), CN_ARGUMENT_FIELD(attention, FLOAT, dropout),
               CN_ARGUMENT_FIELD(attention, INT, seed)}};

cn_layer *cn_additive_attention_with(cn_additive_attention_args args)
{
    return cn_layer_like(
        &additive_attention_class,
        &(attention){.base = CN_BASE_OF(args),
                     .args = {.use_scale = args.use_scale, .dropout = args.dropout, .seed = args.seed, ADDITIVE}});
}

cn_additive_attention_args cn_additive_attention_defaults(void)
{
    return (cn_additive_attention_args){CN_ADDITIVE_ATTENTION_DEFAULTS};
}

const cn_layer_class *const cn_attention_classes[] = {&attention_class, &additive_attention_class, NULL};
