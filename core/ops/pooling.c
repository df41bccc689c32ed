#include "core/ops/pooling.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/ops/pooling_gradient.h"
#include "core/ops/shaping.h"
#include "core/ops/sizes.h"
#include "core/pieces.h"
#include <string.h>

/* A window gives a value, and for a maximum which of its elements that is. Gradients are linear, so that these five
 * operations are each other's gradients. */

typedef struct pool_attributes {
    bool adaptive;
    int64_t size[CN_SPACE]; /* of the windows; adaptive: of the output */
    int64_t strides[CN_SPACE];
    cn_padding padding;
    cn_shape whole; /* of a gradient: the shape of what is pooled */
} pool_attributes;

static bool find_axis(const cn_entry *entry, int axis, int64_t in, cn_pool_axis *a)
{
    const pool_attributes *attributes = entry->attributes;
    int64_t size = cn_size_along(attributes->size, axis), stride = cn_size_along(attributes->strides, axis);
    *a = (cn_pool_axis){.in = in, .size = size, .stride = stride, .adaptive = attributes->adaptive};
    if (attributes->adaptive) {
        a->out = size;
        return in > 0 || cn_entry_fail(entry, CN_SHAPES, "there is nothing to pool");
    }
    if (attributes->padding == CN_SAME) {
        a->out = cn_divide_up(in, stride);
        int64_t padding = (a->out - 1) * stride + size - in;
        a->before = padding > 0 ? padding / 2 : 0;
        return true;
    }
    if (size > in)
        return cn_entry_fail(entry, CN_SHAPES, "a window of %lld is larger than its axis of %lld", (long long)size,
                             (long long)in);
    a->out = (in - size) / stride + 1;
    return true;
}

/* Works out the windows of a tensor of shape `whole`, channels last, and the shape of what they give. */
static bool find_windows(const cn_entry *entry, const cn_shape *whole, cn_pooling *p, cn_shape *pooled)
{
    const pool_attributes *attributes = entry->attributes;
    int space = whole->rank - 2;
    if (space < 1 || space > CN_SPACE)
        return cn_entry_fail(entry, CN_SHAPES, "takes 1 to 3 axes of space beside the batch and the channels");
    if (attributes->padding != CN_VALID && attributes->padding != CN_SAME)
        return cn_entry_fail(entry, CN_ARGUMENT, "padding is valid or same");
    if (!cn_sizes_fit(attributes->size, space) || !cn_sizes_fit(attributes->strides, space))
        return cn_entry_fail(entry, CN_ARGUMENT, "sizes and strides must be positive numbers, one or one an axis");
    *p = (cn_pooling){.samples = whole->dim[0], .channels = whole->dim[space + 1]};
    *pooled = *whole;
    for (int i = 0; i < CN_POOL_AXES; i++) {
        p->axis[i] = (cn_pool_axis){.in = 1, .out = 1, .size = 1, .stride = 1};
        if (i < space && !find_axis(entry, i, whole->dim[1 + i], &p->axis[i]))
            return false;
        if (i < space)
            pooled->dim[1 + i] = p->axis[i].out;
    }
    return true;
}

static bool check_floats(const cn_entry *entry)
{
    return entry->input[0]->dtype != CN_I32 || cn_entry_fail(entry, CN_TYPE, "takes floats");
}

/* Of one tensor of values, and for a maximum one of indices. */
static bool pool_infer(const cn_entry *entry, cn_type *output)
{
    cn_pooling p;
    output[0].dtype = entry->input[0]->dtype;
    if (!check_floats(entry) || !find_windows(entry, &entry->input[0]->shape, &p, &output[0].shape))
        return false;
    if (entry->output_count == 2)
        output[1] = (cn_type){CN_I32, output[0].shape};
    return true;
}

static bool spread_infer(const cn_entry *entry, cn_type *output)
{
    const pool_attributes *attributes = entry->attributes;
    *output = (cn_type){entry->input[0]->dtype, attributes->whole};
    return true;
}

/* Rows of axis 0 are cut into `chunks` for each sample. */
typedef struct pool_plan {
    cn_pool *kernel;
    cn_pooling pooling;
    int64_t rows, chunks, tasks_a_piece;
    double nanoseconds;
} pool_plan;

typedef struct pool_work {
    const pool_plan *plan;
    void *const *pointer;
} pool_work;

