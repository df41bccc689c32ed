/* Private: true and false positives and negatives above thresholds, which several metrics are made of. Their one state
 * is what cn_threshold_counts counts, for self->columns labels, or all together if that is 0. */
#ifndef CN_LOSSES_THRESHOLD_COUNTS_H
#define CN_LOSSES_THRESHOLD_COUNTS_H
#include "core/ops/counts.h"
#include "losses/metric.h"

cn_shape cn_threshold_state(const cn_metric *self, int64_t thresholds);

/* Makes y_true and y_pred floats of one type and shape; false with the error set if they do not fit. */
bool cn_match_predictions(const cn_metric *self, cn_tensor **y_true, cn_tensor **y_pred);
/* Records the counts of a batch on top of the state, of matched predictions; the weights may be NULL. */
bool cn_add_threshold_counts(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                             cn_tensor *sample_weight, cn_thresholds thresholds, cn_tensor **next);

/* Of one label above one threshold. */
typedef struct cn_confusion {
    double tp, fp, fn, tn;
} cn_confusion;

/* Walks down the thresholds of a label. */
typedef struct cn_threshold_walk {
    const double *negative, *positive;
    int64_t next;
    double negatives, positives; /* all of them */
    double tp, fp;
} cn_threshold_walk;
/* `counts` is the state. */
cn_threshold_walk cn_walk_thresholds(const cn_metric *self, const double *counts, int64_t label, int64_t thresholds);
/* Above the last threshold in the first call, above the one before in the next, down to the first. */
cn_confusion cn_next_confusion(cn_threshold_walk *walk);

/* a / b, 0 where b is 0. */
static inline double cn_ratio(double a, double b)
{
    return b == 0 ? 0 : a / b;
}
#endif
