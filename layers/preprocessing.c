#include "layers/preprocessing.h"
#include "core/ops/number.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/images.h"
#include "layers/spatial.h"

/* Rescaling */

typedef struct rescaling {
    cn_layer base;
    cn_rescaling_args args;
} rescaling;

static bool rescaling_init(cn_layer *layer)
{
    return ((const rescaling *)layer)->args.scale != 0 ||
           cn_fail(CN_ARGUMENT, "%s: scale is 0, as 1 / 255 of integers is; 1.0 / 255 is not", layer->name);
}

static cn_tensor *rescaling_call(cn_layer *layer, cn_tensor *x)
{
    const cn_rescaling_args *args = &((rescaling *)layer)->args;
    return cn_plus(cn_times(cn_as_floats(layer, x), args->scale), args->offset);
}

static const cn_layer_class rescaling_class = {
    .name = "Rescaling",
    .size = sizeof(rescaling),
    .init = rescaling_init,
    .call = rescaling_call,
    .mask = CN_MASK_PASSES,
    .fields = {CN_ARGUMENT_FIELD(rescaling, FLOAT, scale), CN_ARGUMENT_FIELD(rescaling, FLOAT, offset)}};

cn_layer *cn_rescaling_with(cn_rescaling_args args)
{
    return cn_layer_like(&rescaling_class, &(rescaling){.base = CN_BASE_OF(args), .args = args});
}

/* Resizing */

typedef struct resizing {
    cn_layer base;
    cn_resizing_args args;
} resizing;

static bool resizing_init(cn_layer *layer)
{
    const cn_resizing_args *args = &((resizing *)layer)->args;
    if (args->crop_to_aspect_ratio && args->pad_to_aspect_ratio)
        return cn_fail(CN_ARGUMENT, "%s: crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other", layer->name);
    if (args->fill_mode != CN_FILL_CONSTANT)
        return cn_fail(CN_ARGUMENT, "%s: fill_mode must be constant", layer->name);
    return cn_check_image_size(layer, args->height, args->width);
}

static cn_tensor *resizing_call(cn_layer *layer, cn_tensor *x)
{
    const cn_resizing_args *args = &((resizing *)layer)->args;
    cn_image_resize_args resize = {.x = cn_images_of(layer, x),
                                   .size = {args->height, args->width},
                                   .interpolation = args->interpolation,
                                   .data_format = args->data_format};
    if (!resize.x)
        return NULL;
    return cn_images_as_given(x, args->crop_to_aspect_ratio  ? cn_crop_and_resize(resize)
                                 : args->pad_to_aspect_ratio ? cn_pad_and_resize(resize, args->fill_value)
                                                             : cn_image_resize_with(resize));
}

static const cn_layer_class resizing_class = {
    .name = "Resizing",
    .size = sizeof(resizing),
    .init = resizing_init,
    .call = resizing_call,
    .min_rank = 3,
    .values = &(const resizing){.args = {CN_RESIZING_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(resizing, INT, height), CN_ARGUMENT_FIELD(resizing, INT, width),
               CN_ARGUMENT_CHOICE(resizing, interpolation, cn_interpolations),
               CN_ARGUMENT_FIELD(resizing, BOOL, crop_to_aspect_ratio),
               CN_ARGUMENT_FIELD(resizing, BOOL, pad_to_aspect_ratio),
               CN_ARGUMENT_CHOICE(resizing, fill_mode, cn_fill_modes), CN_ARGUMENT_FIELD(resizing, FLOAT, fill_value),
               CN_ARGUMENT_CHOICE(resizing, data_format, cn_data_formats)}};

cn_layer *cn_resizing_with(cn_resizing_args args)
{
    return cn_layer_like(&resizing_class, &(resizing){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

cn_resizing_args cn_resizing_defaults(void)
{
    return (cn_resizing_args){CN_RESIZING_DEFAULTS};
}

/* CenterCrop */

typedef struct center_crop {
    cn_layer base;
    cn_center_crop_args args;
} center_crop;

static bool center_crop_init(cn_layer *layer)
{
    const cn_center_crop_args *args = &((center_crop *)layer)->args;
    return cn_check_image_size(layer, args->height, args->width);
}

static cn_tensor *center_crop_call(cn_layer *layer, cn_tensor *x)
{
    const cn_center_crop_args *args = &((center_crop *)layer)->args;
    cn_tensor *images = cn_images_of(layer, x);
    if (!images)
        return NULL;
    cn_shape shape = cn_shape_of(images);
    const int64_t *size = shape.dim + cn_height_axis(args->data_format);
    if (size[0] >= args->height && size[1] >= args->width)
        return cn_images_as_given(x, cn_crop_middle(images, args->height, args->width, args->data_format));
    return cn_images_as_given(x, cn_crop_and_resize((cn_image_resize_args){.x = images,
                                                                           .size = {args->height, args->width},
                                                                           .interpolation = CN_BILINEAR,
                                                                           .data_format = args->data_format}));
}

static const cn_layer_class center_crop_class = {
    .name = "CenterCrop",
    .size = sizeof(center_crop),
    .init = center_crop_init,
    .call = center_crop_call,
    .min_rank = 3,
    .fields = {CN_ARGUMENT_FIELD(center_crop, INT, height), CN_ARGUMENT_FIELD(center_crop, INT, width),
               CN_ARGUMENT_CHOICE(center_crop, data_format, cn_data_formats)}};

cn_layer *cn_center_crop_with(cn_center_crop_args args)
{
    return cn_layer_like(&center_crop_class,
                         &(center_crop){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

const cn_layer_class *const cn_preprocessing_classes[] = {&rescaling_class, &resizing_class, &center_crop_class, NULL};
