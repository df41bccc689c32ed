#include "layers/merging.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/product.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"

/* Concatenate */

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

/* Element by element */

typedef struct merge {
    cn_layer base;
    cn_merge_layer_args args;
} merge;

typedef cn_tensor *combination(cn_tensor *a, cn_tensor *b);

/* With axes of size 1 after the batch. */
static cn_tensor *with_rank(cn_tensor *x, int rank)
{
    for (int r = cn_shape_of(x).rank; x && r < rank; r++)
        x = cn_expand_dims(x, 1);
    return x;
}

/* A mask with the rank of the input that it is of, or NULL. */
static cn_tensor *with_rank_of(cn_tensor *mask, const cn_tensor *x)
{
    int rank = cn_shape_of(x).rank;
    for (int r = mask ? cn_shape_of(mask).rank : rank; mask && r < rank; r++)
        mask = cn_expand_dims(mask, -1);
    return mask;
}

/* What is combined so far, and the mask of what counts in it (NULL: everything). */
typedef struct merged {
    cn_tensor *value, *mask;
} merged;

static merged merge_two(merged a, merged b, combination *combine, bool skips)
{
    merged both = {combine(a.value, b.value), a.mask && b.mask ? cn_logical_or(a.mask, b.mask) : NULL};
    if (skips && b.mask)
        both.value = cn_where(b.mask, both.value, a.value);
    if (skips && a.mask)
        both.value = cn_where(a.mask, both.value, b.value);
    return both;
}

static bool check_inputs(const cn_layer *layer, const cn_tensors *inputs)
{
    char first[CN_SHAPE_TEXT], other[CN_SHAPE_TEXT];
    if (inputs->count < 2)
        return cn_fail(CN_ARGUMENT, "%s: needs at least two inputs, not %d", layer->name, inputs->count);
    cn_shape shape = cn_shape_of(inputs->item[0]);
    for (int i = 0; i < inputs->count; i++) {
        cn_shape beside = cn_shape_of(inputs->item[i]);
        if (shape.rank < 1 || beside.rank < 1 || beside.dim[0] != shape.dim[0])
            return cn_fail(CN_SHAPES, "%s: its inputs are batches of different sizes: %s and %s", layer->name,
                           cn_shape_text(shape, first, sizeof first), cn_shape_text(beside, other, sizeof other));
    }
    return true;
}

static merged merge_inputs(cn_layer *layer, const cn_layer_call *call, combination *combine, bool skips)
{
    merged all = {NULL, NULL};
    int rank = 0;
    if (!check_inputs(layer, &call->inputs))
        return all;
    for (int i = 0; i < call->inputs.count; i++)
        rank = cn_shape_of(call->inputs.item[i]).rank > rank ? cn_shape_of(call->inputs.item[i]).rank : rank;
    for (int i = 0; i < call->inputs.count && !cn_failed(); i++) {
        cn_tensor *x = call->inputs.item[i], *mask = with_rank_of(call->mask[i], x);
        merged next = {with_rank(x, rank), mask ? with_rank(mask, rank) : NULL};
        all = i == 0 ? next : merge_two(all, next, combine, skips);
    }
    return all;
}

static bool set_output(const cn_layer_call *call, cn_tensor *y, cn_tensors *outputs)
{
    cn_tensor *mask = call->mask[0];
    for (int i = 1; i < call->inputs.count && mask; i++)
        mask = call->mask[i] ? cn_logical_or(mask, call->mask[i]) : NULL;
    outputs->item[outputs->count++] = y;
    if (y && mask)
        cn_set_mask(y, mask);
    return !cn_failed();
}

static bool add_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    return set_output(call, merge_inputs(layer, call, cn_add, false).value, outputs);
}

static bool subtract_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    if (call->inputs.count != 2)
        return cn_fail(CN_ARGUMENT, "%s: needs two inputs, not %d", layer->name, call->inputs.count);
    return set_output(call, merge_inputs(layer, call, cn_sub, false).value, outputs);
}

static bool multiply_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    merged all = merge_inputs(layer, call, cn_mul, true);
    cn_tensor *y = all.mask && all.value ? cn_where(all.mask, all.value, cn_scalar(call->tape, 0)) : all.value;
    return set_output(call, y, outputs);
}

static bool average_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *sum = merge_inputs(layer, call, cn_add, false).value;
    return sum && set_output(call, cn_div(sum, cn_scalar(call->tape, call->inputs.count)), outputs);
}

static bool maximum_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    return set_output(call, merge_inputs(layer, call, cn_maximum, true).value, outputs);
}

static bool minimum_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    return set_output(call, merge_inputs(layer, call, cn_minimum, true).value, outputs);
}

#define MERGE(function, class_name)                                                                      \
    static const cn_layer_class function##_class = {                                                     \
        .name = class_name, .size = sizeof(merge), .call_many = function##_call, .mask = CN_MASK_MAKES}; \
    cn_layer *cn_##function##_layer_with(cn_merge_layer_args args)                                       \
    {                                                                                                    \
        return cn_layer_like(&function##_class, &(merge){.base = CN_BASE_OF(args), .args = args});       \
    }
MERGE(add, "Add")
MERGE(subtract, "Subtract")
MERGE(multiply, "Multiply")
MERGE(average, "Average")
MERGE(maximum, "Maximum")
MERGE(minimum, "Minimum")
#undef MERGE

/* Dot */

typedef struct dot {
    cn_layer base;
    cn_dot_layer_args args;
} dot;

static bool dot_init(cn_layer *layer)
{
    const cn_shape *axes = &((dot *)layer)->args.axes;
    char text[CN_SHAPE_TEXT];
    bool valid = axes->rank == 1 || axes->rank == 2;
    for (int i = 0; i < axes->rank && valid; i++)
        valid = axes->dim[i] != 0 && axes->dim[i] > -CN_MAX_RANK && axes->dim[i] < CN_MAX_RANK;
    return valid || cn_fail(CN_ARGUMENT, "%s: axes must be one or two, neither of them the batch, not %s", layer->name,
                            cn_shape_text(*axes, text, sizeof text));
}

static bool dot_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_dot_layer_args *args = &((dot *)layer)->args;
    if (call->inputs.count != 2)
        return cn_fail(CN_ARGUMENT, "%s: needs two inputs, not %d", layer->name, call->inputs.count);
    cn_tensor *x[2];
    int axis[2];
    for (int i = 0; i < 2; i++) {
        axis[i] = (int)args->axes.dim[args->axes.rank == 2 ? i : 0];
        x[i] = call->inputs.item[i];
        if (args->normalize)
            x[i] = cn_normalize(x[i], .axis = axis[i]);
    }
    outputs->item[outputs->count++] = cn_batch_dot(x[0], x[1], .axes = axis[0], .axes_y = axis[1]);
    return !cn_failed();
}

static const cn_layer_class dot_class = {
    .name = "Dot",
    .size = sizeof(dot),
    .init = dot_init,
    .call_many = dot_call,
    .fields = {CN_ARGUMENT_FIELD(dot, INTS, axes), CN_ARGUMENT_FIELD(dot, BOOL, normalize)}};

cn_layer *cn_dot_layer_with(cn_dot_layer_args args)
{
    return cn_layer_like(&dot_class, &(dot){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_merging_classes[] = {&concatenate_class, &add_class,     &subtract_class,
                                                    &multiply_class,    &average_class, &maximum_class,
                                                    &minimum_class,     &dot_class,     NULL};
