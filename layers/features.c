#include "layers/features.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/indexing.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/images.h"
#include "layers/quantiles.h"
#include "layers/statistics.h"
#include <string.h>

/* Replaces an argument by a copy in float64; *own, to be released, is its memory. */
static bool own_numbers(cn_view *numbers, double **own)
{
    int64_t count = cn_shape_size(numbers->shape);
    if (!numbers->data)
        return true;
    if (!(*own = cn_allocate((size_t)(count > 0 ? count : 1), sizeof **own)) ||
        !cn_convert(*own, CN_ARRAY_F64, numbers->data, numbers->type, count))
        return false;
    *numbers = cn_array_with(*own, CN_ARRAY_F64, false, numbers->shape);
    return true;
}

/* Normalization */

typedef struct normalization {
    cn_layer base;
    cn_normalization_args args;
    double *given_mean, *given_variance;
    cn_tensor *mean, *variance;
    bool kept[CN_MAX_RANK];         /* the axes of the input that have statistics of their own, */
    cn_shape kept_sizes, broadcast; /* their sizes, and these with 1 for the other axes */
} normalization;

static bool normalization_init(cn_layer *layer)
{
    normalization *n = (normalization *)layer;
    cn_normalization_args *args = &n->args;
    if (!args->mean.data != !args->variance.data)
        return cn_fail(CN_ARGUMENT, "%s: mean and variance are given together, or neither", layer->name);
    if (args->mean.data && (cn_shape_size(args->mean.shape) < 1 || args->mean.shape.rank > args->axis.rank ||
                            !cn_shape_equal(args->mean.shape, args->variance.shape)))
        return cn_fail(CN_ARGUMENT, "%s: mean and variance must have one shape, of as many dimensions as axes at most",
                       layer->name);
    return own_numbers(&args->mean, &n->given_mean) && own_numbers(&args->variance, &n->given_variance);
}

static void normalization_free(cn_layer *layer)
{
    cn_release(((normalization *)layer)->given_mean);
    cn_release(((normalization *)layer)->given_variance);
}

static bool find_kept_axes(normalization *n, const cn_shape *in)
{
    const cn_shape *axis = &n->args.axis;
    char text[CN_SHAPE_TEXT];
    memset(n->kept, 0, sizeof n->kept);
    for (int i = 0; i < axis->rank; i++) {
        int64_t a = axis->dim[i] < 0 ? axis->dim[i] + in->rank : axis->dim[i];
        if (a < 1 || a >= in->rank || in->dim[a] < 0)
            return cn_fail(CN_SHAPES, "%s: axis %lld of %s is not one with a size, behind the batch", n->base.name,
                           (long long)axis->dim[i], cn_shape_text(*in, text, sizeof text));
        n->kept[a] = true;
    }
    n->kept_sizes = (cn_shape){.rank = 0};
    n->broadcast = (cn_shape){.rank = in->rank};
    for (int a = 0; a < in->rank; a++) {
        n->broadcast.dim[a] = n->kept[a] ? in->dim[a] : 1;
        if (n->kept[a])
            n->kept_sizes.dim[n->kept_sizes.rank++] = in->dim[a];
    }
    return true;
}

/* The given numbers' dimensions, from the last one on, take the places of the last axes. */
static bool place_given(normalization *n)
{
    const cn_shape *given = &n->args.mean.shape;
    int left = given->rank;
    char is[CN_SHAPE_TEXT], text[CN_SHAPE_TEXT];
    for (int a = n->broadcast.rank - 1; a >= 0; a--)
        if (n->kept[a]) {
            int64_t size = left > 0 ? given->dim[--left] : 1;
            if (size != 1 && size != n->broadcast.dim[a])
                return cn_fail(CN_SHAPES, "%s: a mean of shape %s does not fit axes of sizes %s", n->base.name,
                               cn_shape_text(*given, is, sizeof is), cn_shape_text(n->kept_sizes, text, sizeof text));
            n->broadcast.dim[a] = size;
        }
    return left == 0 || cn_fail(CN_SHAPES, "%s: the mean has more dimensions than there are axes", n->base.name);
}

