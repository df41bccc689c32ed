#include "core/ops/counts.h"
#include "core/engine.h"
#include <math.h>
#include <string.h>

/* What is counted, and its weights if any, are of one shape and type. */
static bool check_counted(const cn_entry *entry, int compared)
{
    const cn_tensor *first = entry->input[0];
    for (int i = 1; i < entry->input_count; i++)
        if (!cn_shape_equal(entry->input[i]->shape, first->shape))
            return cn_entry_fail(entry, CN_SHAPES, "%s do not fit",
                                 i < compared ? "labels and predictions" : "values and weights");
    return true;
}

static bool check_floats(const cn_entry *entry)
{
    for (int i = 0; i < entry->input_count; i++)
        if (entry->input[i]->dtype == CN_I32 || entry->input[i]->dtype != entry->input[0]->dtype)
            return cn_entry_fail(entry, CN_TYPE, "values and weights are not of one float type");
    return true;
}

/* Sums */

typedef struct sum_sizes {
    int64_t size;
} sum_sizes;

static bool sums_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){CN_F64, CN_SHAPE(2)};
    return check_floats(entry) && check_counted(entry, 0);
}

#define SUM_KERNELS(T, suffix)                                                     \
    static bool sums_##suffix(void *const *pointer, const void *prepared)          \
    {                                                                              \
        const sum_sizes *s = prepared;                                             \
        double sum = 0, *y = pointer[0];                                           \
        const T *x = pointer[1];                                                   \
        for (int64_t i = 0; i < s->size; i++)                                      \
            sum += (double)x[i];                                                   \
        y[0] = sum;                                                                \
        y[1] = (double)s->size;                                                    \
        return true;                                                               \
    }                                                                              \
    static bool weighted_sums_##suffix(void *const *pointer, const void *prepared) \
    {                                                                              \
        const sum_sizes *s = prepared;                                             \
        double sum = 0, total = 0, *y = pointer[0];                                \
        const T *x = pointer[1], *weight = pointer[2];                             \
        for (int64_t i = 0; i < s->size; i++) {                                    \
            sum += (double)x[i] * (double)weight[i];                               \
            total += (double)weight[i];                                            \
        }                                                                          \
        y[0] = sum;                                                                \
        y[1] = total;                                                              \
        return true;                                                               \
    }
SUM_KERNELS(float, f32)
SUM_KERNELS(double, f64)

static bool prepare_sums(const cn_entry *entry, cn_preparation *preparation)
{
    sum_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    sizes->size = cn_shape_size(entry->input[0]->shape);
    bool f32 = entry->input[0]->dtype == CN_F32;
    preparation->kernel =
        entry->input_count == 1 ? (f32 ? sums_f32 : sums_f64) : (f32 ? weighted_sums_f32 : weighted_sums_f64);
    return true;
}

/* Counts by thresholds */

typedef struct threshold_sizes {
    cn_thresholds thresholds;
    int64_t size, labels;
    bool weighted;
} threshold_sizes;

static bool thresholds_infer(const cn_entry *entry, cn_type *output)
{
    const cn_thresholds *thresholds = entry->attributes;
    const cn_shape *shape = &entry->input[1]->shape;
    if (!check_floats(entry) || !check_counted(entry, 2))
        return false;
    if (thresholds->labels && shape->rank < 1)
        return cn_entry_fail(entry, CN_SHAPES, "predictions have no axis");
    int64_t labels = thresholds->labels ? shape->dim[shape->rank - 1] : 1;
    *output = (cn_type){CN_F64, CN_SHAPE(2, labels, thresholds->count + 1)};
    return true;
}

#define THRESHOLD_KERNEL(T, suffix)                                                                       \
    static int64_t thresholds_below_##suffix(T p, const cn_thresholds *t)                                 \
    {                                                                                                     \
        if (t->even)                                                                                      \
            return p > 0 ? p < 1 ? (int64_t)ceil((double)(p * (T)(t->count - 1))) : t->count - 1 : 1;     \
        int64_t below = 0;                                                                                \
        for (int64_t i = 0; i < t->count; i++)                                                            \
            below += p > (T)t->value[i];                                                                  \
        return below;                                                                                     \
    }                                                                                                     \
    static bool threshold_counts_##suffix(void *const *pointer, const void *prepared)                     \
    {                                                                                                     \
        const threshold_sizes *s = prepared;                                                              \
        const T *y_true = pointer[1], *y_pred = pointer[2], *weight = s->weighted ? pointer[3] : NULL;    \
        const int64_t places = s->thresholds.count + 1;                                                   \
        double *negative = pointer[0], *positive = negative + s->labels * places;                         \
        memset(negative, 0, 2 * (size_t)(s->labels * places) * sizeof *negative);                         \
        for (int64_t i = 0, label = 0; i < s->size; i++, label = label + 1 < s->labels ? label + 1 : 0) { \
            double w = weight ? (double)weight[i] : 1,                                                    \
                   truth = s->thresholds.soft ? (double)y_true[i] : (double)(y_true[i] != 0);             \
            int64_t at = label * places + thresholds_below_##suffix(y_pred[i], &s->thresholds);           \
            negative[at] += w * (1 - truth);                                                              \
            positive[at] += w * truth;                                                                    \
        }                                                                                                 \
        return true;                                                                                      \
    }
