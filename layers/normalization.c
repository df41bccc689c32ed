#include "layers/normalization.h"
#include "core/ops/arithmetic.h"
#include "core/ops/normalization.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"

/* Axes of the layer's arguments */

/* The size of an axis, which has to be known, and the axis counted from 0. */
static bool find_axis(const cn_layer *layer, const cn_shape *in, int64_t given, int *axis, int64_t *size)
{
    char text[CN_SHAPE_TEXT];
    *axis = (int)(given < 0 ? given + in->rank : given);
    if (given < -in->rank || given >= in->rank)
        return cn_fail(CN_ARGUMENT, "%s: there is no axis %lld in an input of %s", layer->name, (long long)given,
                       cn_shape_text(*in, text, sizeof text));
    *size = in->dim[*axis];
    return *size >= 0 || cn_fail(CN_SHAPES, "%s: axis %d of its input must be known, got %s", layer->name, *axis,
                                 cn_shape_text(*in, text, sizeof text));
}

/* The axes as operations take them, and the shape of a weight that has their dimensions. */
static bool find_axes(const cn_layer *layer, const cn_shape *in, const cn_shape *given, cn_axes *axes, cn_shape *shape)
{
    *axes = (cn_axes){.count = given->rank};
    *shape = (cn_shape){.rank = given->rank};
    for (int i = 0; i < given->rank; i++) {
        if (!find_axis(layer, in, given->dim[i], &axes->axis[i], &shape->dim[i]))
            return false;
        for (int j = 0; j < i; j++)
            if (axes->axis[j] == axes->axis[i])
                return cn_fail(CN_ARGUMENT, "%s: axis %d is named twice", layer->name, axes->axis[i]);
    }
    return true;
}

static bool has_axes(const cn_layer *layer, const cn_shape *axis)
{
    return axis->rank > 0 || cn_fail(CN_ARGUMENT, "%s: needs an axis to normalize", layer->name);
}

/* The weights go by the sizes of these axes, so that the last of them must not change. */
static bool fix_last(cn_layer *layer, const cn_shape *axis)
{
    layer->fixed_axis = (int)axis->dim[axis->rank - 1];
    return true;
}

/* A weight, which has the dimensions of the axes as they were named, beside x: in the axes' rising order, as operations
 * take it. */
static cn_tensor *in_rising_order(cn_tensor *weight, const cn_axes *axes, const cn_tensor *x)
{
    const cn_shape in = cn_shape_of(x);
    cn_shape shape = {.rank = 0};
    for (int d = 0; d < in.rank; d++)
        for (int i = 0; i < axes->count; i++)
            if (axes->axis[i] == d)
                shape.dim[shape.rank++] = in.dim[d];
    return weight ? cn_reshape(cn_read(cn_tape_of(x), weight), shape) : NULL;
}

/* gamma and beta of a layer's arguments. */
#define ADD_GAMMA(layer, args, weight_shape)                                            \
    cn_add_weight((layer), "gamma", (weight_shape),                                     \
                  .initializer = cn_or_else((args)->gamma_initializer, cn_init_ones()), \
                  .regularizer = (args)->gamma_regularizer, .constraint = (args)->gamma_constraint)
#define ADD_BETA(layer, args, weight_shape)                                             \
    cn_add_weight((layer), "beta", (weight_shape),                                      \
                  .initializer = cn_or_else((args)->beta_initializer, cn_init_zeros()), \
                  .regularizer = (args)->beta_regularizer, .constraint = (args)->beta_constraint)
#define GAMMA_AND_BETA_FIELDS(structure)                                                   \
    CN_ARGUMENT_FIELD(structure, BOOL, center), CN_ARGUMENT_FIELD(structure, BOOL, scale), \
        CN_ARGUMENT_FIELD(structure, INITIALIZER, beta_initializer),                       \
        CN_ARGUMENT_FIELD(structure, INITIALIZER, gamma_initializer),                      \
        CN_ARGUMENT_FIELD(structure, REGULARIZER, beta_regularizer),                       \
        CN_ARGUMENT_FIELD(structure, REGULARIZER, gamma_regularizer),                      \
        CN_ARGUMENT_FIELD(structure, CONSTRAINT, beta_constraint),                         \
        CN_ARGUMENT_FIELD(structure, CONSTRAINT, gamma_constraint)

