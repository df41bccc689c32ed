#include "core/kernels/winograd.h"
#include "core/kernels/isa.h"
#include "core/kernels/kernels.h"
#include <string.h>

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif

/* In memory vectors may lie anywhere; those of this file's own are aligned, or each would touch two cache lines. */
typedef float vector __attribute__((vector_size(VECTOR_BYTES)));
typedef float block __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(float)), may_alias));
enum { WIDTH = VECTOR_BYTES / sizeof(float), IN = CN_WINOGRAD_IN, OUT = CN_WINOGRAD_OUT, TAPS = CN_WINOGRAD_TAPS };
#define AT(p) (*(block *)(p))
#define CONST_AT(p) (*(const block *)(p))

/* Each transform multiplies by a matrix from both sides: down the columns, then along the rows. These are the products
 * with one vector: y[i * step] for x0, x1, ... */

static inline __attribute__((always_inline)) void input_matrix(vector x0, vector x1, vector x2, vector x3, vector x4,
                                                               vector x5, vector *y, int step)
{
    vector even = x4 - 4 * x2, odd = x3 - 4 * x1, even_2 = x4 - x2, odd_2 = 2 * (x3 - x1);
    y[0] = 4 * x0 - 5 * x2 + x4;
    y[step] = even + odd;
    y[2 * step] = even - odd;
    y[3 * step] = even_2 + odd_2;
    y[4 * step] = even_2 - odd_2;
    y[5 * step] = 4 * x1 - 5 * x3 + x5;
}

static inline __attribute__((always_inline)) void kernel_matrix(vector x0, vector x1, vector x2, vector *y, int step)
{
    vector ends = (x0 + x2) * (-1.0f / 6), middle = x1 * (1.0f / 6);
    vector ends_2 = x0 * (1.0f / 24) + x2 * (1.0f / 6), middle_2 = x1 * (1.0f / 12);
    y[0] = x0 * 0.25f;
    y[step] = ends - middle;
    y[2 * step] = ends + middle;
    y[3 * step] = ends_2 + middle_2;
    y[4 * step] = ends_2 - middle_2;
    y[5 * step] = x2;
}

static inline __attribute__((always_inline)) void result_matrix(vector x0, vector x1, vector x2, vector x3, vector x4,
                                                                vector x5, vector *y, int step)
{
    vector sum = x1 + x2, difference = x1 - x2, sum_2 = x3 + x4, difference_2 = x3 - x4;
    y[0] = x0 + sum + sum_2;
    y[step] = difference + 2 * difference_2;
    y[2 * step] = sum + 4 * sum_2;
    y[3 * step] = difference + 8 * difference_2 + x5;
}

static inline __attribute__((always_inline)) void result_transposed(vector x0, vector x1, vector x2, vector x3,
                                                                    vector *y, int step)
{
    vector even = x0 + x2, odd = x1 + x3, even_2 = x0 + 4 * x2, odd_2 = 2 * x1 + 8 * x3;
    y[0] = x0;
    y[step] = even + odd;
    y[2 * step] = even - odd;
    y[3 * step] = even_2 + odd_2;
    y[4 * step] = even_2 - odd_2;
    y[5 * step] = x3;
}

static inline __attribute__((always_inline)) void kernel_transposed(vector x0, vector x1, vector x2, vector x3,
                                                                    vector x4, vector x5, vector *y, int step)
{
    vector sum = (x1 + x2) * (1.0f / 6), sum_2 = x3 + x4;
    y[0] = x0 * 0.25f - sum + sum_2 * (1.0f / 24);
    y[step] = (x2 - x1) * (1.0f / 6) + (x3 - x4) * (1.0f / 12);
    y[2 * step] = sum_2 * (1.0f / 6) - sum + x5;
}

/* Neighbouring tiles have two columns of pixels in common, which are not transformed again. The rows of the next row of
 * tiles are fetched: the input of a kernel's gradient was last seen in the forward pass. */
static void input(int64_t count, int64_t tiles, const float *const *from, const int64_t *pixel, int64_t first,
                  int64_t columns, float *numbers, int64_t row_step, int64_t step)
{
    for (int64_t c = 0; c < count; c += WIDTH) {
        vector half[IN][IN], row[IN];
        for (int64_t t = 0, x = first; t < tiles; t++) {
            const vector *at[IN];
            for (int j = 0; j < IN; j++)
                at[j] = half[(t * OUT + j) % IN];
            for (; x < first + t * OUT + IN; x++) {
                vector *h = half[(x - first) % IN];
                for (int i = 2; i < IN; i++)
                    __builtin_prefetch(from[i] + (OUT * columns + x) * pixel[i] + c);
                if (x < 0 || x >= columns)
                    memset(h, 0, sizeof half[0]);
                else
                    input_matrix(CONST_AT(from[0] + x * pixel[0] + c), CONST_AT(from[1] + x * pixel[1] + c),
                                 CONST_AT(from[2] + x * pixel[2] + c), CONST_AT(from[3] + x * pixel[3] + c),
                                 CONST_AT(from[4] + x * pixel[4] + c), CONST_AT(from[5] + x * pixel[5] + c), h, 1);
            }
            float *to = numbers + t * row_step + c;
            for (int i = 0; i < IN; i++) {
                input_matrix(at[0][i], at[1][i], at[2][i], at[3][i], at[4][i], at[5][i], row, 1);
                CN_UNROLLED
                for (int j = 0; j < IN; j++)
                    AT(to + (i * IN + j) * step) = row[j];
            }
        }
    }
}

