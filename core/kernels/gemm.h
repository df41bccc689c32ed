/* Private: the micro-kernels of matrix products, and the packing of their operands. */
#ifndef CN_CORE_KERNELS_GEMM_H
#define CN_CORE_KERNELS_GEMM_H
#include <stdbool.h>
#include <stdint.h>

/* Strides and sizes are in elements. */

/* C[rows][columns] = A[rows][k] B[k][columns], or C += A B, for a tile of C that fits into registers: `rows` and the
 * number of vectors of columns are those of the tile's place in the table. Element (i, j) of A is a[i * a_row + j *
 * a_column]; rows of B are b_row apart, rows of C ldc. Only the first `last` elements of the last vector of columns
 * are read and written (1 to the width of a vector). */
typedef void cn_gemm_tile(int64_t k, const void *a, int64_t a_row, int64_t a_column, const void *b, int64_t b_row,
                          void *c, int64_t ldc, int64_t last, bool accumulate);

/* out[j * out_row + i] = in[i * in_row + j * in_column] for i < rows and j < columns, then zeros up to i < padded. */
typedef void cn_gemm_pack(int64_t rows, int64_t columns, const void *in, int64_t in_row, int64_t in_column, void *out,
                          int64_t out_row, int64_t padded);

/* Tiles have 1, 2, 4 or 8 vectors of columns. */
enum { CN_GEMM_VECTORS = 4, CN_GEMM_MOST_ROWS = 14 };

typedef struct cn_gemm_type_kernels {
    double blas_flops;                                          /* of a product from which OpenBLAS is faster */
    int width;                                                  /* elements of a vector */
    int most_rows[CN_GEMM_VECTORS];                             /* of a tile with 1 << i vectors */
    cn_gemm_tile *tile[CN_GEMM_VECTORS][CN_GEMM_MOST_ROWS + 1]; /* [log2 of vectors][rows] */
    cn_gemm_tile *one_row[CN_GEMM_VECTORS - 1];                 /* the same for one row: several sums side by side */
    cn_gemm_tile *wide_row;                                     /* one row of `last` columns, however many */
    cn_gemm_pack *pack;
} cn_gemm_type_kernels;

typedef struct cn_gemm_kernels {
    const cn_gemm_type_kernels *type[2]; /* CN_F32, CN_F64 */
} cn_gemm_kernels;
#endif
