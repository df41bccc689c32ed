#include "layers/softmax.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/softmax.h"
#include "layers/arguments.h"
#include "layers/classes.h"

typedef struct softmax_layer {
    cn_layer base;
    cn_softmax_layer_args args;
} softmax_layer;

static bool softmax_init(cn_layer *layer)
{
    const cn_shape *axis = &((softmax_layer *)layer)->args.axis;
    return axis->rank > 0 || cn_fail(CN_ARGUMENT, "%s: needs an axis", layer->name);
}

/* Whether every axis of x is one along which the sum goes: the batch may be, as any other. */
static bool softmax_build(cn_layer *layer, const cn_shape *in)
{
    const cn_shape *axis = &((softmax_layer *)layer)->args.axis;
    char text[CN_SHAPE_TEXT];
    unsigned seen = 0;
    for (int i = 0; i < axis->rank; i++) {
        int64_t d = axis->dim[i] < 0 ? axis->dim[i] + in->rank : axis->dim[i];
        if (d < 0 || d >= in->rank || (seen >> d & 1))
            return cn_fail(CN_ARGUMENT, "%s: there is no axis %lld in %s, or it is named twice", layer->name,
                           (long long)axis->dim[i], cn_shape_text(*in, text, sizeof text));
        seen |= 1U << d;
    }
    return true;
}

static bool fits(cn_shape mask, cn_shape shape)
{
    int more = shape.rank - mask.rank;
    for (int d = 0; d < mask.rank; d++)
        if (more < 0 || (mask.dim[d] != 1 && mask.dim[d] != shape.dim[d + more]))
            return false;
    return true;
}

static bool softmax_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_shape *axis = &((softmax_layer *)layer)->args.axis;
    cn_tensor *x = call->inputs.item[0], *mask = call->mask[0];
    char shape[CN_SHAPE_TEXT], text[CN_SHAPE_TEXT];
    cn_axes axes = {.count = axis->rank};
    for (int i = 0; i < axis->rank; i++)
        axes.axis[i] = (int)axis->dim[i];
    if (mask && !fits(cn_shape_of(mask), cn_shape_of(x)))
        return cn_fail(CN_SHAPES, "%s: its mask %s does not fit %s", layer->name,
                       cn_shape_text(cn_shape_of(mask), text, sizeof text),
                       cn_shape_text(cn_shape_of(x), shape, sizeof shape));
    if (mask)
        x = cn_where(mask, x, cn_full_like(x, -1e9));
    cn_tensor *y = cn_softmax(x, .axes = axes);
    outputs->count = 1;
    outputs->item[0] = mask ? cn_where(mask, y, cn_zeros_like(y)) : y;
    return !cn_failed();
}

static const cn_layer_class softmax_class = {.name = "Softmax",
                                             .size = sizeof(softmax_layer),
                                             .init = softmax_init,
                                             .build = softmax_build,
                                             .call_many = softmax_call,
                                             .mask = CN_MASK_PASSES,
                                             .inputs = 1,
                                             .min_rank = 1,
                                             .values = &(const softmax_layer){.args = {CN_SOFTMAX_LAYER_DEFAULTS}},
                                             .fields = {CN_ARGUMENT_FIELD(softmax_layer, INTS, axis)}};

cn_layer *cn_softmax_layer_with(cn_softmax_layer_args args)
{
    return cn_layer_like(&softmax_class, &(softmax_layer){.base = CN_BASE_OF(args), .args = args});
}

cn_softmax_layer_args cn_softmax_layer_defaults(void)
{
    return (cn_softmax_layer_args){CN_SOFTMAX_LAYER_DEFAULTS};
}

const cn_layer_class *const cn_softmax_classes[] = {&softmax_class, NULL};
