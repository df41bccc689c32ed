#include "core/ops/reduction.h"
#include "core/kernels/kernels.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axes.h"
#include "core/ops/creation.h"
#include "core/ops/cumulative.h"
#include "core/pieces.h"
#include <math.h>
#include <stdlib.h>

/* Broadcasting. `axes` are those of the shape that x lacks; none: x's axes are the last ones, as NumPy has it. */

typedef struct broadcast_attributes {
    cn_shape shape;
    unsigned axes;
} broadcast_attributes;

/* The axis of x that axis d of the result runs along, or -1. */
static int axis_behind(const broadcast_attributes *attributes, const cn_shape *x, int d)
{
    if (!attributes->axes)
        return d - (attributes->shape.rank - x->rank);
    if (attributes->axes >> d & 1)
        return -1;
    return d - __builtin_popcount(attributes->axes & ((1u << d) - 1));
}

static bool broadcast_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    const cn_tensor *x = entry->input[0];
    const broadcast_attributes *attributes = entry->attributes;
    *offset = 0;
    for (int d = 0; d < attributes->shape.rank; d++) {
        int from = axis_behind(attributes, &x->shape, d);
        stride[d] = from < 0 || x->shape.dim[from] == 1 ? 0 : x->stride[from];
    }
    return true;
}

static bool broadcast_infer(const cn_entry *entry, cn_type *output)
{
    const broadcast_attributes *attributes = entry->attributes;
    const cn_shape *from = &entry->input[0]->shape, *to = &attributes->shape;
    int missing = to->rank - from->rank;
    bool fits = attributes->axes ? missing == __builtin_popcount(attributes->axes) : missing >= 0;
    for (int d = 0; fits && d < to->rank; d++) {
        int axis = axis_behind(attributes, from, d);
        fits = axis < 0 || from->dim[axis] == 1 || from->dim[axis] == to->dim[d];
    }
    if (!fits) {
        char text[CN_SHAPE_TEXT];
        return cn_entry_fail(entry, CN_SHAPES, "cannot be broadcast to %s", cn_shape_text(*to, text, sizeof text));
    }
    *output = (cn_type){entry->input[0]->dtype, *to};
    return true;
}

static bool broadcast_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    const broadcast_attributes *attributes = e->attributes;
    cn_tensor *sum = attributes->axes ? cn_sum(dy[0], .axes = cn_axes_of_mask(attributes->axes)) : dy[0];
    dx[0] = cn_sum_to(sum, e->input[0]->shape);
    return dx[0] != NULL;
}

static const cn_operation broadcast_to = {.name = "broadcast_to",
                                          .attributes = sizeof(broadcast_attributes),
                                          .infer = broadcast_infer,
                                          .view = broadcast_view,
                                          .vjp = broadcast_vjp};

cn_tensor *cn_broadcast_to(cn_tensor *x, cn_shape shape)
{
    return x && x->tape && cn_shape_equal(x->shape, shape) && !cn_failed()
               ? x
               : cn_record(&broadcast_to, &(broadcast_attributes){.shape = shape}, &x, 1);
}

cn_tensor *cn_broadcast_axes(cn_tensor *x, cn_shape shape, unsigned axes)
{
    broadcast_attributes attributes = {shape, x && x->shape.rank < shape.rank ? axes : 0};
    return cn_record(&broadcast_to, &attributes, &x, 1);
}

/* Reductions */

typedef enum finish { AS_IT_IS, DIVIDED, NOT_ZERO, IS_ALL } finish;

/* The innermost kept and the innermost reduced dimension are the kernel's; a task is a range of the former at one place
 * of the other kept ones. */