static void kernel(int64_t count, const float *taps, int64_t tap_step, float *numbers, int64_t step)
{
    for (int64_t c = 0; c < count; c += WIDTH) {
        vector half[IN * TAPS], row[IN];
        for (int j = 0; j < TAPS; j++)
            kernel_matrix(CONST_AT(taps + j * tap_step + c), CONST_AT(taps + (TAPS + j) * tap_step + c),
                          CONST_AT(taps + (2 * TAPS + j) * tap_step + c), half + j, TAPS);
        for (int i = 0; i < IN; i++) {
            const vector *h = half + i * TAPS;
            kernel_matrix(h[0], h[1], h[2], row, 1);
            CN_UNROLLED
            for (int j = 0; j < IN; j++)
                AT(numbers + (i * IN + j) * step + c) = row[j];
        }
    }
}

static void result(int64_t count, const float *numbers, int64_t step, int64_t rows, int64_t columns, float *to,
                   int64_t row_step, int64_t column_step)
{
    for (int64_t c = 0; c < count; c += WIDTH) {
        vector half[OUT * IN], row[OUT];
        for (int j = 0; j < IN; j++) {
            const float *n = numbers + j * step + c;
            result_matrix(CONST_AT(n), CONST_AT(n + IN * step), CONST_AT(n + 2 * IN * step),
                          CONST_AT(n + 3 * IN * step), CONST_AT(n + 4 * IN * step), CONST_AT(n + 5 * IN * step),
                          half + j, IN);
        }
        for (int64_t i = 0; i < rows; i++) {
            const vector *h = half + i * IN;
            result_matrix(h[0], h[1], h[2], h[3], h[4], h[5], row, 1);
            for (int64_t j = 0; j < columns; j++)
                AT(to + i * row_step + j * column_step + c) = row[j];
        }
    }
}

static void result_gradient(int64_t count, const float *from, int64_t row_step, int64_t column_step, int64_t rows,
                            int64_t columns, float *numbers, int64_t step)
{
    for (int64_t c = 0; c < count; c += WIDTH) {
        vector half[IN * OUT], row[IN];
        for (int j = 0; j < OUT; j++) {
            vector x[OUT] = {{0}};
            for (int64_t i = 0; i < rows && j < columns; i++)
                x[i] = CONST_AT(from + i * row_step + j * column_step + c);
            result_transposed(x[0], x[1], x[2], x[3], half + j, OUT);
        }
        for (int i = 0; i < IN; i++) {
            const vector *h = half + i * OUT;
            result_transposed(h[0], h[1], h[2], h[3], row, 1);
            CN_UNROLLED
            for (int j = 0; j < IN; j++)
                AT(numbers + (i * IN + j) * step + c) = row[j];
        }
    }
}

static void kernel_gradient(int64_t count, const float *numbers, int64_t step, int64_t parts, int64_t part_step,
                            float *taps, int64_t tap_step)
{
    for (int64_t c = 0; c < count; c += WIDTH) {
        vector sum[IN * IN], half[TAPS * IN], row[TAPS];
        for (int n = 0; n < IN * IN; n++) {
            sum[n] = CONST_AT(numbers + n * step + c);
            for (int64_t p = 1; p < parts; p++)
                sum[n] += CONST_AT(numbers + p * part_step + n * step + c);
        }
        for (int j = 0; j < IN; j++) {
            const vector *s = sum + j;
            kernel_transposed(s[0], s[IN], s[2 * IN], s[3 * IN], s[4 * IN], s[5 * IN], half + j, IN);
        }
        for (int i = 0; i < TAPS; i++) {
            const vector *h = half + i * IN;
            kernel_transposed(h[0], h[1], h[2], h[3], h[4], h[5], row, 1);
            for (int j = 0; j < TAPS; j++)
                AT(taps + (i * TAPS + j) * tap_step + c) = row[j];
        }
    }
}

extern const cn_winograd_kernels CN_ISA_NAME(cn_winograd_kernels);
const cn_winograd_kernels CN_ISA_NAME(cn_winograd_kernels) = {.input = input,
                                                              .kernel = kernel,
                                                              .result = result,
                                                              .result_gradient = result_gradient,
                                                              .kernel_gradient = kernel_gradient};
