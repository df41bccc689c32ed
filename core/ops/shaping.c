#include "core/ops/shaping.h"
#include "core/ops/axes.h"
#include "core/ops/axis.h"
#include "core/ops/joining.h"
#include <string.h>

/* Reshape */

static bool reshape_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    cn_shape shape = *(const cn_shape *)entry->attributes;
    char text[CN_SHAPE_TEXT];
    int open = -1, opens = 0;
    for (int d = 0; d < shape.rank; d++)
        if (shape.dim[d] == -1) {
            open = d;
            opens++;
        }
    if (opens == 1) {
        shape.dim[open] = 1;
        int64_t rest = cn_shape_size(shape);
        shape.dim[open] = rest > 0 ? cn_shape_size(x->shape) / rest : -1;
    }
    if (cn_shape_size(shape) != cn_shape_size(x->shape))
        return cn_entry_fail(entry, CN_SHAPES, "the elements do not fit into %s",
                             cn_shape_text(*(const cn_shape *)entry->attributes, text, sizeof text));
    *output = (cn_type){x->dtype, shape};
    return true;
}

/* The strides with which the elements of x lie in another shape, if there are any: as long as groups of dimensions that
 * hold the same number of elements before and after are run through evenly. */
static bool reshape_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    const cn_tensor *x = entry->input[0];
    const cn_shape *to = &entry->output[0]->shape;
    int64_t dim[CN_MAX_RANK], step[CN_MAX_RANK];
    int rank = 0, old = 0, new = 0;
    *offset = 0;
    for (int d = 0; d < x->shape.rank; d++)
        if (x->shape.dim[d] != 1) {
            dim[rank] = x->shape.dim[d];
            step[rank++] = x->stride[d];
        }
    if (cn_shape_size(*to) == 0) {
        memset(stride, 0, sizeof(int64_t[CN_MAX_RANK]));
        return true;
    }
    while (old < rank) {
        int old_end = old + 1, new_end = new;
        int64_t old_size = dim[old], new_size = 1;
        while (old_size != new_size)
            if (new_size < old_size)
                new_size *= to->dim[new_end++];
            else
                old_size *= dim[old_end++];
        for (int d = old; d + 1 < old_end; d++)
            if (step[d] != dim[d + 1] * step[d + 1])
                return false;
        int64_t distance = step[old_end - 1];
        for (int d = new_end - 1; d >= new; d--) {
            stride[d] = distance;
            distance *= to->dim[d];
        }
        old = old_end;
        new = new_end;
    }
    for (; new < to->rank; new ++)
        stride[new] = 1;
    return true;
}

static bool reshape_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = cn_reshape(dy[0], e->input[0]->shape)) != NULL;
}

static const cn_operation reshape = {.name = "reshape",
                                     .attributes = sizeof(cn_shape),
                                     .infer = reshape_infer,
                                     .view = reshape_view,
                                     .vjp = reshape_vjp};

cn_tensor *cn_reshape(cn_tensor *x, cn_shape shape)
{
    return cn_record(&reshape, &shape, &x, 1);
}

cn_tensor *cn_ravel(cn_tensor *x)
{
    return cn_reshape(x, CN_SHAPE(-1));
}

static bool expand_dims_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_shape *from = &entry->input[0]->shape;
    int axis;
    if (!cn_axis_of(entry, *(const int *)entry->attributes, from->rank + 1, &axis))
        return false;
    if (from->rank == CN_MAX_RANK)
        return cn_entry_fail(entry, CN_SHAPES, "a tensor has at most %d axes", CN_MAX_RANK);
    cn_shape shape = {.rank = from->rank + 1};
    for (int d = 0; d < shape.rank; d++)
        shape.dim[d] = d < axis ? from->dim[d] : d == axis ? 1 : from->dim[d - 1];
    return (output[0] = cn_reshape(entry->input[0], shape)) != NULL;
}

static const cn_operation expand_dims = {
    .name = "expand_dims", .attributes = sizeof(int), .expand = expand_dims_expand};

cn_tensor *cn_expand_dims(cn_tensor *x, int axis)
{
    return cn_record(&expand_dims, &axis, &x, 1);
}