typedef struct reduce_plan {
    cn_reduce *reduce, *join; /* join: of the accumulators of the parts of a task */
    cn_accumulator start;
    cn_dimensions kept, reduced;
    int64_t width, inner_stride, steps, step_stride; /* of the kernel's two dimensions: sizes and strides */
    int64_t rounds;                                  /* of the kernel, for one result */
    int64_t chunk, chunks;                           /* the width is cut into that many parts of at most `chunk` */
    int64_t tasks, tasks_a_piece;
    int64_t parts; /* into how many parts a long reduction is cut; their results wait in the workspace */
    int element;   /* bytes of one of x's */
    cn_dtype from, to;
    finish finish;
} reduce_plan;

enum { CHUNK = 512, PIECE = 16384, FEW_TASKS = 4, MAX_PARTS = 16 };

/* Part `part` of task `task` into accumulators, which are `count` in number and belong to outputs from `first` on. */
static void reduce_task(const reduce_plan *plan, const unsigned char *x, int64_t task, int64_t part,
                        cn_accumulator *accumulator, int64_t *first, int64_t *count)
{
    int64_t row = task, column = 0;
    if (plan->chunks > 1) {
        row = task / plan->chunks;
        column = task % plan->chunks * plan->chunk;
    }
    *count = plan->width - column < plan->chunk ? plan->width - column : plan->chunk;
    *first = row * plan->width + column;
    for (int64_t k = 0; k < *count; k++)
        accumulator[k] = plan->start;
    int64_t begin = 0, end = plan->steps, from = 0, to = plan->rounds;
    if (plan->parts > 1 && plan->rounds >= plan->parts) {
        from = plan->rounds * part / plan->parts;
        to = plan->rounds * (part + 1) / plan->parts;
    } else if (plan->parts > 1) {
        begin = plan->steps * part / plan->parts;
        end = plan->steps * (part + 1) / plan->parts;
    }
    int64_t place = cn_place(&plan->kept, 1, row) + column * plan->inner_stride + begin * plan->step_stride;
    for (int64_t round = from; round < to; round++)
        plan->reduce(*count, plan->inner_stride, end - begin, plan->step_stride,
                     x + (place + cn_place(&plan->reduced, 1, round)) * plan->element, accumulator);
}

static void store(const reduce_plan *plan, const cn_accumulator *accumulator, int64_t count, void *y, int64_t first)
{
    if (plan->from != CN_I32 && plan->to == CN_F32) {
        const double divisor = plan->finish == DIVIDED ? (double)plan->reduced.size : 1;
        for (int64_t k = 0; k < count; k++)
            ((float *)y)[first + k] = (float)(accumulator[k].real / divisor);
        return;
    }
    for (int64_t k = 0; k < count; k++) {
        double real = plan->from == CN_I32 ? (double)accumulator[k].integer : accumulator[k].real;
        if (plan->to == CN_I32) {
            /* int32 sums and products keep their low 32 bits. */
            int32_t value = plan->from == CN_I32 ? (int32_t)(uint32_t)accumulator[k].integer : (int32_t)real;
            bool all = real == (double)plan->reduced.size;
            ((int32_t *)y)[first + k] = plan->finish == NOT_ZERO ? real != 0 : plan->finish == IS_ALL ? all : value;
            continue;
        }
        if (plan->finish == DIVIDED)
            real /= (double)plan->reduced.size;
        if (plan->to == CN_F32)
            ((float *)y)[first + k] = (float)real;
        else
            ((double *)y)[first + k] = real;
    }
}

typedef struct reduce_work {
    const reduce_plan *plan;
    void *y;
    const void *x;
    cn_accumulator *partial;
} reduce_work;

static void reduce_piece(void *context, int64_t piece)
{
    const reduce_work *work = context;
    const reduce_plan *plan = work->plan;
    cn_accumulator accumulator[CHUNK];
    int64_t first, count, task = piece * plan->tasks_a_piece, end = task + plan->tasks_a_piece;
    for (; task < end && task < plan->tasks; task++) {
        reduce_task(plan, work->x, task, 0, accumulator, &first, &count);
        store(plan, accumulator, count, work->y, first);
    }
}

