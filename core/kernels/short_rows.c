#include "core/kernels/short_rows.h"
#include "core/kernels/isa.h"
#include "core/kernels/vector_math.h"
#include <stdbool.h>

extern const cn_short_row_kernels CN_ISA_NAME(cn_short_row_kernels);

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

/* Vectors of LANES numbers; FIRST makes the mask of a row's. What is joined is joined in halves. */
#if defined(__AVX512F__)
enum { LANES = 16 };
typedef __m512 vector;
typedef __mmask16 mask;
#define FIRST(n) ((__mmask16)((1u << (n)) - 1))
#define LOAD(fill, mask, p) _mm512_mask_loadu_ps(fill, mask, p)
#define STORE(p, mask, v) _mm512_mask_storeu_ps(p, mask, v)
#define SPREAD(x) _mm512_set1_ps(x)
#define LARGEST(v) _mm512_reduce_max_ps(v)
#define SUM(v) _mm512_reduce_add_ps(v)
typedef __m512d doubles;
#define FIRST_HALF(v) _mm512_cvtps_pd(_mm512_castps512_ps256(v))
#define LAST_HALF(v) _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1))
#define PICK(v, places) _mm512_permutexvar_ps((__m512i)(places), v)
#define SMALLER(p, q) ((places)_mm512_min_epu32((__m512i)(p), (__m512i)(q)))
#define SUM_OF_DOUBLES(v) _mm512_reduce_add_pd(v)
/* x y, but 0 where x is 0, whatever y. */
#define TIMES_UNLESS_0(x, y) _mm512_maskz_mul_ps(_mm512_cmp_ps_mask(x, SPREAD(0), _CMP_NEQ_UQ), x, y)
#else
enum { LANES = 8 };
typedef __m256 vector;
typedef __m256i mask;
#define FIRST(n) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define LOAD(fill, mask, p) _mm256_blendv_ps(fill, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask))
#define STORE(p, mask, v) _mm256_maskstore_ps(p, mask, v)
#define SPREAD(x) _mm256_set1_ps(x)
#define DEFINE_JOIN(NAME, join)                                                     \
    static inline float NAME(vector v)                                              \
    {                                                                               \
        __m128 half = join(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1)); \
        half = join(half, _mm_movehl_ps(half, half));                               \
        return _mm_cvtss_f32(join(half, _mm_movehdup_ps(half)));                    \
    }
#define TIMES_UNLESS_0(x, y) _mm256_and_ps(_mm256_cmp_ps(x, SPREAD(0), _CMP_NEQ_UQ), (x) * (y))
DEFINE_JOIN(LARGEST, _mm_max_ps)
DEFINE_JOIN(SUM, _mm_add_ps)
typedef __m256d doubles;
#define FIRST_HALF(v) _mm256_cvtps_pd(_mm256_castps256_ps128(v))
#define LAST_HALF(v) _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1))
#define PICK(v, places) _mm256_permutevar8x32_ps(v, (__m256i)(places))
#define SMALLER(p, q) ((places)_mm256_min_epu32((__m256i)(p), (__m256i)(q)))
static inline double SUM_OF_DOUBLES(doubles v)
{
    const __m128d half = _mm256_castpd256_pd128(v) + _mm256_extractf128_pd(v, 1);
    return half[0] + half[1];
}
#endif

#define ALL_LANES CN_INDEPENDENT for (int lane = 0; lane < LANES; lane++)
#define EACH_ROW for (int64_t r = 0, at = 0; r < rows; r++, at += row_step)
#define ROWWISE(name) static void name(int64_t rows, int64_t row_step, int64_t n, int64_t step, void *const *pointer)

/* What is to be raised lies without gaps, since the powers take longest: a row is stored as a whole vector, whose end
 * the next one overwrites. */