static bool squeeze_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_squeeze_args *args = entry->attributes;
    const cn_shape *from = &entry->input[0]->shape;
    bool all = args->axis == CN_NONE && args->axes.count == 0;
    unsigned chosen;
    cn_shape shape = {.rank = 0};
    if (!cn_axes_mask(entry, args->axis, args->axes, &chosen))
        return false;
    for (int d = 0; d < from->rank; d++) {
        bool goes = chosen >> d & 1;
        if (goes && !all && from->dim[d] != 1)
            return cn_entry_fail(entry, CN_SHAPES, "axis %d has size %lld, not 1", d, (long long)from->dim[d]);
        if (!goes || from->dim[d] != 1)
            shape.dim[shape.rank++] = from->dim[d];
    }
    return (output[0] = cn_reshape(entry->input[0], shape)) != NULL;
}

static const cn_operation squeeze = {
    .name = "squeeze", .attributes = sizeof(cn_squeeze_args), .expand = squeeze_expand};

cn_tensor *cn_squeeze_with(cn_squeeze_args args)
{
    cn_tensor *x = args.x;
    args.x = NULL;
    return cn_record(&squeeze, &args, &x, 1);
}

/* Transpose */

/* The permutation: axis i of the output is axis order[i] of the input. */
static bool transpose_order(const cn_entry *entry, int *order)
{
    const cn_axes *axes = entry->attributes;
    int rank = entry->input[0]->shape.rank;
    unsigned seen;
    if (axes->count == 0) {
        for (int d = 0; d < rank; d++)
            order[d] = rank - 1 - d;
        return true;
    }
    if (axes->count != rank)
        return cn_entry_fail(entry, CN_ARGUMENT, "%d axes are given", axes->count);
    if (!cn_axes_mask(entry, CN_NONE, *axes, &seen))
        return false;
    for (int d = 0; d < rank; d++)
        order[d] = axes->axis[d] < 0 ? axes->axis[d] + rank : axes->axis[d];
    return true;
}

static bool transpose_infer(const cn_entry *entry, cn_type *output)
{
    int order[CN_MAX_RANK];
    const cn_tensor *x = entry->input[0];
    if (!transpose_order(entry, order))
        return false;
    *output = (cn_type){x->dtype, {.rank = x->shape.rank}};
    for (int d = 0; d < x->shape.rank; d++)
        output->shape.dim[d] = x->shape.dim[order[d]];
    return true;
}

static bool transpose_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    int order[CN_MAX_RANK];
    *offset = 0;
    if (!transpose_order(entry, order))
        return false;
    for (int d = 0; d < entry->input[0]->shape.rank; d++)
        stride[d] = entry->input[0]->stride[order[d]];
    return true;
}

static bool transpose_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    int order[CN_MAX_RANK];
    cn_axes inverse = {.count = e->input[0]->shape.rank};
    if (!transpose_order(e, order))
        return false;
    for (int d = 0; d < inverse.count; d++)
        inverse.axis[order[d]] = d;
    return (dx[0] = cn_transpose(dy[0], .axes = inverse)) != NULL;
}

static const cn_operation transpose = {.name = "transpose",
                                       .attributes = sizeof(cn_axes),
                                       .infer = transpose_infer,
                                       .view = transpose_view,
                                       .vjp = transpose_vjp};

cn_tensor *cn_transpose_with(cn_transpose_args args)
{
    return cn_record(&transpose, &args.axes, &args.x, 1);
}

static bool swapaxes_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const int *given = entry->attributes;
    int a, b;
    cn_axes axes = {.count = entry->input[0]->shape.rank};
    if (!cn_axis_of(entry, given[0], axes.count, &a) || !cn_axis_of(entry, given[1], axes.count, &b))
        return false;
    for (int d = 0; d < axes.count; d++)
        axes.axis[d] = d == a ? b : d == b ? a : d;
    return (output[0] = cn_transpose(entry->input[0], .axes = axes)) != NULL;
}

static const cn_operation swapaxes = {.name = "swapaxes", .attributes = sizeof(int[2]), .expand = swapaxes_expand};

cn_tensor *cn_swapaxes(cn_tensor *x, int axis1, int axis2)
{
    return cn_record(&swapaxes, (int[]){axis1, axis2}, &x, 1);
}

typedef struct moveaxis_attributes {
    cn_axes sources, destinations;
} moveaxis_attributes;

