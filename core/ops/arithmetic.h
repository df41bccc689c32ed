/* Element-wise arithmetic. Shapes broadcast as NumPy's do; int32 beside a float type becomes that type; two different
 * float types are an error. Everything is differentiable any number of times. */
#ifndef CN_CORE_OPS_ARITHMETIC_H
#define CN_CORE_OPS_ARITHMETIC_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

CN_API cn_tensor *cn_add(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_sub(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_mul(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_div(cn_tensor *a, cn_tensor *b);
CN_API cn_tensor *cn_negative(cn_tensor *x);
CN_API cn_tensor *cn_square(cn_tensor *x);

#ifdef __cplusplus
}
#endif
#endif
