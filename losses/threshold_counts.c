#include "losses/threshold_counts.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"
#include "losses/ranks.h"

static int64_t label_count(const cn_metric *self)
{
    return self->columns > 0 ? self->columns : 1;
}

cn_shape cn_threshold_state(const cn_metric *self, int64_t thresholds)
{
    return CN_SHAPE(2, label_count(self), thresholds + 1);
}

bool cn_match_predictions(const cn_metric *self, cn_tensor **y_true, cn_tensor **y_pred)
{
    if ((*y_pred)->dtype == CN_I32)
        *y_pred = cn_cast(*y_pred, cn_default_dtype());
    if (!*y_pred || !(*y_true = cn_cast(*y_true, (*y_pred)->dtype)) || !cn_reconcile_ranks(y_true, y_pred))
        return false;
    if (cn_shape_equal((*y_true)->shape, (*y_pred)->shape))
        return true;
    char labels[CN_SHAPE_TEXT], output[CN_SHAPE_TEXT];
    return cn_fail(CN_SHAPES, "%s: y_true of shape %s does not fit an output of shape %s", self->name,
                   cn_shape_text((*y_true)->shape, labels, sizeof labels),
                   cn_shape_text((*y_pred)->shape, output, sizeof output));
}

bool cn_add_threshold_counts(const cn_metric *self, cn_tensor *const *state, cn_tensor *y_true, cn_tensor *y_pred,
                             cn_tensor *sample_weight, cn_thresholds thresholds, cn_tensor **next)
{
    thresholds.labels = self->columns > 0;
    if (sample_weight && (!cn_align_weights(self->name, &sample_weight, y_pred) ||
                          !(sample_weight = cn_broadcast_to(sample_weight, y_pred->shape))))
        return false;
    cn_tensor *counts = cn_threshold_counts(y_true, y_pred, sample_weight, thresholds);
    if (counts && counts->shape.dim[1] != label_count(self))
        return cn_fail(CN_SHAPES, "%s: an output of %lld labels follows one of %lld", self->name,
                       (long long)counts->shape.dim[1], (long long)label_count(self));
    next[0] = cn_add(state[0], counts);
    return next[0] != NULL;
}

cn_threshold_walk cn_walk_thresholds(const cn_metric *self, const double *counts, int64_t label, int64_t thresholds)
{
    int64_t places = thresholds + 1;
    cn_threshold_walk walk = {.negative = counts + label * places,
                              .positive = counts + (label_count(self) + label) * places,
                              .next = thresholds};
    /* In the order of the walk, so that what all are above has no rounded rest below it. */
    for (int64_t i = thresholds; i >= 0; i--) {
        walk.negatives += walk.negative[i];
        walk.positives += walk.positive[i];
    }
    return walk;
}

cn_confusion cn_next_confusion(cn_threshold_walk *walk)
{
    walk->tp += walk->positive[walk->next];
    walk->fp += walk->negative[walk->next];
    walk->next--;
    return (cn_confusion){walk->tp, walk->fp, walk->positives - walk->tp, walk->negatives - walk->fp};
}
