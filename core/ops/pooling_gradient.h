/* Private: what the gradient of a maximum pooling was computed from. */
#ifndef CN_CORE_OPS_POOLING_GRADIENT_H
#define CN_CORE_OPS_POOLING_GRADIENT_H
#include "core/operation.h"

/* Whether dx is the gradient that a maximum pooling of x gives x, and nothing else: then what x was pooled to, and the
 * gradient of that. */
bool cn_is_max_pool_gradient(const cn_tensor *x, const cn_tensor *dx, cn_tensor *y_and_dy[2]);
/* Such a gradient again, for another dy. */
cn_tensor *cn_max_pool_gradient(const cn_tensor *dx, cn_tensor *dy);
#endif