static void reduce_part(void *context, int64_t piece)
{
    const reduce_work *work = context;
    int64_t task = piece / work->plan->parts, part = piece % work->plan->parts, first, count;
    reduce_task(work->plan, work->x, task, part, work->partial + piece * CHUNK, &first, &count);
}

/* The parts of a task, joined in their order. */
static bool reduce_in_parts(const reduce_plan *plan, const reduce_work *work)
{
    cn_accumulator accumulator[CHUNK];
    double elements = (double)plan->kept.size * (double)plan->reduced.size;
    cn_parallel(plan->tasks * plan->parts, elements / 8, reduce_part, (void *)(uintptr_t)work);
    for (int64_t task = 0; task < plan->tasks; task++) {
        int64_t row = task / plan->chunks, column = task % plan->chunks * plan->chunk;
        int64_t count = plan->width - column < plan->chunk ? plan->width - column : plan->chunk;
        for (int64_t k = 0; k < count; k++)
            accumulator[k] = plan->start;
        plan->join(count, 1, plan->parts, CHUNK, work->partial + task * plan->parts * CHUNK, accumulator);
        store(plan, accumulator, count, work->y, row * plan->width + column);
    }
    return true;
}

static bool run_reduce(void *const *pointer, const void *prepared)
{
    const reduce_plan *plan = prepared;
    reduce_work work = {plan, pointer[0], pointer[1], NULL};
    if (plan->parts > 1) {
        work.partial = pointer[2];
        return reduce_in_parts(plan, &work);
    }
    int64_t pieces = (plan->tasks + plan->tasks_a_piece - 1) / plan->tasks_a_piece;
    cn_parallel(pieces, (double)plan->kept.size * (double)plan->reduced.size / 8, reduce_piece, &work);
    return true;
}

/* Results do not depend on the order of the reduced dimensions, so the one with the smallest stride goes inside. */
static cn_dimensions collapse_any_order(const cn_tensor *x, unsigned mask)
{
    cn_shape shape = {0};
    int64_t stride[CN_MAX_RANK];
    for (int d = 0; d < x->shape.rank; d++) {
        if (!(mask >> d & 1))
            continue;
        int at = shape.rank++;
        for (; at > 0 && llabs(stride[at - 1]) < llabs(x->stride[d]); at--) {
            shape.dim[at] = shape.dim[at - 1];
            stride[at] = stride[at - 1];
        }
        shape.dim[at] = x->shape.dim[d];
        stride[at] = x->stride[d];
    }
    return cn_collapse(&shape, stride, (1u << shape.rank) - 1);
}

static int64_t at_least_one(int64_t n)
{
    return n > 1 ? n : 1;
}

/* A sum of floats along or across rows that fit one vector. */
typedef struct short_sum {
    cn_short_mean *kernel;
    int64_t rows, row_step, n;
    double divisor;
} short_sum;

static bool run_short_sum(void *const *pointer, const void *prepared)
{
    const short_sum *sum = prepared;
    sum->kernel(sum->rows, sum->row_step, sum->n, sum->divisor, pointer[1], pointer[0]);
    return true;
}

/* False if it is none. */
static bool prepare_short_sum(const cn_entry *entry, cn_preparation *preparation, finish how, const cn_dimensions *kept,
                              const cn_dimensions *reduced)
{
    const cn_short_row_kernels *kernels = cn_kernels_now()->short_rows;
    const bool along = reduced->rank == 1 && reduced->stride[0] == 1;
    const cn_dimensions *inner = along ? reduced : kept, *outer = along ? kept : reduced;
    const int64_t elements = inner->size * outer->size;
    if (entry->input[0]->dtype != CN_F32 || inner->rank != 1 || inner->stride[0] != 1 || inner->size > kernels->most ||
        outer->rank > 1 || elements < 1 || elements > PIECE)
        return false;
    short_sum *sum = cn_prepared(preparation, sizeof *sum);
    if (!sum)
        return false;
    *sum = (short_sum){.kernel = along ? kernels->mean_of_rows : kernels->mean_of_columns,
                       .rows = outer->size,
                       .row_step = outer->rank ? outer->stride[0] : 0,
                       .n = inner->size,
                       .divisor = how == DIVIDED ? (double)reduced->size : 1};
    preparation->kernel = run_short_sum;
    return true;
}

