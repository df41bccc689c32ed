#include "losses/auc.h"
#include "core/engine.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "losses/metric_arguments.h"
#include "losses/ranks.h"
#include "losses/threshold_counts.h"
#include <math.h>

static const double epsilon = 1e-7;

_Static_assert(CN_MAX_NUMBERS + 2 <= CN_MOST_THRESHOLDS, "an AUC adds two thresholds to those that it is given");

static cn_thresholds thresholds_of(const cn_metric *self)
{
    if (self->thresholds.count == 0)
        return (cn_thresholds){.count = self->num_thresholds, .even = true, .soft = true};
    cn_thresholds t = {.count = self->thresholds.count + 2, .value = {-epsilon}};
    for (int i = 0; i < self->thresholds.count; i++) {
        int at = i + 1;
        for (; t.value[at - 1] > self->thresholds.value[i]; at--)
            t.value[at] = t.value[at - 1];
        t.value[at] = self->thresholds.value[i];
    }
    t.value[t.count - 1] = 1 + epsilon;
    return t;
}

static cn_shape auc_state(const cn_metric *self, int index)
{
    (void)index;
    return cn_threshold_state(self, thresholds_of(self).count);
}

/* Label weights times the sample weights, if there are any. */
static bool weigh_labels(const cn_metric *self, const cn_tensor *y_pred, cn_tensor **weight)
{
    const cn_shape *shape = &y_pred->shape;
    if (shape->rank < 1 || shape->dim[shape->rank - 1] != self->label_weights.count) {
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_SHAPES, "%s: %d label_weights do not fit an output of shape %s", self->name,
                       self->label_weights.count, cn_shape_text(*shape, text, sizeof text));
    }
    cn_shape row = {.rank = shape->rank};
    for (int d = 0; d < row.rank; d++)
        row.dim[d] = d + 1 < row.rank ? 1 : shape->dim[d];
    cn_tensor *labels =
        cn_constant_as(y_pred->tape, cn_array_with(self->label_weights.value, CN_ARRAY_F64, false, row), y_pred->dtype);
    if (*weight && !cn_align_weights(self->name, weight, y_pred))
        return false;
    *weight = *weight ? cn_mul(*weight, labels) : labels;
    return *weight != NULL;
}

static bool auc_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                       cn_tensor *sample_weight, cn_tensor **next)
{
    if (!cn_match_predictions(self, &y_true, &y_pred) || (self->from_logits && !(y_pred = cn_sigmoid(y_pred))) ||
        (!self->multi_label && self->label_weights.count && !weigh_labels(self, y_pred, &sample_weight)))
        return false;
    return cn_add_threshold_counts(self, state, y_true, y_pred, sample_weight, thresholds_of(self), next);
}

typedef struct point {
    double x, y;
} point;

static point point_of(cn_auc_curve curve, const cn_confusion *c)
{
    double positives = c->tp + c->fn, negatives = c->fp + c->tn, recall = cn_ratio(c->tp, positives);
    switch (curve) {
    case CN_ROC:
        break;
    case CN_PR:
        return (point){recall, cn_ratio(c->tp, c->tp + c->fp)};
    case CN_PRGAIN: {
        if (c->tp == 0)
            return (point){0, 1};
        double odds = cn_ratio(positives, negatives);
        return (point){fmax(1 - odds * c->fn / c->tp, 0), 1 - odds * c->fp / c->tp};
    }
    }
    return (point){cn_ratio(c->fp, negatives), recall};
}

/* The area between two neighbouring thresholds under precision over recall, interpolated by counts: between them
 * precision is (tp + slope * d) / (tp + fp + d). */
static double interpolated(const cn_confusion *lower, const cn_confusion *upper)
{
    double above = upper->tp + upper->fp, below = lower->tp + lower->fp, d_tp = lower->tp - upper->tp;
    double slope = cn_ratio(d_tp, fmax(below - above, 0)), intercept = upper->tp - slope * above;
    double log_ratio = above > 0 && below > 0 ? log(below / above) : 0;
    return cn_ratio(slope * (d_tp + intercept * log_ratio), upper->tp + upper->fn);
}

static double step_area(const cn_metric *self, const cn_confusion *lower, const cn_confusion *upper)
{
    if (self->curve == CN_PR && self->summation_method == CN_INTERPOLATION)
        return interpolated(lower, upper);
    point a = point_of(self->curve, lower), b = point_of(self->curve, upper);
    double height = self->summation_method == CN_MINORING   ? fmin(a.y, b.y)
                    : self->summation_method == CN_MAJORING ? fmax(a.y, b.y)
                                                            : (a.y + b.y) / 2;
    return (a.x - b.x) * height;
}

static void auc_result(const cn_metric *self, const double *const *state, double *value)
{
    int64_t thresholds = thresholds_of(self).count, labels = self->columns ? self->columns : 1;
    double sum = 0, total = 0;
    for (int64_t label = 0; label < labels; label++) {
        cn_threshold_walk walk = cn_walk_thresholds(self, state[0], label, thresholds);
        cn_confusion upper = cn_next_confusion(&walk);
        double area = 0, weight = self->columns && self->label_weights.count ? self->label_weights.value[label] : 1;
        for (int64_t i = 1; i < thresholds; i++) {
            cn_confusion lower = cn_next_confusion(&walk);
            area += step_area(self, &lower, &upper);
            upper = lower;
        }
        sum += weight * area;
        total += weight;
    }
    *value = cn_ratio(sum, total);
}

static cn_metric resolve_labels(const cn_metric *self, cn_shape y_true, cn_shape y_pred)
{
    cn_metric metric = *self;
    (void)y_true;
    metric.columns = y_pred.rank == 2 ? y_pred.dim[1] : 0;
    if (y_pred.rank != 2)
        cn_fail(CN_SHAPES, "%s: multi_label wants an output with two axes, not %d", self->name, y_pred.rank);
    else if (self->num_labels && metric.columns != self->num_labels)
        cn_fail(CN_SHAPES, "%s: num_labels is %lld, the output has %lld", self->name, (long long)self->num_labels,
                (long long)metric.columns);
    else if (self->label_weights.count && metric.columns != self->label_weights.count)
        cn_fail(CN_SHAPES, "%s: there are %d label_weights, the output has %lld labels", self->name,
                self->label_weights.count, (long long)metric.columns);
    return metric;
}

cn_metric cn_auc_with(cn_metric args)
{
    args = cn_built_in_metric(args, "auc",
                              "num_thresholds curve summation_method thresholds multi_label num_labels label_weights "
                              "from_logits");
    cn_check_numbers(&args, "thresholds", args.thresholds.value, args.thresholds.count, 0, 1);
    cn_check_numbers(&args, "label_weights", args.label_weights.value, args.label_weights.count, 0, HUGE_VAL);
    if (args.num_thresholds < 2)
        cn_fail(CN_ARGUMENT, "%s: num_thresholds is %lld; it must be 2 or more", args.name,
                (long long)args.num_thresholds);
    if (args.curve > CN_PRGAIN || args.summation_method > CN_MAJORING)
        cn_fail(CN_ARGUMENT, "%s: there is no curve %d or no summation_method %d", args.name, (int)args.curve,
                (int)args.summation_method);
    if (args.num_labels < 0 || (args.num_labels && !args.multi_label))
        cn_fail(CN_ARGUMENT, "%s: num_labels is %lld; it goes with multi_label", args.name, (long long)args.num_labels);
    args.state_count = 1;
    args.state_shape = auc_state;
    args.update = auc_update;
    args.result = auc_result;
    args.resolve = args.multi_label ? resolve_labels : NULL;
    return args;
}
