#include "layers/preprocessing.h"
#include "core/ops/indexing.h"
#include "core/ops/number.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"

static cn_tensor *as_floats(const cn_layer *layer, cn_tensor *x)
{
    return cn_dtype_of(x) == CN_I32 ? cn_cast(x, layer->dtype) : x;
}

typedef struct rescaling {
    cn_layer base;
    cn_rescaling_args args;
} rescaling;

static cn_tensor *rescaling_call(cn_layer *layer, cn_tensor *x)
{
    const cn_rescaling_args *args = &((rescaling *)layer)->args;
    return cn_plus(cn_times(as_floats(layer, x), args->scale), args->offset);
}

static const cn_layer_class rescaling_class = {
    .name = "Rescaling",
    .size = sizeof(rescaling),
    .call = rescaling_call,
    .mask = CN_MASK_PASSES,
    .fields = {CN_ARGUMENT_FIELD(rescaling, FLOAT, scale), CN_ARGUMENT_FIELD(rescaling, FLOAT, offset)}};

cn_layer *cn_rescaling_with(cn_rescaling_args args)
{
    return cn_layer_like(&rescaling_class, &(rescaling){.base = CN_BASE_OF(args), .args = args});
}

static bool check_size(const cn_layer *layer, int64_t height, int64_t width)
{
    return (height > 0 && width > 0) || cn_fail(CN_ARGUMENT, "%s: height and width must be positive, not %lld and %lld",
                                                layer->name, (long long)height, (long long)width);
}

typedef struct resizing {
    cn_layer base;
    cn_resizing_args args;
} resizing;

static bool resizing_init(cn_layer *layer)
{
    const cn_resizing_args *args = &((resizing *)layer)->args;
    if (args->crop_to_aspect_ratio || args->pad_to_aspect_ratio)
        return cn_fail(CN_UNSUPPORTED, "%s: %s is not supported", layer->name,
                       args->crop_to_aspect_ratio ? "crop_to_aspect_ratio" : "pad_to_aspect_ratio");
    return check_size(layer, args->height, args->width);
}

static cn_tensor *resizing_call(cn_layer *layer, cn_tensor *x)
{
    const cn_resizing_args *args = &((resizing *)layer)->args;
    return cn_image_resize(as_floats(layer, x), {args->height, args->width}, .interpolation = args->interpolation,
                           .data_format = args->data_format);
}

static const cn_layer_class resizing_class = {.name = "Resizing",
                                              .size = sizeof(resizing),
                                              .init = resizing_init,
                                              .call = resizing_call,
                                              .rank = 4,
                                              .values = &(const resizing){.args = {CN_RESIZING_DEFAULTS}},
                                              .fields = {CN_ARGUMENT_FIELD(resizing, INT, height),
                                                         CN_ARGUMENT_FIELD(resizing, INT, width),
                                                         CN_ARGUMENT_CHOICE(resizing, interpolation, cn_interpolations),
                                                         CN_ARGUMENT_FIELD(resizing, BOOL, crop_to_aspect_ratio),
                                                         CN_ARGUMENT_FIELD(resizing, BOOL, pad_to_aspect_ratio),
                                                         CN_ARGUMENT_CHOICE(resizing, data_format, cn_data_formats)}};

cn_layer *cn_resizing_with(cn_resizing_args args)
{
    return cn_layer_like(&resizing_class, &(resizing){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

cn_resizing_args cn_resizing_defaults(void)
{
    return (cn_resizing_args){CN_RESIZING_DEFAULTS};
}

typedef struct center_crop {
    cn_layer base;
    cn_center_crop_args args;
} center_crop;

static bool center_crop_init(cn_layer *layer)
{
    const cn_center_crop_args *args = &((center_crop *)layer)->args;
    return check_size(layer, args->height, args->width);
}

static cn_tensor *center_crop_call(cn_layer *layer, cn_tensor *x)
{
    const cn_center_crop_args *args = &((center_crop *)layer)->args;
    cn_shape size = cn_shape_of(x), start = {.rank = size.rank};
    int first = args->data_format == CN_CHANNELS_FIRST ? 2 : 1;
    for (int i = 0; i < 2; i++) {
        int64_t wanted = i == 0 ? args->height : args->width, given = size.dim[first + i];
        if (given < wanted) {
            cn_fail(CN_SHAPES, "%s: an image of %lld cannot be cropped to %lld", layer->name, (long long)given,
                    (long long)wanted);
            return NULL;
        }
        start.dim[first + i] = (given - wanted) / 2;
        size.dim[first + i] = wanted;
    }
    return cn_slice(as_floats(layer, x), start, size);
}

static const cn_layer_class center_crop_class = {
    .name = "CenterCrop",
    .size = sizeof(center_crop),
    .init = center_crop_init,
    .call = center_crop_call,
    .rank = 4,
    .fields = {CN_ARGUMENT_FIELD(center_crop, INT, height), CN_ARGUMENT_FIELD(center_crop, INT, width),
               CN_ARGUMENT_CHOICE(center_crop, data_format, cn_data_formats)}};

cn_layer *cn_center_crop_with(cn_center_crop_args args)
{
    return cn_layer_like(&center_crop_class,
                         &(center_crop){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

typedef struct category_encoding {
    cn_layer base;
    cn_category_encoding_args args;
} category_encoding;

static bool category_encoding_init(cn_layer *layer)
{
    int64_t tokens = ((category_encoding *)layer)->args.num_tokens;
    return tokens > 0 ||
           cn_fail(CN_ARGUMENT, "%s: num_tokens must be positive, not %lld", layer->name, (long long)tokens);
}

static cn_tensor *category_encoding_call(cn_layer *layer, cn_tensor *x)
{
    const cn_category_encoding_args *args = &((category_encoding *)layer)->args;
    cn_shape shape = cn_shape_of(x);
    if (args->output_mode == CN_ONE_HOT && shape.rank > 1 && shape.dim[shape.rank - 1] == 1) {
        shape.rank--;
        x = cn_reshape(x, shape);
    }
    cn_tensor *tokens = cn_one_hot(cn_cast(x, CN_I32), args->num_tokens, .dtype = layer->dtype);
    return args->output_mode == CN_ONE_HOT     ? tokens
           : args->output_mode == CN_MULTI_HOT ? cn_max(tokens, .axis = 1)
                                               : cn_sum(tokens, .axis = 1);
}

static const char *const output_modes[] = {"multi_hot", "one_hot", "count", NULL};

static const cn_layer_class category_encoding_class = {
    .name = "CategoryEncoding",
    .size = sizeof(category_encoding),
    .init = category_encoding_init,
    .call = category_encoding_call,
    .min_rank = 2,
    .fields = {CN_ARGUMENT_FIELD(category_encoding, INT, num_tokens),
               CN_ARGUMENT_CHOICE(category_encoding, output_mode, output_modes)}};

cn_layer *cn_category_encoding_with(cn_category_encoding_args args)
{
    return cn_layer_like(&category_encoding_class,
                         &(category_encoding){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

const cn_layer_class *const cn_preprocessing_classes[] = {&rescaling_class, &resizing_class, &center_crop_class,
                                                          &category_encoding_class, NULL};
