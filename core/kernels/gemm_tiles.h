/* The kernels of matrix products for one element type REAL; gemm.c defines the vectors and all other macros. */

TILES(ROWS_2, 1, DEFINE_TILE)
TILES(ROWS_2, 2, DEFINE_TILE)
TILES(ROWS_4, 4, DEFINE_TILE)
TILES(ROWS_8, 8, DEFINE_TILE)

DEFINE_ONE_ROW(8, 1)
DEFINE_ONE_ROW(4, 2)
DEFINE_ONE_ROW(2, 4)

static void GEMM_JOIN(wide_row, REAL)(int64_t k, const void *a_, int64_t a_row, int64_t a_column, const void *b_,
                                      int64_t b_row, void *c_, int64_t ldc, int64_t columns, bool accumulate)
{
    const REAL *a = a_, *b = b_;
    REAL *c = c_;
    (void)a_row, (void)ldc;
    if (!accumulate)
        memset(c, 0, (size_t)columns * sizeof(REAL));
    ADD_ROWS(4);
    ADD_ROWS(1);
}

/* out[j][i] = in[i][j] for at most WIDTH rows and `most` columns; `stored` elements of each column are written. With a
 * smaller `most` the compiler leaves out what makes the other columns. */
__attribute__((always_inline)) static inline void GEMM_JOIN(transpose_block, REAL)(int64_t rows, int64_t columns,
                                                                                   const int most, const REAL *in,
                                                                                   int64_t in_row, REAL *out,
                                                                                   int64_t out_row, int64_t stored)
{
    M mask = MASK(columns);
    GEMM_JOIN(EACH, WIDTH)(LOAD_ROW);
    GEMM_JOIN(TRANSPOSE, WIDTH);
    mask = MASK(stored);
    GEMM_JOIN(EACH, WIDTH)(STORE_COLUMN);
}

#define TRANSPOSE_BLOCK GEMM_JOIN(transpose_block, REAL)

static void GEMM_JOIN(pack, REAL)(int64_t rows, int64_t columns, const void *in_, int64_t in_row, int64_t in_column,
                                  void *out_, int64_t out_row, int64_t padded)
{
    const REAL *in = in_;
    REAL *out = out_;
    if (in_column == 1 && in_row != 1 && padded <= WIDTH && columns <= 8 && WIDTH > 8) {
        TRANSPOSE_BLOCK(rows, columns, 8, in, in_row, out, out_row, padded);
        return;
    }
    if (in_column == 1 && in_row != 1) {
        for (int64_t i = 0; i < padded; i += WIDTH)
            for (int64_t j = 0; j < columns; j += WIDTH)
                TRANSPOSE_BLOCK(rows - i, columns - j < WIDTH ? columns - j : WIDTH, WIDTH, in + i * in_row + j, in_row,
                                out + j * out_row + i, out_row, padded - i < WIDTH ? padded - i : WIDTH);
        return;
    }
    if (in_row == 1) {
        for (int64_t j = 0; j < columns; j++, in += in_column, out += out_row) {
            int64_t i = 0;
            for (; i + WIDTH <= rows; i += WIDTH) {
                V v = LOAD(in + i);
                STORE(out + i, v);
            }
            for (; i < padded; i += WIDTH) {
                int64_t left = i < rows ? rows - i : 0, stored = padded - i < WIDTH ? padded - i : WIDTH;
                V v = LOAD_FIRST(in + i, MASK(left));
                STORE_FIRST(out + i, MASK(stored), v);
            }
        }
        return;
    }
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < padded; i++)
            out[j * out_row + i] = i < rows ? in[i * in_row + j * in_column] : 0;
}

static const cn_gemm_type_kernels GEMM_JOIN(kernels, REAL) = {
    .blas_flops = BLAS_FLOPS,
    .width = WIDTH,
    .most_rows = {ROWS_2, ROWS_2, ROWS_4, ROWS_8},
    .tile = {{TILES(ROWS_2, 1, TILE_ENTRY)},
             {TILES(ROWS_2, 2, TILE_ENTRY)},
             {TILES(ROWS_4, 4, TILE_ENTRY)},
             {TILES(ROWS_8, 8, TILE_ENTRY)}},
    .one_row = {TILE_NAME(one_row, 1, REAL), TILE_NAME(one_row, 2, REAL), TILE_NAME(one_row, 4, REAL)},
    .wide_row = GEMM_JOIN(wide_row, REAL),
    .pack = GEMM_JOIN(pack, REAL)};

#undef REAL
#undef V
#undef WIDTH
#undef M
#undef MASK
#undef LOAD
#undef LOAD_FIRST
#undef STORE
#undef STORE_FIRST
#undef SPREAD
#undef FMA
