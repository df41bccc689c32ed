#include "layers/merging.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"

typedef struct concatenate {
    cn_layer base;
    cn_concatenate_layer_args args;
} concatenate;

/* Each mask is spread over the last axes of its input, the spread masks are joined as the inputs are, and the output's
 * mask is 1 where any element of the last axis is. */
static cn_tensor *joined_mask(const cn_layer_call *call, int axis)
{
    cn_tensor *spread[CN_MAX_TENSORS];
    for (int i = 0; i < call->inputs.count; i++) {
        cn_shape shape = cn_shape_of(call->inputs.item[i]);
        cn_tensor *mask = call->mask[i];
        if (mask) {
            for (int rank = cn_shape_of(mask).rank; mask && rank < shape.rank; rank++)
                mask = cn_expand_dims(mask, -1);
            spread[i] = cn_broadcast_to(mask, shape);
        } else {
            spread[i] = cn_ones(call->tape, shape, .dtype = CN_I32);
        }
        if (!spread[i])
            return NULL;
    }
    return cn_any(cn_concatenate_many(spread, call->inputs.count, axis), .axis = -1);
}

static bool concatenate_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    int axis = (int)((concatenate *)layer)->args.axis;
    bool masked = false;
    for (int i = 0; i < call->inputs.count; i++)
        masked = masked || call->mask[i];
    cn_tensor *joined = cn_concatenate_many(call->inputs.item, call->inputs.count, axis);
    outputs->item[outputs->count++] = joined;
    if (joined && masked)
        cn_set_mask(joined, joined_mask(call, axis));
    return !cn_failed();
}

static const cn_layer_class concatenate_class = {.name = "Concatenate",
                                                 .size = sizeof(concatenate),
                                                 .call_many = concatenate_call,
                                                 .mask = CN_MASK_MAKES,
                                                 .values =
                                                     &(const concatenate){.args = {CN_CONCATENATE_LAYER_DEFAULTS}},
                                                 .fields = {CN_ARGUMENT_FIELD(concatenate, INT, axis)}};

cn_layer *cn_concatenate_layer_with(cn_concatenate_layer_args args)
{
    return cn_layer_like(&concatenate_class, &(concatenate){.base = CN_BASE_OF(args), .args = args});
}

cn_concatenate_layer_args cn_concatenate_layer_defaults(void)
{
    return (cn_concatenate_layer_args){CN_CONCATENATE_LAYER_DEFAULTS};
}

const cn_layer_class *const cn_merging_classes[] = {&concatenate_class, NULL};
