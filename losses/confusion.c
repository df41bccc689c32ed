#include "losses/confusion.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/indexing.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "core/ops/sorting.h"
#include "losses/metric_arguments.h"
#include "losses/threshold_counts.h"
#include <math.h>

/* Below every threshold and every prediction that is among the k largest. */
static const double least = -1e10;

/* The thresholds of counts, ascending, or those at equal distances of the metrics with a bound. */
static cn_thresholds thresholds_of(const cn_metric *self)
{
    cn_thresholds t = {.count = 1, .value = {self->top_k == CN_NONE ? 0.5 : least}};
    for (int i = 0; i < self->thresholds.count; i++) {
        int at = i;
        for (; at > 0 && t.value[at - 1] > self->thresholds.value[i]; at--)
            t.value[at] = t.value[at - 1];
        t.value[at] = self->thresholds.value[i];
        t.count = i + 1;
    }
    return t;
}

static cn_thresholds even_thresholds(const cn_metric *self)
{
    if (self->num_thresholds == 1)
        return (cn_thresholds){.count = 1, .value = {0.5}};
    return (cn_thresholds){.count = self->num_thresholds, .even = true, .soft = true};
}

/* Only the k largest of each row keep their predictions. */
static cn_tensor *keep_largest(cn_tensor *y_pred, int64_t k)
{
    int64_t classes = y_pred->shape.rank > 0 ? y_pred->shape.dim[y_pred->shape.rank - 1] : 0;
    cn_tensor *largest = cn_one_hot(cn_top_k(y_pred, k).item[1], classes, .dtype = y_pred->dtype);
    return cn_where(cn_sum(largest, .axis = -2), y_pred, cn_scalar(y_pred, least));
}

static cn_tensor *column_of(const cn_metric *self, cn_tensor *x)
{
    int last = x->shape.rank - 1;
    if (last < 0 || self->class_id >= x->shape.dim[last]) {
        char text[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "%s: class_id is %lld in an output of shape %s", self->name, (long long)self->class_id,
                cn_shape_text(x->shape, text, sizeof text));
        return NULL;
    }
    cn_shape start = {.rank = last + 1}, size = x->shape;
    start.dim[last] = self->class_id;
    size.dim[last] = 1;
    return cn_slice(x, start, size);
}

static bool update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                   cn_tensor *sample_weight, cn_thresholds thresholds, cn_tensor **next)
{
    if (!cn_match_predictions(self, &y_true, &y_pred) ||
        (self->top_k != CN_NONE && !(y_pred = keep_largest(y_pred, self->top_k))) ||
        (self->class_id != CN_NONE && (!(y_true = column_of(self, y_true)) || !(y_pred = column_of(self, y_pred)))))
        return false;
    return cn_add_threshold_counts(self, state, y_true, y_pred, sample_weight, thresholds, next);
}

static bool update_counts(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                          cn_tensor *sample_weight, cn_tensor **next)
{
    return update(self, state, y_true, y_pred, sample_weight, thresholds_of(self), next);
}

static bool update_even(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                        cn_tensor *sample_weight, cn_tensor **next)
{
    return update(self, state, y_true, y_pred, sample_weight, even_thresholds(self), next);
}

static cn_shape counts_state(const cn_metric *self, int index)
{
    (void)index;
    return cn_threshold_state(self, thresholds_of(self).count);
}

static cn_shape even_state(const cn_metric *self, int index)
{
    (void)index;
    return cn_threshold_state(self, even_thresholds(self).count);
}

/* What is measured above one threshold. */
typedef double measure(const cn_confusion *c);

static double true_positives(const cn_confusion *c)
{
    return c->tp;
}

static double true_negatives(const cn_confusion *c)
{
    return c->tn;
}

static double false_positives(const cn_confusion *c)
{
    return c->fp;
}

static double false_negatives(const cn_confusion *c)
{
    return c->fn;
}

static double precision(const cn_confusion *c)
{
    return cn_ratio(c->tp, c->tp + c->fp);
}

static double recall(const cn_confusion *c)
{
    return cn_ratio(c->tp, c->tp + c->fn);
}

static double specificity(const cn_confusion *c)
{
    return cn_ratio(c->tn, c->tn + c->fp);
}

