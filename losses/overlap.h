/* Losses of regions: how little predicted ones overlap with true ones. With .axis or .axes, over these, which leaves a
 * value for each place of the others; else over all, which gives one value for the batch. */
#ifndef CN_LOSSES_OVERLAP_H
#define CN_LOSSES_OVERLAP_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CN_DICE_DEFAULTS .axis = CN_NONE, .ignore_class = CN_NONE
/* 1 - 2 I / (sum y_true + sum y_pred + 1e-7) with I = sum y_true y_pred. cn_dice(.axes = CN_AXES(1, 2, 3)) */
#define cn_dice(...) cn_dice_with((cn_loss){CN_DICE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_dice_with(cn_loss args);
#define CN_TVERSKY_DEFAULTS CN_DICE_DEFAULTS, .alpha = 0.5, .beta = 0.5
/* 1 - I / (I + .alpha P + .beta N + 1e-7), P = sum (1 - y_true) y_pred being what is wrongly there and N = sum y_true
 * (1 - y_pred) what is wrongly not; both weigh 0.5 by default (Salehi and others, 2017). */
#define cn_tversky(...) cn_tversky_with((cn_loss){CN_TVERSKY_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_tversky_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
