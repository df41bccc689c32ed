#include "layers/regularization.h"
#include "core/engine.h"
#include "core/ops/number.h"
#include "core/ops/random.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/spatial.h"
#include <math.h>

static bool check_rate(const cn_layer *layer, double rate)
{
    return (rate >= 0 && rate <= 1) || cn_fail(CN_ARGUMENT, "%s: rate must be from 0 to 1, not %g", layer->name, rate);
}

static bool check_rate_below_one(const cn_layer *layer, double rate)
{
    return (rate >= 0 && rate < 1) ||
           cn_fail(CN_ARGUMENT, "%s: rate must be from 0 to less than 1, not %g", layer->name, rate);
}

/* The shape of what is drawn for x: its own, but for the ones of noise_shape. */
static bool find_noise_shape(const cn_layer *layer, cn_tensor *x, cn_shape noise_shape, cn_shape *shape)
{
    char text[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    *shape = cn_shape_of(x);
    bool fits = noise_shape.rank == 0 || noise_shape.rank == shape->rank;
    for (int d = 0; d < noise_shape.rank && fits; d++) {
        fits = noise_shape.dim[d] < 0 || noise_shape.dim[d] == 1 || noise_shape.dim[d] == shape->dim[d];
        if (noise_shape.dim[d] == 1)
            shape->dim[d] = 1;
    }
    return fits ||
           cn_fail(CN_SHAPES, "%s: its noise_shape %s does not fit %s", layer->name,
                   cn_shape_text(noise_shape, wanted, sizeof wanted), cn_shape_text(cn_shape_of(x), text, sizeof text));
}

/* Dropout */

typedef struct dropout {
    cn_layer base;
    cn_dropout_args args;
} dropout;

static bool dropout_init(cn_layer *layer)
{
    return check_rate(layer, ((dropout *)layer)->args.rate);
}

static cn_tensor *dropout_call(cn_layer *layer, cn_tensor *x)
{
    const cn_dropout_args *args = &((dropout *)layer)->args;
    cn_shape noise;
    if (!x->tape->training || args->rate == 0)
        return x;
    if (!find_noise_shape(layer, x, args->noise_shape, &noise))
        return NULL;
    cn_tensor *mask = cn_dropout_mask(x->tape, noise, args->rate, .seed = args->seed, .dtype = cn_dtype_of(x));
    return cn_mul(x, mask);
}

static const cn_layer_class dropout_class = {.name = "Dropout",
                                             .size = sizeof(dropout),
                                             .init = dropout_init,
                                             .call = dropout_call,
                                             .mask = CN_MASK_PASSES,
                                             .values = &(const dropout){.args = {CN_DROPOUT_DEFAULTS}},
                                             .fields = {CN_ARGUMENT_FIELD(dropout, FLOAT, rate),
                                                        CN_ARGUMENT_FIELD(dropout, INTS, noise_shape),
                                                        CN_ARGUMENT_FIELD(dropout, INT, seed)}};

cn_layer *cn_dropout_with(cn_dropout_args args)
{
    return cn_layer_like(&dropout_class, &(dropout){.base = CN_BASE_OF(args), .args = args});
}

cn_dropout_args cn_dropout_defaults(void)
{
    return (cn_dropout_args){CN_DROPOUT_DEFAULTS};
}

/* SpatialDropout1D, 2D and 3D */

typedef struct spatial_dropout {
    cn_layer base;
    cn_spatial_dropout_args args;
} spatial_dropout;

static bool spatial_dropout_init(cn_layer *layer)
{
    const cn_spatial_dropout_args *args = &((spatial_dropout *)layer)->args;
    if (layer->type->rank == 3 && args->data_format != CN_CHANNELS_LAST)
        return cn_fail(CN_ARGUMENT, "%s: data_format must be channels_last", layer->name);
    return check_rate(layer, args->rate);
}

static cn_tensor *spatial_dropout_call(cn_layer *layer, cn_tensor *x)
{
    const cn_spatial_dropout_args *args = &((spatial_dropout *)layer)->args;
    if (!x->tape->training || args->rate == 0)
        return x;
    cn_shape noise = cn_shape_of(x);
    int channels = args->data_format == CN_CHANNELS_FIRST ? 1 : noise.rank - 1;
    for (int d = 1; d < noise.rank; d++)
        if (d != channels)
            noise.dim[d] = 1;
    cn_tensor *mask = cn_dropout_mask(x->tape, noise, args->rate, .seed = args->seed, .dtype = cn_dtype_of(x));
    return cn_mul(x, mask);
}

/* The classes for one, two and three axes; the last argument is a field that not all have. */
#define SPATIAL_DROPOUT(space, class_name, ...)                                                                    \
    static const cn_layer_class spatial_dropout##space##d_class = {                                                \
        .name = class_name,                                                                                        \
        .size = sizeof(spatial_dropout),                                                                           \
        .init = spatial_dropout_init,                                                                              \
        .call = spatial_dropout_call,                                                                              \
        .mask = CN_MASK_PASSES,                                                                                    \
        .rank = (space) + 2,                                                                                       \
        .values = &(const spatial_dropout){.args = {CN_DROPOUT_DEFAULTS}},                                         \
        .fields = {CN_ARGUMENT_FIELD(spatial_dropout, FLOAT, rate), CN_ARGUMENT_FIELD(spatial_dropout, INT, seed), \
                   __VA_ARGS__}};                                                                                  \
    cn_layer *cn_spatial_dropout##space##d_with(cn_spatial_dropout_args args)                                      \
    {                                                                                                              \
        return cn_layer_like(&spatial_dropout##space##d_class,                                                     \
                             &(spatial_dropout){.base = CN_BASE_OF(args), .args = args});                          \
    }
