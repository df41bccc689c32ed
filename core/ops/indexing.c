#include "core/ops/indexing.h"
#include "core/ops/axis.h"
#include "core/ops/rows.h"
#include "core/pieces.h"
#include <string.h>

static bool check_indices(const cn_entry *entry, const cn_tensor *indices)
{
    return indices->dtype == CN_I32 ||
           cn_entry_fail(entry, CN_TYPE, "the indices are %s, not int32", cn_dtype_name(indices->dtype));
}

/* The error of a kernel: element `at` of the indices. */
static bool index_fail(const char *name, int64_t value, int64_t at, cn_shape indices, int64_t size)
{
    char text[CN_SHAPE_TEXT];
    for (int d = indices.rank - 1; d >= 0; d--) {
        int64_t dim = indices.dim[d];
        indices.dim[d] = at % dim;
        at /= dim;
    }
    return cn_fail(CN_VALUE, "%s: index %lld at position %s is outside an axis of size %lld", name, (long long)value,
                   cn_shape_text(indices, text, sizeof text), (long long)size);
}

static int64_t wrapped(int32_t index, int64_t size)
{
    return index < 0 ? index + size : index;
}

static void copy_bytes(unsigned char *restrict to, const unsigned char *restrict from, size_t bytes)
{
    /* Single elements are common, and a call costs more than they do. */
    if (bytes == 4)
        memcpy(to, from, 4);
    else if (bytes == 8)
        memcpy(to, from, 8);
    else
        memcpy(to, from, bytes);
}

/* Gathering and scattering of whole rows. The whole tensor is outer x size x inner elements; `count` places among
 * `size` are named by the indices, each by `depth` numbers. The gathered tensor is outer x count x inner. */

typedef struct row_attributes {
    int axis;       /* whose elements are named, CN_NONE for all of them in row-major order */
    bool leading;   /* instead: the last axis of the indices names places in the leading axes */
    cn_shape shape; /* when scattering: of the whole */
} row_attributes;

typedef struct row_places {
    const char *name;
    int64_t outer, size, inner, count, pieces;
    size_t element;
    int depth;
    int64_t dim[CN_MAX_RANK]; /* that the numbers of a place run through */
    cn_shape indices;
} row_places;

/* Works out the places, and the shape of what is gathered at them. */
static bool places_of(const cn_entry *entry, const cn_shape *whole, row_places *places, cn_shape *gathered)
{
    const row_attributes *attributes = entry->attributes;
    const cn_shape indices = entry->input[1]->shape;
    int before = 0, after = whole->rank, named = indices.rank;
    *places = (row_places){.name = entry->operation->name, .depth = 1, .indices = indices};
    if (attributes->leading) {
        int64_t depth = indices.rank > 0 ? indices.dim[indices.rank - 1] : 0;
        if (depth < 1 || depth > whole->rank)
            return cn_entry_fail(entry, CN_SHAPES, "the last axis of the indices does not name places in rank %d",
                                 whole->rank);
        places->depth = after = (int)depth;
        named--;
    } else if (attributes->axis != CN_NONE) {
        if (!cn_axis_of(entry, attributes->axis, whole->rank, &before))
            return false;
        after = before + 1;
    }
    places->outer = cn_span(whole, 0, before);
    places->size = cn_span(whole, before, after);
    places->inner = cn_span(whole, after, whole->rank);
    places->count = cn_span(&indices, 0, named);
    places->dim[0] = places->size;
    for (int d = 0; d < places->depth && attributes->leading; d++)
        places->dim[d] = whole->dim[d];
    if (before + named + whole->rank - after > CN_MAX_RANK)
        return cn_entry_fail(entry, CN_SHAPES, "the result has more than %d axes", CN_MAX_RANK);
    *gathered = (cn_shape){.rank = 0};
    for (int d = 0; d < before; d++)
        gathered->dim[gathered->rank++] = whole->dim[d];
    for (int d = 0; d < named; d++)
        gathered->dim[gathered->rank++] = indices.dim[d];
    for (int d = after; d < whole->rank; d++)
        gathered->dim[gathered->rank++] = whole->dim[d];
    return true;
}

/* Without a branch for each: there may be many, and few elements at each. False if one is outside. */
static bool find_single_places(const row_places *s, const int32_t *indices, int64_t *place)
{
    bool outside = false;
    for (int64_t j = 0; j < s->count; j++) {
        place[j] = wrapped(indices[j], s->size);
        outside |= (uint64_t)place[j] >= (uint64_t)s->size;
    }
    return !outside;
}

