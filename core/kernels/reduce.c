#include "core/kernels/reduce.h"
#include "core/kernels/isa.h"
#include <math.h>
#include <stdbool.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

/* Vectors of accumulators. */
#if defined(__AVX512F__)
enum { LANES = 8 };
#elif defined(__AVX2__)
enum { LANES = 4 };
#else
enum { LANES = 2 };
#endif
typedef double reals __attribute__((vector_size(LANES * sizeof(double))));
typedef int64_t integers __attribute__((vector_size(LANES * sizeof(int64_t))));
typedef float f32_block __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));
typedef double f64_block __attribute__((vector_size(LANES * sizeof(double)), aligned(8), may_alias));
typedef int32_t i32_block __attribute__((vector_size(LANES * sizeof(int32_t)), aligned(4), may_alias));

/* Each step for one element and for a vector of them. Integers wrap around in 64 bits. */
#define SELECT(wanted, x, a) ((integers)(x) & (wanted)) | ((integers)(a) & ~(wanted))
#define STEPS(V, A, U, suffix)                                     \
    static inline A sum_one_##suffix(A a, A x)                     \
    {                                                              \
        return (A)((U)a + (U)x);                                   \
    }                                                              \
    static inline V sum_many_##suffix(V a, V x)                    \
    {                                                              \
        return a + x;                                              \
    }                                                              \
    static inline A prod_one_##suffix(A a, A x)                    \
    {                                                              \
        return (A)((U)a * (U)x);                                   \
    }                                                              \
    static inline V prod_many_##suffix(V a, V x)                   \
    {                                                              \
        return a * x;                                              \
    }                                                              \
    static inline A max_one_##suffix(A a, A x)                     \
    {                                                              \
        return x > a || x != x ? x : a;                            \
    }                                                              \
    static inline V max_many_##suffix(V a, V x)                    \
    {                                                              \
        integers wanted = (integers)(x > a) | (integers)(x != x);  \
        return (V)(SELECT(wanted, x, a));                          \
    }                                                              \
    static inline A min_one_##suffix(A a, A x)                     \
    {                                                              \
        return x < a || x != x ? x : a;                            \
    }                                                              \
    static inline V min_many_##suffix(V a, V x)                    \
    {                                                              \
        integers wanted = (integers)(x < a) | (integers)(x != x);  \
        return (V)(SELECT(wanted, x, a));                          \
    }                                                              \
    static inline A count_one_##suffix(A a, A x)                   \
    {                                                              \
        return a + (x != 0);                                       \
    }                                                              \
    static inline V count_many_##suffix(V a, V x)                  \
    {                                                              \
        return a - __builtin_convertvector((integers)(x != 0), V); \
    }
STEPS(reals, double, double, real)
STEPS(integers, int64_t, uint64_t, integer)

/* Joining two accumulators is a step, but for counts it is a sum. */
#define JOIN_sum(suffix) sum_one_##suffix
#define JOIN_prod(suffix) prod_one_##suffix
#define JOIN_max(suffix) max_one_##suffix
#define JOIN_min(suffix) min_one_##suffix
#define JOIN_count(suffix) sum_one_##suffix
#define START_sum(member) 0
#define START_prod(member) 1
#define START_max(member) START_MAX_##member
#define START_min(member) START_MIN_##member
#define START_count(member) 0
#define START_MAX_real (-(double)INFINITY)
#define START_MIN_real ((double)INFINITY)
#define START_MAX_integer INT64_MIN
#define START_MIN_integer INT64_MAX

/* Compiled for size, but for sums and maxima, of which training has many. */
#define SIZE_sum
#define SIZE_prod __attribute__((cold))
#define SIZE_max
#define SIZE_min __attribute__((cold))
#define SIZE_count __attribute__((cold))
#define SIZE_scan __attribute__((cold))

#define LOAD(type, V, x) __builtin_convertvector(*(const type##_block *)(x), V)

/* GCC converts a vector of floats in halves: as well for short rows, which may just have been stored piece by piece,
 * but not for long ones. */
#if defined(__AVX512F__)
#define LOAD_LONG_f32(x) ((reals)_mm512_cvtps_pd(_mm256_loadu_ps(x)))
#elif defined(__AVX2__)
#define LOAD_LONG_f32(x) ((reals)_mm256_cvtps_pd(_mm_loadu_ps(x)))
#else
#define LOAD_LONG_f32(x) LOAD(f32, reals, x)
#endif
#define LOAD_LONG_f64(x) LOAD(f64, reals, x)
#define LOAD_LONG_i32(x) LOAD(i32, integers, x)

/* Rows below SHORT elements are not worth the joining of lanes. */
enum { SHORT = 2 * LANES };

