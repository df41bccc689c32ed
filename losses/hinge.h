/* Losses of margins: predictions on the right side by 1 or more cost nothing. */
#ifndef CN_LOSSES_HINGE_H
#define CN_LOSSES_HINGE_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The mean over the last axis of max(1 - y_true y_pred, 0), for labels of -1 and 1. Labels that are all 0 or 1 become
 * -1 and 1 first. */
#define cn_hinge(...) cn_hinge_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_hinge_with(cn_loss args);
/* The mean of the squares of what cn_hinge takes the mean of. */
#define cn_squared_hinge(...) cn_squared_hinge_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_squared_hinge_with(cn_loss args);
/* max(largest of (1 - y_true) y_pred - sum of y_true y_pred + 1, 0) along the last axis, for labels of 0 and 1. */
#define cn_categorical_hinge(...) cn_categorical_hinge_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_categorical_hinge_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
