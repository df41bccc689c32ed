/* Private: matrix products so small that choosing how to compute them takes as long as computing them: it is done once,
 * when they are prepared. */
#ifndef CN_CORE_SMALL_GEMM_H
#define CN_CORE_SMALL_GEMM_H
#include "core/gemm.h"

/* The tiles of one matrix, one below the other: the first `count[0]` have rows[0] rows, those below rows[1]. */
typedef struct cn_small_gemm {
    cn_gemm_tile *tile[2];
    int64_t rows[2], count[2];
    int64_t last;       /* columns of a tile's last vector */
    cn_gemm_pack *pack; /* of B where its columns are not neighbours, else NULL */
    int64_t packed_row;
} cn_small_gemm;

/* False if the product is too large, or of a kind that has to be cut, and cn_gemm_run should be called. */
bool cn_small_gemm_prepare(const cn_gemm *product, cn_small_gemm *small);
void cn_small_gemm_run(const cn_gemm *product, const cn_small_gemm *small, const void *a, const void *b, void *c);
#endif