static bool moveaxis_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const moveaxis_attributes *move = entry->attributes;
    int rank = entry->input[0]->shape.rank;
    unsigned moved, taken;
    cn_axes axes = {.count = rank};
    if (move->sources.count != move->destinations.count)
        return cn_entry_fail(entry, CN_ARGUMENT, "%d axes to %d places", move->sources.count, move->destinations.count);
    if (!cn_axes_mask(entry, CN_NONE, move->sources, &moved) ||
        !cn_axes_mask(entry, CN_NONE, move->destinations, &taken))
        return false;
    for (int i = 0; i < move->sources.count; i++) {
        int from, to;
        if (!cn_axis_of(entry, move->sources.axis[i], rank, &from) ||
            !cn_axis_of(entry, move->destinations.axis[i], rank, &to))
            return false;
        axes.axis[to] = from;
    }
    for (int to = 0, from = 0; to < rank; to++) {
        if (taken >> to & 1)
            continue;
        while (moved >> from & 1)
            from++;
        axes.axis[to] = from++;
    }
    return (output[0] = cn_transpose(entry->input[0], .axes = axes)) != NULL;
}

static const cn_operation moveaxis = {
    .name = "moveaxis", .attributes = sizeof(moveaxis_attributes), .expand = moveaxis_expand};

cn_tensor *cn_moveaxis_with(cn_moveaxis_args args)
{
    moveaxis_attributes move = {args.sources, args.destinations};
    if (move.sources.count == 0 && move.destinations.count == 0)
        move = (moveaxis_attributes){{1, {args.source}}, {1, {args.destination}}};
    return cn_record(&moveaxis, &move, &args.x, 1);
}

/* Slices: from start[d], every step[d]-th element, shape.dim[d] of them. Unslice is the opposite: it puts x there in a
 * tensor of that shape that holds `value` elsewhere. Each is the other's gradient. */

typedef struct slice_attributes {
    int64_t start[CN_MAX_RANK], step[CN_MAX_RANK];
    cn_shape shape; /* of the result */
    double value;
} slice_attributes;

static bool slice_infer(const cn_entry *entry, cn_type *output)
{
    const slice_attributes *slice = entry->attributes;
    *output = (cn_type){entry->input[0]->dtype, slice->shape};
    return true;
}

static bool slice_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    const slice_attributes *slice = entry->attributes;
    const cn_tensor *x = entry->input[0];
    *offset = 0;
    for (int d = 0; d < x->shape.rank; d++) {
        stride[d] = slice->step[d] * x->stride[d];
        *offset += slice->start[d] * x->stride[d];
    }
    return true;
}

/* The gradient of either: the other one at the same place. */
static cn_tensor *opposite(const cn_operation *operation, const cn_entry *e, cn_tensor *dy)
{
    slice_attributes slice = *(const slice_attributes *)e->attributes;
    slice.shape = e->input[0]->shape;
    slice.value = 0;
    return cn_record(operation, &slice, &dy, 1);
}

static bool strided_slice_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);

static const cn_operation strided_slice = {.name = "strided_slice",
                                           .attributes = sizeof(slice_attributes),
                                           .infer = slice_infer,
                                           .view = slice_view,
                                           .vjp = strided_slice_vjp};

/* x runs through dim with the strides `from`, the output with `to`. */
typedef struct unslice_sizes {
    int64_t count, offset;
    double value;
    int rank;
    int64_t dim[CN_MAX_RANK], from[CN_MAX_RANK], to[CN_MAX_RANK];
} unslice_sizes;

#define UNSLICE(T, name)                                                                            \
    static void place_##name(const unslice_sizes *s, int d, T *restrict to, const T *restrict from) \
    {                                                                                               \
        if (d < s->rank - 1)                                                                        \
            for (int64_t i = 0; i < s->dim[d]; i++)                                                 \
                place_##name(s, d + 1, to + i * s->to[d], from + i * s->from[d]);                   \
        else if (s->to[d] == 1 && s->from[d] == 1)                                                  \
            memcpy(to, from, (size_t)s->dim[d] * sizeof *to);                                       \
        else                                                                                        \
            for (int64_t i = 0; i < s->dim[d]; i++)                                                 \
                to[i * s->to[d]] = from[i * s->from[d]];                                            \
    }                                                                                               \
    static bool unslice_##name(void *const *pointer, const void *prepared)                          \
    {                                                                                               \
        const unslice_sizes *s = prepared;                                                          \
        T *y = pointer[0];                                                                          \
        for (int64_t i = 0; i < s->count; i++)                                                      \
            y[i] = (T)s->value;                                                                     \
        if (s->rank > 0)                                                                            \
            place_##name(s, 0, y + s->offset, pointer[1]);                                          \
        return true;                                                                                \
    }
