#include "core/ops/joining.h"
#include "core/ops/axis.h"
#include "core/ops/creation.h"
#include "core/pieces.h"
#include <string.h>

/* One tensor, the whole, is rows of bytes; each of the others, the parts, holds some bytes of every row, in order.
 * Joining copies the parts into the whole, splitting the other way. */
typedef struct join_sizes {
    int64_t rows, row, pieces;
    int parts;
    bool equal;                   /* then part[0] holds for all */
    int64_t part[CN_MAX_TENSORS]; /* bytes of each part in a row */
} join_sizes;

typedef struct join_work {
    const join_sizes *sizes;
    unsigned char *whole;
    void *const *part;
    bool joins;
} join_work;

static void copy_bytes(unsigned char *restrict to, const unsigned char *restrict from, int64_t bytes)
{
    /* Columns of a few elements are common, and a call costs more than they do. */
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, (size_t)bytes);
}

static void copy_rows(void *context, int64_t piece)
{
    const join_work *work = context;
    const join_sizes *s = work->sizes;
    const cn_range rows = cn_part(s->rows, s->pieces, piece);
    int64_t column = 0;
    for (int i = 0; i < s->parts; i++) {
        int64_t bytes = s->part[s->equal ? 0 : i];
        unsigned char *part = work->part[i], *whole = work->whole + rows.first * s->row + column;
        column += bytes;
        if (!part || bytes == 0)
            continue;
        part += rows.first * bytes;
        for (int64_t row = 0; row < rows.count; row++, part += bytes, whole += s->row)
            copy_bytes(work->joins ? whole : part, work->joins ? part : whole, bytes);
    }
}

static void run_join(const join_work *work)
{
    const double bytes_a_nanosecond = 8;
    cn_parallel(work->sizes->pieces, (double)(work->sizes->rows * work->sizes->row) / bytes_a_nanosecond, copy_rows,
                (void *)(uintptr_t)work);
}

static bool join_kernel(void *const *pointer, const void *prepared)
{
    run_join(&(join_work){.sizes = prepared, .whole = pointer[0], .part = pointer + 1, .joins = true});
    return true;
}

static bool split_kernel(void *const *pointer, const void *prepared)
{
    const join_sizes *sizes = prepared;
    run_join(&(join_work){.sizes = sizes, .whole = pointer[sizes->parts], .part = pointer, .joins = false});
    return true;
}

/* In all rows of this file the attributes begin with the axis of the whole. */
static bool prepare_join(const cn_entry *entry, cn_preparation *preparation, const cn_tensor *whole,
                         cn_tensor *const *parts, int count, cn_kernel *kernel)
{
    enum { PIECE_BYTES = 1 << 16 };
    int64_t element = (int64_t)cn_dtype_size(whole->dtype);
    join_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    int axis;
    if (!cn_axis_of(entry, *(const int *)entry->attributes, whole->shape.rank, &axis))
        return false;
    sizes->rows = cn_span(&whole->shape, 0, axis);
    sizes->row = cn_span(&whole->shape, axis, whole->shape.rank) * element;
    sizes->parts = count;
    sizes->equal = true;
    for (int i = 0; i < count; i++) {
        int64_t bytes = sizes->rows ? cn_shape_size(parts[i]->shape) / sizes->rows * element : 0;
        if (i < CN_MAX_TENSORS)
            sizes->part[i] = bytes;
        sizes->equal = sizes->equal && bytes == sizes->part[0];
    }
    sizes->pieces = cn_pieces_of((double)(sizes->rows * sizes->row), PIECE_BYTES, sizes->rows);
    preparation->kernel = kernel;
    return true;
}

static bool join_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare_join(entry, preparation, entry->output[0], entry->input, entry->input_count, join_kernel);
}

static bool split_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare_join(entry, preparation, entry->input[0], entry->output, entry->output_count, split_kernel);
}

static void insert_axis(cn_shape *shape, int axis, int64_t size)
{
    memmove(&shape->dim[axis + 1], &shape->dim[axis], (size_t)(shape->rank - axis) * sizeof shape->dim[0]);
    shape->dim[axis] = size;
    shape->rank++;
}

static void remove_axis(cn_shape *shape, int axis)
{
    shape->rank--;
    memmove(&shape->dim[axis], &shape->dim[axis + 1], (size_t)(shape->rank - axis) * sizeof shape->dim[0]);
}

/* The gradients of the outputs, zeros for those without one, joined. */
static cn_tensor *join_gradients(const cn_entry *e, cn_tensor *const *dy,
                                 cn_tensor *(*join)(cn_tensor *const *tensors, int count, int axis), int axis)
{
    cn_tensor **parts = cn_allocate((size_t)e->output_count, sizeof *parts), *joined = NULL;
    bool complete = parts != NULL;
    for (int i = 0; complete && i < e->output_count; i++)
        complete = (parts[i] = dy[i] ? dy[i] : cn_zeros_like(e->output[i])) != NULL;
    if (complete)
        joined = join(parts, e->output_count, axis);
    cn_release(parts);
    return joined;
}

