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
    CN_HAS_DELTA = 1 << 4
};

/* The loss of these arguments; the error is set if one is given that is not among `has`. */
cn_loss cn_built_in_loss(cn_loss args, const char *name,
                         cn_tensor *(*values)(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred), unsigned has);
#endif
