#include "layers/core.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/indexing.h"
#include "core/ops/product.h"
#include "layers/arguments.h"
#include "layers/classes.h"
#include "layers/graph.h"

/* InputLayer */

typedef struct input_layer {
    cn_layer base;
    cn_input_args args;
} input_layer;

static bool input_init(cn_layer *layer)
{
    const cn_input_args *args = &((input_layer *)layer)->args;
    bool valid = args->shape.rank >= 0 && args->shape.rank < CN_MAX_RANK && args->batch_size >= 0;
    for (int d = 0; d < args->shape.rank && valid; d++)
        valid = args->shape.dim[d] >= -1;
    char text[CN_SHAPE_TEXT];
    return valid || cn_fail(CN_SHAPES, "%s: %s is not the shape of a sample", layer->name,
                            cn_shape_text(args->shape, text, sizeof text));
}

static cn_tensor *input_call(cn_layer *layer, cn_tensor *x)
{
    (void)layer;
    return x;
}

static const cn_layer_class input_class = {
    .name = "InputLayer",
    .size = sizeof(input_layer),
    .base = "input",
    .init = input_init,
    .call = input_call,
    .mask = CN_MASK_PASSES,
    .fields = {CN_ARGUMENT_FIELD(input_layer, INTS, shape), CN_ARGUMENT_FIELD(input_layer, INT, batch_size)}};

cn_layer *cn_input_layer_with(cn_input_args args)
{
    return cn_layer_like(&input_class, &(input_layer){.base = {.name = (char *)(uintptr_t)args.name}, .args = args});
}

const cn_input_args *cn_input_layer_args(const cn_layer *layer)
{
    return layer && layer->type == &input_class ? &((const input_layer *)layer)->args : NULL;
}

/* Dense */

typedef struct dense {
    cn_layer base;
    cn_dense_args args;
    cn_tensor *kernel, *bias;
} dense;

static bool dense_init(cn_layer *layer)
{
    int64_t units = ((dense *)layer)->args.units;
    return units > 0 || cn_fail(CN_ARGUMENT, "%s: units must be positive, not %lld", layer->name, (long long)units);
}

static bool dense_build(cn_layer *layer, const cn_shape *in)
{
    dense *d = (dense *)layer;
    const cn_dense_args *args = &d->args;
    int64_t features = in->dim[in->rank - 1];
    char text[CN_SHAPE_TEXT];
    if (features < 0)
        return cn_fail(CN_SHAPES, "%s: the last dimension of its input must be known, got %s", layer->name,
                       cn_shape_text(*in, text, sizeof text));
    d->kernel = cn_add_weight(layer, "kernel", CN_SHAPE(features, args->units), .initializer = args->kernel_initializer,
                              .regularizer = args->kernel_regularizer, .constraint = args->kernel_constraint);
    if (args->use_bias)
        d->bias = cn_add_weight(layer, "bias", CN_SHAPE(args->units),
                                .initializer = cn_or_else(args->bias_initializer, cn_init_zeros()),
                                .regularizer = args->bias_regularizer, .constraint = args->bias_constraint);
    return !cn_failed();
}

static cn_tensor *dense_call(cn_layer *layer, cn_tensor *x)
{
    const dense *d = (dense *)layer;
    cn_tensor *y = cn_matmul(x, d->kernel);
    return cn_activate(d->args.activation, d->bias ? cn_add(y, d->bias) : y);
}

static const cn_layer_class dense_class = {
    .name = "Dense",
    .size = sizeof(dense),
    .init = dense_init,
    .build = dense_build,
    .call = dense_call,
    .mask = CN_MASK_PASSES,
    .min_rank = 2,
    .fixed_axis = -1,
    .values = &(const dense){.args = {CN_DENSE_DEFAULTS}},
    .fields = {CN_ARGUMENT_FIELD(dense, INT, units), CN_ARGUMENT_FIELD(dense, ACTIVATION, activation),
               CN_ARGUMENT_FIELD(dense, BOOL, use_bias), CN_ARGUMENT_FIELD(dense, INITIALIZER, kernel_initializer),
               CN_ARGUMENT_FIELD(dense, INITIALIZER, bias_initializer),
               CN_ARGUMENT_FIELD(dense, REGULARIZER, kernel_regularizer),
               CN_ARGUMENT_FIELD(dense, REGULARIZER, bias_regularizer),
               CN_ARGUMENT_FIELD(dense, CONSTRAINT, kernel_constraint),
               CN_ARGUMENT_FIELD(dense, CONSTRAINT, bias_constraint)}};

