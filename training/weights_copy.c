#include "training/weights_copy.h"
#include "core/arena.h"
#include "core/engine.h"
#include "layers/graph.h"
#include <stdio.h>
#include <string.h>

static size_t bytes_of(const cn_tensor *variable)
{
    return (size_t)cn_shape_size(variable->shape) * cn_dtype_size(variable->dtype);
}

void cn_free_weights(cn_weights_copy *copy)
{
    for (int i = 0; copy->weight && i < copy->count; i++)
        cn_release(copy->weight[i].values);
    cn_release(copy->weight);
    *copy = (cn_weights_copy){0};
}

static bool make_room(const cn_model *model, cn_weights_copy *copy)
{
    cn_weight_view *views = NULL;
    if (copy->weight)
        return true;
    bool done = cn_layer_weights(cn_model_layer(model), &views, &copy->count) &&
                (copy->weight = cn_allocate((size_t)copy->count + 1, sizeof *copy->weight));
    for (int i = 0; done && i < copy->count; i++) {
        cn_tensor *variable = views[i].weight->variable;
        copy->weight[i].variable = variable;
        done = (copy->weight[i].values = cn_allocate(bytes_of(variable), 1)) != NULL;
    }
    cn_release(views);
    if (!done)
        cn_free_weights(copy);
    return done;
}

bool cn_copy_weights(const cn_model *model, cn_weights_copy *copy)
{
    if (cn_failed() || !make_room(model, copy))
        return false;
    for (int i = 0; i < copy->count; i++)
        memcpy(copy->weight[i].values, copy->weight[i].variable->variable->storage, bytes_of(copy->weight[i].variable));
    return true;
}

void cn_restore_weights(const cn_weights_copy *copy)
{
    for (int i = 0; i < copy->count; i++) {
        cn_tensor *variable = copy->weight[i].variable;
        memcpy(variable->variable->storage, copy->weight[i].values, bytes_of(variable));
        variable->variable->version++;
    }
}

bool cn_keep_weights(cn_keeper *keeper, const char *name, const cn_model *model, cn_weights_copy *copy)
{
    char text[64];
    int64_t exists = copy->weight != NULL;
    snprintf(text, sizeof text, "%s/exists", name);
    if (!cn_keep_count(keeper, text, &exists))
        return false;
    if (!exists) {
        cn_free_weights(copy);
        return true;
    }
    if (!make_room(model, copy))
        return false;
    for (int i = 0; i < copy->count; i++) {
        const cn_tensor *variable = copy->weight[i].variable;
        snprintf(text, sizeof text, "%s/%d", name, i);
        if (!cn_keep_array(
                keeper, text,
                cn_array_with(copy->weight[i].values, cn_array_type_of(variable->dtype), true, variable->shape)))
            return false;
    }
    return true;
}
