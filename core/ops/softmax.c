#include "core/ops/softmax.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/axes.h"
#include "core/ops/axis.h"
#include "core/ops/joining.h"
#include "core/ops/rows.h"
#include "core/ops/shaping.h"

#undef cn_softmax
#undef cn_log_softmax
#undef cn_sparsemax
#undef cn_glu

/* The operations proper work along neighbouring axes, from begin up to end, jointly. */
typedef struct along_attributes {
    int begin, end;
} along_attributes;

static unsigned along_mask(const cn_entry *e)
{
    const along_attributes *along = e->attributes;
    return (1u << along->end) - (1u << along->begin);
}

static bool same_type(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, entry->input[0]->shape};
    return true;
}

static bool reduced_type(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, cn_reduced_shape(entry->input[0]->shape, along_mask(entry), false)};
    return true;
}

#define PREPARE(name, layout)                                                                                        \
    static bool name##_prepare(const cn_entry *entry, cn_preparation *preparation)                                   \
    {                                                                                                                \
        const along_attributes *along = entry->attributes;                                                           \
        return cn_prepare_rows(entry, preparation, CN_ROW_##name, &entry->input[0]->shape, along->begin, along->end, \
                               layout);                                                                              \
    }
PREPARE(softmax, "mm")
PREPARE(log_softmax, "mm")
PREPARE(sparsemax, "mm")
PREPARE(logsumexp, "nm")
PREPARE(softmax_grad, "mmm")
PREPARE(log_softmax_grad, "mmm")
PREPARE(sparsemax_grad, "mmm")

static cn_tensor *sum_along(const cn_entry *e, cn_tensor *x)
{
    return cn_sum(x, .axes = cn_axes_of_mask(along_mask(e)), .keepdims = true);
}

static const cn_operation softmax_grad, log_softmax_grad, sparsemax_grad, softmax_along;

static bool record_grad(const cn_operation *operation, const cn_entry *e, cn_tensor *y, cn_tensor *dy, cn_tensor **dx)
{
    *dx = cn_record(operation, e->attributes, (cn_tensor *[]){y, dy}, 2);
    return *dx != NULL;
}

static bool softmax_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_grad(&softmax_grad, e, e->output[0], dy[0], dx);
}

static bool log_softmax_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_grad(&log_softmax_grad, e, e->output[0], dy[0], dx);
}

static bool sparsemax_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    return record_grad(&sparsemax_grad, e, e->output[0], dy[0], dx);
}

static bool logsumexp_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    cn_tensor *p = cn_record(&softmax_along, e->attributes, e->input, 1);
    dx[0] = cn_mul(p, cn_broadcast_axes(dy[0], e->input[0]->shape, along_mask(e)));
    return dx[0] != NULL;
}

/* g = y (dy - sum y dy) */
static bool softmax_grad_vjp(const cn_entry *e, cn_tensor *const *dg, cn_tensor **dx)
{
    cn_tensor *y = e->input[0], *dy = e->input[1], *u = dg[0];
    if (e->needed[0])
        dx[0] = cn_sub(cn_mul(u, cn_sub(dy, sum_along(e, cn_mul(y, dy)))), cn_mul(dy, sum_along(e, cn_mul(u, y))));
    return (!e->needed[1] || record_grad(&softmax_grad, e, y, u, &dx[1])) && (!e->needed[0] || dx[0]);
}

/* g = dy - exp(y) sum dy */
static bool log_softmax_grad_vjp(const cn_entry *e, cn_tensor *const *dg, cn_tensor **dx)
{
    cn_tensor *weighted = cn_mul(dg[0], cn_exp(e->input[0]));
    if (e->needed[0])
        dx[0] = cn_negative(cn_mul(weighted, sum_along(e, e->input[1])));
    if (e->needed[1])
        dx[1] = cn_sub(dg[0], sum_along(e, weighted));
    return !cn_failed();
}