static void run_piece(void *context, int64_t piece)
{
    const pool_work *work = context;
    const pool_plan *plan = work->plan;
    int64_t task = piece * plan->tasks_a_piece;
    int64_t end = cn_least(task + plan->tasks_a_piece, plan->pooling.samples * plan->chunks);
    for (; task < end; task++) {
        cn_range rows = cn_part(plan->rows, plan->chunks, task % plan->chunks);
        plan->kernel(&plan->pooling, task / plan->chunks, rows.first, rows.first + rows.count, work->pointer);
    }
}

static bool run_pool(void *const *pointer, const void *prepared)
{
    const pool_plan *plan = prepared;
    pool_work work = {plan, pointer};
    int64_t tasks = plan->pooling.samples * plan->chunks;
    cn_parallel(cn_divide_up(tasks, plan->tasks_a_piece), plan->nanoseconds, run_piece, &work);
    return true;
}

static int64_t at_least_one(int64_t n)
{
    return n > 1 ? n : 1;
}

static bool prepare_pool(const cn_entry *entry, cn_preparation *preparation, int pool, const cn_shape *whole,
                         bool spreads)
{
    enum { PIECE = 8192 };
    cn_dtype dtype = entry->output[0]->dtype;
    pool_plan *plan = cn_prepared(preparation, sizeof *plan);
    cn_shape pooled;
    if (!plan || dtype == CN_I32 || !find_windows(entry, whole, &plan->pooling, &pooled))
        return false;
    const cn_pooling *p = &plan->pooling;
    double work = (double)cn_shape_size(pooled);
    for (int i = 0; i < CN_POOL_AXES; i++)
        work *= p->axis[i].adaptive ? (double)p->axis[i].in / (double)p->axis[i].out + 1
                                    : (double)cn_least(p->axis[i].size, p->axis[i].in);
    int64_t pieces = at_least_one((int64_t)(work / PIECE));
    plan->kernel = cn_kernels_now()->pooling[dtype]->pool[pool];
    plan->rows = spreads ? p->axis[0].in : p->axis[0].out;
    plan->chunks = at_least_one(cn_least(pieces / at_least_one(p->samples), plan->rows));
    plan->tasks_a_piece = at_least_one(p->samples * plan->chunks / pieces);
    plan->nanoseconds = work / (p->channels >= 16 ? 4 : 0.5);
    preparation->kernel = run_pool;
    return true;
}

#define PREPARE(name, shape, spreads)                                                \
    static bool name##_prepare(const cn_entry *entry, cn_preparation *preparation)   \
    {                                                                                \
        return prepare_pool(entry, preparation, CN_POOL_##name, (shape), (spreads)); \
    }
PREPARE(max, &entry->input[0]->shape, false)
PREPARE(max_pick, &entry->input[0]->shape, false)
PREPARE(max_grad, &((const pool_attributes *)entry->attributes)->whole, true)
PREPARE(average, &entry->input[0]->shape, false)
PREPARE(average_grad, &((const pool_attributes *)entry->attributes)->whole, true)
#undef PREPARE

static const cn_operation max_pool_grad, max_pool_pick, average_pool, average_pool_grad;

static bool record_with_index(const cn_operation *operation, const pool_attributes *attributes, cn_tensor *x,
                              cn_tensor *index, cn_tensor **y)
{
    cn_tensor *inputs[] = {x, index};
    return (*y = cn_record(operation, attributes, inputs, 2)) != NULL;
}

static pool_attributes attributes_of_gradient(const cn_entry *e)
{
    pool_attributes attributes = *(const pool_attributes *)e->attributes;
    attributes.whole = e->input[0]->shape;
    return attributes;
}

static bool max_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    pool_attributes attributes = attributes_of_gradient(e);
    return !dy[0] || record_with_index(&max_pool_grad, &attributes, dy[0], e->output[1], dx);
}

static bool max_pick_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    pool_attributes attributes = attributes_of_gradient(e);
    return record_with_index(&max_pool_grad, &attributes, dy[0], e->input[1], dx);
}

static bool max_grad_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_with_index(&max_pool_pick, e->attributes, dy[0], e->input[1], dx);
}

static bool average_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    pool_attributes attributes = attributes_of_gradient(e);
    return (dx[0] = cn_record(&average_pool_grad, &attributes, dy, 1)) != NULL;
}

