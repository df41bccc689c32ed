/* The macros of the micro-kernels and the vectors of one instruction set; gemm_tiles.h makes functions of them, once
 * per element type.
 *
 * Accumulators are scalars with names (c3_1: row 3, vector 1) that macros spell out: compilers keep an array of them in
 * memory. Each element is one chain of multiply-adds over k in order, wherever it stands in a tile. */
#include "core/kernels/gemm.h"
#include "core/kernels/isa.h"
#include "core/kernels/kernels.h"
#include <math.h>
#include <string.h>
#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#else
#define PLAIN
#endif

#define GEMM_JOIN_(name, suffix) name##_##suffix
#define GEMM_JOIN(name, suffix) GEMM_JOIN_(name, suffix)

/* Tiles of one and two vectors have up to ROWS_2 rows, of four ROWS_4 and of eight ROWS_8: what the registers hold.
 * From BLAS_FLOPS on OpenBLAS measured faster. */
#if defined(__AVX512F__)
#define BLAS_FLOPS INFINITY
#define ROWS_2 14
#define ROWS_4 6
#define ROWS_8 3
#elif !defined(PLAIN)
#define BLAS_FLOPS 300e6
#define ROWS_2 6
#define ROWS_4 3
#define ROWS_8 1
#else
#define BLAS_FLOPS 20e3
#define ROWS_2 4
#define ROWS_4 2
#define ROWS_8 1
#endif

/* X(row, vector, vectors) for each vector of a row, X(row, vectors) for each row of a tile. */
#define VECTORS_1(X, r, n) X(r, 0, n)
#define VECTORS_2(X, r, n) VECTORS_1(X, r, n) X(r, 1, n)
#define VECTORS_4(X, r, n) VECTORS_2(X, r, n) X(r, 2, n) X(r, 3, n)
#define VECTORS_8(X, r, n) VECTORS_4(X, r, n) X(r, 4, n) X(r, 5, n) X(r, 6, n) X(r, 7, n)

#define ROWS_OF_1(X, n) X(0, n)
#define ROWS_OF_2(X, n) ROWS_OF_1(X, n) X(1, n)
#define ROWS_OF_3(X, n) ROWS_OF_2(X, n) X(2, n)
#define ROWS_OF_4(X, n) ROWS_OF_3(X, n) X(3, n)
#define ROWS_OF_5(X, n) ROWS_OF_4(X, n) X(4, n)
#define ROWS_OF_6(X, n) ROWS_OF_5(X, n) X(5, n)
#define ROWS_OF_7(X, n) ROWS_OF_6(X, n) X(6, n)
#define ROWS_OF_8(X, n) ROWS_OF_7(X, n) X(7, n)
#define ROWS_OF_9(X, n) ROWS_OF_8(X, n) X(8, n)
#define ROWS_OF_10(X, n) ROWS_OF_9(X, n) X(9, n)
#define ROWS_OF_11(X, n) ROWS_OF_10(X, n) X(10, n)
#define ROWS_OF_12(X, n) ROWS_OF_11(X, n) X(11, n)
#define ROWS_OF_13(X, n) ROWS_OF_12(X, n) X(12, n)
#define ROWS_OF_14(X, n) ROWS_OF_13(X, n) X(13, n)

/* All but the first row. */
#define ROWS_FROM_1_2(X, n) X(1, n)
#define ROWS_FROM_1_4(X, n) X(1, n) X(2, n) X(3, n)
#define ROWS_FROM_1_8(X, n) ROWS_FROM_1_4(X, n) X(4, n) X(5, n) X(6, n) X(7, n)

/* TILES(rows, n, X): X(i, n) for tiles of 1 to `rows` rows and n vectors. */
#define TILES_1(n, X) X(1, n)
#define TILES_2(n, X) TILES_1(n, X) X(2, n)
#define TILES_3(n, X) TILES_2(n, X) X(3, n)
#define TILES_4(n, X) TILES_3(n, X) X(4, n)
#define TILES_6(n, X) TILES_4(n, X) X(5, n) X(6, n)
#define TILES_14(n, X) TILES_6(n, X) X(7, n) X(8, n) X(9, n) X(10, n) X(11, n) X(12, n) X(13, n) X(14, n)
#define TILES(rows, n, X) GEMM_JOIN(TILES, rows)(n, X)

