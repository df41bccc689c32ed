#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/product.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/graph.h"
#include "layers/normalization.h"
#include <string.h>

typedef struct spectral_normalization {
    cn_layer base;
    cn_spectral_normalization_args args;
    cn_tensor *kernel, *vector_u;
} spectral_normalization;

static bool spectral_init(cn_layer *layer)
{
    const cn_spectral_normalization_args *args = &((spectral_normalization *)layer)->args;
    if (!args->layer)
        return cn_fail(CN_ARGUMENT, "%s: needs a layer to wrap", layer->name);
    return args->power_iterations > 0 || cn_fail(CN_ARGUMENT, "%s: power_iterations must be positive, not %lld",
                                                 layer->name, (long long)args->power_iterations);
}

static const cn_weight_record *kernel_of(const cn_layer *layer)
{
    for (int i = 0; i < layer->weight_count; i++) {
        const char *name = strrchr(cn_name_of(layer->weight[i].variable), '/');
        if (name && (strcmp(name, "/kernel") == 0 || strcmp(name, "/embeddings") == 0))
            return &layer->weight[i];
    }
    return NULL;
}

/* The kernel is a weight of this layer's too, so that it comes first. */
static bool share_weight(cn_layer *layer, const cn_weight_record *weight)
{
    if (!cn_grow((void **)&layer->weight, layer->weight_count, &layer->weight_capacity, sizeof *layer->weight))
        return false;
    cn_variable_retain(weight->variable);
    layer->weight[layer->weight_count++] = *weight;
    return true;
}

static bool spectral_build(cn_layer *layer, const cn_shape *in)
{
    spectral_normalization *s = (spectral_normalization *)layer;
    cn_layer *inner = s->args.layer;
    if (!cn_build(inner, *in))
        return false;
    const cn_weight_record *kernel = kernel_of(inner);
    if (!kernel || kernel->variable->shape.rank < 1)
        return cn_fail(CN_ARGUMENT, "%s: %s has neither a kernel nor embeddings", layer->name, inner->name);
    if (!share_weight(layer, kernel))
        return false;
    const cn_shape shape = kernel->variable->shape;
    s->kernel = kernel->variable;
    s->vector_u = cn_add_weight(layer, "vector_u", CN_SHAPE(1, shape.dim[shape.rank - 1]),
                                .initializer = cn_init_truncated_normal(.stddev = 0.02), .trainable = false,
                                .dtype = s->kernel->dtype);
    return s->vector_u != NULL;
}

/* The whole of x divided by its length. */
static cn_tensor *normalized(cn_tensor *x)
{
    return cn_normalize(cn_reshape(x, CN_SHAPE(1, -1)));
}

/* A kernel of zeros has no direction: it stays, and so does u. */
static bool normalize_kernel(const spectral_normalization *s, cn_tape *tape)
{
    cn_tensor *kernel = cn_read(tape, s->kernel), *before = cn_read(tape, s->vector_u), *u = before, *v = NULL;
    if (!kernel || !before)
        return false;
    cn_tensor *w = cn_reshape(kernel, CN_SHAPE(-1, s->vector_u->shape.dim[1]));
    for (int64_t i = 0; i < s->args.power_iterations; i++) {
        v = normalized(cn_matmul(u, cn_transpose(w)));
        u = normalized(cn_matmul(v, w));
    }
    cn_tensor *sigma = cn_reshape(cn_matmul(cn_matmul(v, w), cn_transpose(u)), CN_SHAPE());
    cn_tensor *some = cn_any(cn_not_equal(kernel, cn_scalar(kernel, 0)));
    return cn_assign(s->vector_u, cn_where(some, u, before)) &&
           cn_assign(s->kernel, cn_where(some, cn_div(kernel, sigma), kernel));
}

static bool spectral_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const spectral_normalization *s = (spectral_normalization *)layer;
    if (call->training && !normalize_kernel(s, call->tape))
        return false;
    outputs->item[outputs->count++] = cn_call_layer(s->args.layer, call->inputs.item[0]);
    return !cn_failed();
}

static const cn_layer_class spectral_normalization_class = {
    .name = "SpectralNormalization",
    .size = sizeof(spectral_normalization),
    .init = spectral_init,
    .build = spectral_build,
    .call_many = spectral_call,
    .inputs = 1,
    .min_rank = 1,
    .values = &(const spectral_normalization){.args = {CN_SPECTRAL_NORMALIZATION_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(spectral_normalization, LAYER, layer),
               CN_ARGUMENT_FIELD(spectral_normalization, INT, power_iterations)}};

cn_layer *cn_spectral_normalization_with(cn_spectral_normalization_args args)
{
    return cn_layer_like(&spectral_normalization_class,
                         &(spectral_normalization){.base = CN_BASE_OF(args), .args = args});
}

cn_spectral_normalization_args cn_spectral_normalization_defaults(void)
{
    return (cn_spectral_normalization_args){CN_SPECTRAL_NORMALIZATION_DEFAULTS};
}

const cn_layer_class *const cn_spectral_classes[] = {&spectral_normalization_class, NULL};