SPATIAL_DROPOUT(1, "SpatialDropout1D", {0})
SPATIAL_DROPOUT(2, "SpatialDropout2D", CN_ARGUMENT_CHOICE(spatial_dropout, data_format, cn_data_formats))
SPATIAL_DROPOUT(3, "SpatialDropout3D", CN_ARGUMENT_CHOICE(spatial_dropout, data_format, cn_data_formats))
#undef SPATIAL_DROPOUT

cn_spatial_dropout_args cn_spatial_dropout_defaults(void)
{
    return (cn_spatial_dropout_args){CN_DROPOUT_DEFAULTS};
}

/* GaussianDropout */

typedef struct gaussian_dropout {
    cn_layer base;
    cn_gaussian_dropout_args args;
} gaussian_dropout;

static bool gaussian_dropout_init(cn_layer *layer)
{
    return check_rate_below_one(layer, ((gaussian_dropout *)layer)->args.rate);
}

static cn_tensor *gaussian_dropout_call(cn_layer *layer, cn_tensor *x)
{
    const cn_gaussian_dropout_args *args = &((gaussian_dropout *)layer)->args;
    if (!x->tape->training || args->rate == 0)
        return x;
    cn_tensor *noise = cn_sample_normal(x->tape, cn_shape_of(x), 1, sqrt(args->rate / (1 - args->rate)),
                                        .seed = args->seed, .dtype = cn_dtype_of(x));
    return cn_mul(x, noise);
}

