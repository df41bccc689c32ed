/* Images moved, turned, stretched, cut out. */
#ifndef CN_CORE_OPS_AFFINE_TRANSFORM_H
#define CN_CORE_OPS_AFFINE_TRANSFORM_H
#include "resizing.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What is seen where an image a b c d has no pixels:
 *   CN_FILL_REFLECT   d c b a | a b c d | d c b a
 *   CN_FILL_WRAP      a b c d | a b c d | a b c d
 *   CN_FILL_CONSTANT  k k k k | a b c d | k k k k, with k the fill value
 *   CN_FILL_NEAREST   a a a a | a b c d | d d d d */
typedef enum cn_fill_mode { CN_FILL_REFLECT, CN_FILL_WRAP, CN_FILL_CONSTANT, CN_FILL_NEAREST } cn_fill_mode;

typedef struct cn_image_affine_transform_args {
    cn_tensor *x, *transform;
    cn_interpolation interpolation CN_DEFAULT(CN_BILINEAR); /* or CN_NEAREST */
    cn_fill_mode fill_mode CN_DEFAULT(CN_FILL_CONSTANT);
    double fill_value;
    int64_t size[2]; /* height and width of the result; by default those of x */
    cn_data_format data_format;
} cn_image_affine_transform_args;
/* Images (B, H, W, C) and transforms (B, 8), or (1, 8) for all of them, of the same type: pixel (x, y) of the result, x
 * counting columns and y rows, is the image at
 *     ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1,
 * for the transform a0 a1 a2 b0 b1 b2 c0 c1: interpolated linearly between the four pixels around that place, or the
 * nearest one (half a pixel is rounded away from 0, as in TensorFlow). A gradient goes to the images; one for the
 * transforms is an error. */
#define cn_image_affine_transform(...)                               \
    cn_image_affine_transform_with((cn_image_affine_transform_args){ \
        .interpolation = CN_BILINEAR, .fill_mode = CN_FILL_CONSTANT, .x = __VA_ARGS__})
CN_API cn_tensor *cn_image_affine_transform_with(cn_image_affine_transform_args args);

#ifdef __cplusplus
}
#endif
#endif
