#include "layers/activation.h"
#include "core/ops/arithmetic.h"
#include "layers/arguments.h"
#include "layers/classes.h"

static bool check_not_negative(const cn_layer *layer, const char *what, double value)
{
    return value >= 0 || cn_fail(CN_ARGUMENT, "%s: %s must not be negative, got %g", layer->name, what, value);
}

/* Activation */

typedef struct activation {
    cn_layer base;
    cn_activation_args args;
} activation;

static cn_tensor *activation_call(cn_layer *layer, cn_tensor *x)
{
    return cn_activate(((activation *)layer)->args.activation, x);
}

static const cn_layer_class activation_class = {.name = "Activation",
                                                .size = sizeof(activation),
                                                .call = activation_call,
                                                .mask = CN_MASK_PASSES,
                                                .fields = {CN_ARGUMENT_FIELD(activation, ACTIVATION, activation)}};

cn_layer *cn_activation_layer_with(cn_activation_args args)
{
    return cn_layer_like(&activation_class, &(activation){.base = CN_BASE_OF(args), .args = args});
}

/* ReLU */

typedef struct relu {
    cn_layer base;
    cn_relu_layer_args args;
} relu;

static bool relu_init(cn_layer *layer)
{
    const cn_relu_layer_args *args = &((relu *)layer)->args;
    return check_not_negative(layer, "max_value", args->max_value) &&
           check_not_negative(layer, "negative_slope", args->negative_slope) &&
           check_not_negative(layer, "threshold", args->threshold);
}

static cn_tensor *relu_call(cn_layer *layer, cn_tensor *x)
{
    const cn_relu_layer_args *args = &((relu *)layer)->args;
    return cn_relu(x, args->negative_slope, .threshold = args->threshold, .max_value = args->max_value);
}

static const cn_layer_class relu_class = {.name = "ReLU",
                                          .size = sizeof(relu),
                                          .init = relu_init,
                                          .call = relu_call,
                                          .mask = CN_MASK_PASSES,
                                          .values = &(const relu){.args = {CN_RELU_LAYER_DEFAULTS}},
                                          .fields = {CN_ARGUMENT_FIELD(relu, FLOAT, max_value),
                                                     CN_ARGUMENT_FIELD(relu, FLOAT, negative_slope),
                                                     CN_ARGUMENT_FIELD(relu, FLOAT, threshold)}};

cn_layer *cn_relu_layer_with(cn_relu_layer_args args)
{
    return cn_layer_like(&relu_class, &(relu){.base = CN_BASE_OF(args), .args = args});
}

cn_relu_layer_args cn_relu_layer_defaults(void)
{
    return (cn_relu_layer_args){CN_RELU_LAYER_DEFAULTS};
}

/* LeakyReLU */

typedef struct leaky_relu {
    cn_layer base;
    cn_leaky_relu_layer_args args;
} leaky_relu;

static bool leaky_relu_init(cn_layer *layer)
{
    return check_not_negative(layer, "negative_slope", ((leaky_relu *)layer)->args.negative_slope);
}

static cn_tensor *leaky_relu_call(cn_layer *layer, cn_tensor *x)
{
    return cn_leaky_relu(x, ((leaky_relu *)layer)->args.negative_slope);
}