/* g = dy - its mean where y > 0, and 0 elsewhere */
static bool sparsemax_grad_vjp(const cn_entry *e, cn_tensor *const *dg, cn_tensor **dx)
{
    return !e->needed[1] || record_grad(&sparsemax_grad, e, e->input[0], dg[0], &dx[1]);
}

#define ALONG(row_name, row_prepare, row_infer, row_vjp)                                                      \
    {                                                                                                         \
        .name = row_name, .attributes = sizeof(along_attributes), .infer = row_infer, .prepare = row_prepare, \
        .vjp = row_vjp                                                                                        \
    }
static const cn_operation softmax_along = ALONG("softmax_along", softmax_prepare, same_type, softmax_vjp);
static const cn_operation log_softmax_along =
    ALONG("log_softmax_along", log_softmax_prepare, same_type, log_softmax_vjp);
static const cn_operation sparsemax_along = ALONG("sparsemax_along", sparsemax_prepare, same_type, sparsemax_vjp);
static const cn_operation logsumexp_along = ALONG("logsumexp_along", logsumexp_prepare, reduced_type, logsumexp_vjp);
static const cn_operation softmax_grad = ALONG("softmax_grad", softmax_grad_prepare, same_type, softmax_grad_vjp);
static const cn_operation log_softmax_grad =
    ALONG("log_softmax_grad", log_softmax_grad_prepare, same_type, log_softmax_grad_vjp);
static const cn_operation sparsemax_grad =
    ALONG("sparsemax_grad", sparsemax_grad_prepare, same_type, sparsemax_grad_vjp);

cn_tensor *cn_softmax_logits(cn_tensor *p)
{
    if (!p || !p->entry || p->entry->operation != &softmax_along)
        return NULL;
    const along_attributes *along = p->entry->attributes;
    return along->begin == p->shape.rank - 1 ? p->entry->input[0] : NULL;
}

/* Records an operation along the axes of a mask. Axes that are not neighbours, and long axes in front of few columns,
 * for which the kernels are not made, are brought to the end first: order[i] is then axis i's place in x. */
static cn_tensor *record_along(const cn_operation *operation, cn_tensor *x, unsigned mask, cn_axes *order)
{
    const cn_shape *shape = &x->shape;
    along_attributes along = {.begin = __builtin_ctz(mask | 1u << shape->rank)};
    along.end = along.begin + __builtin_popcount(mask);
    order->count = 0;
    int64_t inner = cn_span(shape, along.end, shape->rank);
    bool neighbours = mask == (1u << along.end) - (1u << along.begin);
    if (neighbours && (inner == 1 || inner >= CN_ROW_LANES || cn_span(shape, along.begin, along.end) <= CN_ROW_SHORT))
        return cn_record(operation, &along, &x, 1);
    for (int last = 0; last < 2; last++)
        for (int d = 0; d < shape->rank; d++)
            if ((int)(mask >> d & 1) == last)
                order->axis[order->count++] = d;
    along = (along_attributes){shape->rank - __builtin_popcount(mask), shape->rank};
    cn_tensor *turned = cn_transpose(x, .axes = *order);
    return cn_record(operation, &along, &turned, 1);
}

typedef struct softmax_attributes {
    int axis;
    cn_axes axes;
} softmax_attributes;

static cn_tensor *real_input(const cn_entry *e)
{
    return e->input[0]->dtype == CN_I32 ? cn_cast(e->input[0], cn_default_dtype()) : e->input[0];
}

static bool expand_along(const cn_entry *e, const cn_operation *operation, cn_tensor **y)
{
    const softmax_attributes *attributes = e->attributes;
    int axis = attributes->axis == CN_NONE && attributes->axes.count == 0 ? -1 : attributes->axis;
    unsigned mask;
    cn_axes order, back = {0};
    cn_tensor *x = real_input(e);
    if (!x || !cn_axes_mask(e, axis, attributes->axes, &mask) || !(*y = record_along(operation, x, mask, &order)))
        return false;
    for (int i = 0; i < order.count; i++)
        back.axis[order.axis[i]] = i;
    back.count = order.count;
    return order.count == 0 || (*y = cn_transpose(*y, .axes = back));
}

