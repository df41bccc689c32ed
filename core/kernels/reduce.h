/* Private: the inner loops of reductions and cumulative operations. */
#ifndef CN_CORE_KERNELS_REDUCE_H
#define CN_CORE_KERNELS_REDUCE_H
#include <stdint.h>

/* Element types, in the order of cn_dtype. */
enum { CN_REDUCE_TYPES = 3 };

/* Results grow in wider accumulators: of float and double a double, of int32 an int64. So a sum of floats is rounded
 * once. */
typedef union cn_accumulator {
    double real;
    int64_t integer;
} cn_accumulator;

/* count: of what is not zero. max and min give NaN where there is one. */
#define CN_REDUCTIONS(X) X(sum) X(prod) X(max) X(min) X(count)
enum {
#define CN_REDUCE_INDEX_(name) CN_REDUCE_##name,
    CN_REDUCTIONS(CN_REDUCE_INDEX_)
#undef CN_REDUCE_INDEX_
        CN_REDUCE_COUNT_
};

/* Reduces x[k * kept_stride + r * reduced_stride] over r < reduced into accumulator[k], for each k < kept, on top of
 * what is there. Fast where one of the strides is 1. */
typedef void cn_reduce(int64_t kept, int64_t kept_stride, int64_t reduced, int64_t reduced_stride, const void *x,
                       cn_accumulator *accumulator);
/* The index r of the largest (smallest) x[k * kept_stride + r * reduced_stride] for each k < kept: the first of equal
 * ones, and the first NaN if there is one. reduced > 0. */
typedef void cn_argument(int64_t kept, int64_t kept_stride, int64_t reduced, int64_t reduced_stride, const void *x,
                         int32_t *index);

/* Runs along n places of pointer[0], the output, and pointer[1...], with strides in elements, from *carry on.
 *   cumsum:     carry += x;              y = carry
 *   product:    y = carry;               carry *= x
 *   recurrence: y = carry;               carry = x * carry + b */
#define CN_SCANS(X) X(cumsum) X(product) X(recurrence)
enum {
#define CN_SCAN_INDEX_(name) CN_SCAN_##name,
    CN_SCANS(CN_SCAN_INDEX_)
#undef CN_SCAN_INDEX_
        CN_SCAN_COUNT_
};
typedef void cn_scan(int64_t n, void *const *pointer, const int64_t *stride, cn_accumulator *carry);

typedef struct cn_reduce_kernels {
    cn_reduce *reduce[CN_REDUCE_COUNT_][CN_REDUCE_TYPES];
    cn_argument *argmax[CN_REDUCE_TYPES], *argmin[CN_REDUCE_TYPES];
    cn_scan *scan[CN_SCAN_COUNT_][CN_REDUCE_TYPES];
} cn_reduce_kernels;
#endif
