/* Layers that prepare images. Those over images take batches of them, (B, H, W, C), or one image, (H, W, C); with
 * .data_format = CN_CHANNELS_FIRST the channels come before the height. Integers become floats. */
#ifndef CN_LAYERS_PREPROCESSING_H
#define CN_LAYERS_PREPROCESSING_H
#include "../core/ops/affine_transform.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x scale + offset, of any shape. cn_rescaling(1.0 / 255). CN_ARGUMENT for a scale of 0. */
typedef struct cn_rescaling_args {
    char first_;
    double scale, offset;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_rescaling_args;
#define cn_rescaling(...) cn_rescaling_with((cn_rescaling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_rescaling_with(cn_rescaling_args args);

/* Images of another height and width: cn_resizing(64, 64). .interpolation is as in core/ops/resizing.h. By default each
 * axis is stretched by itself. With .crop_to_aspect_ratio the largest middle of the image that has the new ratio is
 * resized; with .pad_to_aspect_ratio the image is framed with .fill_value to that ratio first, as much on both sides
 * (CN_FILL_CONSTANT is the only .fill_mode). CN_ARGUMENT for both. */
typedef struct cn_resizing_args {
    char first_;
    int64_t height, width;
    cn_interpolation interpolation;
    bool crop_to_aspect_ratio, pad_to_aspect_ratio;
    cn_fill_mode fill_mode;
    double fill_value;
    cn_data_format data_format;
    const char *name;
} cn_resizing_args;
#define CN_RESIZING_DEFAULTS .interpolation = CN_BILINEAR, .fill_mode = CN_FILL_CONSTANT
#define cn_resizing(...) cn_resizing_with((cn_resizing_args){CN_RESIZING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_resizing_with(cn_resizing_args args);
CN_API cn_resizing_args cn_resizing_defaults(void);

/* The middle of images: height x width from row (H - height) / 2 and column (W - width) / 2 on, rounded down.
 * cn_center_crop(24, 24). Of images that are smaller the largest middle that has the ratio height : width is resized
 * bilinearly. */
typedef struct cn_center_crop_args {
    char first_;
    int64_t height, width;
    cn_data_format data_format;
    const char *name;
} cn_center_crop_args;
#define cn_center_crop(...) cn_center_crop_with((cn_center_crop_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_center_crop_with(cn_center_crop_args args);

#ifdef __cplusplus
}
#endif
#endif
