/* Private: images looked at through a projective map, and the sum of its gradients. */
#ifndef CN_CORE_KERNELS_AFFINE_H
#define CN_CORE_KERNELS_AFFINE_H
#include <stdbool.h>
#include <stdint.h>

/* float and double, in the order of cn_dtype. */
enum { CN_AFFINE_TYPES = 2 };

/* What lies outside an image, in the order of cn_fill_mode. */
enum { CN_AFFINE_REFLECT, CN_AFFINE_WRAP, CN_AFFINE_CONSTANT, CN_AFFINE_NEAREST };

/* Images are row-major, (height, width, channels), the one that is looked at not empty. */
typedef struct cn_affine {
    int64_t height, width;         /* of the image that is looked at */
    int64_t out_height, out_width; /* of what is seen of it */
    int64_t channels;
    int fill_mode;
    bool bilinear; /* else the nearest pixel */
    double fill_value;
} cn_affine;

/* For one image, with the eight numbers of its transform:
 *   look    `seen` becomes what is seen of `image`
 *   spread  each pixel of `seen` is added to those of `image` that it would be made of, by their weights */
typedef void cn_affine_loop(const cn_affine *affine, const void *transform, void *seen, void *image);

typedef struct cn_affine_kernels {
    cn_affine_loop *look[CN_AFFINE_TYPES], *spread[CN_AFFINE_TYPES];
} cn_affine_kernels;
#endif
