#include "layers/convolution.h"
#include "core/ops/arithmetic.h"
#include "core/ops/convolution.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"
#include "layers/window.h"
#include <string.h>

static cn_conv_args operation_of(const cn_window *w, cn_tensor *x, cn_tensor *kernel)
{
    cn_conv_args args = {.x = x, .kernel = kernel, .padding = w->padding, .data_format = w->data_format};
    memcpy(args.strides, w->strides, sizeof args.strides);
    memcpy(args.dilation_rate, w->dilation_rate, sizeof args.dilation_rate);
    return args;
}

/* activation(y + bias), the bias standing along the channels. */
static cn_tensor *add_bias(const cn_layer *layer, const cn_window *w, cn_tensor *y, cn_tensor *bias,
                           cn_activation *activation)
{
    if (bias && y && w->data_format == CN_CHANNELS_FIRST) {
        cn_shape along = {.rank = layer->type->rank - 1, .dim = {cn_shape_of(bias).dim[0], 1, 1, 1}};
        bias = cn_reshape(cn_read(cn_tape_of(y), bias), along);
    }
    return cn_activate(activation, bias ? cn_add(y, bias) : y);
}

#define ADD_WEIGHT(layer, what, shape, args)                                          \
    cn_add_weight((layer), #what, (shape), .initializer = (args)->what##_initializer, \
                  .regularizer = (args)->what##_regularizer, .constraint = (args)->what##_constraint)
/* None if the layer has no bias. */
#define ADD_BIAS(layer, size, args)                                                                                   \
    ((args)->use_bias ? cn_add_weight((layer), "bias", CN_SHAPE(size),                                                \
                                      .initializer = cn_or_else((args)->bias_initializer, cn_init_zeros()),           \
                                      .regularizer = (args)->bias_regularizer, .constraint = (args)->bias_constraint) \
                      : NULL)

/* Conv */

typedef struct convolution {
    cn_layer base;
    cn_convolution_args args;
    cn_tensor *kernel, *bias;
} convolution;

static bool convolution_init(cn_layer *layer)
{
    const cn_convolution_args *args = &((convolution *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    if (!cn_check_positive(layer, "filters", args->filters) || !cn_check_positive(layer, "groups", args->groups) ||
        !cn_check_window(layer, &w))
        return false;
    if (args->filters % args->groups != 0)
        return cn_fail(CN_ARGUMENT, "%s: %lld filters cannot be shared among %lld groups", layer->name,
                       (long long)args->filters, (long long)args->groups);
    if (args->padding == CN_CAUSAL && cn_window_space(layer, &w) != 1)
        return cn_fail(CN_ARGUMENT, "%s: causal padding is for one axis", layer->name);
    return true;
}

static bool convolution_build(cn_layer *layer, const cn_shape *in)
{
    convolution *l = (convolution *)layer;
    const cn_convolution_args *args = &l->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    int64_t channels = cn_window_channels(layer, &w, in);
    if (channels == 0)
        return false;
    if (channels % args->groups != 0)
        return cn_fail(CN_SHAPES, "%s: %lld channels cannot be shared among %lld groups", layer->name,
                       (long long)channels, (long long)args->groups);
    l->kernel = ADD_WEIGHT(layer, kernel, cn_window_kernel(layer, &w, channels / args->groups, args->filters), args);
    l->bias = ADD_BIAS(layer, args->filters, args);
    return !cn_failed();
}

static cn_tensor *convolution_call(cn_layer *layer, cn_tensor *x)
{
    const convolution *l = (convolution *)layer;
    const cn_window w = CN_WINDOW_OF(&l->args, 1);
    if (!cn_check_window_input(layer, &w, x))
        return NULL;
    return add_bias(layer, &w, cn_conv_with(operation_of(&w, x, l->kernel)), l->bias, l->args.activation);
}

/* ConvTranspose */

typedef struct transposed_convolution {
    cn_layer base;
    cn_transposed_convolution_args args;
    cn_tensor *kernel, *bias;
} transposed_convolution;

static cn_window scattering_window(const cn_transposed_convolution_args *args)
{
    cn_window w = CN_WINDOW_OF(args, 1);
    w.scatters = true;
    return w;
}

static bool transposed_convolution_init(cn_layer *layer)
{
    const cn_transposed_convolution_args *args = &((transposed_convolution *)layer)->args;
    const cn_window w = scattering_window(args);
    const cn_shape *added = &args->output_padding;
    if (!cn_check_positive(layer, "filters", args->filters) || !cn_check_window(layer, &w))
        return false;
    if (args->padding == CN_CAUSAL)
        return cn_fail(CN_ARGUMENT, "%s: padding must be valid or same", layer->name);
    if (added->rank != 0 && added->rank != 1 && added->rank != cn_window_space(layer, &w))
        return cn_fail(CN_ARGUMENT, "%s: output_padding has %d numbers for %d axes", layer->name, added->rank,
                       cn_window_space(layer, &w));
    for (int d = 0; d < cn_window_space(layer, &w) && added->rank > 0; d++) {
        int64_t number = added->dim[added->rank == 1 ? 0 : d], stride = cn_size_along(args->strides, d);
        if (number < 0 || number >= stride)
            return cn_fail(CN_ARGUMENT, "%s: output_padding must be from 0 to below the stride %lld, not %lld",
                           layer->name, (long long)stride, (long long)number);
    }
    return true;
}

static bool transposed_convolution_build(cn_layer *layer, const cn_shape *in)
{
    transposed_convolution *l = (transposed_convolution *)layer;
    const cn_transposed_convolution_args *args = &l->args;
    const cn_window w = scattering_window(args);
    int64_t channels = cn_window_channels(layer, &w, in);
    if (channels == 0)
        return false;
    l->kernel = ADD_WEIGHT(layer, kernel, cn_window_kernel(layer, &w, args->filters, channels), args);
    l->bias = ADD_BIAS(layer, args->filters, args);
    return !cn_failed();
}

static cn_tensor *transposed_convolution_call(cn_layer *layer, cn_tensor *x)
{
    const transposed_convolution *l = (transposed_convolution *)layer;
    const cn_window w = scattering_window(&l->args);
    if (!cn_check_window_input(layer, &w, x))
        return NULL;
    cn_conv_transpose_args args = {.x = x,
                                   .kernel = l->kernel,
                                   .padding = w.padding,
                                   .output_padding = l->args.output_padding,
                                   .data_format = w.data_format};
    memcpy(args.strides, w.strides, sizeof args.strides);
    memcpy(args.dilation_rate, w.dilation_rate, sizeof args.dilation_rate);
    return add_bias(layer, &w, cn_conv_transpose_with(args), l->bias, l->args.activation);
}

/* DepthwiseConv */

typedef struct depthwise_convolution {
    cn_layer base;
    cn_depthwise_convolution_args args;
    cn_tensor *kernel, *bias;
} depthwise_convolution;

static bool check_depthwise(const cn_layer *layer, const cn_window *w, int64_t depth_multiplier)
{
    return cn_check_positive(layer, "depth_multiplier", depth_multiplier) && cn_check_window(layer, w) &&
           (w->padding != CN_CAUSAL || cn_fail(CN_ARGUMENT, "%s: padding must be valid or same", layer->name));
}

static bool depthwise_convolution_init(cn_layer *layer)
{
    const cn_depthwise_convolution_args *args = &((depthwise_convolution *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    return check_depthwise(layer, &w, args->depth_multiplier);
}

static bool depthwise_convolution_build(cn_layer *layer, const cn_shape *in)
{
    depthwise_convolution *l = (depthwise_convolution *)layer;
    const cn_depthwise_convolution_args *args = &l->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    int64_t channels = cn_window_channels(layer, &w, in);
    if (channels == 0)
        return false;
    l->kernel = cn_add_weight(layer, "kernel", cn_window_kernel(layer, &w, channels, args->depth_multiplier),
                              .initializer = args->depthwise_initializer, .regularizer = args->depthwise_regularizer,
                              .constraint = args->depthwise_constraint);
    l->bias = ADD_BIAS(layer, channels * args->depth_multiplier, args);
    return !cn_failed();
}

static cn_tensor *depthwise_convolution_call(cn_layer *layer, cn_tensor *x)
{
    const depthwise_convolution *l = (depthwise_convolution *)layer;
    const cn_window w = CN_WINDOW_OF(&l->args, 1);
    if (!cn_check_window_input(layer, &w, x))
        return NULL;
    return add_bias(layer, &w, cn_depthwise_conv_with(operation_of(&w, x, l->kernel)), l->bias, l->args.activation);
}

/* SeparableConv */

typedef struct separable_convolution {
    cn_layer base;
    cn_separable_convolution_args args;
    cn_tensor *depthwise, *pointwise, *bias;
} separable_convolution;

static bool separable_convolution_init(cn_layer *layer)
{
    const cn_separable_convolution_args *args = &((separable_convolution *)layer)->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    return cn_check_positive(layer, "filters", args->filters) && check_depthwise(layer, &w, args->depth_multiplier);
}

static bool separable_convolution_build(cn_layer *layer, const cn_shape *in)
{
    separable_convolution *l = (separable_convolution *)layer;
    const cn_separable_convolution_args *args = &l->args;
    const cn_window w = CN_WINDOW_OF(args, 1);
    int64_t channels = cn_window_channels(layer, &w, in);
    if (channels == 0)
        return false;
    const cn_window one = {.leading = 1, .kernel_size = (const int64_t[CN_SPACE]){1}};
    l->depthwise =
        cn_add_weight(layer, "depthwise_kernel", cn_window_kernel(layer, &w, channels, args->depth_multiplier),
                      .initializer = args->depthwise_initializer, .regularizer = args->depthwise_regularizer,
                      .constraint = args->depthwise_constraint);
    l->pointwise = cn_add_weight(layer, "pointwise_kernel",
                                 cn_window_kernel(layer, &one, channels * args->depth_multiplier, args->filters),
                                 .initializer = args->pointwise_initializer, .regularizer = args->pointwise_regularizer,
                                 .constraint = args->pointwise_constraint);
    l->bias = ADD_BIAS(layer, args->filters, args);
    return !cn_failed();
}

static cn_tensor *separable_convolution_call(cn_layer *layer, cn_tensor *x)
{
    const separable_convolution *l = (separable_convolution *)layer;
    const cn_window w = CN_WINDOW_OF(&l->args, 1);
    if (!cn_check_window_input(layer, &w, x))
        return NULL;
    cn_separable_conv_args args = {.x = x,
                                   .depthwise_kernel = l->depthwise,
                                   .pointwise_kernel = l->pointwise,
                                   .padding = w.padding,
                                   .data_format = w.data_format};
    memcpy(args.strides, w.strides, sizeof args.strides);
    memcpy(args.dilation_rate, w.dilation_rate, sizeof args.dilation_rate);
    return add_bias(layer, &w, cn_separable_conv_with(args), l->bias, l->args.activation);
}

/* The classes */

static const char *const paddings[] = {"valid", "same", NULL};
static const char *const paddings_in_time[] = {"valid", "same", "causal", NULL};

#define KERNEL_FIELDS(type, kernel)                                 \
    CN_ARGUMENT_FIELD(type, INITIALIZER, kernel##_initializer),     \
        CN_ARGUMENT_FIELD(type, REGULARIZER, kernel##_regularizer), \
        CN_ARGUMENT_FIELD(type, CONSTRAINT, kernel##_constraint)

/* A class for so many axes, and its constructor; the last arguments are the fields that others do not have. */
#define SPATIAL(type, space, constructor, class_name, other_name, padding_names, defaults, ...)                    \
    static const cn_layer_class constructor##_class = {                                                            \
        .name = class_name,                                                                                        \
        .alias = other_name,                                                                                       \
        .size = sizeof(type),                                                                                      \
        .init = type##_init,                                                                                       \
        .build = type##_build,                                                                                     \
        .call = type##_call,                                                                                       \
        .rank = (space) + 2,                                                                                       \
        .values = &(const type){.args = {defaults}},                                                               \
        .fields = {CN_ARGUMENT_FIELD(type, SIZES, kernel_size), CN_ARGUMENT_FIELD(type, SIZES, strides),           \
                   CN_ARGUMENT_CHOICE(type, padding, padding_names),                                               \
                   CN_ARGUMENT_CHOICE(type, data_format, cn_data_formats),                                         \
                   CN_ARGUMENT_FIELD(type, SIZES, dilation_rate), CN_ARGUMENT_FIELD(type, ACTIVATION, activation), \
                   CN_ARGUMENT_FIELD(type, BOOL, use_bias), KERNEL_FIELDS(type, bias), __VA_ARGS__}};              \
    cn_layer *cn_##constructor##_with(cn_##type##_args args)                                                       \
    {                                                                                                              \
        return cn_layer_like(&constructor##_class, &(type){.base = CN_BASE_OF(args), .args = args});               \
    }
#define DEFAULTS(type, defaults)                \
    cn_##type##_args cn_##type##_defaults(void) \
    {                                           \
        return (cn_##type##_args){defaults};    \
    }

#define CONVOLUTION(space, constructor, class_name, other_name, padding_names)                               \
    SPATIAL(convolution, space, constructor, class_name, other_name, padding_names, CN_CONVOLUTION_DEFAULTS, \
            CN_ARGUMENT_FIELD(convolution, INT, filters), CN_ARGUMENT_FIELD(convolution, INT, groups),       \
            KERNEL_FIELDS(convolution, kernel))
CONVOLUTION(1, conv1d, "Conv1D", "Convolution1D", paddings_in_time)
CONVOLUTION(2, conv2d, "Conv2D", "Convolution2D", paddings)
CONVOLUTION(3, conv3d, "Conv3D", "Convolution3D", paddings)
DEFAULTS(convolution, CN_CONVOLUTION_DEFAULTS)

#define TRANSPOSED(space, constructor, class_name, other_name)                                           \
    SPATIAL(transposed_convolution, space, constructor, class_name, other_name, paddings,                \
            CN_TRANSPOSED_CONVOLUTION_DEFAULTS, CN_ARGUMENT_FIELD(transposed_convolution, INT, filters), \
            CN_ARGUMENT_FIELD(transposed_convolution, INTS, output_padding),                             \
            KERNEL_FIELDS(transposed_convolution, kernel))
TRANSPOSED(1, conv1d_transpose, "Conv1DTranspose", "Convolution1DTranspose")
TRANSPOSED(2, conv2d_transpose, "Conv2DTranspose", "Convolution2DTranspose")
TRANSPOSED(3, conv3d_transpose, "Conv3DTranspose", "Convolution3DTranspose")
DEFAULTS(transposed_convolution, CN_TRANSPOSED_CONVOLUTION_DEFAULTS)

#define DEPTHWISE(space, constructor, class_name)                                                                     \
    SPATIAL(depthwise_convolution, space, constructor, class_name, NULL, paddings, CN_DEPTHWISE_CONVOLUTION_DEFAULTS, \
            CN_ARGUMENT_FIELD(depthwise_convolution, INT, depth_multiplier),                                          \
            KERNEL_FIELDS(depthwise_convolution, depthwise))
DEPTHWISE(1, depthwise_conv1d, "DepthwiseConv1D")
DEPTHWISE(2, depthwise_conv2d, "DepthwiseConv2D")
DEFAULTS(depthwise_convolution, CN_DEPTHWISE_CONVOLUTION_DEFAULTS)

#define SEPARABLE(space, constructor, class_name, other_name)                                          \
    SPATIAL(separable_convolution, space, constructor, class_name, other_name, paddings,               \
            CN_SEPARABLE_CONVOLUTION_DEFAULTS, CN_ARGUMENT_FIELD(separable_convolution, INT, filters), \
            CN_ARGUMENT_FIELD(separable_convolution, INT, depth_multiplier),                           \
            KERNEL_FIELDS(separable_convolution, depthwise), KERNEL_FIELDS(separable_convolution, pointwise))
SEPARABLE(1, separable_conv1d, "SeparableConv1D", "SeparableConvolution1D")
SEPARABLE(2, separable_conv2d, "SeparableConv2D", "SeparableConvolution2D")
DEFAULTS(separable_convolution, CN_SEPARABLE_CONVOLUTION_DEFAULTS)

const cn_layer_class *const cn_convolution_classes[] = {&conv1d_class,
                                                        &conv2d_class,
                                                        &conv3d_class,
                                                        &conv1d_transpose_class,
                                                        &conv2d_transpose_class,
                                                        &conv3d_transpose_class,
                                                        &depthwise_conv1d_class,
                                                        &depthwise_conv2d_class,
                                                        &separable_conv1d_class,
                                                        &separable_conv2d_class,
                                                        NULL};