static bool find_places(const row_places *s, const int32_t *indices, int64_t *place)
{
    if (s->depth == 1 && find_single_places(s, indices, place))
        return true;
    for (int64_t j = 0; j < s->count; j++) {
        int64_t at = 0;
        for (int k = 0; k < s->depth; k++) {
            int32_t index = indices[j * s->depth + k];
            int64_t i = wrapped(index, s->dim[k]);
            if (i < 0 || i >= s->dim[k])
                return index_fail(s->name, index, j * s->depth + k, s->indices, s->dim[k]);
            at = at * s->dim[k] + i;
        }
        place[j] = at;
    }
    return true;
}

typedef struct row_work {
    const row_places *places;
    void *to;
    const void *from;
    const int64_t *place;
} row_work;

static void gather_piece(void *context, int64_t piece)
{
    const row_work *work = context;
    const row_places *s = work->places;
    size_t bytes = (size_t)s->inner * s->element;
    const cn_range rows = cn_part(s->outer * s->count, s->pieces, piece);
    unsigned char *to = (unsigned char *)work->to + (size_t)rows.first * bytes;
    const unsigned char *from = work->from;
    if (rows.count == 0)
        return;
    from += (size_t)(rows.first / s->count * s->size) * bytes;
    int64_t j = rows.first % s->count;
    for (const unsigned char *end = to + (size_t)rows.count * bytes; to < end; to += bytes) {
        copy_bytes(to, from + (size_t)work->place[j] * bytes, bytes);
        if (++j == s->count) {
            from += (size_t)s->size * bytes;
            j = 0;
        }
    }
}

static bool gather_kernel(void *const *pointer, const void *prepared)
{
    const row_places *s = prepared;
    if (!find_places(s, pointer[2], pointer[3]))
        return false;
    row_work work = {s, pointer[0], pointer[1], pointer[3]};
    cn_parallel(s->pieces, (double)(s->outer * s->count * s->inner), gather_piece, &work);
    return true;
}

/* Some indices, and those of them, in their order, that name one of a range of places: found without a branch, which
 * would go wrong at every other of them. */
enum { SOME_INDICES = 256 };

static int find_those_within(const int64_t *place, cn_range indices, cn_range places, int64_t *found)
{
    int count = 0;
    for (int64_t j = indices.first; j < indices.first + indices.count; j++) {
        found[count] = j;
        count += (uint64_t)(place[j] - places.first) < (uint64_t)places.count;
    }
    return count;
}