UNSLICE(float, f32)
UNSLICE(double, f64)
UNSLICE(int32_t, i32)
#undef UNSLICE

static bool unslice_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {unslice_f32, unslice_f64, unslice_i32};
    const slice_attributes *slice = entry->attributes;
    const cn_tensor *x = entry->input[0], *y = entry->output[0];
    unslice_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    sizes->count = cn_shape_size(y->shape);
    sizes->value = slice->value;
    preparation->kernel = kernels[y->dtype];
    if (cn_shape_size(x->shape) == 0)
        return true;
    for (int d = 0; d < y->shape.rank; d++) {
        int64_t dim = x->shape.dim[d], from = x->stride[d], to = slice->step[d] * y->stride[d];
        int last = sizes->rank - 1;
        sizes->offset += slice->start[d] * y->stride[d];
        if (last >= 0 && sizes->from[last] == from * dim && sizes->to[last] == to * dim)
            dim *= sizes->dim[last];
        else
            last = sizes->rank++;
        sizes->dim[last] = dim;
        sizes->from[last] = from;
        sizes->to[last] = to;
    }
    if (sizes->rank == 0) {
        sizes->rank = 1;
        sizes->dim[0] = sizes->from[0] = sizes->to[0] = 1;
    }
    return true;
}

static bool unslice_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = opposite(&strided_slice, e, dy[0])) != NULL;
}

static const cn_operation unslice = {.name = "unslice",
                                     .attributes = sizeof(slice_attributes),
                                     .flags = CN_STRIDED,
                                     .infer = slice_infer,
                                     .prepare = unslice_prepare,
                                     .vjp = unslice_vjp};

static bool strided_slice_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = opposite(&unslice, e, dy[0])) != NULL;
}

/* All of x. */
static slice_attributes whole(const cn_tensor *x)
{
    slice_attributes slice = {.shape = x->shape};
    for (int d = 0; d < x->shape.rank; d++)
        slice.step[d] = 1;
    return slice;
}

static cn_tensor *slice_axis(cn_tensor *x, int axis, int64_t start, int64_t step, int64_t count)
{
    slice_attributes slice = whole(x);
    slice.start[axis] = count > 0 ? start : 0;
    slice.step[axis] = step;
    slice.shape.dim[axis] = count;
    return cn_record(&strided_slice, &slice, &x, 1);
}

/* What Python's start:stop:step takes of an axis of n elements. */
static void resolve_range(const cn_index *index, int64_t n, int64_t *start, int64_t *step, int64_t *count)
{
    bool up = index->step > 0;
    int64_t low = up ? 0 : -1, high = up ? n : n - 1;
    int64_t from = index->start, to = index->stop;
    from = from == CN_NONE ? (up ? low : high) : from < 0 ? from + n : from;
    to = to == CN_NONE ? (up ? high : low) : to < 0 ? to + n : to;
    from = from < low ? low : from > high ? high : from;
    to = to < low ? low : to > high ? high : to;
    *step = index->step > n ? n + 1 : index->step < -n ? -n - 1 : index->step;
    *count = up ? (to > from ? (to - from - 1) / *step + 1 : 0) : from > to ? (from - to - 1) / -*step + 1 : 0;
    *start = *count ? from : 0;
}

static bool getitem_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_index *index = entry->attributes;
    cn_tensor *x = entry->input[0];
    slice_attributes slice = whole(x);
    cn_shape kept = {.rank = 0};
    for (int d = 0; d < CN_MAX_RANK; d++) {
        if (d >= x->shape.rank) {
            if (index[d].kind != CN_INDEX_ALL)
                return cn_entry_fail(entry, CN_ARGUMENT, "there are more indices than axes");
            continue;
        }
        int64_t n = x->shape.dim[d], at = index[d].start < 0 ? index[d].start + n : index[d].start;
        if (index[d].kind == CN_INDEX_AT) {
            if (at < 0 || at >= n)
                return cn_entry_fail(entry, CN_VALUE, "index %lld is outside axis %d of size %lld",
                                     (long long)index[d].start, d, (long long)n);
            slice.start[d] = at;
            slice.shape.dim[d] = 1;
            continue;
        }
        if (index[d].kind == CN_INDEX_RANGE) {
            if (index[d].step == 0)
                return cn_entry_fail(entry, CN_ARGUMENT, "the step along axis %d is 0", d);
            resolve_range(&index[d], n, &slice.start[d], &slice.step[d], &slice.shape.dim[d]);
        }
        kept.dim[kept.rank++] = slice.shape.dim[d];
    }
    output[0] = cn_record(&strided_slice, &slice, &x, 1);
    if (output[0] && kept.rank < x->shape.rank)
        output[0] = cn_reshape(output[0], kept);
    return output[0] != NULL;
}

