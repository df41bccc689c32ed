#include "layers/images.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/shaping.h"

cn_tensor *cn_as_floats(const cn_layer *layer, cn_tensor *x)
{
    return cn_dtype_of(x) == CN_I32 ? cn_cast(x, layer->dtype) : x;
}

cn_tensor *cn_images_of(const cn_layer *layer, cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    if (shape.rank != 3 && shape.rank != 4) {
        cn_fail(CN_SHAPES, "%s: takes an image or a batch of images, not %s", layer->name,
                cn_shape_text(shape, text, sizeof text));
        return NULL;
    }
    x = cn_as_floats(layer, x);
    return shape.rank == 3 ? cn_expand_dims(x, 0) : x;
}

cn_tensor *cn_images_as_given(cn_tensor *x, cn_tensor *images)
{
    return cn_shape_of(x).rank == 3 ? cn_squeeze(images, 0) : images;
}

bool cn_check_image_size(const cn_layer *layer, int64_t height, int64_t width)
{
    return (height > 0 && width > 0) || cn_fail(CN_ARGUMENT, "%s: height and width must be positive, not %lld and %lld",
                                                layer->name, (long long)height, (long long)width);
}

cn_tensor *cn_crop_middle(cn_tensor *images, int64_t height, int64_t width, cn_data_format data_format)
{
    cn_shape size = cn_shape_of(images), start = {.rank = size.rank};
    const int64_t wanted[] = {height, width};
    int first = cn_height_axis(data_format);
    for (int i = 0; i < 2; i++) {
        start.dim[first + i] = (size.dim[first + i] - wanted[i]) / 2;
        size.dim[first + i] = wanted[i];
    }
    return cn_slice(images, start, size);
}

/* The length that has to another one the ratio of two sizes, rounded down. */
static int64_t in_ratio(int64_t other, int64_t size, int64_t other_size)
{
    return (int64_t)((double)other * (double)size / (double)other_size);
}

static int64_t between(int64_t least, int64_t x, int64_t most)
{
    return x < least ? least : x > most ? most : x;
}

cn_tensor *cn_crop_and_resize(cn_image_resize_args args)
{
    cn_shape shape = cn_shape_of(args.x);
    const int64_t *old = shape.dim + cn_height_axis(args.data_format);
    int64_t height = between(1, in_ratio(old[1], args.size[0], args.size[1]), old[0]);
    int64_t width = between(1, in_ratio(old[0], args.size[1], args.size[0]), old[1]);
    args.x = cn_crop_middle(args.x, height, width, args.data_format);
    return cn_image_resize_with(args);
}

cn_tensor *cn_pad_and_resize(cn_image_resize_args args, double fill_value)
{
    cn_shape shape = cn_shape_of(args.x);
    int first = cn_height_axis(args.data_format);
    const int64_t *old = shape.dim + first;
    cn_pad_args pad = {.x = args.x, .value = fill_value};
    for (int i = 0; i < 2; i++) {
        int64_t missing = in_ratio(old[1 - i], args.size[i], args.size[1 - i]) - old[i];
        pad.width[first + i][0] = pad.width[first + i][1] = missing > 0 ? missing / 2 : 0;
    }
    args.x = cn_pad_with(pad);
    return cn_image_resize_with(args);
}
