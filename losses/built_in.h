/* Private: what the constructors of the built-in losses have in common. */
#ifndef CN_LOSSES_BUILT_IN_H
#define CN_LOSSES_BUILT_IN_H
#include "losses/loss.h"

/* The arguments beside the reduction that a loss can have. */
enum {
    CN_HAS_FROM_LOGITS = 1 << 0,
    CN_HAS_LABEL_SMOOTHING = 1 << 1,
    CN_HAS_AXIS = 1 << 2,
    CN_HAS_IGNORE_CLASS = 1 << 3,
    CN_HAS_DELTA = 1 << 4,
    CN_HAS_ALPHA = 1 << 5,
    CN_HAS_BETA = 1 << 6,
    CN_HAS_GAMMA = 1 << 7,
    CN_HAS_Q = 1 << 8,
    CN_HAS_MARGIN = 1 << 9,
    CN_HAS_APPLY_CLASS_BALANCING = 1 << 10,
    CN_HAS_REMOVE_DIAGONAL = 1 << 11,
    CN_HAS_AXES = 1 << 12
};

/* The loss of these arguments; the error is set if one is given that is not among `has`. */
cn_loss cn_built_in_loss(cn_loss args, const char *name,
                         cn_tensor *(*values)(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred), unsigned has);
#endif