static const cn_operation getitem = {
    .name = "getitem", .attributes = sizeof(cn_index[CN_MAX_RANK]), .expand = getitem_expand};

cn_tensor *cn_getitem_with(cn_getitem_args args)
{
    return cn_record(&getitem, args.index, &args.x, 1);
}

static bool slice_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_shape *start = entry->attributes, *size = start + 1;
    cn_tensor *x = entry->input[0];
    slice_attributes slice = whole(x);
    char from[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    bool fits = start->rank == x->shape.rank && size->rank == x->shape.rank;
    for (int d = 0; fits && d < x->shape.rank; d++) {
        int64_t rest = start->dim[d] < 0 ? -1 : x->shape.dim[d] - start->dim[d];
        slice.start[d] = start->dim[d];
        slice.shape.dim[d] = size->dim[d] == -1 ? rest : size->dim[d];
        fits = slice.shape.dim[d] >= 0 && slice.shape.dim[d] <= rest;
    }
    if (!fits)
        return cn_entry_fail(entry, CN_SHAPES, "there is no part %s at %s", cn_shape_text(*size, wanted, sizeof wanted),
                             cn_shape_text(*start, from, sizeof from));
    return (output[0] = cn_record(&strided_slice, &slice, &x, 1)) != NULL;
}

static const cn_operation slice_operation = {
    .name = "slice", .attributes = sizeof(cn_shape[2]), .expand = slice_expand};

cn_tensor *cn_slice(cn_tensor *x, cn_shape start, cn_shape shape)
{
    return cn_record(&slice_operation, (cn_shape[]){start, shape}, &x, 1);
}

static bool flip_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_flip_args *args = entry->attributes;
    cn_tensor *x = entry->input[0];
    slice_attributes slice = whole(x);
    unsigned reversed;
    if (!cn_axes_mask(entry, args->axis, args->axes, &reversed))
        return false;
    for (int d = 0; d < x->shape.rank; d++)
        if (reversed >> d & 1 && x->shape.dim[d] > 0) {
            slice.start[d] = x->shape.dim[d] - 1;
            slice.step[d] = -1;
        }
    return (output[0] = cn_record(&strided_slice, &slice, &x, 1)) != NULL;
}

static const cn_operation flip = {.name = "flip", .attributes = sizeof(cn_flip_args), .expand = flip_expand};

cn_tensor *cn_flip_with(cn_flip_args args)
{
    cn_tensor *x = args.x;
    args.x = NULL;
    return cn_record(&flip, &args, &x, 1);
}

/* Pad */

/* x with its mirror images of the given widths before and after it along an axis; `edge` is 1 if the outermost
 * elements are not repeated. */
static cn_tensor *mirror_axis(cn_tensor *x, int axis, const int64_t *width, int64_t edge)
{
    int64_t n = x->shape.dim[axis];
    cn_tensor *parts[3];
    int count = 0;
    if (width[0] > 0)
        parts[count++] = slice_axis(x, axis, width[0] - 1 + edge, -1, width[0]);
    parts[count++] = x;
    if (width[1] > 0)
        parts[count++] = slice_axis(x, axis, n - 1 - edge, -1, width[1]);
    return cn_concatenate_many(parts, count, axis);
}

