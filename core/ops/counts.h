/* Private: weighted counts, float64, that metrics keep. No gradient goes through them. */
#ifndef CN_CORE_OPS_COUNTS_H
#define CN_CORE_OPS_COUNTS_H
#include "core/operation.h"

/* The sum of values * weight and the sum of weight, of shape (2,); weight, of the same shape, may be NULL: 1. */
cn_tensor *cn_weighted_sums(cn_tensor *values, cn_tensor *weight);

/* Where predictions are told apart. */
enum { CN_MOST_THRESHOLDS = 34 };
typedef struct cn_thresholds {
    int64_t count;
    bool even;                        /* from 0 to 1 at equal distances, what is below or above counting as 0 or 1; */
    double value[CN_MOST_THRESHOLDS]; /* else these */
    bool soft;                        /* a label counts as so much of a positive; else any but 0 is one */
    bool labels;                      /* counts for each place of the last axis */
} cn_thresholds;

/* Of shape (2, labels, count + 1), where labels is 1 or the length of the last axis: the weights of negatives, then of
 * positives, whose prediction is above so many thresholds: above threshold i of ascending ones are those in the places
 * after i. All three inputs have one shape and float type; weight may be NULL: 1. */
cn_tensor *cn_threshold_counts(cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *weight, cn_thresholds thresholds);

/* Of shape (classes, classes): the weights of what is of class (row) and is predicted as class (column). y_true and
 * y_pred are int32 of one shape, weight, of the same, a float or NULL: 1. A pair with ignore_class as its label
 * (CN_NONE: none) or with a number that is no class does not count. */
cn_tensor *cn_confusion_matrix(cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *weight, int64_t classes,
                               int64_t ignore_class);
#endif