/* Columns that fill no vector are read with the begin of the next row behind them, whose lanes are thrown away: all
 * rows but the last ones, behind which there may be nothing. */
#define REDUCE(name, T, type, V, A, member)                                                                           \
    SIZE_##name static A row_##name##_##type(int64_t n, const T *x)                                                   \
    {                                                                                                                 \
        const A start = START_##name(member);                                                                         \
        V a = start - (V){0}, b = a, c = a, d = a;                                                                    \
        int64_t i = 0;                                                                                                \
        for (; i + 4 * LANES <= n; i += 4 * LANES) {                                                                  \
            a = name##_many_##member(a, LOAD_LONG_##type(x + i));                                                     \
            b = name##_many_##member(b, LOAD_LONG_##type(x + i + LANES));                                             \
            c = name##_many_##member(c, LOAD_LONG_##type(x + i + 2 * LANES));                                         \
            d = name##_many_##member(d, LOAD_LONG_##type(x + i + 3 * LANES));                                         \
        }                                                                                                             \
        for (; i + LANES <= n; i += LANES)                                                                            \
            a = name##_many_##member(a, LOAD(type, V, x + i));                                                        \
        A result = start;                                                                                             \
        for (int lane = 0; lane < LANES; lane++) {                                                                    \
            A ab = JOIN_##name(member)(a[lane], b[lane]), cd = JOIN_##name(member)(c[lane], d[lane]);                 \
            result = JOIN_##name(member)(result, JOIN_##name(member)(ab, cd));                                        \
        }                                                                                                             \
        for (; i < n; i++)                                                                                            \
            result = name##_one_##member(result, (A)x[i]);                                                            \
        return result;                                                                                                \
    }                                                                                                                 \
    SIZE_##name static void columns_##name##_##type(int64_t columns, int64_t rows, int64_t stride, const T *x,        \
                                                    cn_accumulator *accumulator)                                      \
    {                                                                                                                 \
        int64_t k = 0;                                                                                                \
        for (; k + 4 * LANES <= columns; k += 4 * LANES) {                                                            \
            f64_block *to = (f64_block *)(accumulator + k);                                                           \
            V a = (V)to[0], b = (V)to[1], c = (V)to[2], d = (V)to[3];                                                 \
            for (int64_t r = 0; r < rows; r++) {                                                                      \
                const T *row = x + r * stride + k;                                                                    \
                a = name##_many_##member(a, LOAD_LONG_##type(row));                                                   \
                b = name##_many_##member(b, LOAD_LONG_##type(row + LANES));                                           \
                c = name##_many_##member(c, LOAD_LONG_##type(row + 2 * LANES));                                       \
                d = name##_many_##member(d, LOAD_LONG_##type(row + 3 * LANES));                                       \
            }                                                                                                         \
            to[0] = (f64_block)a;                                                                                     \
            to[1] = (f64_block)b;                                                                                     \
            to[2] = (f64_block)c;                                                                                     \
            to[3] = (f64_block)d;                                                                                     \
        }                                                                                                             \
        for (; k + LANES <= columns; k += LANES) {                                                                    \
            f64_block *to = (f64_block *)(accumulator + k);                                                           \
            V a = (V)to[0];                                                                                           \
            for (int64_t r = 0; r < rows; r++)                                                                        \
                a = name##_many_##member(a, LOAD(type, V, x + r * stride + k));                                       \
            to[0] = (f64_block)a;                                                                                     \
        }                                                                                                             \
        int64_t r = 0;                                                                                                \
        if (k < columns && rows > 2 && stride > 0) {                                                                  \
            const int64_t left = columns - k, beyond = LANES - left;                                                  \
            const int64_t whole = rows - (stride >= beyond ? 1 : (beyond + stride - 1) / stride);                     \
            f64_block some = {0};                                                                                     \
            for (int64_t j = 0; j < left; j++)                                                                        \
                memcpy((double *)&some + j, accumulator + k + j, sizeof(double));                                     \
            V a = (V)some;                                                                                            \
            for (; r < whole; r++)                                                                                    \
                a = name##_many_##member(a, LOAD(type, V, x + r * stride + k));                                       \
            some = (f64_block)a;                                                                                      \
            for (int64_t j = 0; j < left; j++)                                                                        \
                memcpy(accumulator + k + j, (double *)&some + j, sizeof(double));                                     \
        }                                                                                                             \
        for (; r < rows; r++)                                                                                         \
            for (int64_t j = k; j < columns; j++)                                                                     \
                accumulator[j].member = name##_one_##member(accumulator[j].member, (A)x[r * stride + j]);             \
    }                                                                                                                 \
    SIZE_##name static void name##_##type(int64_t kept, int64_t kept_stride, int64_t reduced, int64_t reduced_stride, \
                                          const void *from, cn_accumulator *accumulator)                              \
    {                                                                                                                 \
        const T *x = from;                                                                                            \
        if (kept_stride == 1 && kept > 1) {                                                                           \
            columns_##name##_##type(kept, reduced, reduced_stride, x, accumulator);                                   \
            return;                                                                                                   \
        }                                                                                                             \
        for (int64_t k = 0; k < kept; k++, x += kept_stride) {                                                        \
            A a = accumulator[k].member;                                                                              \
            if (reduced_stride == 1 && reduced >= SHORT)                                                              \
                a = JOIN_##name(member)(a, row_##name##_##type(reduced, x));                                          \
            else                                                                                                      \
                for (int64_t r = 0; r < reduced; r++)                                                                 \
                    a = name##_one_##member(a, (A)x[r * reduced_stride]);                                             \
            accumulator[k].member = a;                                                                                \
        }                                                                                                             \
    }