/* A piece is a range of places, so that what is added at one of them is added in the order of the indices. */
#define SCATTER(T, name)                                                                                               \
    static void scatter_piece_##name(void *context, int64_t piece)                                                     \
    {                                                                                                                  \
        const row_work *work = context;                                                                                \
        const row_places *s = work->places;                                                                            \
        const cn_range places = cn_part(s->size, s->pieces, piece);                                                    \
        int64_t found[SOME_INDICES];                                                                                   \
        for (int64_t o = 0; o < s->outer; o++) {                                                                       \
            T *whole = (T *)work->to + o * s->size * s->inner;                                                         \
            const T *rows = (const T *)work->from + o * s->count * s->inner;                                           \
            memset(whole + places.first * s->inner, 0, (size_t)(places.count * s->inner) * sizeof(T));                 \
            for (int64_t some = 0; some < s->count; some += SOME_INDICES) {                                            \
                const cn_range indices = {some, cn_least(SOME_INDICES, s->count - some)};                              \
                const int count = find_those_within(work->place, indices, places, found);                              \
                for (int n = 0; n < count; n++) {                                                                      \
                    T *restrict to = whole + work->place[found[n]] * s->inner;                                         \
                    const T *restrict from = rows + found[n] * s->inner;                                               \
                    for (int64_t i = 0; i < s->inner; i++)                                                             \
                        to[i] += from[i];                                                                              \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static bool scatter_##name(void *const *pointer, const void *prepared)                                             \
    {                                                                                                                  \
        const row_places *s = prepared;                                                                                \
        if (!find_places(s, pointer[2], pointer[3]))                                                                   \
            return false;                                                                                              \
        row_work work = {s, pointer[0], pointer[1], pointer[3]};                                                       \
        cn_parallel(s->pieces, (double)(s->outer * s->inner * (s->size + s->count)) / 4, scatter_piece_##name, &work); \
        return true;                                                                                                   \
    }
SCATTER(float, f32)
SCATTER(double, f64)
SCATTER(int32_t, i32)
#undef SCATTER

static bool prepare_rows(const cn_entry *entry, cn_preparation *preparation, const cn_shape *whole, cn_kernel *kernel,
                         bool scatters)
{
    /* Every piece that scatters looks at all places, which takes as long as adding a few elements at each. */
    enum { PIECE_ELEMENTS = 16384, ELEMENTS_OF_A_LOOK = 4, MOST_SCATTERING = 8 };
    row_places *places = cn_prepared(preparation, sizeof *places);
    cn_shape gathered;
    if (!places_of(entry, whole, places, &gathered))
        return false;
    const int64_t elements = cn_shape_size(entry->output[0]->shape) + cn_shape_size(entry->input[0]->shape);
    const int64_t most = scatters ? cn_least(places->inner / ELEMENTS_OF_A_LOOK, MOST_SCATTERING) : INT32_MAX;
    places->pieces = cn_pieces_of((double)elements, PIECE_ELEMENTS, most);
    places->element = cn_dtype_size(entry->output[0]->dtype);
    preparation->workspace = (size_t)places->count * sizeof(int64_t);
    preparation->kernel = kernel;
    return true;
}

static bool gather_infer(const cn_entry *entry, cn_type *output)
{
    row_places places;
    output->dtype = entry->input[0]->dtype;
    return check_indices(entry, entry->input[1]) && places_of(entry, &entry->input[0]->shape, &places, &output->shape);
}

static bool gather_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare_rows(entry, preparation, &entry->input[0]->shape, gather_kernel, false);
}

static bool scatter_infer(const cn_entry *entry, cn_type *output)
{
    const row_attributes *attributes = entry->attributes;
    char text[CN_SHAPE_TEXT];
    row_places places;
    cn_shape gathered;
    if (!check_indices(entry, entry->input[1]))
        return false;
    if (cn_shape_size(attributes->shape) < 0)
        return cn_entry_fail(entry, CN_SHAPES, "%s is not a shape",
                             cn_shape_text(attributes->shape, text, sizeof text));
    if (!places_of(entry, &attributes->shape, &places, &gathered))
        return false;
    if (!cn_shape_equal(entry->input[0]->shape, gathered))
        return cn_entry_fail(entry, CN_SHAPES, "the values must have shape %s",
                             cn_shape_text(gathered, text, sizeof text));
    *output = (cn_type){entry->input[0]->dtype, attributes->shape};
    return true;
}

static bool scatter_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {scatter_f32, scatter_f64, scatter_i32};
    const row_attributes *attributes = entry->attributes;
    return prepare_rows(entry, preparation, &attributes->shape, kernels[entry->output[0]->dtype], true);
}

static bool gather_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);
static bool scatter_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);

#define ROWS(row, text, direction)                                         \
    static const cn_operation row = {.name = text,                         \
                                     .attributes = sizeof(row_attributes), \
                                     .flags = CN_CHECKS,                   \
                                     .infer = direction##_infer,           \
                                     .prepare = direction##_prepare,       \
                                     .vjp = direction##_vjp};
ROWS(take, "take", gather)
ROWS(gather_nd, "gather_nd", gather)
ROWS(scatter_add, "scatter_add", scatter)
ROWS(scatter, "scatter", scatter)
#undef ROWS

static bool gather_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    row_attributes attributes = *(const row_attributes *)e->attributes;
    attributes.shape = e->input[0]->shape;
    if (e->needed[0])
        dx[0] = cn_record(attributes.leading ? &scatter : &scatter_add, &attributes,
                          (cn_tensor *[]){dy[0], e->input[1]}, 2);
    return true;
}

static bool scatter_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    const row_attributes *attributes = e->attributes;
    if (e->needed[0])
        dx[0] = cn_record(attributes->leading ? &gather_nd : &take, attributes, (cn_tensor *[]){dy[0], e->input[1]}, 2);
    return true;
}

cn_tensor *cn_take_with(cn_take_args args)
{
    return cn_record(&take, &(row_attributes){.axis = args.axis}, (cn_tensor *[]){args.x, args.indices}, 2);
}

cn_tensor *cn_gather_nd(cn_tensor *x, cn_tensor *indices)
{
    return cn_record(&gather_nd, &(row_attributes){.leading = true}, (cn_tensor *[]){x, indices}, 2);
}

cn_tensor *cn_scatter(cn_tensor *indices, cn_tensor *values, cn_shape shape)
{
    return cn_record(&scatter, &(row_attributes){.leading = true, .shape = shape}, (cn_tensor *[]){values, indices}, 2);
}

