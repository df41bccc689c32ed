#include "core/ops/reduction.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"

static bool wanted_shape(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){entry->input[0]->dtype, *(const cn_shape *)entry->attributes};
    return true;
}

static bool broadcast_view(const cn_entry *entry, int64_t *stride, int64_t *offset)
{
    const cn_tensor *x = entry->input[0];
    const cn_shape *shape = entry->attributes;
    *offset = 0;
    for (int d = 0; d < shape->rank; d++) {
        int from = d - (shape->rank - x->shape.rank);
        stride[d] = from < 0 || x->shape.dim[from] == 1 ? 0 : x->stride[from];
    }
    return true;
}

static bool broadcast_infer(const cn_entry *entry, cn_type *output)
{
    const cn_shape *from = &entry->input[0]->shape, *to = entry->attributes;
    bool fits = from->rank <= to->rank && to->rank >= 0;
    for (int d = 0; fits && d < from->rank; d++) {
        int64_t size = from->dim[d];
        fits = size == 1 || size == to->dim[d + to->rank - from->rank];
    }
    if (!fits) {
        char text[CN_SHAPE_TEXT];
        return cn_entry_fail(entry, CN_SHAPES, "cannot be broadcast to %s", cn_shape_text(*to, text, sizeof text));
    }
    return wanted_shape(entry, output);
}

static bool broadcast_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    dx[0] = cn_sum_to(dy[0], e->input[0]->shape);
    return dx[0] != NULL;
}

static const cn_operation broadcast_to = {.name = "broadcast_to",
                                          .attributes = sizeof(cn_shape),
                                          .infer = broadcast_infer,
                                          .view = broadcast_view,
                                          .vjp = broadcast_vjp};

cn_tensor *cn_broadcast_to(cn_tensor *x, cn_shape shape)
{
    return x && x->tape && cn_shape_equal(x->shape, shape) ? x : cn_record(&broadcast_to, &shape, &x, 1);
}

/* A plain form, to be replaced. */
typedef struct sum_sizes {
    int rank;
    int64_t dim[CN_MAX_RANK], from[CN_MAX_RANK], to[CN_MAX_RANK], count, outputs;
} sum_sizes;

#define SUM(T, name)                                                          \
    static bool sum_##name(void *const *pointer, const void *prepared)        \
    {                                                                         \
        const sum_sizes *s = prepared;                                        \
        T *y = pointer[0];                                                    \
        const T *x = pointer[1];                                              \
        for (int64_t i = 0; i < s->outputs; i++)                              \
            y[i] = 0;                                                         \
        int64_t index[CN_MAX_RANK] = {0};                                     \
        for (int64_t i = 0; i < s->count; i++) {                              \
            int64_t from = 0, to = 0;                                         \
            for (int d = 0; d < s->rank; d++) {                               \
                from += index[d] * s->from[d];                                \
                to += index[d] * s->to[d];                                    \
            }                                                                 \
            y[to] += x[from];                                                 \
            for (int d = s->rank - 1; d >= 0 && ++index[d] == s->dim[d]; d--) \
                index[d] = 0;                                                 \
        }                                                                     \
        return true;                                                          \
    }
SUM(float, f32)
SUM(double, f64)
SUM(int32_t, i32)

static bool prepare_sum_to(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {sum_f32, sum_f64, sum_i32};
    const cn_tensor *x = entry->input[0], *y = entry->output[0];
    sum_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    sizes->rank = x->shape.rank;
    sizes->count = cn_shape_size(x->shape);
    sizes->outputs = cn_shape_size(y->shape);
    for (int d = 0; d < x->shape.rank; d++) {
        int to = d - (x->shape.rank - y->shape.rank);
        sizes->dim[d] = x->shape.dim[d];
        sizes->from[d] = x->stride[d];
        sizes->to[d] = to < 0 || y->shape.dim[to] == 1 ? 0 : y->stride[to];
    }
    preparation->kernel = kernels[x->dtype];
    return true;
}

static bool sum_to_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    dx[0] = cn_broadcast_to(dy[0], e->input[0]->shape);
    return dx[0] != NULL;
}

static const cn_operation sum_to = {.name = "sum_to",
                                    .attributes = sizeof(cn_shape),
                                    .flags = CN_STRIDED,
                                    .infer = wanted_shape,
                                    .prepare = prepare_sum_to,
                                    .vjp = sum_to_vjp};

cn_tensor *cn_sum_to(cn_tensor *x, cn_shape shape)
{
    return x && cn_shape_equal(x->shape, shape) ? x : cn_record(&sum_to, &shape, &x, 1);
}

cn_tensor *cn_sum_with(cn_reduce_args args)
{
    return cn_sum_to(args.x, (cn_shape){0});
}

cn_tensor *cn_mean_with(cn_reduce_args args)
{
    cn_tensor *sum = cn_sum_to(args.x, (cn_shape){0});
    return sum ? cn_div(sum, cn_scalar(sum, (double)cn_shape_size(args.x->shape))) : NULL;
}

extern const cn_operation *const cn_reduction_operations[];
const cn_operation *const cn_reduction_operations[] = {&broadcast_to, &sum_to, NULL};
