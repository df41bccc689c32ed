#include "layers/pooling.h"
#include "core/ops/arithmetic.h"
#include "core/ops/pooling.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"
#include <string.h>

static const char *const paddings[] = {"valid", "same", NULL};

/* Windows of a given size */

typedef struct pooling {
    cn_layer base;
    cn_pooling_args args;
} pooling;

static bool pooling_init(cn_layer *layer)
{
    cn_pooling_args *args = &((pooling *)layer)->args;
    if (args->strides[0] == 0)
        memcpy(args->strides, args->pool_size, sizeof args->strides);
    if (args->padding != CN_VALID && args->padding != CN_SAME)
        return cn_fail(CN_ARGUMENT, "%s: padding is valid or same", layer->name);
    return cn_check_sizes(layer, "pool_size", args->pool_size) && cn_check_sizes(layer, "strides", args->strides);
}

/* Without padding, a window must fit. */
static bool check_windows(cn_layer *layer, cn_tensor *x)
{
    const cn_pooling_args *args = &((pooling *)layer)->args;
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    for (int i = 0; i < cn_space_of(layer) && args->padding == CN_VALID; i++) {
        int axis = (args->data_format == CN_CHANNELS_FIRST ? 2 : 1) + i;
        int64_t size = cn_size_along(args->pool_size, i);
        if (size > shape.dim[axis])
            return cn_fail(CN_SHAPES, "%s: a window of %lld is larger than axis %d of %s", layer->name, (long long)size,
                           axis, cn_shape_text(shape, text, sizeof text));
    }
    return true;
}

static cn_pool_args arguments_of(cn_layer *layer, cn_tensor *x)
{
    const cn_pooling_args *args = &((pooling *)layer)->args;
    cn_pool_args pool = {.x = x, .padding = args->padding, .data_format = args->data_format};
    memcpy(pool.pool_size, args->pool_size, sizeof pool.pool_size);
    memcpy(pool.strides, args->strides, sizeof pool.strides);
    return pool;
}

static cn_tensor *max_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return check_windows(layer, x) ? cn_max_pool_with(arguments_of(layer, x)) : NULL;
}

static cn_tensor *average_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return check_windows(layer, x) ? cn_average_pool_with(arguments_of(layer, x)) : NULL;
}

cn_pooling_args cn_max_pooling_defaults(void)
{
    return (cn_pooling_args){CN_MAX_POOLING_DEFAULTS};
}

/* One window of everything */

typedef struct global_pooling {
    cn_layer base;
    cn_global_pooling_args args;
} global_pooling;

static cn_reduce_args all_of_space(cn_layer *layer, cn_tensor *x)
{
    const cn_global_pooling_args *args = &((global_pooling *)layer)->args;
    cn_reduce_args reduce = {.x = x, .axis = CN_NONE, .keepdims = args->keepdims};
    reduce.axes.count = cn_space_of(layer);
    for (int i = 0; i < reduce.axes.count; i++)
        reduce.axes.axis[i] = (args->data_format == CN_CHANNELS_FIRST ? 2 : 1) + i;
    return reduce;
}

static cn_tensor *global_max_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return cn_max_with(all_of_space(layer, x));
}

static cn_tensor *global_average_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return cn_mean_with(all_of_space(layer, x));
}

/* Of a sequence: the steps that the mask keeps. */
static bool global_average_pooling_call_many(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *x = call->inputs.item[0], *mask = call->mask[0];
    cn_reduce_args steps = all_of_space(layer, x);
    outputs->count = 1;
    if (mask) {
        cn_tensor *kept = cn_expand_dims(cn_cast(mask, cn_dtype_of(x)), steps.axes.axis[0] == 1 ? 2 : 1);
        cn_reduce_args counted = steps;
        steps.x = cn_mul(x, kept);
        counted.x = kept;
        outputs->item[0] = cn_div(cn_sum_with(steps), cn_sum_with(counted));
    } else {
        outputs->item[0] = cn_mean_with(steps);
    }
    return outputs->item[0] != NULL;
}

/* Windows by the size of the output */

typedef struct adaptive_pooling {
    cn_layer base;
    cn_adaptive_pooling_args args;
} adaptive_pooling;

static bool adaptive_pooling_init(cn_layer *layer)
{
    return cn_check_sizes(layer, "output_size", ((adaptive_pooling *)layer)->args.output_size);
}

static cn_adaptive_pool_args adaptive_arguments_of(cn_layer *layer, cn_tensor *x)
{
    const cn_adaptive_pooling_args *args = &((adaptive_pooling *)layer)->args;
    cn_adaptive_pool_args pool = {.x = x, .data_format = args->data_format};
    memcpy(pool.output_size, args->output_size, sizeof pool.output_size);
    return pool;
}

static cn_tensor *adaptive_max_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return cn_adaptive_max_pool_with(adaptive_arguments_of(layer, x));
}

static cn_tensor *adaptive_average_pooling_call(cn_layer *layer, cn_tensor *x)
{
    return cn_adaptive_average_pool_with(adaptive_arguments_of(layer, x));
}

