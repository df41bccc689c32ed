#include "layers/augmentation.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/joining.h"
#include "core/ops/number.h"
#include "core/ops/random.h"
#include "core/ops/reduction.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/images.h"
#include "layers/spatial.h"
#include <math.h>

/* Factors */

/* In init: puts the ends in the place of a number {x}, -x to x, or x twice where nothing may be negative. */
static bool settle_factor(const cn_layer *layer, const char *what, double *factor, double least, double most)
{
    const double given[] = {factor[0], factor[1]};
    if (given[0] > 0 && given[1] == 0) {
        factor[0] = least < 0 ? -given[0] : given[0];
        factor[1] = given[0];
    }
    return (factor[0] >= least && factor[0] <= factor[1] && factor[1] <= most) ||
           cn_fail(CN_ARGUMENT, "%s: %s must be a number or rise from %g to %g at most, not {%g, %g}", layer->name,
                   what, least, most, given[0], given[1]);
}

static bool check_interpolation(const cn_layer *layer, cn_interpolation interpolation)
{
    return interpolation == CN_NEAREST || interpolation == CN_BILINEAR ||
           cn_fail(CN_ARGUMENT, "%s: interpolation must be nearest or bilinear", layer->name);
}

/* A number between two ends for each image, in that shape. */
static cn_tensor *draw(cn_tensor *images, cn_shape shape, double low, double high, int64_t seed)
{
    return cn_sample_uniform(images->tape, shape, low, high, .seed = seed, .dtype = images->dtype);
}

/* Transforms */

/* Matrices (n, 8) from columns (n, 1): x' = a0 x + a1 y + a2, y' = b0 x + b1 y + b2. NULL is 0. */
static cn_tensor *transforms(cn_tensor *a0, cn_tensor *a1, cn_tensor *a2, cn_tensor *b0, cn_tensor *b1, cn_tensor *b2)
{
    cn_tensor *column[8] = {a0, a1, a2, b0, b1, b2}, *zero = cn_zeros_like(b1);
    for (int i = 0; i < 8; i++)
        if (!column[i])
            column[i] = zero;
    return cn_concatenate_many(column, 8, 1);
}

static cn_shape one_each(const cn_tensor *images)
{
    return CN_SHAPE(images->shape.dim[0], 1);
}

static double height_of(const cn_tensor *images, cn_data_format data_format)
{
    return (double)images->shape.dim[cn_height_axis(data_format)];
}

static double width_of(const cn_tensor *images, cn_data_format data_format)
{
    return (double)images->shape.dim[cn_height_axis(data_format) + 1];
}

/* RandomFlip */

typedef struct random_flip {
    cn_layer base;
    cn_random_flip_args args;
} random_flip;