#define FAMILY(X)  \
    X(softmax)     \
    X(log_softmax) \
    X(sparsemax)

#define PUBLIC(row_name)                                                                           \
    static bool row_name##_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)                 \
    {                                                                                              \
        (void)tape;                                                                                \
        return expand_along(e, &row_name##_along, y);                                              \
    }                                                                                              \
    static const cn_operation row_name = {                                                         \
        .name = #row_name, .attributes = sizeof(softmax_attributes), .expand = row_name##_expand}; \
    cn_tensor *cn_##row_name##_with(cn_softmax_args args)                                          \
    {                                                                                              \
        return cn_record(&row_name, &(softmax_attributes){args.axis, args.axes}, &args.x, 1);      \
    }                                                                                              \
    cn_tensor *cn_##row_name(cn_tensor *x)                                                         \
    {                                                                                              \
        return cn_##row_name##_with((cn_softmax_args){.x = x, .axis = CN_NONE});                   \
    }
FAMILY(PUBLIC)

typedef struct logsumexp_attributes {
    int axis;
    cn_axes axes;
    bool keepdims;
} logsumexp_attributes;

static bool logsumexp_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const logsumexp_attributes *attributes = e->attributes;
    unsigned mask;
    cn_axes order;
    cn_tensor *x = real_input(e);
    if (!x || !cn_axes_mask(e, attributes->axis, attributes->axes, &mask))
        return false;
    *y = record_along(&logsumexp_along, x, mask, &order);
    if (*y && attributes->keepdims)
        *y = cn_broadcast_axes(*y, cn_reduced_shape(x->shape, mask, true), mask);
    return *y != NULL;
}

static const cn_operation logsumexp = {
    .name = "logsumexp", .attributes = sizeof(logsumexp_attributes), .expand = logsumexp_expand};

cn_tensor *cn_logsumexp_with(cn_reduce_args args)
{
    return cn_record(&logsumexp, &(logsumexp_attributes){args.axis, args.axes, args.keepdims}, &args.x, 1);
}

static bool glu_expand(const cn_entry *e, cn_tape *tape, cn_tensor **y)
{
    (void)tape;
    const softmax_attributes *attributes = e->attributes;
    int axis = attributes->axis == CN_NONE ? -1 : attributes->axis;
    cn_tensor *half[2], *x = real_input(e);
    if (attributes->axes.count != 0)
        return cn_entry_fail(e, CN_ARGUMENT, "takes one .axis only");
    if (!x || !cn_axis_of(e, axis, x->shape.rank, &axis))
        return false;
    if (x->shape.dim[axis] % 2)
        return cn_entry_fail(e, CN_SHAPES, "axis %d cannot be halved", axis);
    if (!cn_split_many(x, axis, 2, half))
        return false;
    *y = cn_mul(half[0], cn_sigmoid(half[1]));
    return *y != NULL;
}

static const cn_operation glu = {.name = "glu", .attributes = sizeof(softmax_attributes), .expand = glu_expand};

cn_tensor *cn_glu_with(cn_softmax_args args)
{
    return cn_record(&glu, &(softmax_attributes){args.axis, args.axes}, &args.x, 1);
}

cn_tensor *cn_glu(cn_tensor *x)
{
    return cn_glu_with((cn_softmax_args){.x = x, .axis = CN_NONE});
}

extern const cn_operation *const cn_softmax_operations[];
const cn_operation *const cn_softmax_operations[] = {&softmax_along,
                                                     &log_softmax_along,
                                                     &sparsemax_along,
                                                     &logsumexp_along,
                                                     &softmax_grad,
                                                     &log_softmax_grad,
                                                     &sparsemax_grad,
                                                     &softmax,
                                                     &log_softmax,
                                                     &sparsemax,
                                                     &logsumexp,
                                                     &glu,
                                                     NULL};
