#include "core/kernels/isa.h"
#include "core/kernels/elementwise.h"
#include "core/kernels/vector_math.h"
#include <stdbool.h>
#include <tgmath.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A loop is its element's formula `value` in a plain `for` over dense operands, so that the compiler makes vector code
 * of it. The vector code and its tail give the same bits because neither may contract or reorder. `parameters` declares
 * what the formula needs of scalar[]. Operands that a loop has no form for are made dense a tile at a time. To keep the
 * library small there are four kinds:
 *   LOOP     short formulas: the tail is the compiler's
 *   SCALAR   the same, with forms for an operand that is one number, which arithmetic often has
 *   VECTORS  long formulas, and those seldom used: whole vectors, and a tail that is one masked block for float and is
 *            filled up in a tile for the other types
 *   CALLS    calls of libm: one loop for all strides, as there is no vector code */
#define FOR_EACH(count, ...)                               \
    do {                                                   \
        CN_INDEPENDENT for (int64_t i = 0; i < count; i++) \
        {                                                  \
            __VA_ARGS__                                    \
        }                                                  \
    } while (0)
/* The number of iterations of the first loop is a multiple of every vector's elements. */
#define FOR_BLOCKS(type, ...)                                              \
    do {                                                                   \
        const int64_t whole = n & -BLOCK;                                  \
        FOR_EACH(whole, __VA_ARGS__);                                      \
        if (IS_FLOAT(type) && n > whole)                                   \
            CN_INDEPENDENT for (int64_t i = whole; i < whole + BLOCK; i++) \
            {                                                              \
                if (i < n) {                                               \
                    __VA_ARGS__                                            \
                }                                                          \
            }                                                              \
    } while (0)
#define IS_FLOAT(type) _Generic((type)0, float : true, default : false)

enum { BLOCK = 16, TILE = 256 }; /* elements */

/* `padded` elements, those after `count` like the last. */
CN_INLINE void gather_of(size_t element, unsigned char *tile, const unsigned char *from, int64_t step, int64_t count,
                         int64_t padded)
{
    unsigned char last[sizeof(double)];
    memcpy(last, from + (count - 1) * step, element);
    int64_t first = step == 0 ? 0 : count;
    for (int64_t i = 0; i < first; i++)
        memcpy(tile + (size_t)i * element, from + i * step, element);
    for (int64_t i = first; i < padded; i++)
        memcpy(tile + (size_t)i * element, last, element);
}

/* How many inputs a loop has, and the sizes of an element of these and of the output. */
typedef struct operands {
    uint8_t inputs, in, out;
} operands;

/* Runs `loop` on whole blocks of dense operands, by way of tiles where they are not so. Few enough arguments for a call
 * in last place to be a jump: loops need no frame. */
static __attribute__((noinline)) void in_tiles(int64_t n, void *const *pointer, const int64_t *stride,
                                               const double *scalar, cn_loop *loop, operands o)
{
    static const int64_t dense[] = {1, 1, 1};
    _Alignas(64) unsigned char tile[COUNT(dense)][TILE * sizeof(double)];
    for (int64_t begin = 0, count; begin < n; begin += count) {
        count = n - begin < TILE ? n - begin : TILE;
        if (count > BLOCK)
            count &= -BLOCK;
        const int64_t padded = (count + BLOCK - 1) & -BLOCK;
        unsigned char *to = (unsigned char *)pointer[0] + (size_t)begin * o.out;
        void *at[COUNT(dense)] = {count == padded ? to : tile[0]};
        for (int k = 1; k <= o.inputs; k++) {
            const int64_t step = stride[k] * o.in;
            unsigned char *from = (unsigned char *)pointer[k] + begin * step;
            const bool direct = stride[k] == 1 && count == padded;
            at[k] = direct ? from : tile[k];
            if (direct || (stride[k] == 0 && begin > 0))
                continue;
            if (o.in == sizeof(float))
                gather_of(sizeof(float), tile[k], from, step, count, padded);
            else
                gather_of(sizeof(double), tile[k], from, step, count, padded);
        }
        loop(padded, at, dense, scalar);
        if (count != padded)
            memcpy(to, tile[0], (size_t)count * o.out);
    }
}

