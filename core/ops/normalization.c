#include "core/ops/normalization.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axes.h"
#include "core/ops/axis.h"
#include "core/ops/normalization_fused.h"
#include "core/ops/shaping.h"
#include <string.h>

/* Inputs: x, for batch_normalization mean and variance, then the scale (gamma) and the offset (beta) if they are there.
 */
typedef struct normalization_attributes {
    int axis;
    cn_axes axes;
    int64_t groups;
    double epsilon;
    bool has_scale, has_offset;
} normalization_attributes;

/* The inputs, which begin with so many that are always there. */
static int list_inputs(cn_tensor **inputs, int count, cn_tensor *scale, cn_tensor *offset, normalization_attributes *a)
{
    a->has_scale = scale != NULL;
    a->has_offset = offset != NULL;
    if (scale)
        inputs[count++] = scale;
    if (offset)
        inputs[count++] = offset;
    return count;
}

/* The scale and the offset among inputs from `first` on. */
static void find_factors(const cn_entry *e, int first, cn_tensor **scale, cn_tensor **offset)
{
    const normalization_attributes *a = e->attributes;
    *scale = a->has_scale ? e->input[first] : NULL;
    *offset = a->has_offset ? e->input[first + a->has_scale] : NULL;
}

/* That the inputs from the second on are floats like x, and have the dimensions of its axes in the mask. */
static bool check_factors(const cn_entry *e, unsigned mask)
{
    const cn_tensor *x = e->input[0];
    cn_shape wanted = {.rank = 0};
    char text[CN_SHAPE_TEXT];
    for (int d = 0; d < x->shape.rank; d++)
        if (mask >> d & 1)
            wanted.dim[wanted.rank++] = x->shape.dim[d];
    if (x->dtype == CN_I32)
        return cn_entry_fail(e, CN_TYPE, "is for floats, not %s", cn_dtype_name(x->dtype));
    for (int i = 1; i < e->input_count; i++) {
        if (e->input[i]->dtype != x->dtype)
            return cn_entry_fail(e, CN_TYPE, "input %d is %s, not %s", i, cn_dtype_name(e->input[i]->dtype),
                                 cn_dtype_name(x->dtype));
        if (!cn_shape_equal(e->input[i]->shape, wanted))
            return cn_entry_fail(e, CN_SHAPES, "input %d has not the shape %s", i,
                                 cn_shape_text(wanted, text, sizeof text));
    }
    return true;
}

/* The axes in the order that brings those of the mask to the end; none if they are there. */
static cn_axes order_to_end(int rank, unsigned mask)
{
    cn_axes order = {.count = 0};
    const int begin = rank - __builtin_popcount(mask);
    if (mask >> begin == (1u << (rank - begin)) - 1)
        return order;
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < rank; d++)
            if ((int)(mask >> d & 1) == last)
                order.axis[order.count++] = d;
    return order;
}

static cn_axes inverse(cn_axes order)
{
    cn_axes back = {.count = order.count};
    for (int i = 0; i < order.count; i++)
        back.axis[order.axis[i]] = i;
    return back;
}

static cn_tensor *turn(cn_tensor *x, cn_axes order)
{
    return order.count == 0 ? x : cn_transpose(x, .axes = order);
}

/* (x - mean) scale / √(variance + epsilon) + offset, where all may be differentiated twice; all but x and variance may
 * be NULL. */
static cn_tensor *normalize_by(cn_tensor *x, cn_tensor *mean, cn_tensor *variance, double epsilon, cn_tensor *scale,
                               cn_tensor *offset)
{
    cn_tensor *rstd = cn_rsqrt(cn_add(variance, cn_scalar(x, epsilon)));
    cn_tensor *y = cn_mul(mean ? cn_sub(x, mean) : x, rstd);
    y = scale ? cn_mul(y, scale) : y;
    return offset ? cn_add(y, offset) : y;
}

/* cn_normalize_rows, or on a tape of second order its unfused form. */
static cn_tensor *normalize_rows(cn_tape *tape, cn_tensor *x, cn_tensor *scale, cn_tensor *offset, int begin,
                                 bool centred, double epsilon)
{
    if (!tape->second_order || !x)
        return x ? cn_normalize_rows(x, scale, offset, begin, centred, epsilon) : NULL;
    const cn_axes axes = cn_axes_of_mask((1u << x->shape.rank) - (1u << begin));
    cn_tensor *mean = centred ? cn_mean(x, .axes = axes, .keepdims = true) : NULL;
    cn_tensor *variance = cn_mean(cn_square(centred ? cn_sub(x, mean) : x), .axes = axes, .keepdims = true);
    return normalize_by(x, mean, variance, epsilon, scale, offset);
}

