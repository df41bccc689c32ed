/* Private: making labels, predictions and weights fit each other, as Keras does. */
#ifndef CN_LOSSES_RANKS_H
#define CN_LOSSES_RANKS_H
#include "core/tape.h"

/* Where ranks differ by a last axis of 1: gives it to the shorter one if that is a vector, else takes it away. */
bool cn_reconcile_ranks(cn_tensor **a, cn_tensor **b);
/* Converts weights to the type of the values, and gives them axes of 1 behind their own, so that they broadcast; `name`
 * begins the message of the error if they do not fit. A single value fits weights of any shape. */
bool cn_align_weights(const char *name, cn_tensor **weights, const cn_tensor *values);
/* Where both masks keep; either may be NULL. */
cn_tensor *cn_join_masks(cn_tensor *a, cn_tensor *b);
#endif
