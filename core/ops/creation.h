/* Tensors made from nothing but a shape. */
#ifndef CN_CORE_OPS_CREATION_H
#define CN_CORE_OPS_CREATION_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

CN_API cn_tensor *cn_zeros_like(cn_tensor *x);
CN_API cn_tensor *cn_ones_like(cn_tensor *x);
/* Converts the element type; floats to integers by truncation. */
CN_API cn_tensor *cn_cast(cn_tensor *x, cn_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