static bool plan_reduction(const cn_entry *entry, cn_preparation *preparation, int operation, finish how, unsigned mask)
{
    static const cn_accumulator start[CN_REDUCE_COUNT_][2] = {
        [CN_REDUCE_sum] = {{.real = 0}, {.integer = 0}},
        [CN_REDUCE_prod] = {{.real = 1}, {.integer = 1}},
        [CN_REDUCE_max] = {{.real = -INFINITY}, {.integer = INT64_MIN}},
        [CN_REDUCE_min] = {{.real = INFINITY}, {.integer = INT64_MAX}},
        [CN_REDUCE_count] = {{.real = 0}, {.integer = 0}},
    };
    const cn_tensor *x = entry->input[0];
    unsigned all = (1u << x->shape.rank) - 1;
    const cn_dimensions kept_dimensions = cn_collapse(&x->shape, x->stride, all & ~mask);
    const cn_dimensions reduced_dimensions = collapse_any_order(x, mask);
    if (operation == CN_REDUCE_sum && prepare_short_sum(entry, preparation, how, &kept_dimensions, &reduced_dimensions))
        return true;
    reduce_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return false;
    const cn_reduce_kernels *kernels = cn_kernels_now()->reduce;
    plan->reduce = kernels->reduce[operation][x->dtype];
    plan->join = kernels->reduce[operation == CN_REDUCE_count ? CN_REDUCE_sum : operation][CN_F64];
    plan->start = start[operation][x->dtype == CN_I32];
    plan->kept = kept_dimensions;
    plan->reduced = reduced_dimensions;
    plan->element = (int)cn_dtype_size(x->dtype);
    plan->from = x->dtype;
    plan->to = entry->output[0]->dtype;
    plan->finish = how;
    const cn_dimensions *kept = &plan->kept, *reduced = &plan->reduced;
    plan->width = kept->rank ? kept->dim[kept->rank - 1] : 1;
    plan->inner_stride = kept->rank ? kept->stride[kept->rank - 1] : 1;
    plan->steps = reduced->rank ? reduced->dim[reduced->rank - 1] : 1;
    plan->rounds = plan->steps > 0 ? reduced->size / plan->steps : 0;
    plan->step_stride = reduced->rank ? reduced->stride[reduced->rank - 1] : 1;

    int64_t fitting = PIECE / at_least_one(reduced->size) / 64 * 64;
    plan->chunk = fitting < 64 ? 64 : fitting > CHUNK ? CHUNK : fitting;
    plan->chunks = at_least_one((plan->width + plan->chunk - 1) / plan->chunk);
    plan->tasks = kept->size ? kept->size / plan->width * plan->chunks : 0;
    int64_t width = plan->width < plan->chunk ? plan->width : plan->chunk;
    plan->tasks_a_piece = at_least_one(PIECE / at_least_one(width * reduced->size));
    plan->parts = 1;
    if (plan->tasks > 0 && plan->tasks < FEW_TASKS && reduced->size > 0 && x->dtype != CN_I32) {
        int64_t parts = width * reduced->size / (2 * PIECE);
        int64_t most = reduced->size / plan->steps > plan->steps ? reduced->size / plan->steps : plan->steps;
        plan->parts = at_least_one(parts < most ? parts < MAX_PARTS ? parts : MAX_PARTS : most);
    }
    if (plan->parts > 1)
        preparation->workspace = (size_t)(plan->tasks * plan->parts) * CHUNK * sizeof(cn_accumulator);
    preparation->kernel = run_reduce;
    return true;
}

typedef struct reduce_attributes {
    int axis;
    cn_axes axes;
    bool keepdims;
} reduce_attributes;