/* The classes for one, two and three axes of space: `what` stands for the layer in names of functions. */
#define CLASS(type, what, space, class_name, class_alias, ...)                                             \
    static const cn_layer_class what##space##d_class = {                                                   \
        .name = class_name, .alias = class_alias, .size = sizeof(type), .rank = (space) + 2, __VA_ARGS__}; \
    cn_layer *cn_##what##space##d_with(cn_##type##_args args)                                              \
    {                                                                                                      \
        return cn_layer_like(&what##space##d_class, &(type){.base = CN_BASE_OF(args), .args = args});      \
    }

#define POOLING(what, space, class_name, class_alias, ...)                                                     \
    CLASS(pooling, what, space, class_name, class_alias, .init = pooling_init, .call = what##_call,            \
          .values = &(const pooling){.args = {__VA_ARGS__}},                                                   \
          .fields = {CN_ARGUMENT_FIELD(pooling, SIZES, pool_size), CN_ARGUMENT_FIELD(pooling, SIZES, strides), \
                     CN_ARGUMENT_CHOICE(pooling, padding, paddings),                                           \
                     CN_ARGUMENT_CHOICE(pooling, data_format, cn_data_formats)})
POOLING(max_pooling, 1, "MaxPooling1D", "MaxPool1D", CN_MAX_POOLING_DEFAULTS)
POOLING(max_pooling, 2, "MaxPooling2D", "MaxPool2D", CN_MAX_POOLING_DEFAULTS)
POOLING(max_pooling, 3, "MaxPooling3D", "MaxPool3D", CN_MAX_POOLING_DEFAULTS)
POOLING(average_pooling, 1, "AveragePooling1D", "AvgPool1D", .first_ = 0)
POOLING(average_pooling, 2, "AveragePooling2D", "AvgPool2D", .first_ = 0)
POOLING(average_pooling, 3, "AveragePooling3D", "AvgPool3D", .first_ = 0)

#define GLOBAL_POOLING(what, space, class_name, class_alias, ...)                      \
    CLASS(global_pooling, what, space, class_name, class_alias, __VA_ARGS__,           \
          .fields = {CN_ARGUMENT_CHOICE(global_pooling, data_format, cn_data_formats), \
                     CN_ARGUMENT_FIELD(global_pooling, BOOL, keepdims)})
GLOBAL_POOLING(global_max_pooling, 1, "GlobalMaxPooling1D", "GlobalMaxPool1D", .call = global_max_pooling_call)
GLOBAL_POOLING(global_max_pooling, 2, "GlobalMaxPooling2D", "GlobalMaxPool2D", .call = global_max_pooling_call)
GLOBAL_POOLING(global_max_pooling, 3, "GlobalMaxPooling3D", "GlobalMaxPool3D", .call = global_max_pooling_call)
GLOBAL_POOLING(global_average_pooling, 1, "GlobalAveragePooling1D", "GlobalAvgPool1D",
               .call_many = global_average_pooling_call_many, .inputs = 1)
GLOBAL_POOLING(global_average_pooling, 2, "GlobalAveragePooling2D", "GlobalAvgPool2D",
               .call = global_average_pooling_call)
GLOBAL_POOLING(global_average_pooling, 3, "GlobalAveragePooling3D", "GlobalAvgPool3D",
               .call = global_average_pooling_call)

#define ADAPTIVE_POOLING(what, space, class_name)                                                              \
    CLASS(adaptive_pooling, what, space, class_name, NULL, .init = adaptive_pooling_init, .call = what##_call, \
          .fields = {CN_ARGUMENT_FIELD(adaptive_pooling, SIZES, output_size),                                  \
                     CN_ARGUMENT_CHOICE(adaptive_pooling, data_format, cn_data_formats)})
ADAPTIVE_POOLING(adaptive_max_pooling, 1, "AdaptiveMaxPooling1D")
ADAPTIVE_POOLING(adaptive_max_pooling, 2, "AdaptiveMaxPooling2D")
ADAPTIVE_POOLING(adaptive_max_pooling, 3, "AdaptiveMaxPooling3D")
ADAPTIVE_POOLING(adaptive_average_pooling, 1, "AdaptiveAveragePooling1D")
ADAPTIVE_POOLING(adaptive_average_pooling, 2, "AdaptiveAveragePooling2D")
ADAPTIVE_POOLING(adaptive_average_pooling, 3, "AdaptiveAveragePooling3D")

#define ALL_SPACES(what) &what##1d_class, &what##2d_class, &what##3d_class
const cn_layer_class *const cn_pooling_classes[] = {ALL_SPACES(max_pooling),
                                                    ALL_SPACES(average_pooling),
                                                    ALL_SPACES(global_max_pooling),
                                                    ALL_SPACES(global_average_pooling),
                                                    ALL_SPACES(adaptive_max_pooling),
                                                    ALL_SPACES(adaptive_average_pooling),
                                                    NULL};
