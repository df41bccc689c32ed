#include "layers/features.h"
#include "core/ops/arithmetic.h"
#include "core/ops/indexing.h"
#include "core/ops/reduction.h"
#include "core/ops/shaping.h"
#include "layers/arguments.h"
#include "layers/classes.h"

/* Categories */

static const char *const output_modes[] = {"multi_hot", "one_hot", "count", NULL};

/* Categories in one of these forms; weights, for CN_COUNT, may be NULL. */
static cn_tensor *encode(const cn_layer *layer, cn_tensor *categories, int64_t count, cn_output_mode mode,
                         cn_tensor *weights)
{
    cn_shape shape = cn_shape_of(categories);
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

const cn_layer_class *const cn_feature_classes[] = {&category_encoding_class, NULL};