static const cn_layer_class leaky_relu_class = {
    .name = "LeakyReLU",
    .size = sizeof(leaky_relu),
    .init = leaky_relu_init,
    .call = leaky_relu_call,
    .mask = CN_MASK_PASSES,
    .values = &(const leaky_relu){.args = {CN_LEAKY_RELU_LAYER_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(leaky_relu, FLOAT, negative_slope),
               /* Keras 2's name for it. */
               {"alpha", CN_FIELD_TYPE_FLOAT, offsetof(leaky_relu, args.negative_slope), NULL}}};

cn_layer *cn_leaky_relu_layer_with(cn_leaky_relu_layer_args args)
{
    return cn_layer_like(&leaky_relu_class, &(leaky_relu){.base = CN_BASE_OF(args), .args = args});
}

cn_leaky_relu_layer_args cn_leaky_relu_layer_defaults(void)
{
    return (cn_leaky_relu_layer_args){CN_LEAKY_RELU_LAYER_DEFAULTS};
}

/* ELU */

typedef struct elu {
    cn_layer base;
    cn_elu_layer_args args;
} elu;

static cn_tensor *elu_call(cn_layer *layer, cn_tensor *x)
{
    return cn_elu(x, ((elu *)layer)->args.alpha);
}

static const cn_layer_class elu_class = {.name = "ELU",
                                         .size = sizeof(elu),
                                         .call = elu_call,
                                         .mask = CN_MASK_PASSES,
                                         .values = &(const elu){.args = {CN_ELU_LAYER_DEFAULTS}},
                                         .fields = {CN_ARGUMENT_FIELD(elu, FLOAT, alpha)}};

cn_layer *cn_elu_layer_with(cn_elu_layer_args args)
{
    return cn_layer_like(&elu_class, &(elu){.base = CN_BASE_OF(args), .args = args});
}

cn_elu_layer_args cn_elu_layer_defaults(void)
{
    return (cn_elu_layer_args){CN_ELU_LAYER_DEFAULTS};
}

/* PReLU */

typedef struct prelu {
    cn_layer base;
    cn_prelu_args args;
    cn_tensor *alpha;
} prelu;

/* Axes are counted from 1, as those of the samples in a batch. */
static bool is_shared(const cn_prelu_args *args, int axis)
{
    for (int i = 0; i < args->shared_axes.rank; i++)
        if (args->shared_axes.dim[i] == axis)
            return true;
    return false;
}

static bool prelu_build(cn_layer *layer, const cn_shape *in)
{
    prelu *p = (prelu *)layer;
    const cn_prelu_args *args = &p->args;
    cn_shape shape = {.rank = in->rank - 1};
    char text[CN_SHAPE_TEXT], axes[CN_SHAPE_TEXT];
    for (int i = 0; i < args->shared_axes.rank; i++)
        if (args->shared_axes.dim[i] < 1 || args->shared_axes.dim[i] > shape.rank)
            return cn_fail(CN_SHAPES, "%s: shared_axes %s are not axes of the samples of %s", layer->name,
                           cn_shape_text(args->shared_axes, axes, sizeof axes), cn_shape_text(*in, text, sizeof text));
    for (int axis = 1; axis < in->rank; axis++) {
        shape.dim[axis - 1] = is_shared(args, axis) ? 1 : in->dim[axis];
        if (shape.dim[axis - 1] < 0)
            return cn_fail(CN_SHAPES, "%s: axis %d of its input %s must be known or shared", layer->name, axis,
                           cn_shape_text(*in, text, sizeof text));
    }
    p->alpha = cn_add_weight(layer, "alpha", shape, .initializer = cn_or_else(args->alpha_initializer, cn_init_zeros()),
                             .regularizer = args->alpha_regularizer, .constraint = args->alpha_constraint);
    return p->alpha != NULL;
}

static cn_tensor *prelu_call(cn_layer *layer, cn_tensor *x)
{
    const prelu *p = (prelu *)layer;
    cn_shape shape = cn_shape_of(x), alpha = cn_shape_of(p->alpha);
    char text[CN_SHAPE_TEXT], built[CN_SHAPE_TEXT];
    bool fits = shape.rank == alpha.rank + 1;
    for (int axis = 1; axis < shape.rank && fits; axis++)
        fits = is_shared(&p->args, axis) || shape.dim[axis] == alpha.dim[axis - 1];
    if (!fits) {
        cn_fail(CN_SHAPES, "%s: was built for %s, got %s", layer->name,
                cn_shape_text(layer->input_shape, built, sizeof built), cn_shape_text(shape, text, sizeof text));
        return NULL;
    }
    return cn_sub(cn_relu(x), cn_mul(p->alpha, cn_relu(cn_negative(x))));
}

static const cn_layer_class prelu_class = {.name = "PReLU",
                                           .size = sizeof(prelu),
                                           .build = prelu_build,
                                           .call = prelu_call,
                                           .mask = CN_MASK_PASSES,
                                           .min_rank = 1,
                                           .fields = {CN_ARGUMENT_FIELD(prelu, INITIALIZER, alpha_initializer),
                                                      CN_ARGUMENT_FIELD(prelu, REGULARIZER, alpha_regularizer),
                                                      CN_ARGUMENT_FIELD(prelu, CONSTRAINT, alpha_constraint),
                                                      CN_ARGUMENT_FIELD(prelu, INTS, shared_axes)}};

cn_layer *cn_prelu_with(cn_prelu_args args)
{
    return cn_layer_like(&prelu_class, &(prelu){.base = CN_BASE_OF(args), .args = args});
}

/* ThresholdedReLU */

typedef struct thresholded_relu {
    cn_layer base;
    cn_thresholded_relu_args args;
} thresholded_relu;

static bool thresholded_relu_init(cn_layer *layer)
{
    return check_not_negative(layer, "theta", ((thresholded_relu *)layer)->args.theta);
}

static cn_tensor *thresholded_relu_call(cn_layer *layer, cn_tensor *x)
{
    return cn_threshold(x, ((thresholded_relu *)layer)->args.theta, 0);
}

static const cn_layer_class thresholded_relu_class = {
    .name = "ThresholdedReLU",
    .size = sizeof(thresholded_relu),
    .init = thresholded_relu_init,
    .call = thresholded_relu_call,
    .mask = CN_MASK_PASSES,
    .values = &(const thresholded_relu){.args = {CN_THRESHOLDED_RELU_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(thresholded_relu, FLOAT, theta)}};

cn_layer *cn_thresholded_relu_with(cn_thresholded_relu_args args)
{
    return cn_layer_like(&thresholded_relu_class, &(thresholded_relu){.base = CN_BASE_OF(args), .args = args});
}

cn_thresholded_relu_args cn_thresholded_relu_defaults(void)
{
    return (cn_thresholded_relu_args){CN_THRESHOLDED_RELU_DEFAULTS};
}

const cn_layer_class *const cn_activation_classes[] = {
    &activation_class, &relu_class, &leaky_relu_class, &elu_class, &prelu_class, &thresholded_relu_class, NULL};