static bool expand_along(const cn_entry *e, cn_tape *tape, bool centred, cn_tensor **y)
{
    const normalization_attributes *a = e->attributes;
    const int rank = e->input[0]->shape.rank;
    unsigned mask;
    cn_tensor *scale, *offset;
    if (!cn_axes_mask(e, a->axis == CN_NONE && a->axes.count == 0 ? -1 : a->axis, a->axes, &mask) ||
        !check_factors(e, mask))
        return false;
    find_factors(e, 1, &scale, &offset);
    const cn_axes order = order_to_end(rank, mask);
    cn_tensor *x = turn(e->input[0], order);
    *y = normalize_rows(tape, x, scale, offset, rank - __builtin_popcount(mask), centred, a->epsilon);
    return (*y = turn(*y, inverse(order))) != NULL;
}

static bool layer_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    return expand_along(e, tape, true, y);
}

static bool rms_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    return expand_along(e, tape, false, y);
}

/* A number for each element of an axis, in a shape that broadcasts along the others. */
static cn_tensor *along(cn_tensor *channels, int rank, int axis)
{
    cn_shape shape = {.rank = rank - axis, .dim = {-1}};
    for (int d = 1; d < shape.rank; d++)
        shape.dim[d] = 1;
    return channels && shape.rank > 1 ? cn_reshape(channels, shape) : channels;
}

static bool channels_axis(const cn_entry *e, int *axis)
{
    const normalization_attributes *a = e->attributes;
    return cn_axis_of(e, a->axis, e->input[0]->shape.rank, axis) && check_factors(e, 1u << *axis);
}

static bool group_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    const normalization_attributes *a = e->attributes;
    const cn_shape *shape = &e->input[0]->shape;
    int axis;
    cn_tensor *scale, *offset;
    if (!channels_axis(e, &axis))
        return false;
    if (axis == 0)
        return cn_entry_fail(e, CN_ARGUMENT, "axis 0 is that of the samples");
    if (a->groups < 1 || shape->dim[axis] % a->groups)
        return cn_entry_fail(e, CN_SHAPES, "%lld channels cannot be cut into %lld groups", (long long)shape->dim[axis],
                             (long long)a->groups);
    find_factors(e, 1, &scale, &offset);
    cn_axes order = {.count = shape->rank, .axis = {0, axis}};
    for (int d = 1, to = 2; d < shape->rank; d++)
        if (d != axis)
            order.axis[to++] = d;
    if (axis == 1)
        order.count = 0;
    cn_tensor *x = turn(e->input[0], order);
    const int64_t samples = shape->dim[0], size = cn_span(shape, 1, shape->rank) / a->groups;
    *y = normalize_rows(tape, cn_reshape(x, CN_SHAPE(samples, a->groups, size)), NULL, NULL, 2, true, a->epsilon);
    *y = *y ? turn(cn_reshape(*y, x->shape), inverse(order)) : NULL;
    *y = scale ? cn_mul(*y, along(scale, shape->rank, axis)) : *y;
    *y = offset ? cn_add(*y, along(offset, shape->rank, axis)) : *y;
    return *y != NULL;
}

/* x a + b with a and b worked out for each channel: one link of a chain over the elements. */
static bool batch_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const normalization_attributes *a = e->attributes;
    int axis;
    cn_tensor *x = e->input[0], *scale, *offset;
    if (!channels_axis(e, &axis))
        return false;
    find_factors(e, 3, &scale, &offset);
    cn_tensor *factor = cn_rsqrt(cn_add(e->input[2], cn_scalar(x, a->epsilon)));
    factor = scale ? cn_mul(factor, scale) : factor;
    cn_tensor *term = cn_mul(e->input[1], factor);
    term = offset ? cn_sub(offset, term) : cn_negative(term);
    *y = cn_add(cn_mul(x, along(factor, x->shape.rank, axis)), along(term, x->shape.rank, axis));
    return *y != NULL;
}

