/* Layers that change images at random, each image in its own way, so that a model sees more of them. They do so in
 * training only; in inference their output is the input. Images are as in layers/preprocessing.h; integers become
 * floats. In data sets they are applied by cn_dataset_map_layer (data/preprocessing.h).
 *
 * What is drawn is fixed by .seed (-1: the tape's), the layer's name and the step (core/ops/random.h). It is uniform
 * between the ends of a factor: {low, high}, rising, or {x}, a positive number, for -x to x. Where pixels come from is
 * worked out by cn_image_affine_transform (core/ops/affine_transform.h), whose .fill_mode says what is seen beyond the
 * edges, CN_FILL_REFLECT by default, with .fill_value for CN_FILL_CONSTANT; .interpolation is CN_BILINEAR, the default,
 * or CN_NEAREST. Formulas and bounds are those of Keras (keras/src/layers/preprocessing/image_preprocessing).
 * CN_ARGUMENT if a factor is out of its bounds. */
#ifndef CN_LAYERS_AUGMENTATION_H
#define CN_LAYERS_AUGMENTATION_H
#include "../core/ops/affine_transform.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Mirrors half of the images: cn_random_flip(CN_HORIZONTAL) left and right, CN_VERTICAL top and bottom, by default both
 * at once. */
typedef enum cn_flip_mode { CN_HORIZONTAL_AND_VERTICAL, CN_HORIZONTAL, CN_VERTICAL } cn_flip_mode;
typedef struct cn_random_flip_args {
    char first_;
    cn_flip_mode mode;
    int64_t seed;
    cn_data_format data_format;
    const char *name;
} cn_random_flip_args;
#define CN_RANDOM_FLIP_DEFAULTS .seed = -1
#define cn_random_flip(...) \
    cn_random_flip_with((cn_random_flip_args){CN_RANDOM_FLIP_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_random_flip_with(cn_random_flip_args args);
CN_API cn_random_flip_args cn_random_flip_defaults(void);

/* A part of height x width, the same one of all images of a batch: cn_random_crop(24, 24). In inference, and if the
 * images are smaller, the largest middle that has the ratio height : width, resized bilinearly. */
typedef struct cn_random_crop_args {
    char first_;
    int64_t height, width;
    int64_t seed;
    cn_data_format data_format;
    const char *name;
} cn_random_crop_args;
#define CN_RANDOM_CROP_DEFAULTS .seed = -1
#define cn_random_crop(...) \
    cn_random_crop_with((cn_random_crop_args){CN_RANDOM_CROP_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_random_crop_with(cn_random_crop_args args);
CN_API cn_random_crop_args cn_random_crop_defaults(void);

/* RandomTranslation: moved down and to the right by a factor times the height and the width; factors from -1 to 1.
 * cn_random_translation({0.1}, {-0.2, 0.3})
 * RandomZoom: rows and columns of the image are 1 + a factor as far from its middle, so that it gets smaller for a
 * positive factor; factors from -1 to 1. Without .width_factor, which is {CN_NONE}, one number is drawn for both.
 * cn_random_zoom({-0.3, 0}) */
typedef struct cn_random_translation_args {
    char first_;
    double height_factor[2], width_factor[2];
    cn_fill_mode fill_mode;
    cn_interpolation interpolation;
    int64_t seed;
    double fill_value;
    cn_data_format data_format;
    const char *name;
} cn_random_translation_args;
#define CN_RANDOM_TRANSLATION_DEFAULTS .interpolation = CN_BILINEAR, .seed = -1
#define CN_RANDOM_ZOOM_DEFAULTS .width_factor = {CN_NONE}, CN_RANDOM_TRANSLATION_DEFAULTS
#define cn_random_translation(...) \
    cn_random_translation_with((cn_random_translation_args){CN_RANDOM_TRANSLATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_random_zoom(...) \
    cn_random_zoom_with((cn_random_translation_args){CN_RANDOM_ZOOM_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_random_translation_with(cn_random_translation_args args);
CN_API cn_layer *cn_random_zoom_with(cn_random_translation_args args);
CN_API cn_random_translation_args cn_random_translation_defaults(void);
CN_API cn_random_translation_args cn_random_zoom_defaults(void);

/* Turned about the middle, counter-clockwise, by a factor of full turns from -1 to 1: cn_random_rotation({0.1}). */
typedef struct cn_random_rotation_args {
    char first_;
    double factor[2];
    cn_fill_mode fill_mode;
    cn_interpolation interpolation;
    int64_t seed;
    double fill_value;
    cn_data_format data_format;
    const char *name;
} cn_random_rotation_args;
#define cn_random_rotation(...) \
    cn_random_rotation_with((cn_random_rotation_args){CN_RANDOM_TRANSLATION_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_random_rotation_with(cn_random_rotation_args args);
CN_API cn_random_rotation_args cn_random_rotation_defaults(void);

/* RandomContrast: (x - m) f + m with m the mean of the image's channel and f from 1 - low to 1 + high for the factor
 * {low, high}, both from 0 to 1, or {x} for {x, x}. cn_random_contrast({0.2})
 * RandomBrightness: x + f (b - a) with f between the ends of a factor from -1 to 1. cn_random_brightness({0.2})
 * Results are kept within .value_range {a, b}, which is that of the images, {0, 255} by default. */
typedef struct cn_random_contrast_args {
    char first_;
    double factor[2], value_range[2];
    int64_t seed;
    cn_data_format data_format;
    const char *name;
} cn_random_contrast_args;
#define CN_RANDOM_CONTRAST_DEFAULTS .value_range = {0, 255}, .seed = -1
#define cn_random_contrast(...) \
    cn_random_contrast_with((cn_random_contrast_args){CN_RANDOM_CONTRAST_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_random_brightness(...) \
    cn_random_brightness_with((cn_random_contrast_args){CN_RANDOM_CONTRAST_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_random_contrast_with(cn_random_contrast_args args);
CN_API cn_layer *cn_random_brightness_with(cn_random_contrast_args args);
CN_API cn_random_contrast_args cn_random_contrast_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