static bool segment_sum_expand(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    (void)tape;
    const cn_shape *data = &entry->input[0]->shape, *ids = &entry->input[1]->shape;
    row_attributes attributes = {.axis = 0, .shape = *data};
    if (data->rank < 1 || ids->rank != 1 || ids->dim[0] != data->dim[0])
        return cn_entry_fail(entry, CN_SHAPES, "every row needs a segment id");
    attributes.shape.dim[0] = *(const int64_t *)entry->attributes;
    return (output[0] = cn_record(&scatter_add, &attributes, entry->input, 2)) != NULL;
}

static const cn_operation segment_sum = {
    .name = "segment_sum", .attributes = sizeof(int64_t), .expand = segment_sum_expand};

cn_tensor *cn_segment_sum(cn_tensor *data, cn_tensor *segment_ids, int64_t num_segments)
{
    return cn_record(&segment_sum, &num_segments, (cn_tensor *[]){data, segment_ids}, 2);
}

/* Gathering and scattering along an axis, an index for each element. The whole is outer x size x inner, the indices and
 * what is gathered are outer x count x inner. */

typedef struct along_attributes {
    int axis;       /* CN_NONE: all elements in row-major order */
    cn_shape shape; /* when scattering: of the whole */
} along_attributes;

typedef struct along_sizes {
    const char *name;
    int64_t outer, size, count, inner, pieces;
    cn_shape indices;
} along_sizes;

static bool along_of(const cn_entry *entry, const cn_shape *whole, along_sizes *sizes)
{
    const along_attributes *attributes = entry->attributes;
    const cn_shape indices = entry->input[1]->shape;
    *sizes = (along_sizes){.name = entry->operation->name,
                           .outer = 1,
                           .size = cn_shape_size(*whole),
                           .count = cn_shape_size(indices),
                           .inner = 1,
                           .pieces = 1,
                           .indices = indices};
    int axis = 0;
    if (!check_indices(entry, entry->input[1]))
        return false;
    if (attributes->axis == CN_NONE)
        return indices.rank == 1 || cn_entry_fail(entry, CN_SHAPES, "the indices must have one axis");
    if (!cn_axis_of(entry, attributes->axis, whole->rank, &axis))
        return false;
    cn_shape wanted = *whole;
    if (indices.rank == whole->rank)
        wanted.dim[axis] = indices.dim[axis];
    if (!cn_shape_equal(indices, wanted))
        return cn_entry_fail(entry, CN_SHAPES, "the indices differ in another axis than %d", axis);
    sizes->outer = cn_span(whole, 0, axis);
    sizes->size = whole->dim[axis];
    sizes->count = indices.dim[axis];
    sizes->inner = cn_span(whole, axis + 1, whole->rank);
    return true;
}

static bool check_along(const along_sizes *s, const int32_t *indices)
{
    int64_t elements = s->outer * s->count * s->inner;
    for (int64_t i = 0; i < elements; i++)
        if (indices[i] < -s->size || indices[i] >= s->size)
            return index_fail(s->name, indices[i], i, s->indices, s->size);
    return true;
}

typedef struct along_work {
    const along_sizes *sizes;
    void *whole, *part;
    const int32_t *indices;
} along_work;

