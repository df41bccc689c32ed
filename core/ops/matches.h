/* Private: what metrics count. No gradient goes through it. */
#ifndef CN_CORE_OPS_MATCHES_H
#define CN_CORE_OPS_MATCHES_H
#include "core/operation.h"

/* 1 where fewer than k elements of a row are larger than that of its class (with k = 1: where it is the first largest),
 * else 0. The class is the first largest y_true of the row, or the label itself where y_true is int32 and has no last
 * axis; a label that is no class matches nothing. */
cn_tensor *cn_class_matches(cn_tensor *y_true, cn_tensor *y_pred, int64_t k);
#endif