/* The last vector of a row is read through a mask always, and written through one if it is not whole. */
#define LOAD_C(p, v, n) ((v) + 1 < (n) ? LOAD((p) + (v)*WIDTH) : LOAD_FIRST((p) + (v)*WIDTH, mask))
#define ZERO(r, v, n) V c##r##_##v = SPREAD(0);
#define LOAD_B(r, v, n) V b##v = LOAD_C(b, v, n);
/* What the tiles of the next columns read: if rows of B are long, no other row of it is near. */
#define PREFETCH_B(r, v, n) __builtin_prefetch(b + ((n) + (v)) * WIDTH, 0, 2);
#define MULTIPLY(r, v, n) c##r##_##v = FMA(a##r, b##v, c##r##_##v);
#define ADD_C(r, v, n) c##r##_##v += LOAD_C(c + (r)*ldc, v, n);
#define STORE_C(r, v, n)                            \
    if ((v) + 1 < (n) || last == WIDTH)             \
        STORE(c + (r)*ldc + (v)*WIDTH, c##r##_##v); \
    else                                            \
        STORE_FIRST(c + (r)*ldc + (v)*WIDTH, mask, c##r##_##v);

/* Five rows from each of three pointers: what address arithmetic reaches without a register for every row. */
#define MULTIPLY_ROW(r, n)                                                         \
    {                                                                              \
        V a##r = SPREAD(((r) < 5 ? a : (r) < 10 ? a_5 : a_10)[((r) % 5) * a_row]); \
        VECTORS_##n(MULTIPLY, r, n);                                               \
    }
#define ZERO_ROW(r, n) VECTORS_##n(ZERO, r, n)
#define ADD_C_ROW(r, n) VECTORS_##n(ADD_C, r, n)
#define STORE_C_ROW(r, n) VECTORS_##n(STORE_C, r, n)

#define TILE_PARAMETERS                                                                                               \
    int64_t k, const void *a_, int64_t a_row, int64_t a_column, const void *b_, int64_t b_row, void *c_, int64_t ldc, \
        int64_t last, bool accumulate

#define TILE_NAME_(rows, n, real) tile_##rows##x##n##_##real
#define TILE_NAME(rows, n, real) TILE_NAME_(rows, n, real)
#define DEFINE_TILE(rows, n)                                  \
    static void TILE_NAME(rows, n, REAL)(TILE_PARAMETERS)     \
    {                                                         \
        const REAL *a = a_, *b = b_;                          \
        const REAL *a_5 = (rows) > 5 ? a + 5 * a_row : a;     \
        const REAL *a_10 = (rows) > 10 ? a_5 + 5 * a_row : a; \
        REAL *c = c_;                                         \
        M mask = MASK(last);                                  \
        ROWS_OF_##rows(ZERO_ROW, n);                          \
        for (int64_t i = 0; i < k; i++) {                     \
            VECTORS_##n(LOAD_B, 0, n);                        \
            if ((rows) > ROWS_4) {                            \
                VECTORS_##n(PREFETCH_B, 0, n);                \
            }                                                 \
            ROWS_OF_##rows(MULTIPLY_ROW, n);                  \
            a += a_column, a_5 += a_column, a_10 += a_column; \
            b += b_row;                                       \
        }                                                     \
        (void)a_5, (void)a_10;                                \
        if (accumulate) {                                     \
            ROWS_OF_##rows(ADD_C_ROW, n);                     \
        }                                                     \
        ROWS_OF_##rows(STORE_C_ROW, n);                       \
    }
#define TILE_ENTRY(rows, n) [rows] = TILE_NAME(rows, n, REAL),

/* One row of few columns: a single chain of multiply-adds per vector would wait for each addition, so `sums` of them
 * take every sums-th step of k. The "row" of the macros is the sum's number here. */
#define LOAD_AND_MULTIPLY(r, v, n) c##r##_##v = FMA(a##r, LOAD_C(b + (r)*b_row, v, n), c##r##_##v);
#define MULTIPLY_STEP(r, n)                   \
    {                                         \
        V a##r = SPREAD(a[(r)*a_column]);     \
        VECTORS_##n(LOAD_AND_MULTIPLY, r, n); \
    }
#define ADD_SUM(r, v, n) c0_##v += c##r##_##v;
#define ADD_SUM_ROW(r, n) VECTORS_##n(ADD_SUM, r, n)
#define DEFINE_ONE_ROW(sums, n)                              \
    static void TILE_NAME(one_row, n, REAL)(TILE_PARAMETERS) \
    {                                                        \
        const REAL *a = a_, *b = b_;                         \
        REAL *c = c_;                                        \
        M mask = MASK(last);                                 \
        (void)a_row;                                         \
        ROWS_OF_##sums(ZERO_ROW, n);                         \
        for (; k >= sums; k -= sums) {                       \
            ROWS_OF_##sums(MULTIPLY_STEP, n);                \
            a += (sums)*a_column, b += (sums)*b_row;         \
        }                                                    \
        for (; k > 0; k--) {                                 \
            MULTIPLY_STEP(0, n);                             \
            a += a_column, b += b_row;                       \
        }                                                    \
        ROWS_FROM_1_##sums(ADD_SUM_ROW, n);                  \
        if (accumulate) {                                    \
            ADD_C_ROW(0, n);                                 \
        }                                                    \
        STORE_C_ROW(0, n);                                   \
    }

/* One row of many columns. B is read in the order in which it lies, a few rows of it side by side, as memory is read
 * fastest; the sums so far are in C meanwhile. */
#define LOAD_A(r, n) V a##r = SPREAD(a[(r)*a_column]);
#define LOAD_SUM(r, v, n) V c##r##_##v = LOAD_C(c, v, n);
#define ADD_PRODUCT(r, v, n) c0_##v = FMA(a##r, LOAD_C(b + (r)*b_row, v, n), c0_##v);
#define ADD_PRODUCTS(r, n) VECTORS_##n(ADD_PRODUCT, r, n)
#define ADD_BLOCK(rows, n, taken)                \
    {                                            \
        VECTORS_##n(LOAD_SUM, 0, n);             \
        ROWS_OF_##rows(ADD_PRODUCTS, n);         \
        STORE_C_ROW(0, n);                       \
        b += taken, c += taken, left -= (taken); \
    }
#define ADD_ROWS(rows)                                     \
    for (; k >= (rows); k -= (rows)) {                     \
        ROWS_OF_##rows(LOAD_A, 0);                         \
        int64_t left = columns, last = WIDTH;              \
        M mask = MASK(last);                               \
        while (left >= 4 * WIDTH)                          \
            ADD_BLOCK(rows, 4, 4 * WIDTH);                 \
        while (left > 0) {                                 \
            last = left < WIDTH ? left : WIDTH;            \
            mask = MASK(last);                             \
            ADD_BLOCK(rows, 1, last);                      \
        }                                                  \
        a += (rows)*a_column, b += (rows)*b_row - columns; \
        c -= columns;                                      \
    }

/* Transposing WIDTH vectors x0, x1, ... into t0, t1, ...: log2(WIDTH) times, vectors i and i + WIDTH / 2 are shuffled
 * together, element by element, into vectors 2i and 2i + 1. */
#define LOW_2(x, y) __builtin_shufflevector(x, y, 0, 2)
#define HIGH_2(x, y) __builtin_shufflevector(x, y, 1, 3)
#define LOW_4(x, y) __builtin_shufflevector(x, y, 0, 4, 1, 5)
#define HIGH_4(x, y) __builtin_shufflevector(x, y, 2, 6, 3, 7)
#define LOW_8(x, y) __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_8(x, y) __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_16(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH_16(x, y) __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define MIX(w, x, y, i, j, low, high) V y##low = LOW_##w(x##i, x##j), y##high = HIGH_##w(x##i, x##j);
#define MIX_4(x, y) MIX(4, x, y, 0, 2, 0, 1) MIX(4, x, y, 1, 3, 2, 3)
#define MIX_8(x, y) MIX(8, x, y, 0, 4, 0, 1) MIX(8, x, y, 1, 5, 2, 3) MIX(8, x, y, 2, 6, 4, 5) MIX(8, x, y, 3, 7, 6, 7)
#define MIX_16(x, y)             \
    MIX(16, x, y, 0, 8, 0, 1)    \
    MIX(16, x, y, 1, 9, 2, 3)    \
    MIX(16, x, y, 2, 10, 4, 5)   \
    MIX(16, x, y, 3, 11, 6, 7)   \
    MIX(16, x, y, 4, 12, 8, 9)   \
    MIX(16, x, y, 5, 13, 10, 11) \
    MIX(16, x, y, 6, 14, 12, 13) \
    MIX(16, x, y, 7, 15, 14, 15)
#define TRANSPOSE_2 MIX(2, x, t, 0, 1, 0, 1)
#define TRANSPOSE_4 MIX_4(x, y) MIX_4(y, t)
#define TRANSPOSE_8 MIX_8(x, y) MIX_8(y, z) MIX_8(z, t)
#define TRANSPOSE_16 MIX_16(x, y) MIX_16(y, z) MIX_16(z, u) MIX_16(u, t)
#define EACH_2(X) X(0) X(1)
#define EACH_4(X) EACH_2(X) X(2) X(3)
#define EACH_8(X) EACH_4(X) X(4) X(5) X(6) X(7)
#define EACH_16(X) EACH_8(X) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define LOAD_ROW(i) V x##i = (i) < rows ? LOAD_FIRST(in + (i)*in_row, mask) : SPREAD(0);
#define STORE_COLUMN(i)                                 \
    if ((i) < most && (i) < columns && stored == WIDTH) \
        STORE(out + (i)*out_row, t##i);                 \
    else if ((i) < most && (i) < columns)               \
        STORE_FIRST(out + (i)*out_row, mask, t##i);

/* What gemm_tiles.h asks for: vectors V of WIDTH elements REAL, loads and stores of a whole vector and of its first
 * elements by a mask M, and a*b+c. */
#if defined(PLAIN)
#define DEFINE_PLAIN_VECTOR(real)                                        \
    typedef real plain_##real __attribute__((vector_size(16)));          \
    static inline plain_##real load_##real(const real *p, int64_t count) \
    {                                                                    \
        plain_##real v = {0};                                            \
        memcpy(&v, p, (size_t)count * sizeof(real));                     \
        return v;                                                        \
    }
#endif

#define REAL float
#if defined(__AVX512F__)
#define V __m512
#define WIDTH 16
#define M __mmask16
#define MASK(count) ((__mmask16)((1u << (count)) - 1))
#define LOAD(p) _mm512_loadu_ps(p)
#define LOAD_FIRST(p, mask) _mm512_maskz_loadu_ps(mask, p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define STORE_FIRST(p, mask, v) _mm512_mask_storeu_ps(p, mask, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#elif !defined(PLAIN)
#define V __m256
#define WIDTH 8
#define M __m256i
#define MASK(count) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD(p) _mm256_loadu_ps(p)
#define LOAD_FIRST(p, mask) _mm256_maskload_ps(p, mask)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define STORE_FIRST(p, mask, v) _mm256_maskstore_ps(p, mask, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#else
DEFINE_PLAIN_VECTOR(float)
#define V plain_float
#define WIDTH 4
#define M int64_t
#define MASK(count) (count)
#define LOAD(p) load_float(p, WIDTH)
#define LOAD_FIRST(p, count) load_float(p, count)
#define STORE(p, v) memcpy(p, &(v), sizeof(V))
#define STORE_FIRST(p, count, v) memcpy(p, &(v), (size_t)(count) * sizeof(REAL))
#define SPREAD(x) ((V){x, x, x, x})
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
#include "core/kernels/gemm_tiles.h"

#define REAL double
#if defined(__AVX512F__)
#define V __m512d
#define WIDTH 8
#define M __mmask8
#define MASK(count) ((__mmask8)((1u << (count)) - 1))
#define LOAD(p) _mm512_loadu_pd(p)
#define LOAD_FIRST(p, mask) _mm512_maskz_loadu_pd(mask, p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define STORE_FIRST(p, mask, v) _mm512_mask_storeu_pd(p, mask, v)
#define SPREAD(x) _mm512_set1_pd(x)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#elif !defined(PLAIN)
#define V __m256d
#define WIDTH 4
#define M __m256i
#define MASK(count) _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3))
#define LOAD(p) _mm256_loadu_pd(p)
#define LOAD_FIRST(p, mask) _mm256_maskload_pd(p, mask)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define STORE_FIRST(p, mask, v) _mm256_maskstore_pd(p, mask, v)
#define SPREAD(x) _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#else
DEFINE_PLAIN_VECTOR(double)
#define V plain_double
#define WIDTH 2
#define M int64_t
#define MASK(count) (count)
#define LOAD(p) load_double(p, WIDTH)
#define LOAD_FIRST(p, count) load_double(p, count)
#define STORE(p, v) memcpy(p, &(v), sizeof(V))
#define STORE_FIRST(p, count, v) memcpy(p, &(v), (size_t)(count) * sizeof(REAL))
#define SPREAD(x) ((V){x, x})
#define FMA(a, b, c) ((a) * (b) + (c))
#endif
#include "core/kernels/gemm_tiles.h"

extern const cn_gemm_kernels CN_ISA_NAME(cn_gemm_kernels);

const cn_gemm_kernels CN_ISA_NAME(cn_gemm_kernels) = {{&kernels_float, &kernels_double}};
