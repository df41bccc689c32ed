#include "layers/core.h"
#include "core/engine.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include "core/ops/indexing.h"
#include "core/ops/number.h"
#include "core/ops/product.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
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
    bool valid = args->shape.rank < CN_MAX_RANK && args->batch_size >= 0;
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

#define DENSE_FIELDS                                                                                         \
    CN_ARGUMENT_FIELD(dense, INT, units), CN_ARGUMENT_FIELD(dense, ACTIVATION, activation),                  \
        CN_ARGUMENT_FIELD(dense, BOOL, use_bias), CN_ARGUMENT_FIELD(dense, INITIALIZER, kernel_initializer), \
        CN_ARGUMENT_FIELD(dense, INITIALIZER, bias_initializer),                                             \
        CN_ARGUMENT_FIELD(dense, REGULARIZER, kernel_regularizer),                                           \
        CN_ARGUMENT_FIELD(dense, REGULARIZER, bias_regularizer),                                             \
        CN_ARGUMENT_FIELD(dense, CONSTRAINT, kernel_constraint), CN_ARGUMENT_FIELD(dense, CONSTRAINT, bias_constraint)

static const cn_layer_class dense_class = {.name = "Dense",
                                           .size = sizeof(dense),
                                           .init = dense_init,
                                           .build = dense_build,
                                           .call = dense_call,
                                           .mask = CN_MASK_PASSES,
                                           .min_rank = 2,
                                           .fixed_axis = -1,
                                           .values = &(const dense){.args = {CN_DENSE_DEFAULTS}},
                                           .fields = {DENSE_FIELDS}};

cn_layer *cn_dense_with(cn_dense_args args)
{
    return cn_layer_like(&dense_class, &(dense){.base = CN_BASE_OF(args), .args = args});
}

cn_dense_args cn_dense_defaults(void)
{
    return (cn_dense_args){CN_DENSE_DEFAULTS};
}

/* TernaryDense */

typedef struct ternary_dense {
    dense dense;
    double threshold;
} ternary_dense;

static bool ternary_dense_init(cn_layer *layer)
{
    double threshold = ((ternary_dense *)layer)->threshold;
    return (dense_init(layer) && (threshold >= 0 || threshold == CN_NONE)) ||
           cn_fail(CN_ARGUMENT, "%s: threshold must not be negative, got %g", layer->name, threshold);
}

static cn_tensor *ternary_dense_call(cn_layer *layer, cn_tensor *x)
{
    const ternary_dense *t = (ternary_dense *)layer;
    const dense *d = &t->dense;
    bool scaled = t->threshold == CN_NONE;
    cn_tensor *kernel = cn_read(x->tape, d->kernel), *size = cn_absolute(kernel), *mean = cn_mean(size);
    cn_tensor *threshold = scaled ? cn_times(mean, 0.5) : cn_scalar(x, t->threshold);
    cn_tensor *ternary = cn_mul(cn_sign(kernel), cn_greater(size, threshold));
    cn_tensor *y = cn_matmul(x, cn_add(kernel, cn_stop_gradient(cn_sub(ternary, kernel))));
    if (scaled)
        y = cn_mul(y, mean);
    return cn_activate(d->args.activation, d->bias ? cn_add(y, d->bias) : y);
}

static const cn_layer_class ternary_dense_class = {
    .name = "TernaryDense",
    .size = sizeof(ternary_dense),
    .init = ternary_dense_init,
    .build = dense_build,
    .call = ternary_dense_call,
    .mask = CN_MASK_PASSES,
    .min_rank = 2,
    .fixed_axis = -1,
    .values = &(const ternary_dense){.dense.args = {CN_DENSE_DEFAULTS}, .threshold = CN_NONE},
    .fields = {DENSE_FIELDS, CN_FIELD_FLOAT(ternary_dense, threshold)}};

cn_layer *cn_ternary_dense_with(cn_ternary_dense_args args)
{
    cn_dense_args shared = {.units = args.units,
                            .activation = args.activation,
                            .use_bias = args.use_bias,
                            .kernel_initializer = args.kernel_initializer,
                            .bias_initializer = args.bias_initializer,
                            .kernel_regularizer = args.kernel_regularizer,
                            .bias_regularizer = args.bias_regularizer,
                            .kernel_constraint = args.kernel_constraint,
                            .bias_constraint = args.bias_constraint};
    return cn_layer_like(&ternary_dense_class, &(ternary_dense){.dense = {.base = CN_BASE_OF(args), .args = shared},
                                                                .threshold = args.threshold});
}

