#include "core/ops/sorting.h"
#include "core/ops/axis.h"
#include "core/ops/indexing.h"
#include "core/pieces.h"

typedef struct order_attributes {
    int axis; /* CN_NONE: all elements in row-major order */
    bool descending;
    int64_t first; /* how many indices are wanted; -1 for all */
} order_attributes;

/* x is outer x size x inner; of each line along the middle the first `count` indices in order go to y. */
typedef struct order_sizes {
    int64_t outer, size, inner, count, pieces;
    bool descending;
} order_sizes;

typedef struct order_work {
    const order_sizes *sizes;
    const void *x;
    int32_t *y, *spare; /* 2 x size indices for each piece */
} order_work;

/* A merge sort, which is stable: the right one of two goes first only if it must. */
#define SORT(T, name)                                                                                               \
    static bool precedes_##name(T a, T b, bool descending)                                                          \
    {                                                                                                               \
        T low = descending ? b : a, high = descending ? a : b;                                                      \
        return low < high || (high != high && low == low);                                                          \
    }                                                                                                               \
    static const int32_t *sorted_##name(const order_sizes *s, const T *x, int32_t *from, int32_t *to)               \
    {                                                                                                               \
        int64_t n = s->size;                                                                                        \
        for (int64_t i = 0; i < n; i++)                                                                             \
            from[i] = (int32_t)i;                                                                                   \
        for (int64_t width = 1; width < n; width *= 2) {                                                            \
            for (int64_t begin = 0; begin < n; begin += 2 * width) {                                                \
                int64_t middle = begin + width < n ? begin + width : n;                                             \
                int64_t end = middle + width < n ? middle + width : n;                                              \
                for (int64_t a = begin, b = middle, i = begin; i < end; i++) {                                      \
                    bool right = a == middle || (b < end && precedes_##name(x[from[b] * s->inner],                  \
                                                                            x[from[a] * s->inner], s->descending)); \
                    to[i] = right ? from[b++] : from[a++];                                                          \
                }                                                                                                   \
            }                                                                                                       \
            int32_t *swap = from;                                                                                   \
            from = to;                                                                                              \
            to = swap;                                                                                              \
        }                                                                                                           \
        return from;                                                                                                \
    }                                                                                                               \
    static void sort_piece_##name(void *context, int64_t piece)                                                     \
    {                                                                                                               \
        const order_work *work = context;                                                                           \
        const order_sizes *s = work->sizes;                                                                         \
        int32_t *spare = work->spare + 2 * piece * s->size;                                                         \
        const cn_range lines = cn_part(s->outer * s->inner, s->pieces, piece);                                      \
        for (int64_t line = lines.first; line < lines.first + lines.count; line++) {                                \
            int64_t o = line / s->inner, i = line % s->inner;                                                       \
            const T *x = (const T *)work->x + o * s->size * s->inner + i;                                           \
            const int32_t *order = sorted_##name(s, x, spare, spare + s->size);                                     \
            for (int64_t j = 0; j < s->count; j++)                                                                  \
                work->y[(o * s->count + j) * s->inner + i] = order[j];                                              \
        }                                                                                                           \
    }                                                                                                               \
    static bool order_##name(void *const *pointer, const void *prepared)                                            \
    {                                                                                                               \
        const order_sizes *s = prepared;                                                                            \
        order_work work = {s, pointer[1], pointer[0], pointer[2]};                                                  \
        cn_parallel(s->pieces, 20.0 * (double)(s->outer * s->size * s->inner), sort_piece_##name, &work);           \
        return true;                                                                                                \
    }
SORT(float, f32)
SORT(double, f64)
SORT(int32_t, i32)
#undef SORT

static bool order_of(const cn_entry *entry, order_sizes *sizes, cn_shape *shape)
{
    const order_attributes *attributes = entry->attributes;
    const cn_shape *x = &entry->input[0]->shape;
    int axis = 0;
    *shape = *x;
    if (attributes->axis == CN_NONE)
        *shape = CN_SHAPE(cn_shape_size(*x));
    else if (!cn_axis_of(entry, attributes->axis, x->rank, &axis))
        return false;
    *sizes = (order_sizes){.outer = cn_span(shape, 0, axis),
                           .size = shape->dim[axis],
                           .inner = cn_span(shape, axis + 1, shape->rank),
                           .descending = attributes->descending};
    if (sizes->size > INT32_MAX)
        return cn_entry_fail(entry, CN_SHAPES, "int32 cannot index axis %d", axis);
    if (attributes->first >= 0)
        shape->dim[axis] = attributes->first;
    sizes->count = shape->dim[axis];
    return true;
}

static bool order_infer(const cn_entry *entry, cn_type *output)
{
    order_sizes sizes;
    output->dtype = CN_I32;
    return order_of(entry, &sizes, &output->shape);
}

static bool order_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    enum { PIECE_ELEMENTS = 4096, MOST_PIECES = 64 };
    static cn_kernel *const kernels[] = {order_f32, order_f64, order_i32};
    order_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    cn_shape shape;
    if (!order_of(entry, sizes, &shape))
        return false;
    const int64_t lines = sizes->outer * sizes->inner;
    sizes->pieces = cn_pieces_of((double)(lines * sizes->size), PIECE_ELEMENTS, cn_least(lines, MOST_PIECES));
    preparation->workspace = (size_t)(2 * sizes->pieces * sizes->size) * sizeof(int32_t);
    preparation->kernel = kernels[entry->input[0]->dtype];
    return true;
}

static const cn_operation argsort = {.name = "argsort",
                                     .attributes = sizeof(order_attributes),
                                     .flags = CN_LEAF,
                                     .infer = order_infer,
                                     .prepare = order_prepare};

cn_tensor *cn_argsort_with(cn_sort_args args)
{
    return cn_record(&argsort, &(order_attributes){.axis = args.axis, .first = -1}, &args.x, 1);
}

static bool sort_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    int axis = *(const int *)entry->attributes;
    cn_tensor *x = entry->input[0];
    output[0] = cn_take_along_axis(x, cn_argsort(x, axis), axis);
    return output[0] != NULL;
}

static const cn_operation sort = {.name = "sort", .attributes = sizeof(int), .expand = sort_expand};

cn_tensor *cn_sort_with(cn_sort_args args)
{
    return cn_record(&sort, &args.axis, &args.x, 1);
}

static bool top_k_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    int64_t k = *(const int64_t *)entry->attributes;
    cn_tensor *x = entry->input[0];
    int last = x->shape.rank - 1;
    if (last < 0 || k < 0 || k > x->shape.dim[last])
        return cn_entry_fail(entry, CN_ARGUMENT, "the last axis has not %lld elements", (long long)k);
    output[1] = cn_record(&argsort, &(order_attributes){.axis = last, .descending = true, .first = k}, &x, 1);
    return output[1] && (output[0] = cn_take_along_axis(x, output[1], last));
}

static const cn_operation top_k = {.name = "top_k", .attributes = sizeof(int64_t), .expand = top_k_expand};

cn_tensors cn_top_k_with(cn_top_k_args args)
{
    cn_tensors tensors = {.count = 0};
    if (cn_record_many(&top_k, &args.k, &args.x, 1, tensors.item, 2))
        tensors.count = 2;
    return tensors;
}

extern const cn_operation *const cn_sorting_operations[];
const cn_operation *const cn_sorting_operations[] = {&argsort, &sort, &top_k, NULL};
