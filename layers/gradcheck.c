#include "layers/gradcheck.h"
#include "core/engine.h"
#include "core/ops/arithmetic.h"
#include "core/ops/reduction.h"
#include <string.h>

typedef struct layer_check {
    cn_layer *layer;
    int input_count;
} layer_check;

/* Each output counts by an uneven sum, so that no output's gradient hides behind another's. */
static cn_tensor *call_layer(cn_tape *tape, cn_tensor *const *inputs, void *context)
{
    const layer_check *check = context;
    cn_call_args call = {.training = CN_INHERIT};
    (void)tape;
    memcpy(call.inputs, inputs, (size_t)check->input_count * sizeof *inputs);
    cn_tensors outputs = cn_call_layer_many(check->layer, call);
    if (outputs.count <= 1)
        return outputs.count ? outputs.item[0] : NULL;
    cn_tensor *total = NULL;
    for (int i = 0; i < outputs.count; i++) {
        cn_tensor *term = cn_sum(cn_mul(outputs.item[i], cn_scalar(outputs.item[i], 1 + i)));
        total = total ? cn_add(total, term) : term;
    }
    return total;
}

/* Of the weights that it will make, and those inside it. */
static void set_dtype(cn_layer *layer, cn_dtype dtype)
{
    if (!layer->built)
        layer->dtype = dtype;
    for (int i = 0; i < layer->sublayer_count; i++)
        set_dtype(layer->sublayer[i], dtype);
}

/* The first call makes the weights. */
static bool build(layer_check *check, const cn_gradient_check_args *args)
{
    cn_tape *tape = cn_shapes_tape(args->training);
    cn_tensor *inputs[CN_MAX_CHECKED_INPUTS];
    bool done = tape != NULL;
    for (int i = 0; done && i < args->input_count; i++)
        done = (inputs[i] = cn_feed_with(tape, (cn_feed_args){args->inputs[i], CN_F64})) != NULL;
    if (done)
        set_dtype(check->layer, CN_F64);
    done = done && call_layer(tape, inputs, check);
    cn_tape_free(tape);
    return done && !cn_failed();
}

bool cn_gradient_check_layer_with(cn_gradient_report *report, cn_layer *layer, cn_gradient_check_args args)
{
    if (cn_failed())
        return false;
    if (!layer || args.input_count < 1 || args.input_count > CN_MAX_CHECKED_INPUTS)
        return cn_fail(CN_ARGUMENT, "gradient_check_layer: needs a layer and from 1 to %d inputs",
                       CN_MAX_CHECKED_INPUTS);
    layer_check check = {layer, args.input_count};
    if (!build(&check, &args))
        return false;
    int count = cn_weight_count(layer), kept = 0, integers = 0;
    cn_tensor **weights = cn_allocate((size_t)count + 1, sizeof *weights);
    if (!weights)
        return false;
    for (int i = 0; i < count; i++) {
        cn_tensor *weight = cn_weight(layer, i);
        if (weight->dtype == CN_F64)
            weights[kept++] = weight;
        integers += weight->dtype == CN_I32;
    }
    args.function = call_layer;
    args.context = &check;
    args.variables = weights;
    args.variable_count = kept;
    bool done = kept + integers == count
                    ? cn_gradient_check_with(report, args)
                    : cn_fail(CN_TYPE, "gradient_check_layer: %s has weights of float32", cn_layer_name(layer));
    cn_release(weights);
    return done;
}
