/* Pooling: the largest value or the mean of each window over the axes of space. Inputs are floats of rank 3 to 5. */
#ifndef CN_CORE_OPS_POOLING_H
#define CN_CORE_OPS_POOLING_H
#include "../operation.h"
#include "window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_pool_args {
    cn_tensor *x;
    int64_t pool_size[CN_SPACE]; /* {2}: 2 in every direction */
    int64_t strides[CN_SPACE];   /* by default pool_size */
    cn_padding padding;          /* CN_VALID by default, or CN_SAME */
    cn_data_format data_format;
} cn_pool_args;
/* The largest value of each window; padding never is. The gradient goes to the first one in row-major order. A NaN in a
 * window is its result. cn_max_pool(x, {2}), cn_max_pool(x, {3, 3}, .strides = {2, 2}, .padding = CN_SAME) */
#define cn_max_pool(...) cn_max_pool_with((cn_pool_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_max_pool_with(cn_pool_args args);
/* The mean of each window; padding does not count. */
#define cn_average_pool(...) cn_average_pool_with((cn_pool_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_average_pool_with(cn_pool_args args);

typedef struct cn_adaptive_pool_args {
    cn_tensor *x;
    int64_t output_size[CN_SPACE];
    cn_data_format data_format;
} cn_adaptive_pool_args;
/* The same for windows that are chosen by the size of the output: along an axis from n elements to o, window i is
 * [floor(i n / o), ceil((i + 1) n / o)). cn_adaptive_average_pool(x, {4, 4}) */
#define cn_adaptive_max_pool(...) cn_adaptive_max_pool_with((cn_adaptive_pool_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_adaptive_max_pool_with(cn_adaptive_pool_args args);
#define cn_adaptive_average_pool(...) cn_adaptive_average_pool_with((cn_adaptive_pool_args){.x = __VA_ARGS__})
CN_API cn_tensor *cn_adaptive_average_pool_with(cn_adaptive_pool_args args);

#ifdef __cplusplus
}
#endif
#endif