/* In the order in which the thresholds were given. */
static void measure_each(const cn_metric *self, const double *const *state, double *value, measure *of)
{
    cn_thresholds t = thresholds_of(self);
    cn_threshold_walk walk = cn_walk_thresholds(self, state[0], 0, t.count);
    for (int64_t i = t.count - 1; i >= 0; i--) {
        cn_confusion c = cn_next_confusion(&walk);
        value[0] = self->thresholds.count ? value[0] : of(&c);
        for (int j = 0; j < self->thresholds.count; j++)
            if (self->thresholds.value[j] == t.value[i])
                value[j] = of(&c);
    }
}

static void largest_where(const cn_metric *self, const double *const *state, double *value, measure *bounded,
                          measure *sought)
{
    int64_t count = even_thresholds(self).count;
    cn_threshold_walk walk = cn_walk_thresholds(self, state[0], 0, count);
    *value = 0;
    for (int64_t i = 0; i < count; i++) {
        cn_confusion c = cn_next_confusion(&walk);
        if (bounded(&c) >= self->bound)
            *value = fmax(*value, sought(&c));
    }
}

static cn_metric counts_metric(cn_metric args)
{
    const cn_numbers *t = &args.thresholds;
    cn_check_numbers(&args, "thresholds", t->value, t->count, 0, 1);
    if (args.top_k != CN_NONE && args.top_k < 1)
        cn_fail(CN_ARGUMENT, "%s: top_k is %lld; it must be 1 or more", args.name, (long long)args.top_k);
    if (args.class_id != CN_NONE && args.class_id < 0)
        cn_fail(CN_ARGUMENT, "%s: class_id is %lld; it must be 0 or more", args.name, (long long)args.class_id);
    args.state_count = 1;
    args.state_shape = counts_state;
    args.update = update_counts;
    args.length = t->count > 1 ? t->count : 0;
    return args;
}

static cn_metric bounded_metric(cn_metric args, const char *bound)
{
    cn_check_numbers(&args, bound, &args.bound, 1, 0, 1);
    if (args.num_thresholds < 1)
        cn_fail(CN_ARGUMENT, "%s: num_thresholds is %lld; it must be 1 or more", args.name,
                (long long)args.num_thresholds);
    args = counts_metric(args);
    args.state_shape = even_state;
    args.update = update_even;
    return args;
}

#define COUNTS_METRIC(measured, has)                                                                \
    static void measured##_result(const cn_metric *self, const double *const *state, double *value) \
    {                                                                                               \
        measure_each(self, state, value, measured);                                                 \
    }                                                                                               \
    cn_metric cn_##measured##_with(cn_metric args)                                                  \
    {                                                                                               \
        args = counts_metric(cn_built_in_metric(args, #measured, has));                             \
        args.result = measured##_result;                                                            \
        return args;                                                                                \
    }
COUNTS_METRIC(true_positives, "thresholds")
COUNTS_METRIC(true_negatives, "thresholds")
COUNTS_METRIC(false_positives, "thresholds")
COUNTS_METRIC(false_negatives, "thresholds")
COUNTS_METRIC(precision, "thresholds top_k class_id")
COUNTS_METRIC(recall, "thresholds top_k class_id")

#define BOUNDED_METRIC(sought, bounded, sought_measure, bounded_measure)                                              \
    static void sought##_at_##bounded##_result(const cn_metric *self, const double *const *state, double *value)      \
    {                                                                                                                 \
        largest_where(self, state, value, bounded_measure, sought_measure);                                           \
    }                                                                                                                 \
    cn_metric cn_##sought##_at_##bounded##_with(cn_metric args)                                                       \
    {                                                                                                                 \
        args = bounded_metric(cn_built_in_metric(args, #sought "_at_" #bounded, #bounded " num_thresholds class_id"), \
                              #bounded);                                                                              \
        args.result = sought##_at_##bounded##_result;                                                                 \
        return args;                                                                                                  \
    }
BOUNDED_METRIC(sensitivity, specificity, recall, specificity)
BOUNDED_METRIC(specificity, sensitivity, specificity, recall)
BOUNDED_METRIC(precision, recall, precision, recall)
BOUNDED_METRIC(recall, precision, recall, precision)
