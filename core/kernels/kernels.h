/* Private: the table of kernels, one per instruction set. */
#ifndef CN_CORE_KERNELS_KERNELS_H
#define CN_CORE_KERNELS_KERNELS_H
#include <stdint.h>
#include "core/kernels/affine.h"
#include "core/kernels/attention.h"
#include "core/kernels/convolution.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/gemm.h"
#include "core/kernels/lstm8.h"
#include "core/kernels/normalization.h"
#include "core/kernels/optimizer.h"
#include "core/kernels/pooling.h"
#include "core/kernels/random.h"
#include "core/kernels/recurrent.h"
#include "core/kernels/reduce.h"
#include "core/kernels/rowwise.h"
#include "core/kernels/short_rows.h"
#include "core/kernels/winograd.h"

/* float and double, in the order of cn_dtype. */
enum { CN_REALS = 2 };

typedef struct cn_kernels {
    const char *name; /* "baseline", "avx2", "avx512" */
    const cn_affine_kernels *affine;
    const cn_attention_kernels *attention[CN_REALS];
    const cn_convolution_kernels *convolution;
    const cn_elementwise_kernels *elementwise;
    const cn_gemm_kernels *gemm;
    const cn_lstm8_kernels *lstm8;
    const cn_normalization_kernels *normalization[CN_REALS];
    const cn_optimizer_kernels *optimizer;
    const cn_pool_kernels *pooling[CN_REALS];
    const cn_random_kernels *random;
    const cn_recurrent_kernels *recurrent[CN_REALS];
    const cn_reduce_kernels *reduce;
    const cn_rowwise_kernels *rowwise[CN_REALS];
    const cn_short_row_kernels *short_rows;
    const cn_winograd_kernels *winograd;
} cn_kernels;

/* The kernels for the best instruction set of this machine; the environment variable CORNET_ISA names a lesser one. */
const cn_kernels *cn_kernels_now(void);
/* Those of one instruction set, for tests: NULL if this machine cannot run it or there is no such name. */
const cn_kernels *cn_kernels_named(const char *name);
#endif
