/* Private: the inner loops of element-wise operations. */
#ifndef CN_CORE_KERNELS_ELEMENTWISE_H
#define CN_CORE_KERNELS_ELEMENTWISE_H
#include <stdint.h>

/* One row of n elements. pointer[0] is the output, dense; pointer[1...] are the inputs, with a stride in elements each:
 * stride[i] belongs to pointer[i] (stride[0] is not looked at), 0 repeats one element. The output may be an input with
 * stride 1 (in place). scalar holds the operation's parameters. */
typedef void cn_loop(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar);

/* Element by element, the sum of each row of x and one row that is the same for all, in F32: pointer[0] is the output,
 * pointer[1] x, pointer[2] the row. step[0] and step[1] are the bytes from one row to the next. */
typedef void cn_row_loop(int64_t rows, int64_t columns, void *const *pointer, const int64_t *step);

/* Element types, in the order of cn_dtype. */
enum { CN_ELEMENTWISE_TYPES = 3 };

/* The element type of a loop is that of its last input; its output has the same type unless a comment says otherwise.
 * The formulas are Keras'. NAME_grad(x, dy) is dy times the derivative of NAME at x, with NAME's parameters; relu_grad,
 * sigmoid_grad and tanh_grad take the output y in the place of x. */

/* For F32 and F64. */
#define CN_ELEMENTWISE_REAL(X)                                                      \
    X(divide, 2)                                                                    \
    X(arctan2, 2)                                                                   \
    X(logaddexp, 2)                                                                 \
    X(sqrt, 1)                                                                      \
    X(rsqrt, 1)                                                                     \
    X(reciprocal, 1)                                                                \
    X(exp, 1)                                                                       \
    X(expm1, 1)                                                                     \
    X(log, 1)                                                                       \
    X(log1p, 1)                                                                     \
    X(log2, 1)                                                                      \
    X(log10, 1)                                                                     \
    X(sin, 1)                                                                       \
    X(cos, 1)                                                                       \
    X(tan, 1)                                                                       \
    X(arcsin, 1)                                                                    \
    X(arccos, 1)                                                                    \
    X(arctan, 1)                                                                    \
    X(sinh, 1)                                                                      \
    X(cosh, 1)                                                                      \
    X(tanh, 1)                                                                      \
    X(arcsinh, 1)                                                                   \
    X(arccosh, 1)                                                                   \
    X(arctanh, 1)                                                                   \
    X(erf, 1)                                                                       \
    X(erfinv, 1)                                                                    \
    X(floor, 1)                                                                     \
    X(ceil, 1)                                                                      \
    X(round, 1) /* half to even */                                                  \
    X(trunc, 1)                                                                     \
    X(isfinite, 1) /* this and the next two give I32 */                             \
    X(isnan, 1)                                                                     \
    X(isinf, 1)                                                                     \
    X(clip_grad, 2)    /* (x, dy); minimum, maximum */                              \
    X(relu, 1)         /* this, the plain one, and general_relu give NaN for NaN */ \
    X(general_relu, 1) /* negative_slope, max_value (INFINITY: none), threshold */  \
    X(relu6, 1)                                                                     \
    X(leaky_relu, 1) /* negative_slope */                                           \
    X(elu, 1)        /* alpha */                                                    \
    X(celu, 1)       /* alpha */                                                    \
    X(selu, 1)                                                                      \
    X(gelu, 1)                                                                      \
    X(gelu_approximate, 1)                                                          \
    X(silu, 1)                                                                      \
    X(mish, 1)                                                                      \
    X(sigmoid, 1)                                                                   \
    X(log_sigmoid, 1)                                                               \
    X(hard_sigmoid, 1)                                                              \
    X(hard_silu, 1)                                                                 \
    X(hard_tanh, 1)                                                                 \
    X(tanh_shrink, 1)                                                               \
    X(softplus, 1)                                                                  \
    X(squareplus, 1) /* b */                                                        \
    X(sparse_plus, 1)                                                               \
    X(sparse_sigmoid, 1)                                                            \
    X(softsign, 1)                                                                  \
    X(soft_shrink, 1) /* threshold */                                               \
    X(hard_shrink, 1) /* threshold */                                               \
    X(threshold, 1)   /* threshold, default_value */                                \
    X(relu_grad, 2)   /* (y, dy) */                                                 \
    X(general_relu_grad, 2)                                                         \
    X(relu6_grad, 2)                                                                \
    X(leaky_relu_grad, 2)                                                           \
    X(elu_grad, 2)                                                                  \
    X(celu_grad, 2)                                                                 \
    X(selu_grad, 2)                                                                 \
    X(gelu_grad, 2)                                                                 \
    X(gelu_approximate_grad, 2)                                                     \
    X(silu_grad, 2)                                                                 \
    X(mish_grad, 2)                                                                 \
    X(sigmoid_grad, 2) /* (y, dy) */                                                \
    X(tanh_grad, 2)    /* (y, dy) */                                                \
    X(log_sigmoid_grad, 2)                                                          \
    X(hard_sigmoid_grad, 2)                                                         \
    X(hard_silu_grad, 2)                                                            \
    X(hard_tanh_grad, 2)                                                            \
    X(tanh_shrink_grad, 2)                                                          \
    X(softplus_grad, 2)                                                             \
    X(squareplus_grad, 2)                                                           \
    X(sparse_plus_grad, 2)                                                          \
    X(sparse_sigmoid_grad, 2)                                                       \
    X(softsign_grad, 2)                                                             \
    X(soft_shrink_grad, 2)                                                          \
    X(hard_shrink_grad, 2)                                                          \
    X(threshold_grad, 2)