static bool pad_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_pad_args *args = entry->attributes;
    cn_tensor *x = entry->input[0];
    int64_t edge = args->mode == CN_PAD_REFLECT;
    slice_attributes slice = whole(x);
    slice.value = args->value;
    for (int d = 0; d < CN_MAX_RANK; d++) {
        const int64_t *width = args->width[d];
        if (d >= x->shape.rank) {
            if (width[0] || width[1])
                return cn_entry_fail(entry, CN_ARGUMENT, "there are widths for more axes than there are");
            continue;
        }
        int64_t n = x->shape.dim[d], longer = width[0] > width[1] ? width[0] : width[1];
        slice.start[d] = width[0];
        if (width[0] < 0 || width[1] < 0 || __builtin_add_overflow(n, width[0], &slice.shape.dim[d]) ||
            __builtin_add_overflow(slice.shape.dim[d], width[1], &slice.shape.dim[d]))
            return cn_entry_fail(entry, CN_ARGUMENT, "axis %d cannot be padded by %lld and %lld", d,
                                 (long long)width[0], (long long)width[1]);
        if (args->mode != CN_PAD_CONSTANT && longer > 0 && longer > n - edge)
            return cn_entry_fail(entry, CN_ARGUMENT, "axis %d is too short to mirror %lld elements", d,
                                 (long long)longer);
    }
    if (!cn_can_hold(x->dtype, args->value))
        return cn_entry_fail(entry, CN_VALUE, "%g is no int32", args->value);
    if (args->mode == CN_PAD_CONSTANT) {
        output[0] = cn_record(&unslice, &slice, &x, 1);
    } else {
        for (int d = 0; x && d < x->shape.rank; d++)
            if (args->width[d][0] || args->width[d][1])
                x = mirror_axis(x, d, args->width[d], edge);
        output[0] = x;
    }
    return output[0] != NULL;
}

static const cn_operation pad = {.name = "pad", .attributes = sizeof(cn_pad_args), .expand = pad_expand};

cn_tensor *cn_pad_with(cn_pad_args args)
{
    cn_tensor *x = args.x;
    args.x = NULL;
    return cn_record(&pad, &args, &x, 1);
}

/* Repetition: of the blocks into which an axis cuts the elements. */

static cn_tensor *repeat_blocks(const cn_entry *entry, cn_tensor *x, int64_t blocks, int64_t block, int64_t times,
                                cn_shape shape, int axis)
{
    if (times < 0 || __builtin_mul_overflow(shape.dim[axis], times, &shape.dim[axis])) {
        cn_entry_fail(entry, CN_ARGUMENT, "axis %d cannot be repeated %lld times", axis, (long long)times);
        return NULL;
    }
    cn_tensor *apart = cn_reshape(x, CN_SHAPE(blocks, 1, block));
    return cn_reshape(cn_broadcast_to(apart, CN_SHAPE(blocks, times, block)), shape);
}

static bool tile_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_shape *repeats = entry->attributes;
    cn_tensor *x = entry->input[0];
    int more = repeats->rank - x->shape.rank, rank = more > 0 ? repeats->rank : x->shape.rank;
    cn_shape shape = {.rank = rank};
    if (repeats->rank < 0)
        return cn_entry_fail(entry, CN_ARGUMENT, "there are too many repeats");
    for (int d = 0; d < rank; d++)
        shape.dim[d] = more > d ? 1 : x->shape.dim[more > 0 ? d - more : d];
    if (more > 0)
        x = cn_reshape(x, shape);
    for (int d = rank - 1, r = repeats->rank - 1; x && r >= 0; d--, r--)
        if (repeats->dim[r] != 1)
            x = repeat_blocks(entry, x, cn_span(&x->shape, 0, d), cn_span(&x->shape, d, rank), repeats->dim[r],
                              x->shape, d);
    return (output[0] = x) != NULL;
}

static const cn_operation tile = {.name = "tile", .attributes = sizeof(cn_shape), .expand = tile_expand};

cn_tensor *cn_tile(cn_tensor *x, cn_shape repeats)
{
    return cn_record(&tile, &repeats, &x, 1);
}

static bool repeat_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_repeat_args *args = entry->attributes;
    cn_tensor *x = entry->input[0];
    int axis = 0;
    if (args->axis != CN_NONE ? !cn_axis_of(entry, args->axis, x->shape.rank, &axis) : !(x = cn_ravel(x)))
        return false;
    const cn_shape *shape = &x->shape;
    output[0] = repeat_blocks(entry, x, cn_span(shape, 0, axis + 1), cn_span(shape, axis + 1, shape->rank),
                              args->repeats, *shape, axis);
    return output[0] != NULL;
}

static const cn_operation repeat = {.name = "repeat", .attributes = sizeof(cn_repeat_args), .expand = repeat_expand};

cn_tensor *cn_repeat_with(cn_repeat_args args)
{
    cn_tensor *x = args.x;
    args.x = NULL;
    return cn_record(&repeat, &args, &x, 1);
}

