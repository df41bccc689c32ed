/* Layers that prepare data. */
#ifndef CN_LAYERS_PREPROCESSING_H
#define CN_LAYERS_PREPROCESSING_H
#include "../core/ops/resizing.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x scale + offset, of any shape; integers become floats. cn_rescaling(1.0 / 255) */
typedef struct cn_rescaling_args {
    char first_;
    double scale, offset;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_rescaling_args;
#define cn_rescaling(...) cn_rescaling_with((cn_rescaling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_rescaling_with(cn_rescaling_args args);

/* Images (B, H, W, C) to (B, height, width, C); integers become floats: cn_resizing(64, 64). .interpolation is as in
 * core/ops/resizing.h. CN_UNSUPPORTED if the aspect ratio is to be kept by cropping or padding. */
typedef struct cn_resizing_args {
    char first_;
    int64_t height, width;
    cn_interpolation interpolation;
    bool crop_to_aspect_ratio, pad_to_aspect_ratio;
    cn_data_format data_format;
    const char *name;
} cn_resizing_args;
#define CN_RESIZING_DEFAULTS .interpolation = CN_BILINEAR
#define cn_resizing(...) cn_resizing_with((cn_resizing_args){CN_RESIZING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_resizing_with(cn_resizing_args args);
CN_API cn_resizing_args cn_resizing_defaults(void);

/* The middle of images that are at least as large: height x width from row (H - height) / 2 and column (W - width) / 2
 * on, rounded down. cn_center_crop(24, 24). Smaller images, which Keras would enlarge, are an error. */
typedef struct cn_center_crop_args {
    char first_;
    int64_t height, width;
    cn_data_format data_format;
    const char *name;
} cn_center_crop_args;
#define cn_center_crop(...) cn_center_crop_with((cn_center_crop_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_center_crop_with(cn_center_crop_args args);

/* Tokens, integers from 0 to num_tokens - 1 of any type, as numbers: cn_category_encoding(10). Others count for
 * nothing. CN_MULTI_HOT  (B, n, ...) to (B, ..., num_tokens): 1 where the token is among the n CN_ONE_HOT    (...) or
 * (..., 1) to (..., num_tokens) CN_COUNT      as CN_MULTI_HOT, but how often */
typedef enum cn_output_mode { CN_MULTI_HOT, CN_ONE_HOT, CN_COUNT } cn_output_mode;
typedef struct cn_category_encoding_args {
    char first_;
    int64_t num_tokens;
    cn_output_mode output_mode;
    const char *name;
} cn_category_encoding_args;
#define cn_category_encoding(...) cn_category_encoding_with((cn_category_encoding_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_category_encoding_with(cn_category_encoding_args args);

#ifdef __cplusplus
}
#endif
#endif
