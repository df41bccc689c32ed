/* Products of matrices and tensors. All of them come down to matrix products over strided operands: transposes, slices
 * and broadcast operands are read where they lie. Integer operands take the float type of the other. */
#ifndef CN_CORE_OPS_PRODUCT_H
#define CN_CORE_OPS_PRODUCT_H
#include "reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NumPy's matmul: (..., m, k) x (..., k, n) gives (..., m, n), the leading dimensions being broadcast; a vector on the
 * left is a row, on the right a column, and that dimension does not show in the result. */
CN_API cn_tensor *cn_matmul(cn_tensor *a, cn_tensor *b);

typedef struct cn_tensordot_args {
    cn_tensor *a, *b;
    int axes CN_DEFAULT(2);
    cn_axes axes_a, axes_b;
} cn_tensordot_args;
/* Sums over the last `axes` (default 2) dimensions of a and the first of b: cn_tensordot(a, b, 1); or over those that
 * are paired by .axes_a = CN_AXES(1, 0), .axes_b = CN_AXES(0, 2). The result has what is left of a, then of b. */
#define cn_tensordot(...) cn_tensordot_with((cn_tensordot_args){.axes = 2, .a = __VA_ARGS__})
CN_API cn_tensor *cn_tensordot_with(cn_tensordot_args args);

/* NumPy's and Keras' dot: sums over the last axis of a and the last but one of b (its only one, if b is a vector):
 * (2, 3) x (4, 3, 5) gives (2, 4, 5). With a scalar, multiplication. */
CN_API cn_tensor *cn_dot(cn_tensor *a, cn_tensor *b);

typedef struct cn_batch_dot_args {
    cn_tensor *x, *y;
    int axes CN_DEFAULT(CN_NONE), axes_y CN_DEFAULT(CN_NONE);
} cn_batch_dot_args;
/* Keras' batch_dot: for each sample, the sum over an axis of x and one of y (never 0, the batch): cn_batch_dot(x, y,
 * .axes = 1), .axes_y if it is another one for y. By default the last of x, and the last but one of y or, if y is a
 * batch of vectors, its last. The result has what is left of x, then of y; (batch, 1) if that is nothing. */
#define cn_batch_dot(...) cn_batch_dot_with((cn_batch_dot_args){.axes = CN_NONE, .axes_y = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_batch_dot_with(cn_batch_dot_args args);

/* All products of an element of a and one of b, both read as vectors: (m, n). */
CN_API cn_tensor *cn_outer(cn_tensor *a, cn_tensor *b);
/* The elements of x whose indices along the two axes, which are of one size, agree: an axis that comes last. A view. */
CN_API cn_tensor *cn_diagonal(cn_tensor *x, int axis1, int axis2);

/* Einstein's summation as in NumPy: cn_einsum("bij,bjk->bik", a, b). One operand or more, contracted from left to
 * right; repeated labels of one operand take its diagonal, labels missing in the output are summed over, "..." stands
 * for dimensions that are broadcast, and without "->" the output has the labels that occur once, in order of the
 * alphabet. The equation has fewer than CN_EINSUM_EQUATION characters. */
#define CN_EINSUM_EQUATION 128
#define cn_einsum(equation, ...)                             \
    cn_einsum_with((equation), (cn_tensor *[]){__VA_ARGS__}, \
                   (int)(sizeof((cn_tensor *[]){__VA_ARGS__}) / sizeof(cn_tensor *)))
CN_API cn_tensor *cn_einsum_with(const char *equation, cn_tensor *const *operands, int count);

#ifdef __cplusplus
}
#endif
#endif