#define ARGUMENTS_1(output, input, parameters) \
    output *out = pointer[0];                  \
    const input *p = pointer[1];               \
    (void)scalar;                              \
    parameters
#define ARGUMENTS_2(output, input, parameters)    \
    output *out = pointer[0];                     \
    const input *p = pointer[1], *q = pointer[2]; \
    (void)scalar;                                 \
    parameters
#define IN_TILES(name, inputs, output, input) \
    in_tiles(n, pointer, stride, scalar, name, (operands){inputs, sizeof(input), sizeof(output)})

#define LOOP_1(name, output, input, x, parameters, value)                                          \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_1(output, input, parameters);                                                    \
        if (stride[1] == 1 || n == 1)                                                              \
            FOR_EACH(n, const input x = p[i]; out[i] = value;);                                    \
        else                                                                                       \
            IN_TILES(name, 1, output, input);                                                      \
    }
#define LOOP_2(name, output, input, a, b, parameters, value)                                       \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_2(output, input, parameters);                                                    \
        if ((stride[1] == 1 && stride[2] == 1) || n == 1)                                          \
            FOR_EACH(n, const input a = p[i]; const input b = q[i]; out[i] = value;);              \
        else                                                                                       \
            IN_TILES(name, 2, output, input);                                                      \
    }
#define VECTORS_1(name, output, input, x, parameters, value)                                       \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_1(output, input, parameters);                                                    \
        if ((stride[1] == 1) & (IS_FLOAT(input) | (n % BLOCK == 0)))                               \
            FOR_BLOCKS(input, const input x = p[i]; out[i] = value;);                              \
        else                                                                                       \
            IN_TILES(name, 1, output, input);                                                      \
    }
#define VECTORS_2(name, output, input, a, b, parameters, value)                                    \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_2(output, input, parameters);                                                    \
        if ((stride[1] == 1) & (stride[2] == 1) & (IS_FLOAT(input) | (n % BLOCK == 0)))            \
            FOR_BLOCKS(input, const input a = p[i]; const input b = q[i]; out[i] = value;);        \
        else                                                                                       \
            IN_TILES(name, 2, output, input);                                                      \
    }

#define SCALAR_2(name, output, input, a, b, parameters, value)                                     \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_2(output, input, parameters);                                                    \
        if ((stride[1] == 1 && stride[2] == 1) || n == 1) {                                        \
            FOR_EACH(n, const input a = p[i]; const input b = q[i]; out[i] = value;);              \
        } else if (stride[1] == 1 && stride[2] == 0) {                                             \
            const input b = *q;                                                                    \
            FOR_EACH(n, const input a = p[i]; out[i] = value;);                                    \
        } else if (stride[1] == 0 && stride[2] == 1) {                                             \
            const input a = *p;                                                                    \
            FOR_EACH(n, const input b = q[i]; out[i] = value;);                                    \
        } else {                                                                                   \
            IN_TILES(name, 2, output, input);                                                      \
        }                                                                                          \
    }

#define CALLS_1(name, output, input, x, parameters, value)                                         \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_1(output, input, parameters);                                                    \
        const int64_t step = stride[1];                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const input x = p[i * step];                                                           \
            out[i] = value;                                                                        \
        }                                                                                          \
    }
#define CALLS_2(name, output, input, a, b, parameters, value)                                      \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        ARGUMENTS_2(output, input, parameters);                                                    \
        const int64_t step_p = stride[1], step_q = stride[2];                                      \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const input a = p[i * step_p], b = q[i * step_q];                                      \
            out[i] = value;                                                                        \
        }                                                                                          \
    }

#define COPY(name, type)                                                                           \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        type *out = pointer[0];                                                                    \
        const type *p = pointer[1];                                                                \
        const int64_t step = stride[1];                                                            \
        (void)scalar;                                                                              \
        if (n <= 0)                                                                                \
            return;                                                                                \
        const type first = *p;                                                                     \
        if (step == 1)                                                                             \
            FOR_EACH(n, out[i] = p[i];);                                                           \
        else if (step == 0)                                                                        \
            FOR_EACH(n, out[i] = first;);                                                          \
        else                                                                                       \
            FOR_EACH(n, out[i] = p[i * step];);                                                    \
    }