cn_layer *cn_dense_with(cn_dense_args args)
{
    return cn_layer_like(&dense_class, &(dense){.base = CN_BASE_OF(args), .args = args});
}

cn_dense_args cn_dense_defaults(void)
{
    return (cn_dense_args){CN_DENSE_DEFAULTS};
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

/* Embedding */

typedef struct embedding {
    cn_layer base;
    cn_embedding_args args;
    cn_tensor *embeddings;
} embedding;

static bool embedding_init(cn_layer *layer)
{
    const cn_embedding_args *args = &((embedding *)layer)->args;
    return (args->input_dim > 0 && args->output_dim > 0) ||
           cn_fail(CN_ARGUMENT, "%s: input_dim and output_dim must be positive, not %lld and %lld", layer->name,
                   (long long)args->input_dim, (long long)args->output_dim);
}

static bool embedding_build(cn_layer *layer, const cn_shape *in)
{
    embedding *e = (embedding *)layer;
    const cn_embedding_args *args = &e->args;
    (void)in;
    e->embeddings =
        cn_add_weight(layer, "embeddings", CN_SHAPE(args->input_dim, args->output_dim),
                      .initializer = cn_or_else(args->embeddings_initializer, cn_init_random_uniform()),
                      .regularizer = args->embeddings_regularizer, .constraint = args->embeddings_constraint);
    return e->embeddings != NULL;
}

/* The ids, none of which is below zero or too large: cn_take would count negative ones from the end. */
typedef struct ids_check {
    int64_t count, limit;
} ids_check;

static bool check_ids(void *const *pointer, const void *prepared)
{
    const ids_check *check = prepared;
    int32_t *to = pointer[0];
    const int32_t *id = pointer[1];
    for (int64_t i = 0; i < check->count; i++) {
        if (id[i] < 0 || id[i] >= check->limit)
            return cn_fail(CN_VALUE, "embedding: id %d, element %lld, is not from 0 to %lld", id[i], (long long)i,
                           (long long)check->limit - 1);
        to[i] = id[i];
    }
    return true;
}

static bool ids_infer(const cn_entry *entry, cn_type *output)
{
    *output = (cn_type){CN_I32, entry->input[0]->shape};
    return true;
}

static bool ids_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    ids_check *check = cn_prepared(preparation, sizeof *check);
    *check = (ids_check){cn_shape_size(entry->input[0]->shape), *(const int64_t *)entry->attributes};
    preparation->kernel = check_ids;
    return true;
}

static const cn_operation checked_ids = {.name = "checked_ids",
                                         .attributes = sizeof(int64_t),
                                         .flags = CN_LEAF | CN_CHECKS | CN_IN_PLACE,
                                         .infer = ids_infer,
                                         .prepare = ids_prepare};

static bool embedding_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const embedding *e = (embedding *)layer;
    cn_tensor *ids = cn_cast(call->inputs.item[0], CN_I32);
    ids = cn_record(&checked_ids, &e->args.input_dim, &ids, 1);
    outputs->item[outputs->count++] = cn_take(e->embeddings, ids, .axis = 0);
    if (e->args.mask_zero)
        cn_set_mask(outputs->item[0], cn_not_equal(ids, cn_zeros(call->tape, CN_SHAPE(), .dtype = CN_I32)));
    return !cn_failed();
}

static const cn_layer_class embedding_class = {
    .name = "Embedding",
    .size = sizeof(embedding),
    .init = embedding_init,
    .build = embedding_build,
    .call_many = embedding_call,
    .mask = CN_MASK_MAKES,
    .inputs = 1,
    .fields = {CN_ARGUMENT_FIELD(embedding, INT, input_dim), CN_ARGUMENT_FIELD(embedding, INT, output_dim),
               CN_ARGUMENT_FIELD(embedding, INITIALIZER, embeddings_initializer),
               CN_ARGUMENT_FIELD(embedding, REGULARIZER, embeddings_regularizer),
               CN_ARGUMENT_FIELD(embedding, CONSTRAINT, embeddings_constraint),
               CN_ARGUMENT_FIELD(embedding, BOOL, mask_zero)}};

cn_layer *cn_embedding_with(cn_embedding_args args)
{
    return cn_layer_like(&embedding_class, &(embedding){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_core_classes[] = {&input_class, &dense_class, &activation_class, &embedding_class, NULL};
