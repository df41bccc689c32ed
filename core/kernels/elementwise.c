#include "core/kernels/isa.h"
#include "core/kernels/elementwise.h"

#define LOOP(name, T, suffix, expression)                                                  \
    static void name##suffix(int64_t n, void *const *p, const int64_t *s, const double *c) \
    {                                                                                      \
        (void)c;                                                                           \
        T *y = p[0];                                                                       \
        const T *pa = p[1];                                                                \
        const T *pb = p[2];                                                                \
        for (int64_t i = 0; i < n; i++) {                                                  \
            T a = pa[i * s[1]], b = 0;                                                     \
            (void)b;                                                                       \
            (void)pb;                                                                      \
            expression;                                                                    \
        }                                                                                  \
    }
#define ALL(name, expression) \
    LOOP(name, float, _f32, expression) LOOP(name, double, _f64, expression) LOOP(name, int, _i32, expression)
ALL(add, y[i] = a + pb[i * s[2]])
ALL(subtract, y[i] = a - pb[i * s[2]])
ALL(multiply, y[i] = a * pb[i * s[2]])
ALL(divide, y[i] = a / pb[i * s[2]])
ALL(negative, y[i] = -a)
ALL(copy, y[i] = a)
extern const cn_elementwise_kernels CN_ISA_NAME(cn_elementwise);
const cn_elementwise_kernels CN_ISA_NAME(cn_elementwise) = {.loop = {
#define ROW(name, n) [CN_LOOP_##name] = {name##_f32, name##_f64, name##_i32},
                                                                CN_ELEMENTWISE(ROW)}};
