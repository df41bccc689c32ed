/* Resizing of images. */
#ifndef CN_CORE_OPS_RESIZING_H
#define CN_CORE_OPS_RESIZING_H
#include "../operation.h"
#include "window.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a pixel at distance d from the place asked for weighs:
 *   CN_NEAREST    the nearest one counts alone
 *   CN_BILINEAR   1 - |d|, within 1
 *   CN_BICUBIC    Keys' cubic convolution with a = -1/2, within 2
 *   CN_LANCZOS3   sinc(d) sinc(d / 3), within 3; CN_LANCZOS5 the same with 5 */
typedef enum cn_interpolation { CN_NEAREST, CN_BILINEAR, CN_BICUBIC, CN_LANCZOS3, CN_LANCZOS5 } cn_interpolation;

typedef struct cn_image_resize_args {
    cn_tensor *x;
    int64_t size[2];
    cn_interpolation interpolation; /* Keras' default is CN_BILINEAR */
    cn_data_format data_format;
} cn_image_resize_args;
/* Images (B, H, W, C) with another height and width: cn_image_resize(x, {64, 64}). Pixels have their values at their
 * centres (those of both images cover the same square), the weights of those inside the image are divided by their sum,
 * and nothing is smoothed when an image gets smaller. Floats only. */
#define cn_image_resize(...) \
    cn_image_resize_with((cn_image_resize_args){.interpolation = CN_BILINEAR, .x = __VA_ARGS__})
CN_API cn_tensor *cn_image_resize_with(cn_image_resize_args args);

#ifdef __cplusplus
}
#endif
#endif