/* X(name, kernel, finish, integer: the result is int32, vjp) */
#define REDUCTIONS(X)                         \
    X(sum, sum, AS_IT_IS, false, sum_vjp)     \
    X(mean, sum, DIVIDED, false, mean_vjp)    \
    X(max, max, AS_IT_IS, false, extreme_vjp) \
    X(min, min, AS_IT_IS, false, extreme_vjp) \
    X(prod, prod, AS_IT_IS, false, prod_vjp)  \
    X(any, count, NOT_ZERO, true, NULL)       \
    X(all, count, IS_ALL, true, NULL)         \
    X(count_nonzero, count, AS_IT_IS, true, NULL)

enum {
#define INDEX(name, kernel, finish, integer, vjp) ROW_##name,
    REDUCTIONS(INDEX)
#undef INDEX
        ROWS
};
static const struct {
    int operation;
    finish finish;
    bool integer;
} kinds[] = {
#define KIND(name, kernel, finish, integer, vjp) {CN_REDUCE_##kernel, finish, integer},
    REDUCTIONS(KIND)
#undef KIND
};
static const cn_operation reductions[ROWS];

static bool mask_of(const cn_entry *entry, unsigned *mask)
{
    const reduce_attributes *attributes = entry->attributes;
    return cn_axes_mask(entry, attributes->axis, attributes->axes, mask);
}

static bool reduce_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *x = entry->input[0];
    const reduce_attributes *attributes = entry->attributes;
    int row = (int)(entry->operation - reductions);
    unsigned mask;
    if (!mask_of(entry, &mask))
        return false;
    for (int d = 0; d < x->shape.rank && (row == ROW_max || row == ROW_min); d++)
        if (mask >> d & 1 && x->shape.dim[d] == 0)
            return cn_entry_fail(entry, CN_VALUE, "of no values");
    cn_dtype dtype = kinds[row].integer ? CN_I32 : x->dtype;
    if (row == ROW_mean && dtype == CN_I32)
        dtype = cn_default_dtype();
    *output = (cn_type){dtype, cn_reduced_shape(x->shape, mask, attributes->keepdims)};
    return true;
}

static bool reduce_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    int row = (int)(entry->operation - reductions);
    unsigned mask;
    return mask_of(entry, &mask) && plan_reduction(entry, preparation, kinds[row].operation, kinds[row].finish, mask);
}

/* A tensor of the shape of the result, repeated along what was reduced. */
static cn_tensor *repeat(const cn_entry *e, cn_tensor *y)
{
    unsigned mask;
    return mask_of(e, &mask) ? cn_broadcast_axes(y, e->input[0]->shape, mask) : NULL;
}

static bool sum_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    dx[0] = repeat(e, dy[0]);
    return dx[0] != NULL;
}

/* x times a number; of one number that is repeated, as the mean of a mean's gradient is, only that is multiplied. */
static cn_tensor *times(cn_tensor *x, double factor)
{
    bool repeated = x->entry && x->entry->operation == &broadcast_to && cn_shape_size(x->entry->input[0]->shape) == 1;
    cn_tensor *values = repeated ? x->entry->input[0] : x;
    values = cn_mul(values, cn_scalar(values, factor));
    return repeated ? cn_broadcast_to(values, x->shape) : values;
}

static bool mean_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    double of = (double)cn_shape_size(e->input[0]->shape) / (double)at_least_one(cn_shape_size(e->output[0]->shape));
    dx[0] = repeat(e, times(dy[0], 1 / of));
    return dx[0] != NULL;
}

static bool extreme_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    reduce_attributes attributes = *(const reduce_attributes *)e->attributes;
    cn_tensor *chosen = cn_cast(cn_equal(e->input[0], repeat(e, e->output[0])), e->input[0]->dtype);
    cn_tensor *count = cn_record(&reductions[ROW_sum], &attributes, &chosen, 1);
    dx[0] = cn_mul(chosen, repeat(e, cn_div(dy[0], count)));
    return dx[0] != NULL;
}

