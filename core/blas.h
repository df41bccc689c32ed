/* Private: OpenBLAS, which is loaded with the first product that goes to it. */
#ifndef CN_CORE_BLAS_H
#define CN_CORE_BLAS_H
#include <cblas.h>
#include "core/library.h"

#define CN_BLAS(X)              \
    X(openblas_get_parallel)    \
    X(openblas_get_num_threads) \
    X(openblas_set_num_threads) \
    X(cblas_sgemm)              \
    X(cblas_dgemm)

typedef struct cn_blas {
    CN_BLAS(CN_LIBRARY_ADDRESS)
} cn_blas;

/* NULL if there is none on the machine, or only the serial build: threads that call that one at once are given the same
 * buffers and get wrong sums. */
const cn_blas *cn_blas_at_hand(void);
#endif
