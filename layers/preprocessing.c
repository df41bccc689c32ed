#include "layers/preprocessing.h"
#include "core/ops/number.h"
#include "layers/arguments.h"
#include "layers/classes.h"

typedef struct rescaling {
    cn_layer base;
    cn_rescaling_args args;
} rescaling;

static cn_tensor *rescaling_call(cn_layer *layer, cn_tensor *x)
{
    const cn_rescaling_args *args = &((rescaling *)layer)->args;
    if (cn_dtype_of(x) == CN_I32)
        x = cn_cast(x, layer->dtype);
    return cn_plus(cn_times(x, args->scale), args->offset);
}

static const cn_layer_class rescaling_class = {
    .name = "Rescaling",
    .size = sizeof(rescaling),
    .call = rescaling_call,
    .mask = CN_MASK_PASSES,
    .fields = {CN_ARGUMENT_FIELD(rescaling, FLOAT, scale), CN_ARGUMENT_FIELD(rescaling, FLOAT, offset)}};

cn_layer *cn_rescaling_with(cn_rescaling_args args)
{
    return cn_layer_like(&rescaling_class, &(rescaling){.base = CN_BASE_OF(args), .args = args});
}

const cn_layer_class *const cn_preprocessing_classes[] = {&rescaling_class, NULL};