static cn_tensor *random_flip_call(cn_layer *layer, cn_tensor *x)
{
    const cn_random_flip_args *args = &((random_flip *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images || !images->tape->training)
        return cn_images_as_given(x, images);
    cn_tensor *flips =
        cn_sample_bernoulli(images->tape, one_each(images), 0.5, .seed = args->seed, .dtype = images->dtype);
    cn_tensor *sign = cn_plus(cn_times(flips, -2), 1), *one = cn_ones_like(flips);
    bool across = args->mode != CN_VERTICAL, down = args->mode != CN_HORIZONTAL;
    cn_tensor *matrix =
        transforms(across ? sign : one, NULL, across ? cn_times(flips, width_of(images, args->data_format) - 1) : NULL,
                   NULL, down ? sign : one, down ? cn_times(flips, height_of(images, args->data_format) - 1) : NULL);
    return cn_images_as_given(
        x, cn_image_affine_transform(images, matrix, .interpolation = CN_NEAREST, .data_format = args->data_format));
}

static const char *const flip_modes[] = {"horizontal_and_vertical", "horizontal", "vertical", NULL};

static const cn_layer_class random_flip_class = {
    .name = "RandomFlip",
    .size = sizeof(random_flip),
    .call = random_flip_call,
    .min_rank = 3,
    .values = &(const random_flip){.args = {CN_RANDOM_FLIP_DEFAULTS}},
    .fields = {CN_ARGUMENT_CHOICE(random_flip, mode, flip_modes), CN_ARGUMENT_FIELD(random_flip, INT, seed),
               CN_ARGUMENT_CHOICE(random_flip, data_format, cn_data_formats)}};

/* RandomCrop */

typedef struct random_crop {
    cn_layer base;
    cn_random_crop_args args;
} random_crop;

static bool random_crop_init(cn_layer *layer)
{
    const cn_random_crop_args *args = &((random_crop *)layer)->args;
    return cn_check_image_size(layer, args->height, args->width);
}

/* One of the whole numbers from 0 to `most`. */
static cn_tensor *draw_start(cn_tensor *images, double most, int64_t seed)
{
    cn_tensor *place =
        cn_sample_uniform(images->tape, CN_SHAPE(1, 1), 0, most + 1, .seed = seed, .dtype = images->dtype);
    return cn_floor(place);
}

static cn_tensor *random_crop_call(cn_layer *layer, cn_tensor *x)
{
    const cn_random_crop_args *args = &((random_crop *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images)
        return NULL;
    double down = height_of(images, args->data_format) - (double)args->height;
    double across = width_of(images, args->data_format) - (double)args->width;
    if (!images->tape->training || down < 0 || across < 0)
        return cn_images_as_given(x, cn_crop_and_resize((cn_image_resize_args){.x = images,
                                                                               .size = {args->height, args->width},
                                                                               .interpolation = CN_BILINEAR,
                                                                               .data_format = args->data_format}));
    cn_tensor *top = draw_start(images, down, args->seed), *left = draw_start(images, across, args->seed);
    cn_tensor *one = cn_ones_like(top);
    return cn_images_as_given(
        x, cn_image_affine_transform(images, transforms(one, NULL, left, NULL, one, top), .interpolation = CN_NEAREST,
                                     .size = {args->height, args->width}, .data_format = args->data_format));
}

static const cn_layer_class random_crop_class = {
    .name = "RandomCrop",
    .size = sizeof(random_crop),
    .init = random_crop_init,
    .call = random_crop_call,
    .min_rank = 3,
    .values = &(const random_crop){.args = {CN_RANDOM_CROP_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(random_crop, INT, height), CN_ARGUMENT_FIELD(random_crop, INT, width),
               CN_ARGUMENT_FIELD(random_crop, INT, seed),
               CN_ARGUMENT_CHOICE(random_crop, data_format, cn_data_formats)}};

/* RandomTranslation and RandomZoom */

typedef struct random_translation {
    cn_layer base;
    cn_random_translation_args args;
} random_translation;

static bool same_zoom(const cn_random_translation_args *args)
{
    return args->width_factor[0] == (double)CN_NONE;
}

static bool random_translation_init(cn_layer *layer)
{
    cn_random_translation_args *args = &((random_translation *)layer)->args;
    return settle_factor(layer, "height_factor", args->height_factor, -1, 1) &&
           settle_factor(layer, "width_factor", args->width_factor, -1, 1) &&
           check_interpolation(layer, args->interpolation);
}

static bool random_zoom_init(cn_layer *layer)
{
    cn_random_translation_args *args = &((random_translation *)layer)->args;
    return settle_factor(layer, "height_factor", args->height_factor, -1, 1) &&
           (same_zoom(args) || settle_factor(layer, "width_factor", args->width_factor, -1, 1)) &&
           check_interpolation(layer, args->interpolation);
}

static cn_tensor *translation_matrix(const cn_random_translation_args *args, cn_tensor *images)
{
    cn_tensor *down = draw(images, one_each(images), args->height_factor[0], args->height_factor[1], args->seed);
    cn_tensor *across = draw(images, one_each(images), args->width_factor[0], args->width_factor[1], args->seed);
    cn_tensor *one = cn_ones_like(down);
    return transforms(one, NULL, cn_times(across, -width_of(images, args->data_format)), NULL, one,
                      cn_times(down, -height_of(images, args->data_format)));
}

static cn_tensor *zoom_matrix(const cn_random_translation_args *args, cn_tensor *images)
{
    const double *height = args->height_factor, *width = args->width_factor;
    cn_tensor *y = draw(images, one_each(images), 1 + height[0], 1 + height[1], args->seed), *x = y;
    if (!same_zoom(args))
        x = draw(images, one_each(images), 1 + width[0], 1 + width[1], args->seed);
    double middle_x = (width_of(images, args->data_format) - 1) / 2;
    double middle_y = (height_of(images, args->data_format) - 1) / 2;
    return transforms(x, NULL, cn_plus(cn_times(x, -middle_x), middle_x), NULL, y,
                      cn_plus(cn_times(y, -middle_y), middle_y));
}

typedef cn_tensor *matrix_function(const cn_random_translation_args *args, cn_tensor *images);

static cn_tensor *transform(cn_layer *layer, cn_tensor *x, matrix_function *matrix)
{
    const cn_random_translation_args *args = &((random_translation *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images || !images->tape->training)
        return cn_images_as_given(x, images);
    return cn_images_as_given(x, cn_image_affine_transform(images, matrix(args, images),
                                                           .interpolation = args->interpolation,
                                                           .fill_mode = args->fill_mode, .fill_value = args->fill_value,
                                                           .data_format = args->data_format));
}

static cn_tensor *random_translation_call(cn_layer *layer, cn_tensor *x)
{
    return transform(layer, x, translation_matrix);
}

static cn_tensor *random_zoom_call(cn_layer *layer, cn_tensor *x)
{
    return transform(layer, x, zoom_matrix);
}

#define TRANSFORM_FIELDS(structure)                                                                               \
    CN_ARGUMENT_CHOICE(structure, fill_mode, cn_fill_modes),                                                      \
        CN_ARGUMENT_CHOICE(structure, interpolation, cn_interpolations), CN_ARGUMENT_FIELD(structure, INT, seed), \
        CN_ARGUMENT_FIELD(structure, FLOAT, fill_value), CN_ARGUMENT_CHOICE(structure, data_format, cn_data_formats)

static const cn_layer_class random_translation_class = {
    .name = "RandomTranslation",
    .size = sizeof(random_translation),
    .init = random_translation_init,
    .call = random_translation_call,
    .min_rank = 3,
    .values = &(const random_translation){.args = {CN_RANDOM_TRANSLATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(random_translation, RANGE, height_factor),
               CN_ARGUMENT_FIELD(random_translation, RANGE, width_factor), TRANSFORM_FIELDS(random_translation)}};

static const cn_layer_class random_zoom_class = {
    .name = "RandomZoom",
    .size = sizeof(random_translation),
    .init = random_zoom_init,
    .call = random_zoom_call,
    .min_rank = 3,
    .values = &(const random_translation){.args = {CN_RANDOM_ZOOM_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(random_translation, RANGE, height_factor),
               CN_ARGUMENT_FIELD(random_translation, RANGE, width_factor), TRANSFORM_FIELDS(random_translation)}};

/* RandomRotation */

typedef struct random_rotation {
    cn_layer base;
    cn_random_rotation_args args;
} random_rotation;

static bool random_rotation_init(cn_layer *layer)
{
    cn_random_rotation_args *args = &((random_rotation *)layer)->args;
    return settle_factor(layer, "factor", args->factor, -1, 1) && check_interpolation(layer, args->interpolation);
}

static cn_tensor *random_rotation_call(cn_layer *layer, cn_tensor *x)
{
    const double full_turn = 6.28318530717958647692;
    const cn_random_rotation_args *args = &((random_rotation *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images || !images->tape->training)
        return cn_images_as_given(x, images);
    cn_tensor *angle =
        cn_times(draw(images, one_each(images), args->factor[0], args->factor[1], args->seed), full_turn);
    cn_tensor *c = cn_cos(angle), *s = cn_sin(angle);
    double middle_x = (width_of(images, args->data_format) - 1) / 2;
    double middle_y = (height_of(images, args->data_format) - 1) / 2;
    /* The middle stays: a2 = middle_x - c middle_x + s middle_y, b2 = middle_y - s middle_x - c middle_y. */
    cn_tensor *a2 = cn_plus(cn_sub(cn_times(s, middle_y), cn_times(c, middle_x)), middle_x);
    cn_tensor *b2 = cn_plus(cn_negative(cn_add(cn_times(s, middle_x), cn_times(c, middle_y))), middle_y);
    return cn_images_as_given(x, cn_image_affine_transform(images, transforms(c, cn_negative(s), a2, s, c, b2),
                                                           .interpolation = args->interpolation,
                                                           .fill_mode = args->fill_mode, .fill_value = args->fill_value,
                                                           .data_format = args->data_format));
}

static const cn_layer_class random_rotation_class = {
    .name = "RandomRotation",
    .size = sizeof(random_rotation),
    .init = random_rotation_init,
    .call = random_rotation_call,
    .min_rank = 3,
    .values = &(const random_rotation){.args = {CN_RANDOM_TRANSLATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(random_rotation, RANGE, factor), TRANSFORM_FIELDS(random_rotation)}};

/* RandomContrast and RandomBrightness */

typedef struct random_contrast {
    cn_layer base;
    cn_random_contrast_args args;
} random_contrast;

static bool check_value_range(const cn_layer *layer)
{
    const double *range = ((const random_contrast *)layer)->args.value_range;
    return range[0] < range[1] ||
           cn_fail(CN_ARGUMENT, "%s: value_range must rise, not {%g, %g}", layer->name, range[0], range[1]);
}

static bool random_contrast_init(cn_layer *layer)
{
    return settle_factor(layer, "factor", ((random_contrast *)layer)->args.factor, 0, 1) && check_value_range(layer);
}

static bool random_brightness_init(cn_layer *layer)
{
    return settle_factor(layer, "factor", ((random_contrast *)layer)->args.factor, -1, 1) && check_value_range(layer);
}

static cn_tensor *random_contrast_call(cn_layer *layer, cn_tensor *x)
{
    const cn_random_contrast_args *args = &((random_contrast *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images || !images->tape->training)
        return cn_images_as_given(x, images);
    cn_shape for_each = CN_SHAPE(images->shape.dim[0], 1, 1, 1);
    cn_tensor *factor = draw(images, for_each, 1 - args->factor[0], 1 + args->factor[1], args->seed);
    int height = cn_height_axis(args->data_format);
    cn_tensor *mean = cn_mean(images, .axes = CN_AXES(height, height + 1), .keepdims = true);
    cn_tensor *y = cn_add(cn_mul(cn_sub(images, mean), factor), mean);
    return cn_images_as_given(x, cn_clip(y, args->value_range[0], args->value_range[1]));
}

static cn_tensor *random_brightness_call(cn_layer *layer, cn_tensor *x)
{
    const cn_random_contrast_args *args = &((random_contrast *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images || !images->tape->training)
        return cn_images_as_given(x, images);
    const double low = args->value_range[0], high = args->value_range[1];
    cn_shape for_each = CN_SHAPE(images->shape.dim[0], 1, 1, 1);
    cn_tensor *share = draw(images, for_each, args->factor[0], args->factor[1], args->seed);
    return cn_images_as_given(x, cn_clip(cn_add(images, cn_times(share, high - low)), low, high));
}

#define CONTRAST_CLASS(identifier, class_name)                                     \
    static const cn_layer_class identifier##_class = {                             \
        .name = class_name,                                                        \
        .size = sizeof(random_contrast),                                           \
        .init = identifier##_init,                                                 \
        .call = identifier##_call,                                                 \
        .min_rank = 3,                                                             \
        .values = &(const random_contrast){.args = {CN_RANDOM_CONTRAST_DEFAULTS}}, \
        .fields = {CN_ARGUMENT_FIELD(random_contrast, RANGE, factor),              \
                   CN_ARGUMENT_FIELD(random_contrast, RANGE, value_range),         \
                   CN_ARGUMENT_FIELD(random_contrast, INT, seed),                  \
                   CN_ARGUMENT_CHOICE(random_contrast, data_format, cn_data_formats)}}
CONTRAST_CLASS(random_contrast, "RandomContrast");
CONTRAST_CLASS(random_brightness, "RandomBrightness");

#define CONSTRUCTOR(layer, type)                                                                                     \
    cn_layer *cn_##layer##_with(cn_##type##_args args)                                                               \
    {                                                                                                                \
        return cn_layer_like(&layer##_class, &(type){.base = {.name = (char *)(uintptr_t)args.name}, .args = args}); \
    }
#define DEFAULTS(layer, type, ...)               \
    cn_##type##_args cn_##layer##_defaults(void) \
    {                                            \
        return (cn_##type##_args){__VA_ARGS__};  \
    }
CONSTRUCTOR(random_flip, random_flip)
CONSTRUCTOR(random_crop, random_crop)
CONSTRUCTOR(random_translation, random_translation)
CONSTRUCTOR(random_zoom, random_translation)
CONSTRUCTOR(random_rotation, random_rotation)
CONSTRUCTOR(random_contrast, random_contrast)
CONSTRUCTOR(random_brightness, random_contrast)
DEFAULTS(random_flip, random_flip, CN_RANDOM_FLIP_DEFAULTS)
DEFAULTS(random_crop, random_crop, CN_RANDOM_CROP_DEFAULTS)
DEFAULTS(random_translation, random_translation, CN_RANDOM_TRANSLATION_DEFAULTS)
DEFAULTS(random_zoom, random_translation, CN_RANDOM_ZOOM_DEFAULTS)
DEFAULTS(random_rotation, random_rotation, CN_RANDOM_TRANSLATION_DEFAULTS)
DEFAULTS(random_contrast, random_contrast, CN_RANDOM_CONTRAST_DEFAULTS)

const cn_layer_class *const cn_augmentation_classes[] = {
    &random_flip_class,     &random_crop_class,     &random_translation_class, &random_zoom_class,
    &random_rotation_class, &random_contrast_class, &random_brightness_class,  NULL};
