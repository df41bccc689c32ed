/* EinsumDense: a layer whose product is an einsum. */
#ifndef CN_LAYERS_EINSUM_DENSE_H
#define CN_LAYERS_EINSUM_DENSE_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* activation(einsum(equation, x, kernel) + bias), for equations "ab,bc->ac", "...x,xy->...y" and "ab...,bc->ac...",
 * any letters in the places of these. .output_shape has the dimensions of the output without the batch and those that
 * "..." stands for; -1 for one that the input gives: cn_einsum_dense("abc,cd->abd", CN_SHAPE(-1, 64), .bias_axes =
 * "d").
 *
 * Weights: kernel, with the axes of the second operand, from glorot_uniform, whose fans are the products of those that
 * the input shares and of those that go to the output; with .bias_axes bias, zeros, whose axes are those of the output
 * from the first of bias_axes on, of size 1 where they are not among them. The output has no mask. CN_ARGUMENT for an
 * equation of another form, CN_SHAPES for one that does not fit the input or output_shape. */
typedef struct cn_einsum_dense_args {
    char first_;
    char equation[CN_NAME_BYTES];
    cn_shape output_shape;
    cn_activation *activation;
    char bias_axes[CN_NAME_BYTES];
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    const char *name;
} cn_einsum_dense_args;
#define cn_einsum_dense(...) cn_einsum_dense_with((cn_einsum_dense_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_einsum_dense_with(cn_einsum_dense_args args);

#ifdef __cplusplus
}
#endif
#endif
