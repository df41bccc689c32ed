/* Private: the micro-kernels of matrix products. */
#ifndef CN_CORE_KERNELS_GEMM_H
#define CN_CORE_KERNELS_GEMM_H
#include <stdint.h>

typedef struct cn_gemm_kernels {
    int unused;
} cn_gemm_kernels;
#endif
