/* The group `layers`: a layer made from its config, its outputs, mask and gradients. */
#include "core/engine.h"
#include "formats/config_layer.h"
#include "golden.h"
#include "layers/graph.h"
#include <string.h>

enum { MOST = 64 };

typedef struct gradient_list {
    cn_tensor *of[MOST];
    const char *stem[MOST];
    int number[MOST], count;
} gradient_list;

static void want(gradient_list *list, const golden_case *c, const char *stem, int number, cn_tensor *tensor)
{
    if (!golden_find(c, stem, number) || list->count == MOST)
        return;
    list->of[list->count] = tensor;
    list->stem[list->count] = stem;
    list->number[list->count++] = number;
}

static void set_weights(golden_case *c, cn_layer *layer, gradient_list *list)
{
    for (int i = 0; i < cn_weight_count(layer); i++) {
        cn_tensor *weight = cn_weight(layer, i), *given = golden_input(c, "w", i);
        if (!given) {
            cn_fail(CN_FORMAT, "golden: the case has no weight %d", i);
            return;
        }
        cn_assign(weight, given);
        want(list, c, "dw", i, weight);
    }
}

static cn_tensor *mask_of(golden_case *c)
{
    return json_is_string(json_object_get(c->call, "mask")) ? golden_input(c, "mask", 0) : NULL;
}

static void compare(golden_case *c, const cn_tensors *y, const gradient_list *list)
{
    cn_tensor *outputs[MOST], *upstream[MOST], *gradients[MOST];
    int count = 0;
    for (int i = 0; i < y->count; i++) {
        golden_compare(c, "y", i, y->item[i]);
        if (golden_find(c, "dy", i)) {
            outputs[count] = y->item[i];
            upstream[count++] = golden_input(c, "dy", i);
        }
    }
    if (golden_find(c, "y_mask", 0))
        golden_compare(c, "y_mask", 0, cn_mask_of(y->item[0]));
    if (count && list->count && cn_vjp(outputs, upstream, count, list->of, list->count, gradients))
        for (int i = 0; i < list->count; i++)
            golden_compare(c, list->stem[i], list->number[i], gradients[i]);
}

/* Gives the weights the case's values once the layer is built; compares what a call gives. */
static bool run_layer(golden_case *c, cn_layer *layer)
{
    cn_call_args args = {.training = json_is_true(json_object_get(c->call, "training")) ? CN_TRAINING : CN_INFERENCE};
    cn_shape shapes[CN_MAX_TENSORS];
    gradient_list list = {.count = 0};
    int inputs = golden_count(c, "x"), states = golden_count(c, "s");
    for (int i = 0; i < inputs; i++) {
        args.inputs[i] = golden_input(c, "x", i);
        shapes[i] = cn_shape_of(args.inputs[i]);
        want(&list, c, "dx", i, args.inputs[i]);
    }
    for (int i = 0; i < states; i++) {
        args.states[i] = golden_input(c, "s", i);
        want(&list, c, "ds", i, args.states[i]);
    }
    args.mask[0] = mask_of(c);
    if (cn_failed() || !cn_layer_prepare(layer, shapes, inputs))
        return true;
    set_weights(c, layer, &list);
    cn_tensors y = cn_call_layer_many(layer, args);
    compare(c, &y, &list);
    return true;
}

bool golden_run_layer(golden_case *c)
{
    if (!cn_layer_class_named(c->layer))
        return false;
    cn_layer *layer = cn_layer_from_config(c->layer, c->config);
    bool understood = !layer || run_layer(c, layer);
    cn_clear_session();
    return understood;
}
