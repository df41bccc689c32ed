/* Metrics of true and false positives and negatives: predictions above a threshold are positive, as are labels other
 * than 0. */
#ifndef CN_LOSSES_CONFUSION_H
#define CN_LOSSES_CONFUSION_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many there are, weighted, at .thresholds, numbers from 0 to 1, by default 0.5; several give a vector.
 * cn_true_positives(), cn_true_positives(.thresholds = CN_NUMBERS(0.25, 0.75)) */
#define cn_true_positives(...) cn_true_positives_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_true_positives_with(cn_metric args);
#define cn_true_negatives(...) cn_true_negatives_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_true_negatives_with(cn_metric args);
#define cn_false_positives(...) cn_false_positives_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_false_positives_with(cn_metric args);
#define cn_false_negatives(...) cn_false_negatives_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_false_negatives_with(cn_metric args);

/* tp / (tp + fp) and tp / (tp + fn), 0 for 0 / 0. With .top_k only the k largest predictions of a row can be positive,
 * whatever their size if no thresholds are given; with .class_id only that place of the last axis counts. */
#define cn_precision(...) cn_precision_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_precision_with(cn_metric args);
#define cn_recall(...) cn_recall_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_recall_with(cn_metric args);

/* The largest sensitivity (recall, tp / (tp + fn)) at a specificity (tn / (tn + fp)) of at least the number given, and
 * so on, over .num_thresholds (200) thresholds from 0 to 1 at equal distances; 0 if none gets there. .class_id as
 * above. cn_sensitivity_at_specificity(0.9) */
#define cn_sensitivity_at_specificity(...) \
    cn_sensitivity_at_specificity_with((cn_metric){CN_METRIC_DEFAULTS, .bound = __VA_ARGS__})
CN_API cn_metric cn_sensitivity_at_specificity_with(cn_metric args);
#define cn_specificity_at_sensitivity(...) \
    cn_specificity_at_sensitivity_with((cn_metric){CN_METRIC_DEFAULTS, .bound = __VA_ARGS__})
CN_API cn_metric cn_specificity_at_sensitivity_with(cn_metric args);
#define cn_precision_at_recall(...) cn_precision_at_recall_with((cn_metric){CN_METRIC_DEFAULTS, .bound = __VA_ARGS__})
CN_API cn_metric cn_precision_at_recall_with(cn_metric args);
#define cn_recall_at_precision(...) cn_recall_at_precision_with((cn_metric){CN_METRIC_DEFAULTS, .bound = __VA_ARGS__})
CN_API cn_metric cn_recall_at_precision_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
