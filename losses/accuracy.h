/* Accuracies: the share of predictions that are right. */
#ifndef CN_LOSSES_ACCURACY_H
#define CN_LOSSES_ACCURACY_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Binary, categorical or sparse categorical accuracy, whichever fits the shapes of the labels and of the output: binary
 * if the output's last axis is 1, sparse if the labels have fewer axes than the output or a last one of 1. The name
 * stays "accuracy". This is what Keras makes of metrics=['accuracy']. */
CN_API cn_metric cn_accuracy(void);
/* How often y_pred equals y_true: Keras' Accuracy. */
#define cn_metric_accuracy(...) cn_metric_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_metric_accuracy_with(cn_metric args);
/* How often (y_pred > .threshold, by default 0.5) is y_true, of all elements. cn_binary_accuracy(0.7) */
#define cn_binary_accuracy(...) cn_binary_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_binary_accuracy_with(cn_metric args);
/* Whether the largest prediction is at the largest y_true, or at the label. The first one counts among equals. */
#define cn_categorical_accuracy(...) \
    cn_categorical_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_categorical_accuracy_with(cn_metric args);
#define cn_sparse_categorical_accuracy(...) \
    cn_sparse_categorical_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_sparse_categorical_accuracy_with(cn_metric args);
/* Whether fewer than .k predictions, by default 5, are larger than that of the class. */
#define cn_top_k_categorical_accuracy(...) \
    cn_top_k_categorical_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_top_k_categorical_accuracy_with(cn_metric args);
/* .from_sorted_ids = true: y_pred holds class numbers, best first, and the label is to be among the first k. */
#define cn_sparse_top_k_categorical_accuracy(...) \
    cn_sparse_top_k_categorical_accuracy_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_sparse_top_k_categorical_accuracy_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