/* The product of all the others is that of those before times that of those behind. */
static bool prod_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *x = e->input[0];
    unsigned mask;
    if (!mask_of(e, &mask))
        return false;
    cn_tensor *others = cn_mul(cn_exclusive_product(x, mask, false), cn_exclusive_product(x, mask, true));
    dx[0] = cn_mul(others, repeat(e, dy[0]));
    return dx[0] != NULL;
}

static const cn_operation reductions[] = {
#define ROW(row_name, kernel, finish, integer, row_vjp)          \
    [ROW_##row_name] = {.name = #row_name,                       \
                        .attributes = sizeof(reduce_attributes), \
                        .flags = CN_STRIDED,                     \
                        .infer = reduce_infer,                   \
                        .prepare = reduce_prepare,               \
                        .vjp = row_vjp},
    REDUCTIONS(ROW)
#undef ROW
};

#define PUBLIC(name, kernel, finish, integer, vjp)                            \
    cn_tensor *cn_##name##_with(cn_reduce_args args)                          \
    {                                                                         \
        reduce_attributes attributes = {args.axis, args.axes, args.keepdims}; \
        return cn_record(&reductions[ROW_##name], &attributes, &args.x, 1);   \
    }
REDUCTIONS(PUBLIC)
#undef PUBLIC

/* The sum over what broadcasting would repeat. */

static unsigned repeated_axes(const cn_shape *from, const cn_shape *to)
{
    unsigned mask = 0;
    for (int d = 0; d < from->rank; d++) {
        int axis = d - (from->rank - to->rank);
        mask |= (unsigned)(axis < 0 || to->dim[axis] == 1) << d;
    }
    return mask;
}

static bool sum_to_infer(const cn_entry *entry, cn_type *output)
{
    const cn_shape *from = &entry->input[0]->shape, *to = entry->attributes;
    bool fits = to->rank >= 0 && to->rank <= from->rank;
    for (int d = 0; fits && d < to->rank; d++)
        fits = to->dim[d] == 1 || to->dim[d] == from->dim[d + from->rank - to->rank];
    if (!fits) {
        char text[CN_SHAPE_TEXT];
        return cn_entry_fail(entry, CN_SHAPES, "cannot be summed to %s", cn_shape_text(*to, text, sizeof text));
    }
    *output = (cn_type){entry->input[0]->dtype, *to};
    return true;
}

static bool sum_to_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    unsigned mask = repeated_axes(&entry->input[0]->shape, entry->attributes);
    return plan_reduction(entry, preparation, CN_REDUCE_sum, AS_IT_IS, mask);
}

static bool sum_to_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    dx[0] = cn_broadcast_to(dy[0], e->input[0]->shape);
    return dx[0] != NULL;
}

static const cn_operation sum_to = {.name = "sum_to",
                                    .attributes = sizeof(cn_shape),
                                    .flags = CN_STRIDED,
                                    .infer = sum_to_infer,
                                    .prepare = sum_to_prepare,
                                    .vjp = sum_to_vjp};

cn_tensor *cn_sum_to(cn_tensor *x, cn_shape shape)
{
    return x && x->tape && cn_shape_equal(x->shape, shape) && !cn_failed() ? x : cn_record(&sum_to, &shape, &x, 1);
}

/* Written with others */

static bool var_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const reduce_attributes *a = e->attributes;
    cn_tensor *x = e->input[0];
    cn_tensor *centred = cn_sub(x, cn_mean(x, .axis = a->axis, .axes = a->axes, .keepdims = true));
    *y = cn_mean(cn_square(centred), .axis = a->axis, .axes = a->axes, .keepdims = a->keepdims);
    return *y != NULL;
}

static bool std_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const reduce_attributes *a = e->attributes;
    *y = cn_sqrt(cn_var(e->input[0], .axis = a->axis, .axes = a->axes, .keepdims = a->keepdims));
    return *y != NULL;
}