cn_ternary_dense_args cn_ternary_dense_defaults(void)
{
    return (cn_ternary_dense_args){CN_TERNARY_DENSE_DEFAULTS};
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
    return e->embeddings && (!args->weights.data || cn_variable_set(e->embeddings, args->weights));
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

#define EMBEDDING_FIELDS                                                                         \
    CN_ARGUMENT_FIELD(embedding, INT, input_dim), CN_ARGUMENT_FIELD(embedding, INT, output_dim), \
        CN_ARGUMENT_FIELD(embedding, INITIALIZER, embeddings_initializer),                       \
        CN_ARGUMENT_FIELD(embedding, REGULARIZER, embeddings_regularizer),                       \
        CN_ARGUMENT_FIELD(embedding, CONSTRAINT, embeddings_constraint), CN_ARGUMENT_FIELD(embedding, BOOL, mask_zero)

static const cn_layer_class embedding_class = {.name = "Embedding",
                                               .size = sizeof(embedding),
                                               .init = embedding_init,
                                               .build = embedding_build,
                                               .call_many = embedding_call,
                                               .mask = CN_MASK_MAKES,
                                               .inputs = 1,
                                               .fields = {EMBEDDING_FIELDS}};

cn_layer *cn_embedding_with(cn_embedding_args args)
{
    return cn_layer_like(&embedding_class, &(embedding){.base = CN_BASE_OF(args), .args = args});
}

/* ReversibleEmbedding */

typedef struct reversible_embedding {
    embedding embedding;
    bool tie_weights;
    double logit_soft_cap;
    cn_tensor *reverse_embeddings;
} reversible_embedding;

static bool reversible_embedding_init(cn_layer *layer)
{
    double cap = ((reversible_embedding *)layer)->logit_soft_cap;
    return embedding_init(layer) &&
           (cap > 0 || cap == CN_NONE ||
            cn_fail(CN_ARGUMENT, "%s: logit_soft_cap must be positive, not %g", layer->name, cap));
}

static bool reversible_embedding_build(cn_layer *layer, const cn_shape *in)
{
    reversible_embedding *r = (reversible_embedding *)layer;
    const cn_embedding_args *args = &r->embedding.args;
    if (!embedding_build(layer, in))
        return false;
    if (!r->tie_weights)
        r->reverse_embeddings =
            cn_add_weight(layer, "reverse_embeddings", CN_SHAPE(args->output_dim, args->input_dim),
                          .initializer = cn_or_else(args->embeddings_initializer, cn_init_random_uniform()));
    return !cn_failed();
}

static bool reversible_embedding_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const reversible_embedding *r = (reversible_embedding *)layer;
    cn_tensor *x = call->inputs.item[0];
    cn_shape shape = cn_shape_of(x);
    char text[CN_SHAPE_TEXT];
    if (!call->reverse)
        return embedding_call(layer, call, outputs);
    if (shape.rank < 1 || shape.dim[shape.rank - 1] != r->embedding.args.output_dim)
        return cn_fail(CN_SHAPES, "%s: in reverse takes vectors of %lld numbers, got %s", layer->name,
                       (long long)r->embedding.args.output_dim, cn_shape_text(shape, text, sizeof text));
    cn_tensor *kernel = r->tie_weights ? cn_transpose(cn_read(call->tape, r->embedding.embeddings))
                                       : cn_read(call->tape, r->reverse_embeddings);
    cn_tensor *logits = cn_matmul(x, kernel);
    if (r->logit_soft_cap != CN_NONE)
        logits = cn_times(cn_tanh(cn_times(logits, 1 / r->logit_soft_cap)), r->logit_soft_cap);
    outputs->item[outputs->count++] = logits;
    return logits != NULL;
}

static const cn_layer_class reversible_embedding_class = {
    .name = "ReversibleEmbedding",
    .size = sizeof(reversible_embedding),
    .init = reversible_embedding_init,
    .build = reversible_embedding_build,
    .call_many = reversible_embedding_call,
    .mask = CN_MASK_MAKES,
    .takes_reverse = true,
    .inputs = 1,
    .values = &(const reversible_embedding){.tie_weights = true, .logit_soft_cap = CN_NONE},
    .fields = {EMBEDDING_FIELDS, CN_FIELD_BOOL(reversible_embedding, tie_weights),
               CN_FIELD_FLOAT(reversible_embedding, logit_soft_cap)}};

cn_layer *cn_reversible_embedding_with(cn_reversible_embedding_args args)
{
    cn_embedding_args shared = {.input_dim = args.input_dim,
                                .output_dim = args.output_dim,
                                .embeddings_initializer = args.embeddings_initializer,
                                .embeddings_regularizer = args.embeddings_regularizer,
                                .embeddings_constraint = args.embeddings_constraint,
                                .mask_zero = args.mask_zero,
                                .weights = args.weights};
    return cn_layer_like(&reversible_embedding_class,
                         &(reversible_embedding){.embedding = {.base = CN_BASE_OF(args), .args = shared},
                                                 .tie_weights = args.tie_weights,
                                                 .logit_soft_cap = args.logit_soft_cap});
}

cn_reversible_embedding_args cn_reversible_embedding_defaults(void)
{
    return (cn_reversible_embedding_args){CN_REVERSIBLE_EMBEDDING_DEFAULTS};
}

