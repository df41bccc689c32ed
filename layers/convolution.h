/* Convolutions over one, two or three axes of space, those between the batch and the channels. Masks do not pass.
 *
 * Sizes are given in braces: cn_conv2d(32, {3, 3}), or {3} for 3 in every direction. Padding, strides and dilations are
 * explained in core/ops/window.h; strides and dilation_rate are 1 by default and not both above 1, but for transposed
 * convolutions. With .data_format = CN_CHANNELS_FIRST inputs and outputs are (B, C, ...). Without an activation a layer
 * is linear; initializers are glorot_uniform and zeros. Wrong arguments are refused with CN_ARGUMENT, an input that
 * does not fit with CN_SHAPES. */
#ifndef CN_LAYERS_CONVOLUTION_H
#define CN_LAYERS_CONVOLUTION_H
#include "../core/ops/window.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* activation(x * kernel + bias): (B, n..., C) to (B, m..., filters). With .groups, each of as many blocks of filters
 * sees its block of channels. CN_CAUSAL is for cn_conv1d. Weights: kernel (k..., C / groups, filters), bias (filters).
 */
typedef struct cn_convolution_args {
    char first_;
    int64_t filters;
    int64_t kernel_size[CN_SPACE], strides[CN_SPACE];
    cn_padding padding;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE];
    int64_t groups;
    cn_activation *activation;
    bool use_bias;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    const char *name;
} cn_convolution_args;
#define CN_CONVOLUTION_DEFAULTS .strides = {1}, .dilation_rate = {1}, .groups = 1, .use_bias = true
#define cn_conv1d(...) cn_conv1d_with((cn_convolution_args){CN_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv2d(...) cn_conv2d_with((cn_convolution_args){CN_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv3d(...) cn_conv3d_with((cn_convolution_args){CN_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_conv1d_with(cn_convolution_args args);
CN_API cn_layer *cn_conv2d_with(cn_convolution_args args);
CN_API cn_layer *cn_conv3d_with(cn_convolution_args args);
CN_API cn_convolution_args cn_convolution_defaults(void);

/* Transposed convolutions, which enlarge by the strides: cn_conv_transpose (core/ops/convolution.h) says how, and what
 * .output_padding does, which is CN_SHAPE(1) for all axes or one number for each. Weights: kernel (k..., filters, C),
 * bias (filters). */
typedef struct cn_transposed_convolution_args {
    char first_;
    int64_t filters;
    int64_t kernel_size[CN_SPACE], strides[CN_SPACE];
    cn_padding padding;
    cn_shape output_padding; /* rank 0, the default: None */
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE];
    cn_activation *activation;
    bool use_bias;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    const char *name;
} cn_transposed_convolution_args;
#define CN_TRANSPOSED_CONVOLUTION_DEFAULTS .strides = {1}, .dilation_rate = {1}, .use_bias = true
#define cn_conv1d_transpose(...) \
    cn_conv1d_transpose_with(    \
        (cn_transposed_convolution_args){CN_TRANSPOSED_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv2d_transpose(...) \
    cn_conv2d_transpose_with(    \
        (cn_transposed_convolution_args){CN_TRANSPOSED_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv3d_transpose(...) \
    cn_conv3d_transpose_with(    \
        (cn_transposed_convolution_args){CN_TRANSPOSED_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_conv1d_transpose_with(cn_transposed_convolution_args args);
CN_API cn_layer *cn_conv2d_transpose_with(cn_transposed_convolution_args args);
CN_API cn_layer *cn_conv3d_transpose_with(cn_transposed_convolution_args args);
CN_API cn_transposed_convolution_args cn_transposed_convolution_defaults(void);

/* Each channel convolved by itself, with .depth_multiplier kernels: (B, n..., C) to (B, m..., C depth_multiplier),
 * where output channel c depth_multiplier + j is of channel c: cn_depthwise_conv2d({3, 3}). Weights: kernel (k..., C,
 * depth_multiplier), bias (C depth_multiplier). */
typedef struct cn_depthwise_convolution_args {
    char first_;
    int64_t kernel_size[CN_SPACE], strides[CN_SPACE];
    cn_padding padding;
    int64_t depth_multiplier;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE];
    cn_activation *activation;
    bool use_bias;
    cn_initializer depthwise_initializer, bias_initializer;
    cn_regularizer depthwise_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint depthwise_constraint, bias_constraint;
    const char *name;
} cn_depthwise_convolution_args;
#define CN_DEPTHWISE_CONVOLUTION_DEFAULTS .strides = {1}, .depth_multiplier = 1, .dilation_rate = {1}, .use_bias = true
#define cn_depthwise_conv1d(...) \
    cn_depthwise_conv1d_with(    \
        (cn_depthwise_convolution_args){CN_DEPTHWISE_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_depthwise_conv2d(...) \
    cn_depthwise_conv2d_with(    \
        (cn_depthwise_convolution_args){CN_DEPTHWISE_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_depthwise_conv1d_with(cn_depthwise_convolution_args args);
CN_API cn_layer *cn_depthwise_conv2d_with(cn_depthwise_convolution_args args);
CN_API cn_depthwise_convolution_args cn_depthwise_convolution_defaults(void);

/* A depthwise convolution, then one of kernel size 1 that mixes the channels: (B, n..., C) to (B, m..., filters). One
 * bias and the activation come last. Weights: depthwise_kernel (k..., C, depth_multiplier), pointwise_kernel (1..., C
 * depth_multiplier, filters), bias (filters). */
typedef struct cn_separable_convolution_args {
    char first_;
    int64_t filters;
    int64_t kernel_size[CN_SPACE], strides[CN_SPACE];
    cn_padding padding;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE];
    int64_t depth_multiplier;
    cn_activation *activation;
    bool use_bias;
    cn_initializer depthwise_initializer, pointwise_initializer, bias_initializer;
    cn_regularizer depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint depthwise_constraint, pointwise_constraint, bias_constraint;
    const char *name;
} cn_separable_convolution_args;
#define CN_SEPARABLE_CONVOLUTION_DEFAULTS .strides = {1}, .dilation_rate = {1}, .depth_multiplier = 1, .use_bias = true
#define cn_separable_conv1d(...) \
    cn_separable_conv1d_with(    \
        (cn_separable_convolution_args){CN_SEPARABLE_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_separable_conv2d(...) \
    cn_separable_conv2d_with(    \
        (cn_separable_convolution_args){CN_SEPARABLE_CONVOLUTION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_separable_conv1d_with(cn_separable_convolution_args args);
CN_API cn_layer *cn_separable_conv2d_with(cn_separable_convolution_args args);
CN_API cn_separable_convolution_args cn_separable_convolution_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