static const cn_operation var = {.name = "var", .attributes = sizeof(reduce_attributes), .expand = var_expand};
static const cn_operation std = {.name = "std", .attributes = sizeof(reduce_attributes), .expand = std_expand};

cn_tensor *cn_var_with(cn_reduce_args args)
{
    return cn_record(&var, &(reduce_attributes){args.axis, args.axes, args.keepdims}, &args.x, 1);
}

cn_tensor *cn_std_with(cn_reduce_args args)
{
    return cn_record(&std, &(reduce_attributes){args.axis, args.axes, args.keepdims}, &args.x, 1);
}

typedef struct norm_attributes {
    int axis;
    cn_axes axes;
    bool keepdims;
    double ord;
} norm_attributes;

static bool norm_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const norm_attributes *a = e->attributes;
    cn_tensor *x = e->input[0];
    if (x->dtype == CN_I32)
        x = cn_cast(x, cn_default_dtype());
    if (a->ord == 1) {
        *y = cn_sum(cn_absolute(x), .axis = a->axis, .axes = a->axes, .keepdims = a->keepdims);
    } else if (a->ord == 2) {
        /* Where the sum is zero the root is taken of one and multiplied by zero, and so are all its derivatives. */
        cn_tensor *sum = cn_sum(cn_square(x), .axis = a->axis, .axes = a->axes, .keepdims = a->keepdims);
        cn_tensor *zero = sum ? cn_cast(cn_equal(sum, cn_scalar(sum, 0)), sum->dtype) : NULL;
        cn_tensor *other = cn_sub(cn_ones_like(zero), zero);
        *y = cn_mul(cn_sqrt(cn_add(sum, zero)), other);
    } else if (isinf(a->ord) && a->ord > 0) {
        *y = cn_max(cn_absolute(x), .axis = a->axis, .axes = a->axes, .keepdims = a->keepdims);
    } else {
        return cn_entry_fail(e, CN_ARGUMENT, ".ord is 1, 2 or INFINITY, not %g", a->ord);
    }
    return *y != NULL;
}

static const cn_operation norm = {.name = "norm", .attributes = sizeof(norm_attributes), .expand = norm_expand};

cn_tensor *cn_norm_with(cn_norm_args args)
{
    return cn_record(&norm, &(norm_attributes){args.axis, args.axes, args.keepdims, args.ord}, &args.x, 1);
}

static bool normalize_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const double least = 1e-7;
    const norm_attributes *a = e->attributes;
    cn_tensor *x = e->input[0];
    if (x->dtype == CN_I32)
        x = cn_cast(x, cn_default_dtype());
    cn_tensor *length;
    if (a->ord == 2) {
        cn_tensor *sum = cn_sum(cn_square(x), .axis = a->axis, .keepdims = true);
        length = cn_sqrt(cn_maximum(sum, cn_scalar(x, least * least)));
    } else {
        length = cn_maximum(cn_norm(x, .ord = a->ord, .axis = a->axis, .keepdims = true), cn_scalar(x, least));
    }
    *y = cn_div(x, length);
    return *y != NULL;
}

static const cn_operation normalize = {
    .name = "normalize", .attributes = sizeof(norm_attributes), .expand = normalize_expand};

cn_tensor *cn_normalize_with(cn_normalize_args args)
{
    return cn_record(&normalize, &(norm_attributes){.axis = args.axis, .ord = args.order}, &args.x, 1);
}

/* Positions of extremes: x is dense, outer x along x inner. */

typedef struct argument_attributes {
    int axis;
    bool keepdims;
} argument_attributes;

typedef struct argument_plan {
    cn_argument *find;
    int64_t outer, along, inner, rows_a_piece;
    int element;
} argument_plan;

typedef struct argument_work {
    const argument_plan *plan;
    int32_t *y;
    const unsigned char *x;
} argument_work;