/* Masking */

typedef struct masking {
    cn_layer base;
    cn_masking_args args;
} masking;

static bool masking_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    cn_tensor *x = call->inputs.item[0];
    cn_tensor *mask = cn_any(cn_not_equal(x, cn_scalar(x, ((masking *)layer)->args.mask_value)), .axis = -1);
    outputs->item[outputs->count++] = cn_where(cn_expand_dims(mask, -1), x, cn_scalar(x, 0));
    cn_set_mask(outputs->item[0], mask);
    return !cn_failed();
}

static const cn_layer_class masking_class = {.name = "Masking",
                                             .size = sizeof(masking),
                                             .call_many = masking_call,
                                             .mask = CN_MASK_MAKES,
                                             .inputs = 1,
                                             .min_rank = 2,
                                             .fields = {CN_ARGUMENT_FIELD(masking, FLOAT, mask_value)}};

cn_layer *cn_masking_with(cn_masking_args args)
{
    return cn_layer_like(&masking_class, &(masking){.base = CN_BASE_OF(args), .args = args});
}

/* Identity */

static cn_tensor *identity_call(cn_layer *layer, cn_tensor *x)
{
    (void)layer;
    return x;
}

static const cn_layer_class identity_class = {
    .name = "Identity", .size = sizeof(cn_layer), .call = identity_call, .mask = CN_MASK_PASSES};

cn_layer *cn_identity_layer_with(cn_identity_layer_args args)
{
    return cn_layer_like(&identity_class, &(cn_layer)CN_BASE_OF(args));
}

/* Lambda */

typedef struct lambda {
    cn_layer base;
    cn_lambda_args args;
} lambda;

static bool lambda_init(cn_layer *layer)
{
    const cn_lambda_args *args = &((lambda *)layer)->args;
    if (!args->function == !args->call)
        return cn_fail(CN_ARGUMENT, "%s: needs a function or a call, one of them", layer->name);
    if (args->output_shape.rank >= CN_MAX_RANK)
        return cn_fail(CN_SHAPES, "%s: its output_shape has %d axes; a sample has %d at most", layer->name,
                       args->output_shape.rank, CN_MAX_RANK - 1);
    return true;
}

static bool check_output_shape(const cn_layer *layer, cn_shape input, const cn_tensor *output)
{
    cn_shape wanted = ((const lambda *)layer)->args.output_shape, is = cn_shape_of(output);
    bool fits = wanted.rank == 0 || (is.rank == wanted.rank + 1 && is.dim[0] == input.dim[0]);
    for (int d = 0; fits && d < wanted.rank; d++)
        fits = wanted.dim[d] < 0 || wanted.dim[d] == is.dim[d + 1];
    char given[CN_SHAPE_TEXT], promised[CN_SHAPE_TEXT];
    return fits || cn_fail(CN_SHAPES, "%s: gave %s, not batches of its output_shape %s", layer->name,
                           cn_shape_text(is, given, sizeof given), cn_shape_text(wanted, promised, sizeof promised));
}

static bool lambda_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_lambda_args *args = &((lambda *)layer)->args;
    if (args->function && call->inputs.count != 1)
        return cn_fail(CN_ARGUMENT, "%s: its function takes 1 input, got %d", layer->name, call->inputs.count);
    cn_tensor *y = args->function ? args->function(call->inputs.item[0]) : args->call(call, args->arguments);
    if (!y || !check_output_shape(layer, cn_shape_of(call->inputs.item[0]), y))
        return false;
    for (int i = 0; i < call->inputs.count; i++)
        if (y == call->inputs.item[i])
            y = cn_layer_own_tensor(y);
    outputs->item[outputs->count++] = y;
    cn_set_mask(y, args->mask ? args->mask(call, args->arguments) : NULL);
    return !cn_failed();
}

static const cn_layer_class lambda_class = {
    .name = "Lambda",
    .size = sizeof(lambda),
    .init = lambda_init,
    .call_many = lambda_call,
    .mask = CN_MASK_MAKES,
    .mixes_samples = true, /* for all that is known */
    .fields = {CN_ARGUMENT_FIELD(lambda, ACTIVATION, function), CN_ARGUMENT_FIELD(lambda, INTS, output_shape),
               CN_ARGUMENT_FIELD(lambda, POINTER, mask), CN_ARGUMENT_FIELD(lambda, POINTER, arguments),
               CN_ARGUMENT_FIELD(lambda, POINTER, call)}};

cn_layer *cn_lambda_with(cn_lambda_args args)
{
    return cn_layer_like(&lambda_class, &(lambda){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_core_classes[] = {&input_class,
                                                 &dense_class,
                                                 &ternary_dense_class,
                                                 &embedding_class,
                                                 &reversible_embedding_class,
                                                 &masking_class,
                                                 &identity_class,
                                                 &lambda_class,
                                                 NULL};