/* Concatenate */

static bool concatenate_infer(const cn_entry *entry, cn_type *output)
{
    cn_shape shape = entry->input[0]->shape;
    bool equal = true;
    int axis;
    if (!cn_axis_of(entry, *(const int *)entry->attributes, shape.rank, &axis))
        return false;
    for (int i = 1; i < entry->input_count; i++) {
        cn_shape other = entry->input[i]->shape;
        if (entry->input[i]->dtype != entry->input[0]->dtype)
            return cn_entry_fail(entry, CN_TYPE, "%s with %s", cn_dtype_name(entry->input[0]->dtype),
                                 cn_dtype_name(entry->input[i]->dtype));
        int64_t size = other.rank == shape.rank ? other.dim[axis] : 0;
        equal = equal && size == entry->input[0]->shape.dim[axis];
        if (__builtin_add_overflow(shape.dim[axis], size, &shape.dim[axis]))
            return cn_entry_fail(entry, CN_SHAPES, "the result is too large");
        other.dim[axis] = shape.dim[axis];
        if (!cn_shape_equal(other, shape))
            return cn_entry_fail(entry, CN_SHAPES, "input %d differs in another axis than %d", i, axis);
    }
    if (!equal && entry->input_count > CN_MAX_TENSORS)
        return cn_entry_fail(entry, CN_UNSUPPORTED, "more than %d tensors must have one size", CN_MAX_TENSORS);
    *output = (cn_type){entry->input[0]->dtype, shape};
    return true;
}

static bool concatenate_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);

static const cn_operation concatenate = {.name = "concatenate",
                                         .attributes = sizeof(int),
                                         .infer = concatenate_infer,
                                         .prepare = join_prepare,
                                         .vjp = concatenate_vjp};

static bool check_count(const char *name, const void *tensors, int count)
{
    return cn_failed() ? false : (tensors && count > 0) || cn_fail(CN_ARGUMENT, "%s: there is no tensor", name);
}

static int count_inputs(const cn_join_args *args)
{
    int count = 0;
    while (count < CN_MAX_TENSORS && args->inputs[count])
        count++;
    return count;
}

cn_tensor *cn_concatenate_many(cn_tensor *const *tensors, int count, int axis)
{
    return check_count("concatenate", tensors, count) ? cn_record(&concatenate, &axis, tensors, count) : NULL;
}

cn_tensor *cn_concatenate_with(cn_join_args args)
{
    return cn_concatenate_many(args.inputs, count_inputs(&args), args.axis);
}

/* Split: at the points, or into equal sections if there are none. */

typedef struct split_attributes {
    int axis;
    cn_points points;
} split_attributes;

static bool split_infer(const cn_entry *entry, cn_type *output)
{
    const split_attributes *split = entry->attributes;
    const cn_tensor *x = entry->input[0];
    int axis, count = entry->output_count;
    if (!cn_axis_of(entry, split->axis, x->shape.rank, &axis))
        return false;
    int64_t n = x->shape.dim[axis], begin = 0;
    if (split->points.count == 0 && n % count != 0)
        return cn_entry_fail(entry, CN_SHAPES, "axis %d cannot be cut into %d equal sections", axis, count);
    for (int i = 0; i < count; i++) {
        int64_t end = split->points.count == 0 ? begin + n / count : i < count - 1 ? split->points.at[i] : n;
        if (end < 0)
            end += n;
        if (end < begin || end > n)
            return cn_entry_fail(entry, CN_ARGUMENT, "axis %d cannot be cut at %lld after %lld", axis, (long long)end,
                                 (long long)begin);
        output[i] = (cn_type){x->dtype, x->shape};
        output[i].shape.dim[axis] = end - begin;
        begin = end;
    }
    return true;
}

static bool split_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    const split_attributes *attributes = e->attributes;
    return (dx[0] = join_gradients(e, dy, cn_concatenate_many, attributes->axis)) != NULL;
}

static const cn_operation split = {.name = "split",
                                   .attributes = sizeof(split_attributes),
                                   .flags = CN_OPTIONAL_OUTPUTS,
                                   .infer = split_infer,
                                   .prepare = split_prepare,
                                   .vjp = split_vjp};