/* Masks are whole or, at times, one element for all; either choice is often one number. */
#define WHERE(name, type)                                                                          \
    static void name(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar) \
    {                                                                                              \
        type *out = pointer[0];                                                                    \
        const int32_t *c = pointer[1];                                                             \
        const type *p = pointer[2], *q = pointer[3];                                               \
        const int64_t step_c = stride[1], step_p = stride[2], step_q = stride[3];                  \
        (void)scalar;                                                                              \
        if (n <= 0)                                                                                \
            return;                                                                                \
        const type a = *p, b = *q;                                                                 \
        if (step_c == 1 && step_p == 1 && step_q == 1)                                             \
            FOR_EACH(n, const type x = p[i]; const type y = q[i]; out[i] = c[i] != 0 ? x : y;);    \
        else if (step_c == 1 && step_p == 1 && step_q == 0)                                        \
            FOR_EACH(n, const type x = p[i]; out[i] = c[i] != 0 ? x : b;);                         \
        else if (step_c == 1 && step_p == 0 && step_q == 1)                                        \
            FOR_EACH(n, const type y = q[i]; out[i] = c[i] != 0 ? a : y;);                         \
        else                                                                                       \
            FOR_EACH(n, const type x = p[i * step_p]; const type y = q[i * step_q];                \
                     out[i] = c[i * step_c] != 0 ? x : y;);                                        \
    }

