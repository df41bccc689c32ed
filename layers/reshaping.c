#include "layers/reshaping.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include <string.h>

static const char *const data_formats[] = {"channels_last", "channels_first", NULL};

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
                                             .fields = {CN_ARGUMENT_CHOICE(flatten, data_format, data_formats)}};

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
    return (target->rank >= 0 && target->rank < CN_MAX_RANK && open <= 1) ||
           cn_fail(CN_SHAPES, "%s: %s is not the shape of a sample", layer->name,
                   cn_shape_text(*target, text, sizeof text));
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

const cn_layer_class *const cn_reshaping_classes[] = {&flatten_class, &reshape_class, NULL};
