/* Layers that only give their input another shape. Masks do not pass. */
#ifndef CN_LAYERS_RESHAPING_H
#define CN_LAYERS_RESHAPING_H
#include "../core/ops/resizing.h"
#include "../core/ops/window.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* (B, ...) to (B, all of them); (B,) to (B, 1). With .data_format = CN_CHANNELS_FIRST the elements come in the order
 * they would have with channels last. */
typedef struct cn_flatten_args {
    char first_;
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_flatten_args;
#define cn_flatten(...) cn_flatten_with((cn_flatten_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_flatten_with(cn_flatten_args args);

/* The samples in another shape, of which one dimension may be -1: cn_reshape_layer(CN_SHAPE(3, -1)). */
typedef struct cn_reshape_args {
    char first_;
    cn_shape target_shape;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_reshape_args;
#define cn_reshape_layer(...) cn_reshape_layer_with((cn_reshape_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_reshape_layer_with(cn_reshape_args args);

/* The axes of the samples in another order, counted from 1: with .dims = CN_SHAPE(2, 1), (B, a, b) to (B, b, a). */
typedef struct cn_permute_args {
    char first_;
    cn_shape dims;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_permute_args;
#define cn_permute(...) cn_permute_with((cn_permute_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_permute_with(cn_permute_args args);

/* (B, D) to (B, n, D). */
typedef struct cn_repeat_vector_args {
    char first_;
    int64_t n;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_repeat_vector_args;
#define cn_repeat_vector(...) cn_repeat_vector_with((cn_repeat_vector_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_repeat_vector_with(cn_repeat_vector_args args);

/* Cuts elements off both ends of one, two or three axes: all but the batch and the channels. .cropping is one number
 * for all, or one an axis, or two an axis: CN_SHAPE(1, 0, 0, 2) cuts one row off the top and two columns off the right.
 * Something must be left. By default 1, in two dimensions 0. */
typedef struct cn_cropping_args {
    char first_;
    cn_shape cropping;
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_cropping_args;
#define CN_CROPPING1D_DEFAULTS .cropping = {1, {1}}
#define CN_CROPPING2D_DEFAULTS .cropping = {1, {0}}
#define CN_CROPPING3D_DEFAULTS .cropping = {1, {1}}
#define cn_cropping1d(...) cn_cropping1d_with((cn_cropping_args){CN_CROPPING1D_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_cropping2d(...) cn_cropping2d_with((cn_cropping_args){CN_CROPPING2D_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_cropping3d(...) cn_cropping3d_with((cn_cropping_args){CN_CROPPING3D_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_cropping1d_with(cn_cropping_args args);
CN_API cn_layer *cn_cropping2d_with(cn_cropping_args args);
CN_API cn_layer *cn_cropping3d_with(cn_cropping_args args);

/* The opposite: zeros at both ends of these axes, given in the same way, by default 1. */
typedef struct cn_zero_padding_args {
    char first_;
    cn_shape padding;
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_zero_padding_args;
#define CN_ZERO_PADDING_DEFAULTS .padding = {1, {1}}
#define cn_zero_padding1d(...) \
    cn_zero_padding1d_with((cn_zero_padding_args){CN_ZERO_PADDING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_zero_padding2d(...) \
    cn_zero_padding2d_with((cn_zero_padding_args){CN_ZERO_PADDING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_zero_padding3d(...) \
    cn_zero_padding3d_with((cn_zero_padding_args){CN_ZERO_PADDING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_zero_padding1d_with(cn_zero_padding_args args);
CN_API cn_layer *cn_zero_padding2d_with(cn_zero_padding_args args);
CN_API cn_layer *cn_zero_padding3d_with(cn_zero_padding_args args);

/* Repeats each element along these axes: .size, by default 2, is one number for all or one an axis. In two dimensions
 * .interpolation is how what lies between is filled in (core/ops/resizing.h). */
typedef struct cn_up_sampling_args {
    char first_;
    cn_shape size;
    cn_data_format data_format;
    cn_interpolation interpolation;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_up_sampling_args;
#define CN_UP_SAMPLING_DEFAULTS .size = {1, {2}}
#define cn_up_sampling1d(...) \
    cn_up_sampling1d_with((cn_up_sampling_args){CN_UP_SAMPLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_up_sampling2d(...) \
    cn_up_sampling2d_with((cn_up_sampling_args){CN_UP_SAMPLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_up_sampling3d(...) \
    cn_up_sampling3d_with((cn_up_sampling_args){CN_UP_SAMPLING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_up_sampling1d_with(cn_up_sampling_args args);
CN_API cn_layer *cn_up_sampling2d_with(cn_up_sampling_args args);
CN_API cn_layer *cn_up_sampling3d_with(cn_up_sampling_args args);

#ifdef __cplusplus
}
#endif
#endif