ROWWISE(softmax)
{
    enum { SOME = 32 };
    const mask first = FIRST(n);
    float *y = pointer[0], e[(SOME + 1) * LANES];
    const float *x = pointer[1];
    (void)step;
    for (int64_t some; rows > 0; rows -= some, x += some * row_step, y += some * row_step) {
        some = rows < SOME ? rows : SOME;
        for (int64_t r = 0; r < some; r++) {
            const vector z = LOAD(SPREAD(-INFINITY), first, x + r * row_step), shifted = z - SPREAD(LARGEST(z));
            memcpy(e + r * n, &shifted, sizeof shifted);
        }
        memset(e + some * n, 0, sizeof(vector));
        for (float *at = e; at < e + some * n; at += LANES)
            ALL_LANES at[lane] = cn_exp_f32(at[lane]);
        for (int64_t r = 0; r < some; r++) {
            const vector p = LOAD(SPREAD(0), first, e + r * n);
            STORE(y + r * row_step, first, p / SPREAD(SUM(p)));
        }
    }
}

ROWWISE(softmax_grad)
{
    const mask first = FIRST(n);
    float *dx = pointer[0];
    const float *y = pointer[1], *dy = pointer[2];
    (void)step;
    EACH_ROW
    {
        const vector p = LOAD(SPREAD(0), first, y + at), d = LOAD(SPREAD(0), first, dy + at);
        STORE(dx + at, first, p * (d - SPREAD(SUM(p * d))));
    }
}

/* As there, from the largest of z and p. The logarithms of LANES rows are taken together. */
ROWWISE(crossentropy)
{
    const mask first = FIRST(n);
    float *loss = pointer[0];
    const float *z = pointer[1], *p = pointer[2], *t = pointer[3];
    (void)step;
    for (int64_t r = 0; r < rows; r += LANES, z += LANES * row_step, p += LANES * row_step, t += LANES * row_step) {
        const int some = rows - r < LANES ? (int)(rows - r) : LANES;
        float highest[LANES] = {0}, logarithm[LANES];
        for (int i = 0; i < some; i++)
            highest[i] = LARGEST(LOAD(SPREAD(-INFINITY), first, p + i * row_step));
        ALL_LANES logarithm[lane] = cn_log_f32(highest[lane]);
        for (int i = 0; i < some; i++) {
            const vector logits = LOAD(SPREAD(-INFINITY), first, z + i * row_step);
            const vector target = LOAD(SPREAD(0), first, t + i * row_step);
            const vector above = SPREAD(LARGEST(logits) - logarithm[i]) - logits;
            loss[r + i] = SUM(TIMES_UNLESS_0(target, above));
        }
    }
}

ROWWISE(crossentropy_grad)
{
    const mask first = FIRST(n);
    float *dz = pointer[0];
    const float *p = pointer[1], *t = pointer[2], *dy = pointer[3];
    (void)step;
    EACH_ROW
    {
        const vector target = LOAD(SPREAD(0), first, t + at);
        STORE(dz + at, first, (LOAD(SPREAD(0), first, p + at) * SPREAD(SUM(target)) - target) * SPREAD(dy[r]));
    }
}

static void store_quotients(float *y, int64_t count, const double *sums, double divisor)
{
    float q[LANES];
    ALL_LANES q[lane] = (float)(sums[lane] / divisor);
    vector v;
    memcpy(&v, q, sizeof v);
    STORE(y, FIRST(count), v);
}

static void mean_of_rows(int64_t rows, int64_t row_step, int64_t n, double divisor, const float *x, float *y)
{
    const mask first = FIRST(n);
    for (int64_t r = 0; r < rows; r += LANES) {
        const int some = rows - r < LANES ? (int)(rows - r) : LANES;
        double sums[LANES] = {0};
        for (int i = 0; i < some; i++, x += row_step) {
            const vector v = LOAD(SPREAD(0), first, x);
            sums[i] = SUM_OF_DOUBLES(FIRST_HALF(v) + LAST_HALF(v));
        }
        store_quotients(y + r, some, sums, divisor);
    }
}

