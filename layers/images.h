/* Private: what layers over images share. Their input is a batch of images, (B, H, W, C) or with CN_CHANNELS_FIRST
 * (B, C, H, W), or one image without the axis of the batch. */
#ifndef CN_LAYERS_IMAGES_H
#define CN_LAYERS_IMAGES_H
#include "core/ops/resizing.h"
#include "layers/layer.h"

/* x, if it is not of floats as such of the layer's type. */
cn_tensor *cn_as_floats(const cn_layer *layer, cn_tensor *x);
/* The input as a batch of floats; CN_SHAPES if it has neither rank. */
cn_tensor *cn_images_of(const cn_layer *layer, cn_tensor *x);
/* A result for that batch, or NULL, in the form that the input x had. */
cn_tensor *cn_images_as_given(cn_tensor *x, cn_tensor *images);

/* The axis of a batch that the height has; the next one is the width. */
static inline int cn_height_axis(cn_data_format data_format)
{
    return data_format == CN_CHANNELS_FIRST ? 2 : 1;
}

/* In init: refuses sizes that are not positive. */
bool cn_check_image_size(const cn_layer *layer, int64_t height, int64_t width);
/* The middle of a batch of images at least that large, from row (H - height) / 2 and column (W - width) / 2 on, both
 * rounded down. */
cn_tensor *cn_crop_middle(cn_tensor *images, int64_t height, int64_t width, cn_data_format data_format);
/* What cn_image_resize makes of the largest middle that has the new size's aspect ratio. */
cn_tensor *cn_crop_and_resize(cn_image_resize_args args);
/* What it makes of the images when they are framed with a value, as much on both sides, to that ratio. */
cn_tensor *cn_pad_and_resize(cn_image_resize_args args, double fill_value);
#endif
