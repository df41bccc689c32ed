#include "layers/reshaping.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"
#include <string.h>

typedef struct flatten {
    cn_layer base;
    cn_flatten_args args;
} flatten;

static cn_tensor *flatten_call(cn_layer *layer, cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    if (((flatten *)layer)->args.data_format == CN_CHANNELS_FIRST && shape.rank > 2)
        x = cn_moveaxis(x, 1, -1);
    int64_t size = 1;
    for (int d = 1; d < shape.rank; d++)
        size *= shape.dim[d];
    return cn_reshape(x, CN_SHAPE(shape.dim[0], size));
}

static const cn_layer_class flatten_class = {.name = "Flatten",
                                             .size = sizeof(flatten),
                                             .call = flatten_call,
                                             .min_rank = 1,
                                             .fields = {CN_ARGUMENT_CHOICE(flatten, data_format, cn_data_formats)}};

cn_layer *cn_flatten_with(cn_flatten_args args)
{
    return cn_layer_like(&flatten_class, &(flatten){.base = CN_BASE_OF(args), .args = args});
}

typedef struct reshape {
    cn_layer base;
    cn_reshape_args args;
} reshape;

static bool reshape_init(cn_layer *layer)
{
    const cn_shape *target = &((reshape *)layer)->args.target_shape;
    char text[CN_SHAPE_TEXT];
    int open = 0;
    for (int d = 0; d < target->rank; d++)
        open += target->dim[d] < 0;
    return (target->rank < CN_MAX_RANK && open <= 1) || cn_fail(CN_SHAPES, "%s: %s is not the shape of a sample",
                                                                layer->name, cn_shape_text(*target, text, sizeof text));
}

static cn_tensor *reshape_call(cn_layer *layer, cn_tensor *x)
{
    const cn_shape *target = &((reshape *)layer)->args.target_shape;
    cn_shape shape = {.rank = target->rank + 1, .dim = {cn_shape_of(x).dim[0]}};
    memcpy(shape.dim + 1, target->dim, (size_t)target->rank * sizeof *shape.dim);
    return cn_reshape(x, shape);
}

static const cn_layer_class reshape_class = {.name = "Reshape",
                                             .size = sizeof(reshape),
                                             .init = reshape_init,
                                             .call = reshape_call,
                                             .min_rank = 1,
                                             .fields = {CN_ARGUMENT_FIELD(reshape, INTS, target_shape)}};

cn_layer *cn_reshape_layer_with(cn_reshape_args args)
{
    return cn_layer_like(&reshape_class, &(reshape){.base = CN_BASE_OF(args), .args = args});
}

/* Permute */

typedef struct permute {
    cn_layer base;
    cn_permute_args args;
} permute;

static bool permute_init(cn_layer *layer)
{
    const cn_shape *dims = &((permute *)layer)->args.dims;
    char text[CN_SHAPE_TEXT];
    unsigned seen = 0;
    bool valid = dims->rank >= 1 && dims->rank < CN_MAX_RANK;
    for (int d = 0; d < dims->rank && valid; d++) {
        valid = dims->dim[d] >= 1 && dims->dim[d] <= dims->rank && !(seen >> dims->dim[d] & 1);
        seen |= valid ? 1U << dims->dim[d] : 0;
    }
    return valid || cn_fail(CN_ARGUMENT, "%s: dims must be the numbers from 1 on in some order, not %s", layer->name,
                            cn_shape_text(*dims, text, sizeof text));
}

static cn_tensor *permute_call(cn_layer *layer, cn_tensor *x)
{
    const cn_shape *dims = &((permute *)layer)->args.dims;
    cn_axes axes = {.count = dims->rank + 1};
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    if (shape.rank != axes.count) {
        cn_fail(CN_SHAPES, "%s: expected an input of rank %d, got %s", layer->name, axes.count,
                cn_shape_text(shape, text, sizeof text));
        return NULL;
    }
    for (int d = 0; d < dims->rank; d++)
        axes.axis[d + 1] = (int)dims->dim[d];
    return cn_transpose(x, .axes = axes);
}

static const cn_layer_class permute_class = {.name = "Permute",
                                             .size = sizeof(permute),
                                             .init = permute_init,
                                             .call = permute_call,
                                             .min_rank = 2,
                                             .fields = {CN_ARGUMENT_FIELD(permute, INTS, dims)}};