static void mean_of_columns(int64_t rows, int64_t row_step, int64_t n, double divisor, const float *x, float *y)
{
    const mask first = FIRST(n);
    doubles even[2] = {{0}}, odd[2] = {{0}};
    int64_t r = 0;
    for (; r + 1 < rows; r += 2, x += 2 * row_step) {
        const vector v = LOAD(SPREAD(0), first, x), w = LOAD(SPREAD(0), first, x + row_step);
        even[0] += FIRST_HALF(v);
        even[1] += LAST_HALF(v);
        odd[0] += FIRST_HALF(w);
        odd[1] += LAST_HALF(w);
    }
    if (r < rows) {
        const vector v = LOAD(SPREAD(0), first, x);
        even[0] += FIRST_HALF(v);
        even[1] += LAST_HALF(v);
    }
    const doubles sum[] = {even[0] + odd[0], even[1] + odd[1]};
    double sums[LANES];
    memcpy(sums, sum, sizeof sums);
    store_quotients(y, n, sums, divisor);
}

typedef uint32_t places __attribute__((vector_size(sizeof(vector))));

/* The remainders of places below 2 n: of a smaller one than n, less n is a very large number. */
static inline places wrapped(places p, uint32_t n)
{
    return SMALLER(p, p - n);
}

static inline vector finished(vector sum, bool relu)
{
    return relu ? (vector)((places)sum & ~(places)(sum <= SPREAD(0))) : sum;
}

/* Rows one behind the other are run through vector by vector: the lanes of the row that is added are at its elements'
 * places modulo n. */
static inline void add_to_rows(int64_t rows, int64_t n, void *const *pointer, const int64_t *step, bool relu)
{
    const vector row = LOAD(SPREAD(0), FIRST(n), pointer[2]);
    const int64_t bytes = n * (int64_t)sizeof(float), count = rows * n;
    if (rows == 1 || step[0] != bytes || step[1] != bytes) {
        for (int64_t r = 0; r < rows; r++) {
            const float *x = (const float *)((const char *)pointer[1] + r * step[1]);
            const vector sum = LOAD(SPREAD(0), FIRST(n), x) + row;
            STORE((float *)((char *)pointer[0] + r * step[0]), FIRST(n), finished(sum, relu));
        }
        return;
    }
    const uint32_t width = (uint32_t)n, advance = LANES % width;
    places p;
    for (uint32_t lane = 0; lane < LANES; lane++)
        p[lane] = lane;
    for (uint32_t i = width; i < LANES; i += width)
        p = wrapped(p, width);
    float *y = pointer[0];
    const float *x = pointer[1];
    for (int64_t at = 0; at < count; at += LANES) {
        const mask some = FIRST(count - at < LANES ? count - at : LANES);
        const vector sum = LOAD(SPREAD(0), some, x + at) + PICK(row, p);
        STORE(y + at, some, finished(sum, relu));
        p = wrapped(p + advance, width);
    }
}

static void add_row(int64_t rows, int64_t n, void *const *pointer, const int64_t *step)
{
    add_to_rows(rows, n, pointer, step, false);
}

static void relu_of_sum(int64_t rows, int64_t n, void *const *pointer, const int64_t *step)
{
    add_to_rows(rows, n, pointer, step, true);
}

const cn_short_row_kernels CN_ISA_NAME(cn_short_row_kernels) = {
    .most = LANES,
    .add_row = add_row,
    .relu_of_sum = relu_of_sum,
    .mean_of_rows = mean_of_rows,
    .mean_of_columns = mean_of_columns,
    .row = {[CN_ROW_softmax] = softmax,
            [CN_ROW_softmax_grad] = softmax_grad,
            [CN_ROW_crossentropy] = crossentropy,
            [CN_ROW_crossentropy_grad] = crossentropy_grad}};
#else
const cn_short_row_kernels CN_ISA_NAME(cn_short_row_kernels) = {.most = 0};
#endif