static void argument_piece(void *context, int64_t piece)
{
    const argument_work *work = context;
    const argument_plan *plan = work->plan;
    int64_t row = piece * plan->rows_a_piece, end = row + plan->rows_a_piece, size = plan->along * plan->inner;
    if (end > plan->outer)
        end = plan->outer;
    if (plan->inner == 1) {
        plan->find(end - row, size, plan->along, 1, work->x + row * size * plan->element, work->y + row);
        return;
    }
    for (; row < end; row++)
        plan->find(plan->inner, 1, plan->along, plan->inner, work->x + row * size * plan->element,
                   work->y + row * plan->inner);
}

static bool run_argument(void *const *pointer, const void *prepared)
{
    const argument_plan *plan = prepared;
    argument_work work = {plan, pointer[0], pointer[1]};
    cn_parallel((plan->outer + plan->rows_a_piece - 1) / plan->rows_a_piece,
                (double)plan->outer * (double)(plan->along * plan->inner), argument_piece, &work);
    return true;
}

static bool argument_infer(const cn_entry *entry, cn_type *output)
{
    const argument_attributes *attributes = entry->attributes;
    const cn_shape *shape = &entry->input[0]->shape;
    unsigned mask;
    if (!cn_axes_mask(entry, attributes->axis, (cn_axes){0}, &mask))
        return false;
    for (int d = 0; d < shape->rank; d++)
        if (mask >> d & 1 && (shape->dim[d] == 0 || shape->dim[d] > INT32_MAX))
            return cn_entry_fail(entry, CN_VALUE, "of no values, or of more than int32 counts");
    *output = (cn_type){CN_I32, cn_reduced_shape(*shape, mask, attributes->keepdims)};
    return attributes->axis != CN_NONE || cn_shape_size(*shape) <= INT32_MAX ||
           cn_entry_fail(entry, CN_VALUE, "of more values than int32 counts");
}

static const cn_operation argmax;

static bool argument_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const argument_attributes *attributes = entry->attributes;
    const cn_tensor *x = entry->input[0];
    const cn_reduce_kernels *kernels = cn_kernels_now()->reduce;
    argument_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan)
        return false;
    plan->find = (entry->operation == &argmax ? kernels->argmax : kernels->argmin)[x->dtype];
    plan->element = (int)cn_dtype_size(x->dtype);
    plan->outer = plan->along = plan->inner = 1;
    int axis =
        attributes->axis < 0 && attributes->axis != CN_NONE ? attributes->axis + x->shape.rank : attributes->axis;
    for (int d = 0; d < x->shape.rank; d++)
        *(axis == CN_NONE || d == axis ? &plan->along : d < axis ? &plan->outer : &plan->inner) *= x->shape.dim[d];
    plan->rows_a_piece = at_least_one(PIECE / at_least_one(plan->along * plan->inner));
    preparation->kernel = run_argument;
    return true;
}

static const cn_operation argmax = {
    .name = "argmax", .attributes = sizeof(argument_attributes), .infer = argument_infer, .prepare = argument_prepare};
static const cn_operation argmin = {
    .name = "argmin", .attributes = sizeof(argument_attributes), .infer = argument_infer, .prepare = argument_prepare};

cn_tensor *cn_argmax_with(cn_argument_args args)
{
    return cn_record(&argmax, &(argument_attributes){args.axis, args.keepdims}, &args.x, 1);
}

cn_tensor *cn_argmin_with(cn_argument_args args)
{
    return cn_record(&argmin, &(argument_attributes){args.axis, args.keepdims}, &args.x, 1);
}

extern const cn_operation *const cn_reduction_operations[];
const cn_operation *const cn_reduction_operations[] = {
#define LIST(name, kernel, finish, integer, vjp) &reductions[ROW_##name],
    REDUCTIONS(LIST)
#undef LIST
        & broadcast_to,
    &sum_to,
    &var,
    &std,
    &norm,
    &normalize,
    &argmax,
    &argmin,
    NULL};
