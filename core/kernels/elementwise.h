/* Private: the inner loops of element-wise operations, and the vectorised functions under them. */
#ifndef CN_CORE_KERNELS_ELEMENTWISE_H
#define CN_CORE_KERNELS_ELEMENTWISE_H
#include <stdint.h>

/* One row of n elements. pointer[0] is the output, dense; pointer[1...] are the inputs, with a stride in elements each:
 * stride[i] belongs to pointer[i] (stride[0] is not looked at), 0 repeats one element. The output may be an input with
 * stride 1 (in place). scalar holds the operation's parameters. */
typedef void cn_loop(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar);

/* Element types, in the order of cn_dtype. */
enum { CN_ELEMENTWISE_TYPES = 3 };

/* CN_ELEMENTWISE(X): X(name, inputs). The element type of a loop is that of its last input; NULL where the operation
 * has no form for a type. */
#define CN_ELEMENTWISE(X) \
    X(add, 2)             \
    X(subtract, 2)        \
    X(multiply, 2)        \
    X(divide, 2)          \
    X(negative, 1)        \
    X(copy, 1)

enum {
    CN_NO_LOOP,
#define CN_ELEMENTWISE_INDEX_(name, inputs) CN_LOOP_##name,
    CN_ELEMENTWISE(CN_ELEMENTWISE_INDEX_)
#undef CN_ELEMENTWISE_INDEX_
        CN_LOOPS
};

typedef struct cn_elementwise_kernels {
    cn_loop *loop[CN_LOOPS][CN_ELEMENTWISE_TYPES];
} cn_elementwise_kernels;
#endif