/* The constructor of a layer and its defaults. */
#define CONSTRUCTOR(structure, DEFAULTS)                                                                \
    cn_layer *cn_##structure##_with(cn_##structure##_args args)                                         \
    {                                                                                                   \
        return cn_layer_like(&structure##_class, &(structure){.base = CN_BASE_OF(args), .args = args}); \
    }                                                                                                   \
    cn_##structure##_args cn_##structure##_defaults(void)                                               \
    {                                                                                                   \
        return (cn_##structure##_args){DEFAULTS};                                                       \
    }

/* BatchNormalization */

typedef struct batch_normalization {
    cn_layer base;
    cn_batch_normalization_args args;
    int axis;
    cn_tensor *gamma, *beta, *moving_mean, *moving_variance;
    cn_tensor *moving_stddev, *renorm_mean, *renorm_stddev;
} batch_normalization;

static bool batch_init(cn_layer *layer)
{
    layer->fixed_axis = (int)((batch_normalization *)layer)->args.axis;
    const cn_renorm_clipping *clipping = &((batch_normalization *)layer)->args.renorm_clipping;
    return (clipping->rmin <= clipping->rmax && clipping->dmax >= 0) ||
           cn_fail(CN_ARGUMENT, "%s: renorm_clipping needs rmin <= rmax and dmax >= 0, not %g, %g and %g", layer->name,
                   clipping->rmin, clipping->rmax, clipping->dmax);
}

/* The standard deviations begin with the root of what the variance begins with. */
static bool take_roots(cn_tensor *variable)
{
    cn_tape *tape = cn_tape_new();
    bool done = tape && cn_assign(variable, cn_sqrt(cn_read(tape, variable)));
    cn_tape_free(tape);
    return done;
}

static bool batch_build(cn_layer *layer, const cn_shape *in)
{
    batch_normalization *b = (batch_normalization *)layer;
    const cn_batch_normalization_args *args = &b->args;
    int64_t channels = 0;
    cn_shape known = *in;
    if (known.rank > 0)
        known.dim[0] = layer->input_shape.dim[0];
    if (!find_axis(layer, &known, args->axis, &b->axis, &channels))
        return false;
    const cn_shape shape = CN_SHAPE(channels);
    const cn_initializer mean = cn_or_else(args->moving_mean_initializer, cn_init_zeros());
    const cn_initializer variance = cn_or_else(args->moving_variance_initializer, cn_init_ones());
    b->gamma = args->scale ? ADD_GAMMA(layer, args, shape) : NULL;
    b->beta = args->center ? ADD_BETA(layer, args, shape) : NULL;
    b->moving_mean = cn_add_weight(layer, "moving_mean", shape, .initializer = mean, .trainable = false);
    b->moving_variance = cn_add_weight(layer, "moving_variance", shape, .initializer = variance, .trainable = false);
    if (!args->renorm)
        return !cn_failed();
    b->moving_stddev = cn_add_weight(layer, "moving_stddev", shape, .initializer = variance, .trainable = false);
    b->renorm_mean = cn_add_weight(layer, "renorm_mean", shape, .initializer = mean, .trainable = false);
    b->renorm_stddev = cn_add_weight(layer, "renorm_stddev", shape, .initializer = variance, .trainable = false);
    return !cn_failed() && take_roots(b->moving_stddev) && take_roots(b->renorm_stddev);
}

/* moving momentum + batch (1 - momentum), which is also assigned. */
static cn_tensor *move(cn_tensor *moving, cn_tensor *batch, double momentum)
{
    cn_tensor *kept = cn_mul(moving, cn_scalar(batch, momentum));
    cn_tensor *value = cn_add(kept, cn_mul(batch, cn_scalar(batch, 1 - momentum)));
    return cn_assign(moving, value) ? value : NULL;
}

static bool move_statistics(const batch_normalization *b, cn_tensor *mean, cn_tensor *variance)
{
    const cn_batch_normalization_args *args = &b->args;
    if (!move(b->moving_mean, mean, args->momentum))
        return false;
    if (!args->renorm)
        return move(b->moving_variance, variance, args->momentum) != NULL;
    cn_tensor *epsilon = cn_scalar(variance, args->epsilon), *stddev = cn_sqrt(cn_add(variance, epsilon));
    cn_tensor *moved = move(b->moving_stddev, stddev, args->momentum);
    return move(b->renorm_mean, mean, args->renorm_momentum) && move(b->renorm_stddev, stddev, args->renorm_momentum) &&
           cn_assign(b->moving_variance, cn_maximum(cn_sub(cn_square(moved), epsilon), cn_scalar(moved, 0)));
}

/* A number for each channel, in a shape that broadcasts along the other axes of x. */
static cn_tensor *along(const batch_normalization *b, cn_tensor *channels, const cn_tensor *x)
{
    cn_shape shape = {.rank = cn_shape_of(x).rank - b->axis, .dim = {-1}};
    for (int d = 1; d < shape.rank; d++)
        shape.dim[d] = 1;
    return cn_reshape(channels, shape);
}

/* Batch renormalization: what (x - mean) / stddev becomes before gamma and beta, xhat r + d. */
static cn_tensor *renormalize(const batch_normalization *b, cn_tensor *xhat, cn_tensor *mean, cn_tensor *variance)
{
    const cn_batch_normalization_args *args = &b->args;
    const cn_renorm_clipping *clipping = &args->renorm_clipping;
    cn_tensor *epsilon = cn_scalar(variance, args->epsilon);
    cn_tensor *stddev = cn_maximum(b->renorm_stddev, cn_sqrt(epsilon));
    cn_tensor *r = cn_div(cn_sqrt(cn_add(variance, epsilon)), stddev);
    cn_tensor *d = cn_div(cn_sub(mean, b->renorm_mean), stddev);
    r = cn_stop_gradient(cn_clip(r, clipping->rmin, clipping->rmax));
    d = cn_stop_gradient(cn_clip(d, -clipping->dmax, clipping->dmax));
    cn_tensor *y = cn_add(cn_mul(xhat, along(b, r, xhat)), along(b, d, xhat));
    y = b->gamma ? cn_mul(y, along(b, cn_read(cn_tape_of(xhat), b->gamma), xhat)) : y;
    return b->beta ? cn_add(y, along(b, cn_read(cn_tape_of(xhat), b->beta), xhat)) : y;
}

/* The mean and the variance of what a mask counts. */
static bool masked_moments(const batch_normalization *b, cn_tensor *x, cn_tensor *mask, cn_tensor **mean,
                           cn_tensor **variance)
{
    cn_axes others = {.count = 0};
    for (int d = 0; d < cn_shape_of(x).rank; d++)
        if (d != b->axis)
            others.axis[others.count++] = d;
    cn_tensor *weight = cn_expand_dims(cn_cast(mask, cn_dtype_of(x)), -1);
    cn_tensor *total = cn_add(cn_sum(weight, .axes = others, .keepdims = true), cn_scalar(x, 1e-7));
    cn_tensor *centre = cn_div(cn_sum(cn_mul(weight, x), .axes = others, .keepdims = true), total);
    cn_tensor *squares = cn_mul(weight, cn_square(cn_sub(x, centre)));
    cn_tensor *spread = cn_div(cn_sum(squares, .axes = others, .keepdims = true), total);
    *mean = cn_reshape(centre, CN_SHAPE(-1));
    *variance = cn_reshape(spread, CN_SHAPE(-1));
    return !cn_failed();
}

static bool batch_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const batch_normalization *b = (batch_normalization *)layer;
    const cn_batch_normalization_args *args = &b->args;
    cn_tensor *x = call->inputs.item[0], *mask = call->mask[0];
    /* Renormalization comes between what is normalized and gamma and beta. */
    cn_tensor *gamma = args->renorm ? NULL : b->gamma, *beta = args->renorm ? NULL : b->beta;
    cn_tensor *mean, *variance, *y;
    outputs->count = 1;
    if (mask && cn_shape_of(mask).rank != cn_shape_of(x).rank - 1)
        return cn_fail(CN_SHAPES, "%s: its mask has rank %d, not one less than its input's %d", layer->name,
                       cn_shape_of(mask).rank, cn_shape_of(x).rank);
    if (!call->training || !layer->trainable) {
        outputs->item[0] = cn_batch_normalize(x, b->moving_mean, b->moving_variance, .axis = b->axis, .offset = b->beta,
                                              .scale = b->gamma, .epsilon = args->epsilon);
        return outputs->item[0] != NULL;
    }
    if (mask) {
        if (!masked_moments(b, x, mask, &mean, &variance))
            return false;
        y = cn_batch_normalize(x, mean, variance, .axis = b->axis, .offset = beta, .scale = gamma,
                               .epsilon = args->epsilon);
    } else {
        cn_tensor *results[CN_BATCH_RESULTS];
        cn_batch_normalize_training((cn_batch_normalize_training_args){x, b->axis, beta, gamma, args->epsilon},
                                    results);
        y = results[CN_NORMALIZED];
        mean = results[CN_BATCH_MEAN];
        variance = results[CN_BATCH_VARIANCE];
    }
    if (args->renorm && y)
        y = renormalize(b, y, mean, variance);
    outputs->item[0] = y;
    return y && move_statistics(b, mean, variance);
}

static const cn_layer_class batch_normalization_class = {
    .name = "BatchNormalization",
    .size = sizeof(batch_normalization),
    .init = batch_init,
    .build = batch_build,
    .call_many = batch_call,
    .mask = CN_MASK_PASSES,
    .mixes_samples = true,
    .inputs = 1,
    .min_rank = 1,
    .values = &(const batch_normalization){.args = {CN_BATCH_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(batch_normalization, INT, axis),
               CN_ARGUMENT_FIELD(batch_normalization, FLOAT, momentum),
               CN_ARGUMENT_FIELD(batch_normalization, FLOAT, epsilon), GAMMA_AND_BETA_FIELDS(batch_normalization),
               CN_ARGUMENT_FIELD(batch_normalization, INITIALIZER, moving_mean_initializer),
               CN_ARGUMENT_FIELD(batch_normalization, INITIALIZER, moving_variance_initializer),
               CN_ARGUMENT_FIELD(batch_normalization, BOOL, renorm),
               CN_ARGUMENT_FIELD(batch_normalization, FLOAT, renorm_momentum),
               CN_ARGUMENT_FIELD(batch_normalization, BOOL, synchronized)}};
CONSTRUCTOR(batch_normalization, CN_BATCH_NORMALIZATION_DEFAULTS)

/* LayerNormalization */

typedef struct layer_normalization {
    cn_layer base;
    cn_layer_normalization_args args;
    cn_axes axes;
    cn_tensor *gamma, *beta;
} layer_normalization;

static bool layer_init(cn_layer *layer)
{
    const cn_shape *axis = &((layer_normalization *)layer)->args.axis;
    return has_axes(layer, axis) && fix_last(layer, axis);
}

static bool layer_build(cn_layer *layer, const cn_shape *in)
{
    layer_normalization *l = (layer_normalization *)layer;
    const cn_layer_normalization_args *args = &l->args;
    cn_shape shape;
    if (!find_axes(layer, in, &args->axis, &l->axes, &shape))
        return false;
    l->gamma = args->scale || args->rms_scaling ? ADD_GAMMA(layer, args, shape) : NULL;
    l->beta = args->center && !args->rms_scaling ? ADD_BETA(layer, args, shape) : NULL;
    return !cn_failed();
}

/* x gamma / √(variance + epsilon) */
static cn_tensor *scale_by_variance(const layer_normalization *l, cn_tensor *x)
{
    cn_shape shape = cn_shape_of(x);
    for (int d = 0; d < shape.rank; d++) {
        bool normalized = false;
        for (int i = 0; i < l->axes.count; i++)
            normalized = normalized || l->axes.axis[i] == d;
        shape.dim[d] = normalized ? shape.dim[d] : 1;
    }
    cn_tensor *variance = cn_var(x, .axes = l->axes, .keepdims = true);
    cn_tensor *rstd = cn_rsqrt(cn_add(variance, cn_scalar(x, l->args.epsilon)));
    return cn_mul(cn_mul(x, rstd), cn_reshape(cn_read(cn_tape_of(x), l->gamma), shape));
}

static cn_tensor *layer_call(cn_layer *layer, cn_tensor *x)
{
    const layer_normalization *l = (layer_normalization *)layer;
    if (l->args.rms_scaling)
        return scale_by_variance(l, x);
    cn_tensor *gamma = in_rising_order(l->gamma, &l->axes, x), *beta = in_rising_order(l->beta, &l->axes, x);
    return cn_layer_normalize(x, .gamma = gamma, .beta = beta, .axes = l->axes, .epsilon = l->args.epsilon);
}

static const cn_layer_class layer_normalization_class = {
    .name = "LayerNormalization",
    .size = sizeof(layer_normalization),
    .init = layer_init,
    .build = layer_build,
    .call = layer_call,
    .mask = CN_MASK_PASSES,
    .min_rank = 1,
    .values = &(const layer_normalization){.args = {CN_LAYER_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(layer_normalization, INTS, axis),
               CN_ARGUMENT_FIELD(layer_normalization, FLOAT, epsilon), GAMMA_AND_BETA_FIELDS(layer_normalization),
               CN_ARGUMENT_FIELD(layer_normalization, BOOL, rms_scaling)}};
CONSTRUCTOR(layer_normalization, CN_LAYER_NORMALIZATION_DEFAULTS)

/* GroupNormalization */

typedef struct group_normalization {
    cn_layer base;
    cn_group_normalization_args args;
    int axis;
    int64_t groups;
    cn_tensor *gamma, *beta;
} group_normalization;

static bool group_init(cn_layer *layer)
{
    const cn_group_normalization_args *args = &((group_normalization *)layer)->args;
    layer->fixed_axis = (int)args->axis;
    return args->groups > 0 || args->groups == -1 ||
           cn_fail(CN_ARGUMENT, "%s: groups must be positive, or -1 for as many as there are channels, not %lld",
                   layer->name, (long long)args->groups);
}

static bool group_build(cn_layer *layer, const cn_shape *in)
{
    group_normalization *g = (group_normalization *)layer;
    const cn_group_normalization_args *args = &g->args;
    int64_t channels = 0;
    if (!find_axis(layer, in, args->axis, &g->axis, &channels))
        return false;
    g->groups = args->groups == -1 ? channels : args->groups;
    if (g->groups < 1 || channels % g->groups)
        return cn_fail(CN_SHAPES, "%s: %lld channels cannot be cut into %lld groups", layer->name, (long long)channels,
                       (long long)g->groups);
    g->gamma = args->scale ? ADD_GAMMA(layer, args, CN_SHAPE(channels)) : NULL;
    g->beta = args->center ? ADD_BETA(layer, args, CN_SHAPE(channels)) : NULL;
    return !cn_failed();
}

static cn_tensor *group_call(cn_layer *layer, cn_tensor *x)
{
    const group_normalization *g = (group_normalization *)layer;
    return cn_group_normalize(x, g->groups, .gamma = g->gamma, .beta = g->beta, .axis = g->axis,
                              .epsilon = g->args.epsilon);
}

static const cn_layer_class group_normalization_class = {
    .name = "GroupNormalization",
    .size = sizeof(group_normalization),
    .init = group_init,
    .build = group_build,
    .call = group_call,
    .mask = CN_MASK_PASSES,
    .min_rank = 2,
    .values = &(const group_normalization){.args = {CN_GROUP_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(group_normalization, INT, groups), CN_ARGUMENT_FIELD(group_normalization, INT, axis),
               CN_ARGUMENT_FIELD(group_normalization, FLOAT, epsilon), GAMMA_AND_BETA_FIELDS(group_normalization)}};
CONSTRUCTOR(group_normalization, CN_GROUP_NORMALIZATION_DEFAULTS)

/* RMSNormalization */

typedef struct rms_normalization {
    cn_layer base;
    cn_rms_normalization_args args;
    cn_axes axes;
    cn_tensor *scale;
} rms_normalization;

static bool rms_init(cn_layer *layer)
{
    const cn_shape *axis = &((rms_normalization *)layer)->args.axis;
    return has_axes(layer, axis) && fix_last(layer, axis);
}

static bool rms_build(cn_layer *layer, const cn_shape *in)
{
    rms_normalization *r = (rms_normalization *)layer;
    cn_shape shape;
    if (!find_axes(layer, in, &r->args.axis, &r->axes, &shape))
        return false;
    r->scale = cn_add_weight(layer, "scale", shape, .initializer = cn_init_ones());
    return r->scale != NULL;
}

static cn_tensor *rms_call(cn_layer *layer, cn_tensor *x)
{
    const rms_normalization *r = (rms_normalization *)layer;
    return cn_rms_normalize(x, .scale = in_rising_order(r->scale, &r->axes, x), .axes = r->axes,
                            .epsilon = r->args.epsilon);
}

static const cn_layer_class rms_normalization_class = {
    .name = "RMSNormalization",
    .size = sizeof(rms_normalization),
    .init = rms_init,
    .build = rms_build,
    .call = rms_call,
    .min_rank = 1,
    .values = &(const rms_normalization){.args = {CN_RMS_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(rms_normalization, INTS, axis), CN_ARGUMENT_FIELD(rms_normalization, FLOAT, epsilon)}};
CONSTRUCTOR(rms_normalization, CN_RMS_NORMALIZATION_DEFAULTS)

/* UnitNormalization */

typedef struct unit_normalization {
    cn_layer base;
    cn_unit_normalization_args args;
} unit_normalization;

static bool unit_init(cn_layer *layer)
{
    return has_axes(layer, &((unit_normalization *)layer)->args.axis);
}

static cn_tensor *unit_call(cn_layer *layer, cn_tensor *x)
{
    const cn_shape in = cn_shape_of(x);
    cn_axes axes;
    cn_shape shape;
    if (!find_axes(layer, &in, &((unit_normalization *)layer)->args.axis, &axes, &shape))
        return NULL;
    cn_tensor *squares = cn_sum(cn_square(x), .axes = axes, .keepdims = true);
    return cn_mul(x, cn_rsqrt(cn_maximum(squares, cn_scalar(x, 1e-24))));
}

static const cn_layer_class unit_normalization_class = {
    .name = "UnitNormalization",
    .size = sizeof(unit_normalization),
    .init = unit_init,
    .call = unit_call,
    .mask = CN_MASK_PASSES,
    .min_rank = 1,
    .values = &(const unit_normalization){.args = {CN_UNIT_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(unit_normalization, INTS, axis)}};
CONSTRUCTOR(unit_normalization, CN_UNIT_NORMALIZATION_DEFAULTS)

const cn_layer_class *const cn_normalization_classes[] = {&batch_normalization_class, &layer_normalization_class,
                                                          &group_normalization_class, &rms_normalization_class,
                                                          &unit_normalization_class,  NULL};
