/* Private: matrix products. */
#ifndef CN_CORE_GEMM_H
#define CN_CORE_GEMM_H
#include <stdbool.h>
#include "core/kernels/gemm.h"
#include "core/shape.h"

/* Called on each finished block of C, rows [row, row + rows) and columns [column, column + columns) of matrix `batch`,
 * while it is in cache, by the thread that finished it: an epilogue (bias, activation, ...). `c` points at the block's
 * first element; its rows are `ldc` elements apart. Each element of C is in exactly one block. */
typedef void cn_gemm_finish(void *context, void *c, int64_t ldc, int64_t batch, int64_t row, int64_t rows,
                            int64_t column, int64_t columns);

/* For every batch: C[m][n] = A[m][k] B[k][n], or C += A B. Element (i, j) of A stands at a[i * a_row + j * a_column],
 * likewise B, strides in elements and any of them (so a transposed operand is two strides swapped); C is row-major with
 * rows ldc apart. A batch stride of 0 repeats the operand. k = 0 gives zeros. */
typedef struct cn_gemm {
    cn_dtype dtype; /* CN_F32 or CN_F64 */
    bool accumulate;
    bool b_packed; /* b is what cn_gemm_prepack gave, B's strides are not used */
    int64_t batch, m, n, k;
    int64_t a_batch, a_row, a_column;
    int64_t b_batch, b_row, b_column;
    int64_t c_batch, ldc;
} cn_gemm;

/* Cannot fail and allocates nothing. finish may be NULL. The same bits for any number of threads, any alignment, B
 * packed or not, and any of OpenBLAS' builds being linked, but for its serial one, which is not called. */
void cn_gemm_run(const cn_gemm *product, const void *a, const void *b, void *c, cn_gemm_finish *finish, void *context);

/* A B that many products meet can be packed before, where there is one matrix of it. Bytes that it takes, aligned to
 * 64, and the packing; a product with it may have fewer columns than the one that it was packed for if that one's k is
 * one block (CN_GEMM_DEPTH). */
enum { CN_GEMM_DEPTH = 512 };
size_t cn_gemm_packed_bytes(const cn_gemm *product);
void cn_gemm_prepack(const cn_gemm *product, const void *b, void *packed);
/* Whether a product becomes faster by that, and B is not too large to be kept twice. */
bool cn_gemm_wants_packed(const cn_gemm *product);

/* What computes a product, for tests: our tiles with B where it lies, with B packed as it is met, with B packed before;
 * one row by whole rows of B; OpenBLAS. */
typedef enum cn_gemm_path {
    CN_GEMM_DIRECT,
    CN_GEMM_PACKED,
    CN_GEMM_PREPACKED,
    CN_GEMM_WIDE_ROW,
    CN_GEMM_BLAS
} cn_gemm_path;
cn_gemm_path cn_gemm_path_of(const cn_gemm *product);

/* For products whose operands are packed as they are needed. */

/* What a product takes on one thread, roughly: its arithmetic, or reading B and writing C. */
double cn_gemm_nanoseconds(cn_dtype dtype, int64_t m, int64_t n, int64_t k);

/* Rows of B in a panel of two vectors of columns: as many as leave room in L1 for the rows of A that meet it. */
int64_t cn_gemm_panel_depth(const cn_gemm_type_kernels *kernels, int64_t size);

typedef struct cn_gemm_tile_choice {
    cn_gemm_tile *run;
    int64_t columns, last; /* those that it computes, and those of its last vector */
} cn_gemm_tile_choice;
/* The widest tile of `rows` rows that `columns` columns fill to the last vector. */
cn_gemm_tile_choice cn_gemm_tile_for(const cn_gemm_type_kernels *kernels, int64_t rows, int64_t columns);
#endif