static bool average_grad_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return (dx[0] = cn_record(&average_pool, e->attributes, dy, 1)) != NULL;
}

static const cn_operation max_pool = {.name = "max_pool",
                                      .attributes = sizeof(pool_attributes),
                                      .flags = CN_OPTIONAL_OUTPUTS,
                                      .infer = pool_infer,
                                      .prepare = max_prepare,
                                      .vjp = max_vjp};
static const cn_operation max_pool_pick = {.name = "max_pool_pick",
                                           .attributes = sizeof(pool_attributes),
                                           .infer = pool_infer,
                                           .prepare = max_pick_prepare,
                                           .vjp = max_pick_vjp};
static const cn_operation max_pool_grad = {.name = "max_pool_grad",
                                           .attributes = sizeof(pool_attributes),
                                           .infer = spread_infer,
                                           .prepare = max_grad_prepare,
                                           .vjp = max_grad_vjp};
static const cn_operation average_pool = {.name = "average_pool",
                                          .attributes = sizeof(pool_attributes),
                                          .infer = pool_infer,
                                          .prepare = average_prepare,
                                          .vjp = average_vjp};
static const cn_operation average_pool_grad = {.name = "average_pool_grad",
                                               .attributes = sizeof(pool_attributes),
                                               .infer = spread_infer,
                                               .prepare = average_grad_prepare,
                                               .vjp = average_grad_vjp};

bool cn_is_max_pool_gradient(const cn_tensor *x, const cn_tensor *dx, cn_tensor *y_and_dy[2])
{
    const cn_entry *gradient = dx->entry,
                   *forward = gradient->operation == &max_pool_grad ? gradient->input[1]->entry : NULL;
    if (!forward || forward->operation != &max_pool || forward->input[0] != x)
        return false;
    y_and_dy[0] = forward->output[0];
    y_and_dy[1] = gradient->input[0];
    return true;
}

cn_tensor *cn_max_pool_gradient(const cn_tensor *dx, cn_tensor *dy)
{
    cn_tensor *recorded;
    return record_with_index(&max_pool_grad, dx->entry->attributes, dy, dx->entry->input[1], &recorded) ? recorded
                                                                                                        : NULL;
}

/* Channels are vectors of the kernels: where they come first they are brought to the end, and back. */
static cn_tensor *pool(bool max, pool_attributes attributes, cn_data_format data_format, cn_tensor *x)
{
    bool first = data_format == CN_CHANNELS_FIRST;
    cn_tensor *y[2], *last = first ? cn_moveaxis(x, 1, -1) : x;
    if (max ? !cn_record_many(&max_pool, &attributes, &last, 1, y, 2)
            : !(y[0] = cn_record(&average_pool, &attributes, &last, 1)))
        return NULL;
    return first ? cn_moveaxis(y[0], -1, 1) : y[0];
}

static pool_attributes of_windows(const cn_pool_args *args)
{
    pool_attributes attributes = {.padding = args->padding};
    memcpy(attributes.size, args->pool_size, sizeof attributes.size);
    memcpy(attributes.strides, args->strides[0] ? args->strides : args->pool_size, sizeof attributes.strides);
    return attributes;
}

static pool_attributes of_output(const cn_adaptive_pool_args *args)
{
    pool_attributes attributes = {.adaptive = true};
    memcpy(attributes.size, args->output_size, sizeof attributes.size);
    memcpy(attributes.strides, args->output_size, sizeof attributes.strides);
    return attributes;
}

cn_tensor *cn_max_pool_with(cn_pool_args args)
{
    return pool(true, of_windows(&args), args.data_format, args.x);
}

cn_tensor *cn_average_pool_with(cn_pool_args args)
{
    return pool(false, of_windows(&args), args.data_format, args.x);
}

cn_tensor *cn_adaptive_max_pool_with(cn_adaptive_pool_args args)
{
    return pool(true, of_output(&args), args.data_format, args.x);
}

cn_tensor *cn_adaptive_average_pool_with(cn_adaptive_pool_args args)
{
    return pool(false, of_output(&args), args.data_format, args.x);
}

extern const cn_operation *const cn_pooling_operations[];
const cn_operation *const cn_pooling_operations[] = {&max_pool,     &max_pool_pick,     &max_pool_grad,
                                                     &average_pool, &average_pool_grad, NULL};