static const cn_layer_class gaussian_dropout_class = {
    .name = "GaussianDropout",
    .size = sizeof(gaussian_dropout),
    .init = gaussian_dropout_init,
    .call = gaussian_dropout_call,
    .mask = CN_MASK_PASSES,
    .values = &(const gaussian_dropout){.args = {CN_DROPOUT_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(gaussian_dropout, FLOAT, rate), CN_ARGUMENT_FIELD(gaussian_dropout, INT, seed)}};

cn_layer *cn_gaussian_dropout_with(cn_gaussian_dropout_args args)
{
    return cn_layer_like(&gaussian_dropout_class, &(gaussian_dropout){.base = CN_BASE_OF(args), .args = args});
}

cn_gaussian_dropout_args cn_gaussian_dropout_defaults(void)
{
    return (cn_gaussian_dropout_args){CN_DROPOUT_DEFAULTS};
}

/* GaussianNoise */

typedef struct gaussian_noise {
    cn_layer base;
    cn_gaussian_noise_args args;
} gaussian_noise;

static bool gaussian_noise_init(cn_layer *layer)
{
    double stddev = ((gaussian_noise *)layer)->args.stddev;
    return (stddev >= 0 && stddev <= 1) ||
           cn_fail(CN_ARGUMENT, "%s: stddev must be from 0 to 1, not %g", layer->name, stddev);
}

static cn_tensor *gaussian_noise_call(cn_layer *layer, cn_tensor *x)
{
    const cn_gaussian_noise_args *args = &((gaussian_noise *)layer)->args;
    if (!x->tape->training || args->stddev == 0)
        return x;
    cn_tensor *noise =
        cn_sample_normal(x->tape, cn_shape_of(x), 0, args->stddev, .seed = args->seed, .dtype = cn_dtype_of(x));
    return cn_add(x, noise);
}

static const cn_layer_class gaussian_noise_class = {
    .name = "GaussianNoise",
    .size = sizeof(gaussian_noise),
    .init = gaussian_noise_init,
    .call = gaussian_noise_call,
    .mask = CN_MASK_PASSES,
    .values = &(const gaussian_noise){.args = {CN_DROPOUT_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(gaussian_noise, FLOAT, stddev), CN_ARGUMENT_FIELD(gaussian_noise, INT, seed)}};

cn_layer *cn_gaussian_noise_with(cn_gaussian_noise_args args)
{
    return cn_layer_like(&gaussian_noise_class, &(gaussian_noise){.base = CN_BASE_OF(args), .args = args});
}

cn_gaussian_noise_args cn_gaussian_noise_defaults(void)
{
    return (cn_gaussian_noise_args){CN_DROPOUT_DEFAULTS};
}

/* AlphaDropout */

static bool alpha_dropout_init(cn_layer *layer)
{
    return check_rate_below_one(layer, ((dropout *)layer)->args.rate);
}

static cn_tensor *alpha_dropout_call(cn_layer *layer, cn_tensor *x)
{
    static const double least = -1.6732632423543772 * 1.0507009873554805; /* of selu */
    const cn_dropout_args *args = &((dropout *)layer)->args;
    cn_shape noise;
    if (!x->tape->training || args->rate == 0)
        return x;
    if (!find_noise_shape(layer, x, args->noise_shape, &noise))
        return NULL;
    double scale = 1 / sqrt((1 - args->rate) * (1 + args->rate * least * least));
    cn_tensor *dropped = cn_sample_bernoulli(x->tape, noise, args->rate, .seed = args->seed, .dtype = cn_dtype_of(x));
    cn_tensor *kept = cn_where(dropped, cn_scalar_beside(x, least), x);
    return cn_plus(cn_times(kept, scale), -scale * least * args->rate);
}

static const cn_layer_class alpha_dropout_class = {.name = "AlphaDropout",
                                                   .size = sizeof(dropout),
                                                   .init = alpha_dropout_init,
                                                   .call = alpha_dropout_call,
                                                   .mask = CN_MASK_PASSES,
                                                   .values = &(const dropout){.args = {CN_DROPOUT_DEFAULTS}},
                                                   .fields = {CN_ARGUMENT_FIELD(dropout, FLOAT, rate),
                                                              CN_ARGUMENT_FIELD(dropout, INTS, noise_shape),
                                                              CN_ARGUMENT_FIELD(dropout, INT, seed)}};

cn_layer *cn_alpha_dropout_with(cn_dropout_args args)
{
    return cn_layer_like(&alpha_dropout_class, &(dropout){.base = CN_BASE_OF(args), .args = args});
}

/* ActivityRegularization */

typedef struct activity_regularization {
    cn_layer base;
    cn_activity_regularization_args args;
} activity_regularization;

static bool activity_regularization_init(cn_layer *layer)
{
    const cn_activity_regularization_args *args = &((activity_regularization *)layer)->args;
    if (!(args->l1 >= 0 && args->l2 >= 0))
        return cn_fail(CN_ARGUMENT, "%s: l1 and l2 must not be negative, not %g and %g", layer->name, args->l1,
                       args->l2);
    layer->activity_regularizer = cn_l1_l2(args->l1, args->l2);
    return true;
}

static cn_tensor *activity_regularization_call(cn_layer *layer, cn_tensor *x)
{
    (void)layer;
    return x;
}

static const cn_layer_class activity_regularization_class = {
    .name = "ActivityRegularization",
    .size = sizeof(activity_regularization),
    .init = activity_regularization_init,
    .call = activity_regularization_call,
    .mask = CN_MASK_PASSES,
    .fields = {CN_ARGUMENT_FIELD(activity_regularization, FLOAT, l1),
               CN_ARGUMENT_FIELD(activity_regularization, FLOAT, l2)}};

cn_layer *cn_activity_regularization_with(cn_activity_regularization_args args)
{
    return cn_layer_like(&activity_regularization_class,
                         &(activity_regularization){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

const cn_layer_class *const cn_regularization_classes[] = {
    &dropout_class,           &spatial_dropout1d_class,       &spatial_dropout2d_class,
    &spatial_dropout3d_class, &gaussian_dropout_class,        &gaussian_noise_class,
    &alpha_dropout_class,     &activity_regularization_class, NULL};
