#include "core/ops/matches.h"
#include "core/engine.h"

typedef struct match_attributes {
    double threshold;
    int64_t k;
} match_attributes;

typedef struct match_sizes {
    int64_t rows, columns, k;
    double threshold;
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

static bool prepare_rows(const cn_entry *entry, cn_preparation *preparation, cn_kernel *kernel)
{
    const match_attributes *attributes = entry->attributes;
    const cn_shape *shape = &entry->input[1]->shape;
    match_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (match_sizes){cn_shape_size(entry->output[0]->shape), shape->dim[shape->rank - 1], attributes->k,
                           attributes->threshold};
    preparation->kernel = kernel;
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
    static bool binary_##suffix(void *const *pointer, const void *prepared)                           \
    {                                                                                                 \
        const match_sizes *s = prepared;                                                              \
        T *y = pointer[0];                                                                            \
        const T *t = pointer[1], *p = pointer[2], threshold = (T)s->threshold;                        \
        for (int64_t r = 0; r < s->rows; r++) {                                                       \
            int64_t same = 0;                                                                         \
            for (int64_t i = r * s->columns; i < (r + 1) * s->columns; i++)                           \
                same += t[i] == (p[i] > threshold ? 1 : 0);                                           \
            y[r] = (T)same / (T)s->columns;                                                           \
        }                                                                                             \
        return true;                                                                                  \
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
    }                                                                                                 \
    static bool sums_##suffix(void *const *pointer, const void *prepared)                             \
    {                                                                                                 \
        const match_sizes *s = prepared;                                                              \
        double sum = 0, *y = pointer[0];                                                              \
        const T *x = pointer[1];                                                                      \
        for (int64_t i = 0; i < s->rows; i++)                                                         \
            sum += (double)x[i];                                                                      \
        y[0] = sum;                                                                                   \
        y[1] = (double)s->rows;                                                                       \
        return true;                                                                                  \
    }                                                                                                 \
    static bool weighted_sums_##suffix(void *const *pointer, const void *prepared)                    \
    {                                                                                                 \
        const match_sizes *s = prepared;                                                              \
        double sum = 0, total = 0, *y = pointer[0];                                                   \
        const T *x = pointer[1], *weight = pointer[2];                                                \
        for (int64_t i = 0; i < s->rows; i++) {                                                       \
            sum += (double)x[i] * (double)weight[i];                                                  \
            total += (double)weight[i];                                                               \
        }                                                                                             \
        y[0] = sum;                                                                                   \
        y[1] = total;                                                                                 \
        return true;                                                                                  \
    }
KERNELS(float, f32)
KERNELS(double, f64)

static bool prepare_binary(const cn_entry *entry, cn_preparation *preparation)
{
    return prepare_rows(entry, preparation, entry->input[1]->dtype == CN_F32 ? binary_f32 : binary_f64);
}

static bool prepare_class(const cn_entry *entry, cn_preparation *preparation)
{
    bool f32 = entry->input[1]->dtype == CN_F32;
    return prepare_rows(entry, preparation,
                        entry->input[0]->dtype == CN_I32 ? (f32 ? labels_f32 : labels_f64)
                                                         : (f32 ? one_hot_f32 : one_hot_f64));
}

static bool sums_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *values = entry->input[0], *weight = entry->input[entry->input_count - 1];
    if (values->dtype == CN_I32 || weight->dtype != values->dtype)
        return cn_entry_fail(entry, CN_TYPE, "values and weights are not of one float type");
    if (!cn_shape_equal(values->shape, weight->shape))
        return cn_entry_fail(entry, CN_SHAPES, "values and weights do not fit");
    *output = (cn_type){CN_F64, CN_SHAPE(2)};
    return true;
}

static bool prepare_sums(const cn_entry *entry, cn_preparation *preparation)
{
    match_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    sizes->rows = cn_shape_size(entry->input[0]->shape);
    bool f32 = entry->input[0]->dtype == CN_F32;
    preparation->kernel =
        entry->input_count == 1 ? (f32 ? sums_f32 : sums_f64) : (f32 ? weighted_sums_f32 : weighted_sums_f64);
    return true;
}

static const cn_operation binary_matches = {.name = "binary_matches",
                                            .attributes = sizeof(match_attributes),
                                            .flags = CN_LEAF,
                                            .infer = rows_infer,
                                            .prepare = prepare_binary};
static const cn_operation class_matches = {.name = "class_matches",
                                           .attributes = sizeof(match_attributes),
                                           .flags = CN_LEAF,
                                           .infer = rows_infer,
                                           .prepare = prepare_class};
static const cn_operation weighted_sums = {
    .name = "weighted_sums", .flags = CN_LEAF, .infer = sums_infer, .prepare = prepare_sums};

cn_tensor *cn_binary_matches(cn_tensor *y_true, cn_tensor *y_pred, double threshold)
{
    return cn_record(&binary_matches, &(match_attributes){.threshold = threshold}, (cn_tensor *[]){y_true, y_pred}, 2);
}

cn_tensor *cn_class_matches(cn_tensor *y_true, cn_tensor *y_pred, int64_t k)
{
    return cn_record(&class_matches, &(match_attributes){.k = k}, (cn_tensor *[]){y_true, y_pred}, 2);
}

cn_tensor *cn_weighted_sums(cn_tensor *values, cn_tensor *weight)
{
    return cn_record(&weighted_sums, NULL, (cn_tensor *[]){values, weight}, weight ? 2 : 1);
}

extern const cn_operation *const cn_match_operations[];
const cn_operation *const cn_match_operations[] = {&binary_matches, &class_matches, &weighted_sums, NULL};