static bool batch_training_expand(const cn_entry *e, cn_tape *tape, cn_tensor **results)
{
    const normalization_attributes *a = e->attributes;
    int axis, rank = e->input[0]->shape.rank;
    cn_tensor *scale, *offset;
    if (!channels_axis(e, &axis))
        return false;
    find_factors(e, 1, &scale, &offset);
    const cn_axes order = order_to_end(rank, 1u << axis);
    cn_tensor *x = turn(e->input[0], order);
    if (tape->second_order) {
        const cn_axes others = cn_axes_of_mask((1u << (rank - 1)) - 1);
        cn_tensor *mean = results[CN_BATCH_MEAN] = rank > 1 ? cn_mean(x, .axes = others) : x;
        cn_tensor *squares = cn_square(cn_sub(x, mean));
        cn_tensor *variance = results[CN_BATCH_VARIANCE] = rank > 1 ? cn_mean(squares, .axes = others) : squares;
        results[CN_NORMALIZED] = normalize_by(x, mean, variance, a->epsilon, scale, offset);
    } else if (!cn_normalize_columns(x, scale, offset, a->epsilon, results)) {
        return false;
    }
    results[CN_NORMALIZED] = turn(results[CN_NORMALIZED], inverse(order));
    return !cn_failed();
}

#define ROW(row_name, row_expand)                                                                \
    {                                                                                            \
        .name = (row_name), .attributes = sizeof(normalization_attributes), .expand = row_expand \
    }
static const cn_operation layer_normalization = ROW("layer_normalization", layer_expand);
static const cn_operation rms_normalization = ROW("rms_normalization", rms_expand);
static const cn_operation group_normalization = ROW("group_normalization", group_expand);
static const cn_operation batch_normalization = ROW("batch_normalization", batch_expand);
static const cn_operation batch_normalization_training = ROW("batch_normalization_training", batch_training_expand);

cn_tensor *cn_layer_normalize_with(cn_layer_normalize_args args)
{
    normalization_attributes attributes = {.axis = args.axis, .axes = args.axes, .epsilon = args.epsilon};
    cn_tensor *inputs[3] = {args.x};
    const int count = list_inputs(inputs, 1, args.gamma, args.beta, &attributes);
    return cn_record(&layer_normalization, &attributes, inputs, count);
}

cn_tensor *cn_rms_normalize_with(cn_rms_normalize_args args)
{
    normalization_attributes attributes = {.axis = args.axis, .axes = args.axes, .epsilon = args.epsilon};
    cn_tensor *inputs[3] = {args.x};
    const int count = list_inputs(inputs, 1, args.scale, NULL, &attributes);
    return cn_record(&rms_normalization, &attributes, inputs, count);
}

cn_tensor *cn_group_normalize_with(cn_group_normalize_args args)
{
    normalization_attributes attributes = {.axis = args.axis, .groups = args.groups, .epsilon = args.epsilon};
    cn_tensor *inputs[3] = {args.x};
    const int count = list_inputs(inputs, 1, args.gamma, args.beta, &attributes);
    return cn_record(&group_normalization, &attributes, inputs, count);
}

cn_tensor *cn_batch_normalize_with(cn_batch_normalize_args args)
{
    normalization_attributes attributes = {.axis = args.axis, .epsilon = args.epsilon};
    cn_tensor *inputs[5] = {args.x, args.mean, args.variance};
    const int count = list_inputs(inputs, 3, args.scale, args.offset, &attributes);
    return cn_record(&batch_normalization, &attributes, inputs, count);
}

bool cn_batch_normalize_training(cn_batch_normalize_training_args args, cn_tensor *results[CN_BATCH_RESULTS])
{
    normalization_attributes attributes = {.axis = args.axis, .epsilon = args.epsilon};
    cn_tensor *inputs[3] = {args.x};
    const int count = list_inputs(inputs, 1, args.scale, args.offset, &attributes);
    return cn_record_many(&batch_normalization_training, &attributes, inputs, count, results, CN_BATCH_RESULTS);
}

extern const cn_operation *const cn_normalize_operations[];
const cn_operation *const cn_normalize_operations[] = {&layer_normalization,
                                                       &rms_normalization,
                                                       &group_normalization,
                                                       &batch_normalization,
                                                       &batch_normalization_training,
                                                       &cn_normalize_rows_operation,
                                                       &cn_normalize_rows_grad_operation,
                                                       &cn_normalize_columns_operation,
                                                       &cn_normalize_columns_grad_operation,
                                                       NULL};