static bool roll_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_roll_args *args = entry->attributes;
    cn_tensor *x = entry->input[0];
    int axis = 0;
    if (args->axis != CN_NONE ? !cn_axis_of(entry, args->axis, x->shape.rank, &axis) : !(x = cn_ravel(x)))
        return false;
    int64_t n = x->shape.dim[axis], shift = n > 0 ? args->shift % n : 0;
    shift += shift < 0 ? n : 0;
    if (shift > 0) {
        cn_tensor *parts[] = {slice_axis(x, axis, n - shift, 1, shift), slice_axis(x, axis, 0, 1, n - shift)};
        x = cn_concatenate_many(parts, 2, axis);
    }
    output[0] = args->axis == CN_NONE && x ? cn_reshape(x, entry->input[0]->shape) : x;
    return output[0] != NULL;
}

static const cn_operation roll = {.name = "roll", .attributes = sizeof(cn_roll_args), .expand = roll_expand};

cn_tensor *cn_roll_with(cn_roll_args args)
{
    cn_tensor *x = args.x;
    args.x = NULL;
    return cn_record(&roll, &args, &x, 1);
}

/* Triangles */

typedef struct triangle_attributes {
    int64_t k;
    bool upper;
} triangle_attributes;

typedef struct triangle_sizes {
    int64_t matrices, rows, columns, k;
    size_t element;
    bool upper;
} triangle_sizes;

static bool triangle_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    *output = (cn_type){x->dtype, x->shape};
    return x->shape.rank >= 2 || cn_entry_fail(entry, CN_SHAPES, "needs a matrix");
}

static bool triangle_kernel(void *const *pointer, const void *prepared)
{
    const triangle_sizes *s = prepared;
    unsigned char *y = pointer[0];
    const unsigned char *x = pointer[1];
    size_t bytes = (size_t)s->columns * s->element;
    for (int64_t matrix = 0; matrix < s->matrices; matrix++)
        for (int64_t row = 0; row < s->rows; row++, x += bytes, y += bytes) {
            int64_t column = row + s->k + !s->upper; /* the first one past tril, the first one in triu */
            size_t cut = (size_t)(column < 0 ? 0 : column > s->columns ? s->columns : column) * s->element;
            memcpy(s->upper ? y + cut : y, s->upper ? x + cut : x, s->upper ? bytes - cut : cut);
            memset(s->upper ? y : y + cut, 0, s->upper ? cut : bytes - cut);
        }
    return true;
}

static bool triangle_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const triangle_attributes *attributes = entry->attributes;
    const cn_shape *shape = &entry->input[0]->shape;
    int64_t rows = shape->dim[shape->rank - 2], columns = shape->dim[shape->rank - 1];
    int64_t k = attributes->k < -rows - 1 ? -rows - 1 : attributes->k > columns ? columns : attributes->k;
    triangle_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (triangle_sizes){.matrices = cn_span(shape, 0, shape->rank - 2),
                              .rows = rows,
                              .columns = columns,
                              .k = k,
                              .element = cn_dtype_size(entry->input[0]->dtype),
                              .upper = attributes->upper};
    preparation->kernel = triangle_kernel;
    return true;
}

static bool triangle_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = cn_record(e->operation, e->attributes, dy, 1)) != NULL;
}

static const cn_operation tril = {.name = "tril",
                                  .attributes = sizeof(triangle_attributes),
                                  .infer = triangle_infer,
                                  .prepare = triangle_prepare,
                                  .vjp = triangle_vjp};
static const cn_operation triu = {.name = "triu",
                                  .attributes = sizeof(triangle_attributes),
                                  .infer = triangle_infer,
                                  .prepare = triangle_prepare,
                                  .vjp = triangle_vjp};

cn_tensor *cn_tril_with(cn_triangle_args args)
{
    return cn_record(&tril, &(triangle_attributes){args.k, false}, &args.x, 1);
}

cn_tensor *cn_triu_with(cn_triangle_args args)
{
    return cn_record(&triu, &(triangle_attributes){args.k, true}, &args.x, 1);
}

extern const cn_operation *const cn_shaping_operations[];
const cn_operation *const cn_shaping_operations[] = {
    &reshape,         &expand_dims, &squeeze, &transpose, &swapaxes, &moveaxis, &strided_slice, &unslice, &getitem,
    &slice_operation, &flip,        &pad,     &tile,      &repeat,   &roll,     &tril,          &triu,    NULL};