static bool normalization_build(cn_layer *layer, const cn_shape *in)
{
    normalization *n = (normalization *)layer;
    if (!find_kept_axes(n, in))
        return false;
    if (n->args.mean.data)
        return place_given(n);
    n->mean = cn_add_weight(layer, "mean", n->kept_sizes, .initializer = cn_init_zeros(), .trainable = false);
    n->variance = cn_add_weight(layer, "variance", n->kept_sizes, .initializer = cn_init_ones(), .trainable = false);
    return n->mean && n->variance &&
           cn_add_weight(layer, "count", CN_SHAPE(), .dtype = CN_I32, .trainable = false) != NULL;
}

/* Statistics, as they are broadcast to x. */
static cn_tensor *beside(const normalization *n, cn_tensor *x, cn_tensor *weight, cn_view given)
{
    return cn_reshape(given.data ? cn_constant_as(x->tape, given, x->dtype) : cn_read(x->tape, weight), n->broadcast);
}

static bool check_sizes(const normalization *n, cn_shape shape)
{
    char is[CN_SHAPE_TEXT], text[CN_SHAPE_TEXT];
    bool fits = shape.rank == n->broadcast.rank;
    for (int a = 0; a < shape.rank && fits; a++)
        fits = n->broadcast.dim[a] == 1 || shape.dim[a] == n->broadcast.dim[a];
    return fits || cn_fail(CN_SHAPES, "%s: built for %s, got %s", n->base.name,
                           cn_shape_text(n->base.input_shape, text, sizeof text), cn_shape_text(shape, is, sizeof is));
}

static cn_tensor *normalization_call(cn_layer *layer, cn_tensor *x)
{
    const normalization *n = (normalization *)layer;
    if (!check_sizes(n, cn_shape_of(x)) || !(x = cn_as_floats(layer, x)))
        return NULL;
    cn_tensor *mean = beside(n, x, n->mean, n->args.mean);
    cn_tensor *deviation = cn_sqrt(beside(n, x, n->variance, n->args.variance));
    deviation = cn_maximum(deviation, cn_scalar(x, 1e-7));
    return n->args.invert ? cn_add(cn_mul(x, deviation), mean) : cn_div(cn_sub(x, mean), deviation);
}

static bool normalization_adapt(cn_layer *layer, const cn_batch_source *source)
{
    normalization *n = (normalization *)layer;
    cn_statistics statistics = {.count = 0};
    cn_view batch;
    int found = 0;
    bool done = !n->args.mean.data || cn_fail(CN_STATE, "%s: was given its mean and variance", layer->name);
    while (done && (found = source->next(source->context, &batch)) > 0)
        done =
            cn_build(layer, batch.shape) && cn_statistics_add(&statistics, layer->name, &batch, n->kept, &n->broadcast);
    done = done && found == 0 && cn_statistics_end(&statistics, layer->name) &&
           cn_variable_set(n->mean, cn_array_with(statistics.mean, CN_ARRAY_F64, false, n->kept_sizes)) &&
           cn_variable_set(n->variance, cn_array_with(statistics.variance, CN_ARRAY_F64, false, n->kept_sizes));
    cn_statistics_free(&statistics);
    return done;
}

