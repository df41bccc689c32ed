/* Intersection over union of classes: tp / (tp + fp + fn), from a confusion matrix of all elements. */
#ifndef CN_LOSSES_IOU_H
#define CN_LOSSES_IOU_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The mean over .target_class_ids of .num_classes classes; those that neither occur nor are predicted do not count, nor
 * does what has .ignore_class or a number that is no class as its label. Labels and predictions are class numbers;
 * where .sparse_y_true or .sparse_y_pred is false, the place of the largest along .axis (-1). Weights are truncated to
 * integers unless .dtype is CN_F32 or CN_F64. cn_iou(3, .target_class_ids = CN_NUMBERS(0, 2)) */
#define cn_iou(...) cn_iou_with((cn_metric){CN_METRIC_DEFAULTS, .num_classes = __VA_ARGS__})
CN_API cn_metric cn_iou_with(cn_metric args);
/* Of all classes. cn_mean_iou(3) */
#define cn_mean_iou(...) cn_mean_iou_with((cn_metric){CN_METRIC_DEFAULTS, .num_classes = __VA_ARGS__})
CN_API cn_metric cn_mean_iou_with(cn_metric args);
/* Of the classes 0 and 1, or one of them in .target_class_ids; predictions of at least .threshold (0.5) are of 1. */
#define CN_BINARY_IOU_DEFAULTS CN_METRIC_DEFAULTS, .target_class_ids = {2, {0, 1}}
#define cn_binary_iou(...) cn_binary_iou_with((cn_metric){CN_BINARY_IOU_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_binary_iou_with(cn_metric args);
/* The first two of labels along .axis, and predictions likewise unless .sparse_y_pred is set. */
#define CN_ONE_HOT_IOU_DEFAULTS CN_METRIC_DEFAULTS, .sparse_y_pred = false
#define cn_one_hot_iou(...) cn_one_hot_iou_with((cn_metric){CN_ONE_HOT_IOU_DEFAULTS, .num_classes = __VA_ARGS__})
CN_API cn_metric cn_one_hot_iou_with(cn_metric args);
#define cn_one_hot_mean_iou(...) \
    cn_one_hot_mean_iou_with((cn_metric){CN_ONE_HOT_IOU_DEFAULTS, .num_classes = __VA_ARGS__})
CN_API cn_metric cn_one_hot_mean_iou_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
