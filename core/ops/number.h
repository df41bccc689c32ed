/* Private: a tensor and a number, as terms of gradients and of composed operations. */
#ifndef CN_CORE_OPS_NUMBER_H
#define CN_CORE_OPS_NUMBER_H
#include "core/ops/arithmetic.h"

static inline cn_tensor *cn_plus(cn_tensor *x, double number)
{
    return cn_add(x, cn_scalar_beside(x, number));
}

static inline cn_tensor *cn_times(cn_tensor *x, double number)
{
    return cn_mul(x, cn_scalar_beside(x, number));
}

#endif