cn_layer *cn_permute_with(cn_permute_args args)
{
    return cn_layer_like(&permute_class, &(permute){.base = CN_BASE_OF(args), .args = args});
}

/* RepeatVector */

typedef struct repeat_vector {
    cn_layer base;
    cn_repeat_vector_args args;
} repeat_vector;

static bool repeat_vector_init(cn_layer *layer)
{
    int64_t n = ((repeat_vector *)layer)->args.n;
    return n > 0 || cn_fail(CN_ARGUMENT, "%s: n must be positive, not %lld", layer->name, (long long)n);
}

static cn_tensor *repeat_vector_call(cn_layer *layer, cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    return cn_broadcast_to(cn_expand_dims(x, 1),
                           CN_SHAPE(shape.dim[0], ((repeat_vector *)layer)->args.n, shape.dim[1]));
}

static const cn_layer_class repeat_vector_class = {.name = "RepeatVector",
                                                   .size = sizeof(repeat_vector),
                                                   .init = repeat_vector_init,
                                                   .call = repeat_vector_call,
                                                   .rank = 2,
                                                   .fields = {CN_ARGUMENT_FIELD(repeat_vector, INT, n)}};

cn_layer *cn_repeat_vector_with(cn_repeat_vector_args args)
{
    return cn_layer_like(&repeat_vector_class, &(repeat_vector){.base = CN_BASE_OF(args), .args = args});
}

/* Axes of space: all but the batch and the channels. */

static int first_axis(cn_data_format data_format)
{
    return data_format == CN_CHANNELS_FIRST ? 2 : 1;
}

/* One number for all axes, or one an axis, or two an axis (`ends` = 2); each at least `least`. */
static bool check_numbers(const cn_layer *layer, const char *what, const cn_shape *numbers, int ends, int64_t least)
{
    int space = cn_space_of(layer);
    char text[CN_SHAPE_TEXT];
    bool valid = numbers->rank == 1 || numbers->rank == space || numbers->rank == ends * space;
    for (int i = 0; i < numbers->rank && valid; i++)
        valid = numbers->dim[i] >= least && numbers->dim[i] <= INT32_MAX;
    return valid || cn_fail(CN_ARGUMENT, "%s: %s %s does not fit %d axes", layer->name, what,
                            cn_shape_text(*numbers, text, sizeof text), space);
}

/* The number that stands before (end 0) or after (end 1) axis `axis` of space. */
static int64_t number_at(const cn_layer *layer, const cn_shape *numbers, int axis, int end)
{
    int space = cn_space_of(layer);
    if (numbers->rank == 2 * space)
        return numbers->dim[2 * axis + end];
    return numbers->dim[numbers->rank == 1 ? 0 : axis];
}

typedef struct cropping {
    cn_layer base;
    cn_cropping_args args;
} cropping;

static bool cropping_init(cn_layer *layer)
{
    return check_numbers(layer, "cropping", &((cropping *)layer)->args.cropping, 2, 0);
}

static cn_tensor *cropping_call(cn_layer *layer, cn_tensor *x)
{
    const cn_cropping_args *args = &((cropping *)layer)->args;
    cn_shape shape = cn_shape_of(x);
    cn_getitem_args part = {.x = x};
    char text[CN_SHAPE_TEXT];
    for (int i = 0; i < cn_space_of(layer); i++) {
        int axis = first_axis(args->data_format) + i;
        int64_t before = number_at(layer, &args->cropping, i, 0), after = number_at(layer, &args->cropping, i, 1);
        if (before + after >= shape.dim[axis]) {
            cn_fail(CN_SHAPES, "%s: nothing is left of axis %d of %s", layer->name, axis,
                    cn_shape_text(shape, text, sizeof text));
            return NULL;
        }
        part.index[axis] = CN_RANGE(before, shape.dim[axis] - after);
    }
    return cn_getitem_with(part);
}

typedef struct zero_padding {
    cn_layer base;
    cn_zero_padding_args args;
} zero_padding;

static bool zero_padding_init(cn_layer *layer)
{
    return check_numbers(layer, "padding", &((zero_padding *)layer)->args.padding, 2, 0);
}