static const cn_layer_class normalization_class = {
    .name = "Normalization",
    .size = sizeof(normalization),
    .init = normalization_init,
    .build = normalization_build,
    .call = normalization_call,
    .adapt = normalization_adapt,
    .free = normalization_free,
    .mask = CN_MASK_PASSES,
    .min_rank = 1,
    .values = &(const normalization){.args = {CN_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(normalization, INTS, axis), CN_ARGUMENT_FIELD(normalization, NUMBERS, mean),
               CN_ARGUMENT_FIELD(normalization, NUMBERS, variance), CN_ARGUMENT_FIELD(normalization, BOOL, invert)}};

cn_layer *cn_normalization_with(cn_normalization_args args)
{
    return cn_layer_like(&normalization_class,
                         &(normalization){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

cn_normalization_args cn_normalization_defaults(void)
{
    return (cn_normalization_args){CN_NORMALIZATION_DEFAULTS};
}

/* Categories */

static const char *const output_modes[] = {"multi_hot", "one_hot", "count", "int", NULL};

/* Categories in one of these forms; weights, for CN_COUNT, may be NULL. */
static cn_tensor *encode(const cn_layer *layer, cn_tensor *categories, int64_t count, cn_output_mode mode,
                         cn_tensor *weights)
{
    cn_shape shape = cn_shape_of(categories);
    if (mode == CN_INT)
        return categories;
    if (mode == CN_COUNT && shape.rank > 2) {
        char text[CN_SHAPE_TEXT];
        cn_fail(CN_SHAPES, "%s: counts inputs of rank 2 at most, got %s", layer->name,
                cn_shape_text(shape, text, sizeof text));
        return NULL;
    }
    if (mode == CN_ONE_HOT && shape.rank > 1 && shape.dim[shape.rank - 1] == 1)
        categories = cn_squeeze(categories, -1);
    cn_tensor *hot = cn_one_hot(categories, count, .dtype = layer->dtype);
    if (weights)
        hot = cn_mul(hot, cn_expand_dims(cn_cast(weights, layer->dtype), -1));
    if (mode == CN_ONE_HOT || shape.rank == 0)
        return hot;
    int axis = shape.rank > 1 ? 1 : 0;
    return mode == CN_MULTI_HOT ? cn_max(hot, .axis = axis) : cn_sum(hot, .axis = axis);
}

/* CategoryEncoding */

typedef struct category_encoding {
    cn_layer base;
    cn_category_encoding_args args;
} category_encoding;

static bool category_encoding_init(cn_layer *layer)
{
    const cn_category_encoding_args *args = &((category_encoding *)layer)->args;
    if (args->output_mode == CN_INT)
        return cn_fail(CN_ARGUMENT, "%s: output_mode must be multi_hot, one_hot or count", layer->name);
    return args->num_tokens > 0 ||
           cn_fail(CN_ARGUMENT, "%s: num_tokens must be positive, not %lld", layer->name, (long long)args->num_tokens);
}

static bool category_encoding_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_category_encoding_args *args = &((category_encoding *)layer)->args;
    cn_tensor *x = call->inputs.item[0], *weights = call->inputs.count > 1 ? call->inputs.item[1] : NULL;
    if (call->inputs.count > 2)
        return cn_fail(CN_ARGUMENT, "%s: takes 1 or 2 inputs, got %d", layer->name, call->inputs.count);
    if (weights && (args->output_mode != CN_COUNT || !cn_shape_equal(cn_shape_of(x), cn_shape_of(weights))))
        return cn_fail(CN_ARGUMENT, "%s: takes weights for counting alone, of the shape of its input", layer->name);
    outputs->item[0] = encode(layer, cn_cast(x, CN_I32), args->num_tokens, args->output_mode, weights);
    outputs->count = 1;
    return outputs->item[0] != NULL;
}

static const cn_layer_class category_encoding_class = {
    .name = "CategoryEncoding",
    .size = sizeof(category_encoding),
    .init = category_encoding_init,
    .call_many = category_encoding_call,
    .fields = {CN_ARGUMENT_FIELD(category_encoding, INT, num_tokens),
               CN_ARGUMENT_CHOICE(category_encoding, output_mode, output_modes)}};

cn_layer *cn_category_encoding_with(cn_category_encoding_args args)
{
    return cn_layer_like(&category_encoding_class,
                         &(category_encoding){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

/* Discretization */

typedef struct discretization {
    cn_layer base;
    cn_discretization_args args;
    double *boundaries; /* what args.bin_boundaries views */
} discretization;

static bool discretization_init(cn_layer *layer)
{
    discretization *d = (discretization *)layer;
    cn_discretization_args *args = &d->args;
    cn_view *boundaries = &args->bin_boundaries;
    if (!boundaries->data && args->num_bins == CN_NONE)
        return cn_fail(CN_ARGUMENT, "%s: needs bin_boundaries or num_bins", layer->name);
    if (args->num_bins != CN_NONE && args->num_bins < 1)
        return cn_fail(CN_ARGUMENT, "%s: num_bins must be positive, not %lld", layer->name, (long long)args->num_bins);
    if (!(args->epsilon > 0 && args->epsilon < 1))
        return cn_fail(CN_ARGUMENT, "%s: epsilon must be between 0 and 1, not %g", layer->name, args->epsilon);
    if (boundaries->data && (boundaries->shape.rank != 1 || boundaries->shape.dim[0] < 0))
        return cn_fail(CN_ARGUMENT, "%s: bin_boundaries must be of rank 1", layer->name);
    if (!own_numbers(boundaries, &d->boundaries))
        return false;
    for (int64_t i = 1; boundaries->data && i < boundaries->shape.dim[0]; i++)
        if (!(d->boundaries[i - 1] <= d->boundaries[i]))
            return cn_fail(CN_ARGUMENT, "%s: bin_boundaries must ascend", layer->name);
    return true;
}

static void discretization_free(cn_layer *layer)
{
    cn_release(((discretization *)layer)->boundaries);
}

static bool discretization_build(cn_layer *layer, const cn_shape *in)
{
    (void)in;
    return ((discretization *)layer)->args.bin_boundaries.data ||
           cn_fail(CN_STATE, "%s: has no boundaries yet: give bin_boundaries, or adapt it first", layer->name);
}

static cn_tensor *discretization_call(cn_layer *layer, cn_tensor *x)
{
    const cn_discretization_args *args = &((discretization *)layer)->args;
    x = cn_as_floats(layer, x);
    cn_tensor *boundaries = x ? cn_constant_as(x->tape, args->bin_boundaries, x->dtype) : NULL;
    cn_tensor *bins = cn_sum(cn_greater_equal(cn_expand_dims(x, -1), boundaries), .axis = -1);
    return encode(layer, bins, args->bin_boundaries.shape.dim[0] + 1, args->output_mode, NULL);
}

/* The bins are constants of the plans that have been made with them. */
static bool discretization_adapt(cn_layer *layer, const cn_batch_source *source)
{
    discretization *d = (discretization *)layer;
    cn_quantiles quantiles = {.epsilon = d->args.epsilon};
    cn_view batch;
    int found = 0;
    bool done = true;
    if (d->args.num_bins == CN_NONE)
        return cn_fail(CN_STATE, "%s: was given its boundaries; give num_bins instead", layer->name);
    if (layer->built)
        return cn_fail(CN_STATE, "%s: has been called with its boundaries; adapt it before", layer->name);
    while (done && (found = source->next(source->context, &batch)) > 0)
        done = cn_quantiles_add(&quantiles, &batch);
    double *boundaries = NULL;
    int64_t count = 0;
    done = done && found == 0 && cn_quantiles_end(&quantiles, layer->name, d->args.num_bins, &boundaries, &count);
    if (done) {
        cn_release(d->boundaries);
        d->boundaries = boundaries;
        d->args.bin_boundaries = cn_array_with(boundaries, CN_ARRAY_F64, false, CN_SHAPE(count));
    }
    cn_quantiles_free(&quantiles);
    return done;
}

static const cn_layer_class discretization_class = {
    .name = "Discretization",
    .size = sizeof(discretization),
    .init = discretization_init,
    .build = discretization_build,
    .call = discretization_call,
    .adapt = discretization_adapt,
    .free = discretization_free,
    .values = &(const discretization){.args = {CN_DISCRETIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(discretization, NUMBERS, bin_boundaries),
               CN_ARGUMENT_FIELD(discretization, OPTIONAL, num_bins), CN_ARGUMENT_FIELD(discretization, FLOAT, epsilon),
               CN_ARGUMENT_CHOICE(discretization, output_mode, output_modes)}};

cn_layer *cn_discretization_with(cn_discretization_args args)
{
    return cn_layer_like(&discretization_class,
                         &(discretization){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

cn_discretization_args cn_discretization_defaults(void)
{
    return (cn_discretization_args){CN_DISCRETIZATION_DEFAULTS};
}

const cn_layer_class *const cn_feature_classes[] = {&normalization_class, &category_encoding_class,
                                                    &discretization_class, NULL};