THRESHOLD_KERNEL(float, f32)
THRESHOLD_KERNEL(double, f64)

static bool prepare_thresholds(const cn_entry *entry, cn_preparation *preparation)
{
    threshold_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (threshold_sizes){.thresholds = *(const cn_thresholds *)entry->attributes,
                               .size = cn_shape_size(entry->input[0]->shape),
                               .labels = entry->output[0]->shape.dim[1],
                               .weighted = entry->input_count == 3};
    preparation->kernel = entry->input[0]->dtype == CN_F32 ? threshold_counts_f32 : threshold_counts_f64;
    return true;
}

/* Confusion matrices */

typedef struct confusion_attributes {
    int64_t classes, ignore_class;
} confusion_attributes;

typedef struct confusion_sizes {
    int64_t size, classes, ignore_class;
} confusion_sizes;

static bool confusion_infer(const cn_entry *entry, cn_type *output)
{
    const confusion_attributes *attributes = entry->attributes;
    if (entry->input[0]->dtype != CN_I32 || entry->input[1]->dtype != CN_I32)
        return cn_entry_fail(entry, CN_TYPE, "labels and predictions are int32");
    if (entry->input_count == 3 && entry->input[2]->dtype == CN_I32)
        return cn_entry_fail(entry, CN_TYPE, "weights are floats, not int32");
    *output = (cn_type){CN_F64, CN_SHAPE(attributes->classes, attributes->classes)};
    return check_counted(entry, 2);
}

static inline bool is_class(int32_t number, const confusion_sizes *s)
{
    return number >= 0 && number < s->classes;
}

#define CONFUSION_KERNEL(suffix, weight)                                                          \
    static bool confusion_##suffix(void *const *pointer, const void *prepared)                    \
    {                                                                                             \
        const confusion_sizes *s = prepared;                                                      \
        const int32_t *y_true = pointer[1], *y_pred = pointer[2];                                 \
        double *counts = pointer[0];                                                              \
        memset(counts, 0, (size_t)(s->classes * s->classes) * sizeof *counts);                    \
        for (int64_t i = 0; i < s->size; i++)                                                     \
            if (is_class(y_true[i], s) && is_class(y_pred[i], s) && y_true[i] != s->ignore_class) \
                counts[y_true[i] * s->classes + y_pred[i]] += weight;                             \
        return true;                                                                              \
    }
CONFUSION_KERNEL(unweighted, 1)
CONFUSION_KERNEL(f32, (double)((const float *)pointer[3])[i])
CONFUSION_KERNEL(f64, ((const double *)pointer[3])[i])

static bool prepare_confusion(const cn_entry *entry, cn_preparation *preparation)
{
    const confusion_attributes *attributes = entry->attributes;
    confusion_sizes *sizes = cn_prepared(preparation, sizeof *sizes);
    *sizes = (confusion_sizes){cn_shape_size(entry->input[0]->shape), attributes->classes, attributes->ignore_class};
    preparation->kernel = entry->input_count == 2            ? confusion_unweighted
                          : entry->input[2]->dtype == CN_F32 ? confusion_f32
                                                             : confusion_f64;
    return true;
}

static const cn_operation weighted_sums = {
    .name = "weighted_sums", .flags = CN_LEAF, .infer = sums_infer, .prepare = prepare_sums};
static const cn_operation threshold_counts = {.name = "threshold_counts",
                                              .attributes = sizeof(cn_thresholds),
                                              .flags = CN_LEAF,
                                              .infer = thresholds_infer,
                                              .prepare = prepare_thresholds};
static const cn_operation confusion_matrix = {.name = "confusion_matrix",
                                              .attributes = sizeof(confusion_attributes),
                                              .flags = CN_LEAF,
                                              .infer = confusion_infer,
                                              .prepare = prepare_confusion};

cn_tensor *cn_weighted_sums(cn_tensor *values, cn_tensor *weight)
{
    return cn_record(&weighted_sums, NULL, (cn_tensor *[]){values, weight}, weight ? 2 : 1);
}

cn_tensor *cn_threshold_counts(cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *weight, cn_thresholds thresholds)
{
    return cn_record(&threshold_counts, &thresholds, (cn_tensor *[]){y_true, y_pred, weight}, weight ? 3 : 2);
}

cn_tensor *cn_confusion_matrix(cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *weight, int64_t classes,
                               int64_t ignore_class)
{
    return cn_record(&confusion_matrix, &(confusion_attributes){classes, ignore_class},
                     (cn_tensor *[]){y_true, y_pred, weight}, weight ? 3 : 2);
}

extern const cn_operation *const cn_count_operations[];
const cn_operation *const cn_count_operations[] = {&weighted_sums, &threshold_counts, &confusion_matrix, NULL};
