/* The area under curves of a classifier. */
#ifndef CN_LOSSES_AUC_H
#define CN_LOSSES_AUC_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The area under a .curve through the points of .num_thresholds (200) thresholds, or of .thresholds and one below 0 and
 * one above 1: CN_ROC (recall over false positive rate), CN_PR (precision over recall) or CN_PRGAIN (precision gain
 * over recall gain, Flach and Kull 2015). .summation_method: CN_INTERPOLATION (trapezoids; of CN_PR that of Davis and
 * Goadrich 2006), CN_MINORING or CN_MAJORING (the smaller or the larger height of each step).
 *
 * Predictions are probabilities, or logits with .from_logits. With .multi_label the last of two axes holds labels, with
 * an area each, of which the result is the mean, weighted by .label_weights; there must be .num_labels of them if that
 * is not 0. Without it .label_weights weigh the predictions of the last axis. cn_auc(), cn_auc(.curve = CN_PR) */
#define cn_auc(...) cn_auc_with((cn_metric){CN_METRIC_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_auc_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