static cn_tensors record_tensors(const cn_operation *operation, const void *attributes, cn_tensor *x, int count)
{
    cn_tensors tensors = {.count = 0};
    if (count < 1 || count > CN_MAX_TENSORS)
        cn_fail(CN_ARGUMENT, "%s: %d outputs are not between 1 and %d", operation->name, count, CN_MAX_TENSORS);
    else if (cn_record_many(operation, attributes, &x, 1, tensors.item, count))
        tensors.count = count;
    return tensors;
}

cn_tensors cn_split_with(cn_split_args args)
{
    if (args.sections != 0 && args.points.count != 0) {
        cn_fail(CN_ARGUMENT, "split: takes .sections or .points");
        return (cn_tensors){.count = 0};
    }
    return record_tensors(&split, &(split_attributes){args.axis, args.points}, args.x,
                          args.sections != 0 ? args.sections : args.points.count + 1);
}

bool cn_split_many(cn_tensor *x, int axis, int count, cn_tensor **outputs)
{
    return check_count("split", outputs, count) &&
           cn_record_many(&split, &(split_attributes){.axis = axis}, &x, 1, outputs, count);
}

static bool concatenate_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    split_attributes attributes = {.axis = *(const int *)e->attributes};
    int axis, count = e->input_count;
    bool equal = true;
    if (!cn_axis_of(e, attributes.axis, e->output[0]->shape.rank, &axis))
        return false;
    for (int i = 1; i < count; i++)
        equal = equal && e->input[i]->shape.dim[axis] == e->input[0]->shape.dim[axis];
    for (int i = 0; !equal && i < count - 1; i++)
        attributes.points.at[i] = e->input[i]->shape.dim[axis] + (i ? attributes.points.at[i - 1] : 0);
    attributes.points.count = equal ? 0 : count - 1;
    return cn_record_many(&split, &attributes, dy, 1, dx, count);
}

/* Stack and unstack */

static const cn_operation unstack;

static bool stack_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    int axis;
    if (!cn_axis_of(entry, *(const int *)entry->attributes, x->shape.rank + 1, &axis))
        return false;
    if (x->shape.rank == CN_MAX_RANK)
        return cn_entry_fail(entry, CN_SHAPES, "a tensor has at most %d axes", CN_MAX_RANK);
    for (int i = 1; i < entry->input_count; i++) {
        if (entry->input[i]->dtype != x->dtype)
            return cn_entry_fail(entry, CN_TYPE, "%s with %s", cn_dtype_name(x->dtype),
                                 cn_dtype_name(entry->input[i]->dtype));
        if (!cn_shape_equal(entry->input[i]->shape, x->shape))
            return cn_entry_fail(entry, CN_SHAPES, "the shape of input %d differs", i);
    }
    *output = (cn_type){x->dtype, x->shape};
    insert_axis(&output->shape, axis, entry->input_count);
    return true;
}

static bool stack_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return cn_record_many(&unstack, e->attributes, dy, 1, dx, e->input_count);
}

static const cn_operation stack = {
    .name = "stack", .attributes = sizeof(int), .infer = stack_infer, .prepare = join_prepare, .vjp = stack_vjp};

cn_tensor *cn_stack_many(cn_tensor *const *tensors, int count, int axis)
{
    return check_count("stack", tensors, count) ? cn_record(&stack, &axis, tensors, count) : NULL;
}

cn_tensor *cn_stack_with(cn_join_args args)
{
    return cn_stack_many(args.inputs, count_inputs(&args), args.axis);
}

static bool unstack_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    int axis;
    if (!cn_axis_of(entry, *(const int *)entry->attributes, x->shape.rank, &axis))
        return false;
    if (x->shape.dim[axis] != entry->output_count)
        return cn_entry_fail(entry, CN_SHAPES, "axis %d has not size %d", axis, entry->output_count);
    cn_type type = {x->dtype, x->shape};
    remove_axis(&type.shape, axis);
    for (int i = 0; i < entry->output_count; i++)
        output[i] = type;
    return true;
}

static bool unstack_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = join_gradients(e, dy, cn_stack_many, *(const int *)e->attributes)) != NULL;
}

static const cn_operation unstack = {.name = "unstack",
                                     .attributes = sizeof(int),
                                     .flags = CN_OPTIONAL_OUTPUTS,
                                     .infer = unstack_infer,
                                     .prepare = split_prepare,
                                     .vjp = unstack_vjp};

bool cn_unstack_many(cn_tensor *x, int axis, int count, cn_tensor **outputs)
{
    return check_count("unstack", outputs, count) && cn_record_many(&unstack, &axis, &x, 1, outputs, count);
}

cn_tensors cn_unstack(cn_tensor *x, int count, int axis)
{
    return record_tensors(&unstack, &axis, x, count);
}

extern const cn_operation *const cn_joining_operations[];
const cn_operation *const cn_joining_operations[] = {&concatenate, &split, &stack, &unstack, NULL};