static cn_tensor *zero_padding_call(cn_layer *layer, cn_tensor *x)
{
    const cn_zero_padding_args *args = &((zero_padding *)layer)->args;
    cn_pad_args padded = {.x = x};
    for (int i = 0; i < cn_space_of(layer); i++)
        for (int end = 0; end < 2; end++)
            padded.width[first_axis(args->data_format) + i][end] = number_at(layer, &args->padding, i, end);
    return cn_pad_with(padded);
}

typedef struct up_sampling {
    cn_layer base;
    cn_up_sampling_args args;
} up_sampling;

static bool up_sampling_init(cn_layer *layer)
{
    const cn_up_sampling_args *args = &((up_sampling *)layer)->args;
    if (args->interpolation != CN_NEAREST && cn_space_of(layer) != 2)
        return cn_fail(CN_ARGUMENT, "%s: only images are interpolated", layer->name);
    return check_numbers(layer, "size", &args->size, 1, 1);
}

static cn_tensor *up_sampling_call(cn_layer *layer, cn_tensor *x)
{
    const cn_up_sampling_args *args = &((up_sampling *)layer)->args;
    cn_image_resize_args resized = {.interpolation = args->interpolation, .data_format = args->data_format};
    for (int i = 0; i < cn_space_of(layer); i++) {
        int64_t size = number_at(layer, &args->size, i, 0);
        int axis = first_axis(args->data_format) + i;
        if (args->interpolation != CN_NEAREST)
            resized.size[i] = cn_shape_of(x).dim[axis] * size;
        else if (size > 1)
            x = cn_repeat(x, size, .axis = axis);
    }
    resized.x = x;
    return args->interpolation == CN_NEAREST ? x : cn_image_resize_with(resized);
}

/* The classes for one, two and three axes; `numbers` is what Keras calls theirs, and the last
 * argument a field that one of them has alone. */
#define SPATIAL(type, space, class_name, numbers, defaults, ...)                                                   \
    static const cn_layer_class type##space##d_class = {                                                           \
        .name = class_name,                                                                                        \
        .size = sizeof(type),                                                                                      \
        .init = type##_init,                                                                                       \
        .call = type##_call,                                                                                       \
        .rank = (space) + 2,                                                                                       \
        .values = &(const type){.args = {defaults}},                                                               \
        .fields = {CN_ARGUMENT_FIELD(type, INTS, numbers), CN_ARGUMENT_CHOICE(type, data_format, cn_data_formats), \
                   __VA_ARGS__}};                                                                                  \
    cn_layer *cn_##type##space##d_with(cn_##type##_args args)                                                      \
    {                                                                                                              \
        return cn_layer_like(&type##space##d_class, &(type){.base = CN_BASE_OF(args), .args = args});              \
    }
SPATIAL(cropping, 1, "Cropping1D", cropping, CN_CROPPING1D_DEFAULTS, {0})
SPATIAL(cropping, 2, "Cropping2D", cropping, CN_CROPPING2D_DEFAULTS, {0})
SPATIAL(cropping, 3, "Cropping3D", cropping, CN_CROPPING3D_DEFAULTS, {0})
SPATIAL(zero_padding, 1, "ZeroPadding1D", padding, CN_ZERO_PADDING_DEFAULTS, {0})
SPATIAL(zero_padding, 2, "ZeroPadding2D", padding, CN_ZERO_PADDING_DEFAULTS, {0})
SPATIAL(zero_padding, 3, "ZeroPadding3D", padding, CN_ZERO_PADDING_DEFAULTS, {0})
SPATIAL(up_sampling, 1, "UpSampling1D", size, CN_UP_SAMPLING_DEFAULTS, {0})
SPATIAL(up_sampling, 2, "UpSampling2D", size, CN_UP_SAMPLING_DEFAULTS,
        CN_ARGUMENT_CHOICE(up_sampling, interpolation, cn_interpolations))
SPATIAL(up_sampling, 3, "UpSampling3D", size, CN_UP_SAMPLING_DEFAULTS, {0})
#undef SPATIAL

const cn_layer_class *const cn_reshaping_classes[] = {&flatten_class,        &reshape_class,
                                                      &permute_class,        &repeat_vector_class,
                                                      &cropping1d_class,     &cropping2d_class,
                                                      &cropping3d_class,     &zero_padding1d_class,
                                                      &zero_padding2d_class, &zero_padding3d_class,
                                                      &up_sampling1d_class,  &up_sampling2d_class,
                                                      &up_sampling3d_class,  NULL};
