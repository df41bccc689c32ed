#include "losses/fscore.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"
#include "losses/metric_arguments.h"
#include "losses/threshold_counts.h"

static const double epsilon = 1e-7;

static cn_shape fscore_state(const cn_metric *self, int index)
{
    (void)index;
    return cn_threshold_state(self, 1);
}

/* 1 where a prediction is the largest of its row, and not 0. */
static cn_tensor *largest_of_row(cn_tensor *y_pred)
{
    cn_tensor *largest = cn_greater_equal(y_pred, cn_max(y_pred, .axis = -1, .keepdims = true));
    cn_tensor *positive = cn_logical_and(largest, cn_greater(cn_absolute(y_pred), cn_scalar(y_pred, 1e-9)));
    return positive ? cn_cast(positive, y_pred->dtype) : NULL;
}

static bool fscore_update(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                          cn_tensor *sample_weight, cn_tensor **next)
{
    bool largest = self->threshold == CN_NONE;
    cn_thresholds threshold = {.count = 1, .value = {largest ? 0.5 : self->threshold}, .soft = true};
    if (!cn_match_predictions(self, &y_true, &y_pred) || (largest && !(y_pred = largest_of_row(y_pred))))
        return false;
    return cn_add_threshold_counts(self, state, y_true, y_pred, sample_weight, threshold, next);
}

static double score(const cn_metric *self, const cn_confusion *c)
{
    double precision = c->tp / (c->tp + c->fp + epsilon), recall = c->tp / (c->tp + c->fn + epsilon);
    double beta2 = self->beta * self->beta;
    return (1 + beta2) * precision * recall / (beta2 * precision + recall + epsilon);
}

static void fscore_result(const cn_metric *self, const double *const *state, double *value)
{
    cn_confusion all = {0};
    double mean = 0, weighted = 0, weights = 0;
    for (int64_t i = 0; i < self->columns; i++) {
        cn_threshold_walk walk = cn_walk_thresholds(self, state[0], i, 1);
        cn_confusion c = cn_next_confusion(&walk);
        double of_class = score(self, &c), positives = c.tp + c.fn;
        all = (cn_confusion){all.tp + c.tp, all.fp + c.fp, all.fn + c.fn, all.tn + c.tn};
        mean += of_class / (double)self->columns;
        weighted += of_class * positives;
        weights += positives;
        if (self->average == CN_NO_AVERAGE)
            value[i] = of_class;
    }
    if (self->average == CN_MICRO)
        *value = score(self, &all);
    else if (self->average == CN_MACRO)
        *value = mean;
    else if (self->average == CN_WEIGHTED)
        *value = weighted / (weights + epsilon);
}

static cn_metric resolve_classes(const cn_metric *self, cn_shape y_true, cn_shape y_pred)
{
    cn_metric metric = *self;
    (void)y_true;
    if (y_pred.rank != 2)
        cn_fail(CN_SHAPES, "%s: wants an output (batch, classes), not with %d axes", self->name, y_pred.rank);
    else
        metric.columns = y_pred.dim[1];
    metric.length = self->average == CN_NO_AVERAGE ? metric.columns : 0;
    return metric;
}

static cn_metric fscore(cn_metric args)
{
    if (args.threshold != CN_NONE)
        cn_check_numbers(&args, "threshold", &args.threshold, 1, 0, 1);
    if (!(args.beta > 0))
        cn_fail(CN_ARGUMENT, "%s: beta is %g; it must be above 0", args.name, args.beta);
    if (args.average > CN_WEIGHTED)
        cn_fail(CN_ARGUMENT, "%s: average is CN_NO_AVERAGE, CN_MICRO, CN_MACRO or CN_WEIGHTED", args.name);
    args.state_count = 1;
    args.state_shape = fscore_state;
    args.update = fscore_update;
    args.result = fscore_result;
    args.resolve = resolve_classes;
    return args;
}

cn_metric cn_fbeta_score_with(cn_metric args)
{
    return fscore(cn_built_in_metric(args, "fbeta_score", "average beta threshold"));
}

cn_metric cn_f1_score_with(cn_metric args)
{
    return fscore(cn_built_in_metric(args, "f1_score", "average threshold"));
}