/* A piece is a range of the outer dimension. */
#define ALONG(T, name)                                                                                        \
    static void gather_along_##name(void *context, int64_t piece)                                             \
    {                                                                                                         \
        const along_work *work = context;                                                                     \
        const along_sizes *s = work->sizes;                                                                   \
        const cn_range part = cn_part(s->outer, s->pieces, piece);                                            \
        for (int64_t o = part.first; o < part.first + part.count; o++) {                                      \
            const T *whole = (const T *)work->whole + o * s->size * s->inner;                                 \
            for (int64_t at = o * s->count * s->inner, j = 0; j < s->count; j++)                              \
                for (int64_t i = 0; i < s->inner; i++, at++)                                                  \
                    ((T *)work->part)[at] = whole[wrapped(work->indices[at], s->size) * s->inner + i];        \
        }                                                                                                     \
    }                                                                                                         \
    static void scatter_along_##name(void *context, int64_t piece)                                            \
    {                                                                                                         \
        const along_work *work = context;                                                                     \
        const along_sizes *s = work->sizes;                                                                   \
        const cn_range part = cn_part(s->outer, s->pieces, piece);                                            \
        for (int64_t o = part.first; o < part.first + part.count; o++) {                                      \
            T *whole = (T *)work->whole + o * s->size * s->inner;                                             \
            memset(whole, 0, (size_t)(s->size * s->inner) * sizeof *whole);                                   \
            for (int64_t at = o * s->count * s->inner, j = 0; j < s->count; j++)                              \
                for (int64_t i = 0; i < s->inner; i++, at++)                                                  \
                    whole[wrapped(work->indices[at], s->size) * s->inner + i] += ((const T *)work->part)[at]; \
        }                                                                                                     \
    }                                                                                                         \
    static bool take_along_##name(void *const *pointer, const void *prepared)                                 \
    {                                                                                                         \
        const along_sizes *s = prepared;                                                                      \
        along_work work = {s, pointer[1], pointer[0], pointer[2]};                                            \
        if (!check_along(s, work.indices))                                                                    \
            return false;                                                                                     \
        cn_parallel(s->pieces, (double)(s->outer * s->count * s->inner), gather_along_##name, &work);         \
        return true;                                                                                          \
    }                                                                                                         \
    static bool add_along_##name(void *const *pointer, const void *prepared)                                  \
    {                                                                                                         \
        const along_sizes *s = prepared;                                                                      \
        along_work work = {s, pointer[0], pointer[1], pointer[2]};                                            \
        if (!check_along(s, work.indices))                                                                    \
            return false;                                                                                     \
        cn_parallel(s->pieces, (double)(s->outer * s->count * s->inner), scatter_along_##name, &work);        \
        return true;                                                                                          \
    }
ALONG(float, f32)
ALONG(double, f64)
ALONG(int32_t, i32)
#undef ALONG

static bool prepare_along(const cn_entry *entry, cn_preparation *preparation, const cn_shape *whole,
                          cn_kernel *const *kernels)
{
    enum { PIECE_ELEMENTS = 16384 };
    along_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    if (!along_of(entry, whole, sizes))
        return false;
    const int64_t elements = sizes->outer * sizes->inner * (sizes->size + sizes->count);
    sizes->pieces = cn_pieces_of((double)elements, PIECE_ELEMENTS, sizes->outer);
    preparation->kernel = kernels[entry->output[0]->dtype];
    return true;
}

static bool take_along_infer(const cn_entry *entry, cn_type *output)
{
    along_sizes sizes;
    *output = (cn_type){entry->input[0]->dtype, entry->input[1]->shape};
    return along_of(entry, &entry->input[0]->shape, &sizes);
}

static bool take_along_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {take_along_f32, take_along_f64, take_along_i32};
    return prepare_along(entry, preparation, &entry->input[0]->shape, kernels);
}

static bool add_along_infer(const cn_entry *entry, cn_type *output)
{
    const along_attributes *attributes = entry->attributes;
    along_sizes sizes;
    *output = (cn_type){entry->input[0]->dtype, attributes->shape};
    return along_of(entry, &attributes->shape, &sizes);
}

static bool add_along_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {add_along_f32, add_along_f64, add_along_i32};
    return prepare_along(entry, preparation, &((const along_attributes *)entry->attributes)->shape, kernels);
}

static bool take_along_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);
static bool add_along_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx);

static const cn_operation take_along_axis = {.name = "take_along_axis",
                                             .attributes = sizeof(along_attributes),
                                             .flags = CN_CHECKS,
                                             .infer = take_along_infer,
                                             .prepare = take_along_prepare,
                                             .vjp = take_along_vjp};
static const cn_operation add_along_axis = {.name = "add_along_axis",
                                            .attributes = sizeof(along_attributes),
                                            .flags = CN_CHECKS,
                                            .infer = add_along_infer,
                                            .prepare = add_along_prepare,
                                            .vjp = add_along_vjp};

static bool take_along_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    along_attributes attributes = *(const along_attributes *)e->attributes;
    attributes.shape = e->input[0]->shape;
    if (e->needed[0])
        dx[0] = cn_record(&add_along_axis, &attributes, (cn_tensor *[]){dy[0], e->input[1]}, 2);
    return true;
}

static bool add_along_vjp(const cn_entry *e, cn_tensor *const *dy, cn_tensor **dx)
{
    if (e->needed[0])
        dx[0] = cn_record(&take_along_axis, e->attributes, (cn_tensor *[]){dy[0], e->input[1]}, 2);
    return true;
}

cn_tensor *cn_take_along_axis_with(cn_take_args args)
{
    return cn_record(&take_along_axis, &(along_attributes){.axis = args.axis}, (cn_tensor *[]){args.x, args.indices},
                     2);
}