#define REDUCE_ALL(name)                           \
    REDUCE(name, float, f32, reals, double, real)  \
    REDUCE(name, double, f64, reals, double, real) \
    REDUCE(name, int32_t, i32, integers, int64_t, integer)
CN_REDUCTIONS(REDUCE_ALL)

/* A NaN wins over everything but an earlier NaN. */
#define ARGUMENT(name, T, type, better)                                                                   \
    static void name##_##type(int64_t kept, int64_t kept_stride, int64_t reduced, int64_t reduced_stride, \
                              const void *from, int32_t *index)                                           \
    {                                                                                                     \
        const T *x = from;                                                                                \
        for (int64_t k = 0; k < kept; k++, x += kept_stride) {                                            \
            T best = x[0];                                                                                \
            int64_t at = 0;                                                                               \
            for (int64_t r = 1; r < reduced; r++) {                                                       \
                T value = x[r * reduced_stride];                                                          \
                bool wins = value better best || (value != value && best == best);                        \
                best = wins ? value : best;                                                               \
                at = wins ? r : at;                                                                       \
            }                                                                                             \
            index[k] = (int32_t)at;                                                                       \
        }                                                                                                 \
    }
#define ARGUMENT_ALL(name, better)      \
    ARGUMENT(name, float, f32, better)  \
    ARGUMENT(name, double, f64, better) \
    ARGUMENT(name, int32_t, i32, better)
ARGUMENT_ALL(argmax, >)
ARGUMENT_ALL(argmin, <)

#define SCAN(name, T, type, A, U, member, inputs, first, second)                                                       \
    SIZE_scan static void name##_##type(int64_t n, void *const *pointer, const int64_t *stride, cn_accumulator *state) \
    {                                                                                                                  \
        T *y = pointer[0];                                                                                             \
        const T *x = pointer[1], *b = pointer[inputs];                                                                 \
        (void)b;                                                                                                       \
        A carry = state->member;                                                                                       \
        for (int64_t i = 0; i < n; i++) {                                                                              \
            first;                                                                                                     \
            second;                                                                                                    \
            y += stride[0];                                                                                            \
            x += stride[1];                                                                                            \
            b += stride[inputs];                                                                                       \
        }                                                                                                              \
        state->member = carry;                                                                                         \
    }
#define SCAN_ALL(T, type, A, U, member)                                                   \
    SCAN(cumsum, T, type, A, U, member, 1, carry = (A)((U)carry + (U)*x), *y = (T)carry)  \
    SCAN(product, T, type, A, U, member, 1, *y = (T)carry, carry = (A)((U)carry * (U)*x)) \
    SCAN(recurrence, T, type, A, U, member, 2, *y = (T)carry, carry = (A)((U)*x * (U)carry + (U)*b))
SCAN_ALL(float, f32, double, double, real)
SCAN_ALL(double, f64, double, double, real)
SCAN_ALL(int32_t, i32, int64_t, uint64_t, integer)

extern const cn_reduce_kernels CN_ISA_NAME(cn_reduce_kernels);
const cn_reduce_kernels CN_ISA_NAME(cn_reduce_kernels) = {
#define TYPES(name)                        \
    {                                      \
        name##_f32, name##_f64, name##_i32 \
    }
#define REDUCE_ROW(name) [CN_REDUCE_##name] = TYPES(name),
#define SCAN_ROW(name) [CN_SCAN_##name] = TYPES(name),
    .reduce = {CN_REDUCTIONS(REDUCE_ROW)},
    .argmax = TYPES(argmax),
    .argmin = TYPES(argmin),
    .scan = {CN_SCANS(SCAN_ROW)},
};
