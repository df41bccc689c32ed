/* Accuracies: the share of predictions that are right. */
#ifndef CN_LOSSES_ACCURACY_H
#define CN_LOSSES_ACCURACY_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Binary, categorical or sparse categorical accuracy, whichever fits the shapes of the labels and of the output: binary
 * if the output's last axis is 1, sparse if the labels have fewer axes than the output or a last one of 1. The name
 * stays "accuracy". */
CN_API cn_metric cn_accuracy(void);
/* How often (y_pred > .threshold, by default 0.5) is y_true, the mean over the last axis. cn_binary_accuracy(0.7) */
#define cn_binary_accuracy(...) cn_binary_accuracy_with((cn_metric){.threshold = 0.5, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_binary_accuracy_with(cn_metric args);
/* Whether the largest prediction is at the largest y_true, or at the label. The first one counts among equals. */
CN_API cn_metric cn_categorical_accuracy(void);
CN_API cn_metric cn_sparse_categorical_accuracy(void);
/* Whether fewer than .k predictions, by default 5, are larger than that of the class. */
#define cn_top_k_categorical_accuracy(...) \
    cn_top_k_categorical_accuracy_with((cn_metric){.k = 5, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_top_k_categorical_accuracy_with(cn_metric args);
#define cn_sparse_top_k_categorical_accuracy(...) \
    cn_sparse_top_k_categorical_accuracy_with((cn_metric){.k = 5, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_sparse_top_k_categorical_accuracy_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
