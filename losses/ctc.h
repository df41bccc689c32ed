/* A loss of sequences that are not aligned with their labels. */
#ifndef CN_LOSSES_CTC_H
#define CN_LOSSES_CTC_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Connectionist temporal classification (Graves and others, 2006): -log of the probability that a sequence of logits
 * (B, T, C) reads as the labels (B, N), when repeated classes are joined and then blanks, class 0, are left out. Labels
 * are padded with 0: the first n count, n being how many are not 0. All T steps count. A sequence that is too short for
 * its labels costs 1e30. */
#define cn_ctc(...) cn_ctc_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_ctc_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
