/* Private: products of all values before each, for gradients of products. */
#ifndef CN_CORE_OPS_CUMULATIVE_H
#define CN_CORE_OPS_CUMULATIVE_H
#include "core/operation.h"

/* Of each value of x: the product of those before it (behind it, if `reverse`), the axes of the mask counting as one in
 * row-major order. */
cn_tensor *cn_exclusive_product(cn_tensor *x, unsigned axes, bool reverse);
#endif
