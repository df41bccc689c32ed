#include "layers/regularization.h"
#include "core/ops/arithmetic.h"
#include "core/ops/random.h"
#include "layers/arguments.h"
#include "layers/classes.h"

typedef struct dropout {
    cn_layer base;
    cn_dropout_args args;
} dropout;

static bool dropout_init(cn_layer *layer)
{
    double rate = ((dropout *)layer)->args.rate;
    return (rate >= 0 && rate <= 1) || cn_fail(CN_ARGUMENT, "%s: rate must be from 0 to 1, not %g", layer->name, rate);
}

static bool dropout_call(cn_layer *layer, const cn_layer_call *call, cn_tensors *outputs)
{
    const cn_dropout_args *args = &((dropout *)layer)->args;
    cn_tensor *x = call->inputs.item[0];
    outputs->count = 1;
    outputs->item[0] = x;
    if (!call->training || args->rate == 0)
        return true;
    cn_shape shape = cn_shape_of(x), noise = args->noise_shape;
    char text[CN_SHAPE_TEXT], wanted[CN_SHAPE_TEXT];
    if (noise.rank != 0 && noise.rank != shape.rank)
        return cn_fail(CN_SHAPES, "%s: its noise_shape %s does not fit %s", layer->name,
                       cn_shape_text(noise, wanted, sizeof wanted), cn_shape_text(shape, text, sizeof text));
    for (int d = 0; d < noise.rank; d++)
        if (noise.dim[d] >= 0)
            shape.dim[d] = noise.dim[d];
    cn_tensor *mask = cn_dropout_mask(call->tape, shape, args->rate, .seed = args->seed, .dtype = cn_dtype_of(x));
    return (outputs->item[0] = cn_mul(x, mask)) != NULL;
}

static const cn_layer_class dropout_class = {.name = "Dropout",
                                             .size = sizeof(dropout),
                                             .init = dropout_init,
                                             .call_many = dropout_call,
                                             .mask = CN_MASK_PASSES,
                                             .inputs = 1,
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

const cn_layer_class *const cn_regularization_classes[] = {&dropout_class, NULL};