#define COMPARISONS(suffix, type)                              \
    LOOP_2(equal_##suffix, int32_t, type, a, b, , a == b)      \
    LOOP_2(not_equal_##suffix, int32_t, type, a, b, , a != b)  \
    LOOP_2(less_##suffix, int32_t, type, a, b, , a < b)        \
    LOOP_2(less_equal_##suffix, int32_t, type, a, b, , a <= b) \
    LOOP_2(greater_##suffix, int32_t, type, a, b, , a > b)     \
    LOOP_2(greater_equal_##suffix, int32_t, type, a, b, , a >= b)

COMPARISONS(f32, float)
COMPARISONS(f64, double)
COMPARISONS(i32, int32_t)
COPY(copy_f32, float)
COPY(copy_f64, double)
COPY(copy_i32, int32_t)
WHERE(where_f32, float)
WHERE(where_f64, double)
WHERE(where_i32, int32_t)

CN_INLINE int32_t i32_from_f32(float x)
{
    const int32_t inside = (int32_t)(x >= -0x1p31f && x < 0x1p31f ? x : 0);
    return x >= 0x1p31f ? INT32_MAX : x < -0x1p31f ? INT32_MIN : inside;
}

CN_INLINE int32_t i32_from_f64(double x)
{
    const double low = x < INT32_MIN ? INT32_MIN : x;
    const double high = low > INT32_MAX ? INT32_MAX : low;
    return (int32_t)(x != x ? 0 : high);
}

LOOP_1(cast_to_f32_f32, float, float, x, , x)
LOOP_1(cast_to_f32_f64, float, double, x, , (float)x)
LOOP_1(cast_to_f32_i32, float, int32_t, x, , (float)x)
LOOP_1(cast_to_f64_f32, double, float, x, , x)
LOOP_1(cast_to_f64_f64, double, double, x, , x)
LOOP_1(cast_to_f64_i32, double, int32_t, x, , x)
LOOP_1(cast_to_i32_f32, int32_t, float, x, , i32_from_f32(x))
LOOP_1(cast_to_i32_f64, int32_t, double, x, , i32_from_f64(x))
LOOP_1(cast_to_i32_i32, int32_t, int32_t, x, , x)

#define REAL float
#define SUFFIX f32
#define REAL_MAX FLT_MAX
#include "core/kernels/elementwise_real.h"

#define REAL double
#define SUFFIX f64
#define REAL_MAX DBL_MAX
#include "core/kernels/elementwise_real.h"

/* Python's a % b and a // b, but 0 where b is 0. A divisor of -1 overflows with INT32_MIN, and is taken for 1. */
CN_INLINE int32_t mod(int32_t a, int32_t b)
{
    const int32_t divisor = ((b == 0) | (b == -1)) ? 1 : b;
    const int32_t rest = a % divisor;
    return rest != 0 && (rest ^ divisor) < 0 ? rest + divisor : rest;
}

CN_INLINE int32_t wrapped(uint32_t x)
{
    return (int32_t)x;
}

CN_INLINE int32_t floor_divide(int32_t a, int32_t b)
{
    const int32_t divisor = ((b == 0) | (b == -1)) ? 1 : b;
    const int32_t rest = a % divisor;
    const int32_t quotient = a / divisor - (rest != 0 && (rest ^ divisor) < 0);
    return b == 0 ? 0 : b == -1 ? wrapped(0u - (uint32_t)a) : quotient;
}

CN_INLINE int32_t power(int32_t a, int32_t b)
{
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? (b % 2 ? -1 : 1) : 0;
    uint32_t result = 1, square = (uint32_t)a;
    for (; b > 0; b >>= 1, square *= square)
        result *= b & 1 ? square : 1;
    return wrapped(result);
}

#define UNARY(name, value) VECTORS_1(name##_i32, int32_t, int32_t, x, , value)
#define BINARY(name, value) VECTORS_2(name##_i32, int32_t, int32_t, a, b, , value)
#define SCALAR(name, value) SCALAR_2(name##_i32, int32_t, int32_t, a, b, , value)
#define CALLS(name, value) CALLS_2(name##_i32, int32_t, int32_t, a, b, , value)
SCALAR(add, wrapped((uint32_t)a + (uint32_t)b))
SCALAR(subtract, wrapped((uint32_t)a - (uint32_t)b))
SCALAR(multiply, wrapped((uint32_t)a *(uint32_t)b))
BINARY(maximum, a > b ? a : b)
BINARY(minimum, a < b ? a : b)
CALLS(power, power(a, b))
CALLS(mod, mod(a, b))
CALLS(floor_divide, floor_divide(a, b))
BINARY(logical_and, (a != 0) & (b != 0))
BINARY(logical_or, (a != 0) | (b != 0))
UNARY(logical_not, x == 0)
UNARY(negative, wrapped(0u - (uint32_t)x))
UNARY(absolute, x < 0 ? wrapped(0u - (uint32_t)x) : x)
UNARY(sign, (x > 0) - (x < 0))
UNARY(square, wrapped((uint32_t)x *(uint32_t)x))
VECTORS_1(clip_i32, int32_t, int32_t, x, const int32_t low = i32_from_f64(scalar[0]);
          const int32_t high = i32_from_f64(scalar[1]), (x < low ? low : x) > high ? high : (x < low ? low : x))

#define ADD_ROW(name, value)                                                             \
    static void name(int64_t rows, int64_t n, void *const *pointer, const int64_t *step) \
    {                                                                                    \
        unsigned char *out_row = pointer[0];                                             \
        const unsigned char *x_row = pointer[1];                                         \
        const float *added = pointer[2];                                                 \
        for (; rows > 0; rows--, out_row += step[0], x_row += step[1]) {                 \
            float *out = (float *)(void *)out_row;                                       \
            const float *p = (const float *)(const void *)x_row;                         \
            FOR_BLOCKS(float, const float x = p[i] + added[i]; out[i] = value;);         \
        }                                                                                \
    }
ADD_ROW(add_row, x)
ADD_ROW(relu_of_sum, x <= 0 ? 0 : x)

#define ALL_ROW(name, inputs) [CN_LOOP_##name] = {name##_f32, name##_f64, name##_i32},
#define REAL_ROW(name, inputs) [CN_LOOP_##name] = {name##_f32, name##_f64, NULL},
#define INTEGER_ROW(name, inputs) [CN_LOOP_##name] = {NULL, NULL, name##_i32},

extern const cn_elementwise_kernels CN_ISA_NAME(cn_elementwise);

const cn_elementwise_kernels CN_ISA_NAME(cn_elementwise) = {
    .loop = {CN_ELEMENTWISE_ALL(ALL_ROW) CN_ELEMENTWISE_REAL(REAL_ROW) CN_ELEMENTWISE_INTEGER(INTEGER_ROW)},
    .add_row = add_row,
    .relu_of_sum = relu_of_sum};