/* For F32, F64 and I32. mod and floor_divide are Python's. Integers wrap around; division by 0 gives 0, a negative
 * power is rounded towards 0. maximum, minimum and clip give NaN for NaN. */
#define CN_ELEMENTWISE_ALL(X)                          \
    X(add, 2)                                          \
    X(subtract, 2)                                     \
    X(multiply, 2)                                     \
    X(maximum, 2)                                      \
    X(minimum, 2)                                      \
    X(power, 2)                                        \
    X(mod, 2)                                          \
    X(floor_divide, 2)                                 \
    X(equal, 2) /* the comparisons give I32, 0 or 1 */ \
    X(not_equal, 2)                                    \
    X(less, 2)                                         \
    X(less_equal, 2)                                   \
    X(greater, 2)                                      \
    X(greater_equal, 2)                                \
    X(where, 3) /* (condition I32, a, b) */            \
    X(copy, 1)                                         \
    X(negative, 1)                                     \
    X(absolute, 1)                                     \
    X(sign, 1)                                         \
    X(square, 1)                                       \
    X(clip, 1)        /* minimum, maximum */           \
    X(cast_to_f32, 1) /* gives F32 */                  \
    X(cast_to_f64, 1) /* gives F64 */                  \
    X(cast_to_i32, 1) /* gives I32: truncates, saturates, 0 for NaN */

/* For I32: what is not 0 is true, 1 the result. */
#define CN_ELEMENTWISE_INTEGER(X) \
    X(logical_and, 2)             \
    X(logical_or, 2)              \
    X(logical_not, 1)

/* CN_ELEMENTWISE(X): X(name, inputs). */
#define CN_ELEMENTWISE(X)  \
    CN_ELEMENTWISE_ALL(X)  \
    CN_ELEMENTWISE_REAL(X) \
    CN_ELEMENTWISE_INTEGER(X)

enum {
    CN_NO_LOOP,
#define CN_ELEMENTWISE_INDEX_(name, inputs) CN_LOOP_##name,
    CN_ELEMENTWISE(CN_ELEMENTWISE_INDEX_)
#undef CN_ELEMENTWISE_INDEX_
        CN_LOOPS
};

/* NULL where the operation has no form for a type. */
typedef struct cn_elementwise_kernels {
    cn_loop *loop[CN_LOOPS][CN_ELEMENTWISE_TYPES];
    cn_row_loop *add_row, *relu_of_sum; /* the same bits as the loop add, and as relu after it */
} cn_elementwise_kernels;
#endif
