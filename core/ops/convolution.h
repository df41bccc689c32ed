/* Convolutions as in keras.ops, over one, two or three axes of space. Like Keras' they do not flip the kernel. Sizes
 * are given by int64_t [CN_SPACE], so that .strides = {2} is a stride of 2 in every direction; strides and dilations
 * above 1 exclude each other but for transposed convolutions. x and the kernel must have one float type. All are
 * differentiable any number of times. */
#ifndef CN_CORE_OPS_CONVOLUTION_H
#define CN_CORE_OPS_CONVOLUTION_H
#include "../tensor.h"
#include "window.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_conv_args {
    cn_tensor *x, *kernel;
    int64_t strides[CN_SPACE] CN_DEFAULT({1});
    cn_padding padding;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE] CN_DEFAULT({1});
} cn_conv_args;
#define CN_CONV_DEFAULTS .strides = {1}, .dilation_rate = {1}

/* x (B, n..., C) and kernel (k..., C / groups, F) to (B, m..., F), m as cn_padding says, at least 1; the shapes say how
 * many groups there are, which must divide F. y[b, i, f] = sum over a and c of x[b, i stride + a dilation, c]
 * kernel[a, c, f], where filter f sees the channels of group f / (F / groups). */
#define cn_conv(...) cn_conv_with((cn_conv_args){CN_CONV_DEFAULTS, .x = __VA_ARGS__})
CN_API cn_tensor *cn_conv_with(cn_conv_args args);

/* Each channel by itself: x (B, n..., C) and kernel (k..., C, M) to (B, m..., C M), where output channel c M + j is
 * channel c convolved with kernel[..., c, j]. */
#define cn_depthwise_conv(...) cn_depthwise_conv_with((cn_conv_args){CN_CONV_DEFAULTS, .x = __VA_ARGS__})
CN_API cn_tensor *cn_depthwise_conv_with(cn_conv_args args);

typedef struct cn_separable_conv_args {
    cn_tensor *x, *depthwise_kernel, *pointwise_kernel;
    int64_t strides[CN_SPACE] CN_DEFAULT({1});
    cn_padding padding;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE] CN_DEFAULT({1});
} cn_separable_conv_args;
/* cn_depthwise_conv, then a convolution with the pointwise kernel (1..., C M, F). */
#define cn_separable_conv(...) cn_separable_conv_with((cn_separable_conv_args){CN_CONV_DEFAULTS, .x = __VA_ARGS__})
CN_API cn_tensor *cn_separable_conv_with(cn_separable_conv_args args);

typedef struct cn_conv_transpose_args {
    cn_tensor *x, *kernel;
    int64_t strides[CN_SPACE] CN_DEFAULT({1});
    cn_padding padding;      /* CN_VALID or CN_SAME */
    cn_shape output_padding; /* a number for all axes or one for each, below the stride; rank 0: as padding says */
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE] CN_DEFAULT({1});
} cn_conv_transpose_args;
/* x (B, n..., C) and kernel (k..., F, C) to (B, m..., F): each x[b, i] adds x[b, i] kernel[a] at i stride + a dilation.
 * With s the stride and e the extent of the kernel, m = (n - 1) s + e + max(s - e, 0), or n s with CN_SAME, which drops
 * max(e - s, 0) places, half of them (rounded down) in front. With an output padding p, m = (n - 1) s + e + p, or (n -
 * 1) s + e mod 2 + p with CN_SAME. */
#define cn_conv_transpose(...) cn_conv_transpose_with((cn_conv_transpose_args){CN_CONV_DEFAULTS, .x = __VA_ARGS__})
CN_API cn_tensor *cn_conv_transpose_with(cn_conv_transpose_args args);

#ifdef __cplusplus
}
#endif
#endif