/* One hot */

typedef struct one_hot_attributes {
    int64_t classes;
    int axis;
    cn_dtype dtype;
} one_hot_attributes;

typedef struct one_hot_sizes {
    int64_t outer, classes, inner;
} one_hot_sizes;

#define ONE_HOT(T, name)                                                      \
    static bool one_hot_##name(void *const *pointer, const void *prepared)    \
    {                                                                         \
        const one_hot_sizes *s = prepared;                                    \
        const int32_t *index = pointer[1];                                    \
        T *y = pointer[0];                                                    \
        memset(y, 0, (size_t)(s->outer * s->classes * s->inner) * sizeof *y); \
        for (int64_t o = 0; o < s->outer; o++, y += s->classes * s->inner)    \
            for (int64_t i = 0; i < s->inner; i++, index++)                   \
                if (*index >= 0 && *index < s->classes)                       \
                    y[*index * s->inner + i] = 1;                             \
        return true;                                                          \
    }
ONE_HOT(float, f32)
ONE_HOT(double, f64)
ONE_HOT(int32_t, i32)
#undef ONE_HOT

static bool one_hot_infer(const cn_entry *entry, cn_type *output)
{
    const one_hot_attributes *attributes = entry->attributes;
    const cn_shape *from = &entry->input[0]->shape;
    int axis;
    if (!check_indices(entry, entry->input[0]) || !cn_axis_of(entry, attributes->axis, from->rank + 1, &axis))
        return false;
    if (attributes->classes < 0 || from->rank == CN_MAX_RANK)
        return cn_entry_fail(entry, CN_ARGUMENT, "there is no axis of %lld classes", (long long)attributes->classes);
    *output = (cn_type){attributes->dtype, {.rank = from->rank + 1}};
    for (int d = 0; d <= from->rank; d++)
        output->shape.dim[d] = d < axis ? from->dim[d] : d == axis ? attributes->classes : from->dim[d - 1];
    return true;
}

static bool one_hot_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    static cn_kernel *const kernels[] = {one_hot_f32, one_hot_f64, one_hot_i32};
    const one_hot_attributes *attributes = entry->attributes;
    const cn_shape *from = &entry->input[0]->shape;
    int axis;
    if (!cn_axis_of(entry, attributes->axis, from->rank + 1, &axis))
        return false;
    one_hot_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (one_hot_sizes){cn_span(from, 0, axis), attributes->classes, cn_span(from, axis, from->rank)};
    preparation->kernel = kernels[attributes->dtype];
    return true;
}

static const cn_operation one_hot = {.name = "one_hot",
                                     .attributes = sizeof(one_hot_attributes),
                                     .flags = CN_LEAF,
                                     .infer = one_hot_infer,
                                     .prepare = one_hot_prepare};

cn_tensor *cn_one_hot_with(cn_one_hot_args args)
{
    return cn_record(&one_hot, &(one_hot_attributes){args.num_classes, args.axis, args.dtype}, &args.indices, 1);
}

typedef struct label_sizes {
    int64_t classes, count;
    cn_shape shape;
} label_sizes;

static bool labels_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){CN_I32, entry->input[0]->shape};
    return check_indices(entry, entry->input[0]);
}

static bool run_labels(void *const *pointer, const void *prepared)
{
    const label_sizes *sizes = prepared;
    const int32_t *labels = pointer[1];
    if (!cn_check_labels("class_labels", labels, sizes->shape, sizes->classes))
        return false;
    if (sizes->count > 0)
        memcpy(pointer[0], labels, (size_t)sizes->count * sizeof *labels);
    return true;
}

static bool labels_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    label_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    sizes->classes = *(const int64_t *)entry->attributes;
    sizes->shape = entry->input[0]->shape;
    sizes->count = cn_shape_size(sizes->shape);
    preparation->kernel = run_labels;
    return true;
}

static const cn_operation class_labels = {.name = "class_labels",
                                          .attributes = sizeof(int64_t),
                                          .flags = CN_CHECKS,
                                          .infer = labels_infer,
                                          .prepare = labels_prepare};

cn_tensor *cn_class_labels(cn_tensor *labels, int64_t classes)
{
    return cn_record(&class_labels, &classes, &labels, 1);
}

extern const cn_operation *const cn_indexing_operations[];
const cn_operation *const cn_indexing_operations[] = {
    &take,           &gather_nd, &scatter_add,  &scatter, &segment_sum, &take_along_axis,
    &add_along_axis, &one_hot,   &class_labels, NULL};
