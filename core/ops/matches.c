#include "core/ops/matches.h"
#include "core/engine.h"

typedef struct match_attributes {
    int64_t k;
} match_attributes;

typedef struct match_sizes {
    int64_t rows, columns, k;
} match_sizes;

static bool rows_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *y_true = entry->input[0], *y_pred = entry->input[1];
    cn_shape rows = y_pred->shape;
    if (y_pred->dtype == CN_I32)
        return cn_entry_fail(entry, CN_TYPE, "predictions are floats, not int32");
    if (rows.rank < 1)
        return cn_entry_fail(entry, CN_SHAPES, "predictions have no axis");
    rows.rank--;
    bool labels = y_true->dtype == CN_I32;
    if (!labels && y_true->dtype != y_pred->dtype)
        return cn_entry_fail(entry, CN_TYPE, "labels and predictions are of different types");
    if (!cn_shape_equal(y_true->shape, labels ? rows : y_pred->shape))
        return cn_entry_fail(entry, CN_SHAPES, "labels and predictions do not fit");
    *output = (cn_type){y_pred->dtype, rows};
    return true;
}

#define KERNELS(T, suffix)                                                                            \
    static int64_t largest_##suffix(const T *x, int64_t n)                                            \
    {                                                                                                 \
        int64_t at = 0;                                                                               \
        for (int64_t i = 1; i < n; i++)                                                               \
            at = x[i] > x[at] ? i : at;                                                               \
        return at;                                                                                    \
    }                                                                                                 \
    static T is_among_##suffix(const T *x, int64_t n, int64_t class, int64_t k)                       \
    {                                                                                                 \
        if (class < 0 || class >= n)                                                                  \
            return 0;                                                                                 \
        if (k == 1)                                                                                   \
            return largest_##suffix(x, n) == class;                                                   \
        int64_t larger = 0;                                                                           \
        for (int64_t i = 0; i < n; i++)                                                               \
            larger += x[i] > x[class];                                                                \
        return larger < k;                                                                            \
    }                                                                                                 \
    static bool one_hot_##suffix(void *const *pointer, const void *prepared)                          \
    {                                                                                                 \
        const match_sizes *s = prepared;                                                              \
        T *y = pointer[0];                                                                            \
        const T *t = pointer[1], *p = pointer[2];                                                     \
        for (int64_t r = 0, at = 0; r < s->rows; r++, at += s->columns)                               \
            y[r] = is_among_##suffix(p + at, s->columns, largest_##suffix(t + at, s->columns), s->k); \
        return true;                                                                                  \
    }                                                                                                 \
    static bool labels_##suffix(void *const *pointer, const void *prepared)                           \
    {                                                                                                 \
        const match_sizes *s = prepared;                                                              \
        T *y = pointer[0];                                                                            \
        const int32_t *t = pointer[1];                                                                \
        const T *p = pointer[2];                                                                      \
        for (int64_t r = 0; r < s->rows; r++)                                                         \
            y[r] = is_among_##suffix(p + r * s->columns, s->columns, t[r], s->k);                     \
        return true;                                                                                  \
    }
KERNELS(float, f32)
KERNELS(double, f64)

static bool prepare_class(const cn_entry *entry, cn_preparation *preparation)
{
    const match_attributes *attributes = entry->attributes;
    const cn_shape *shape = &entry->input[1]->shape;
    bool f32 = entry->input[1]->dtype == CN_F32, labels = entry->input[0]->dtype == CN_I32;
    match_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (match_sizes){cn_shape_size(entry->output[0]->shape), shape->dim[shape->rank - 1], attributes->k};
    preparation->kernel = labels ? (f32 ? labels_f32 : labels_f64) : (f32 ? one_hot_f32 : one_hot_f64);
    return true;
}

static const cn_operation class_matches = {.name = "class_matches",
                                           .attributes = sizeof(match_attributes),
                                           .flags = CN_LEAF,
                                           .infer = rows_infer,
                                           .prepare = prepare_class};

cn_tensor *cn_class_matches(cn_tensor *y_true, cn_tensor *y_pred, int64_t k)
{
    return cn_record(&class_matches, &(match_attributes){.k = k}, (cn_tensor *[]){y_true, y_pred}, 2);
}

extern const cn_operation *const cn_match_operations[];
const cn_operation *const cn_match_operations[] = {&class_matches, NULL};
