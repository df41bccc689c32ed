#include "layers/fields.h"
#include "core/arena.h"
#include "core/ops/window.h"
#include <string.h>

const cn_field *cn_field_named(const cn_layer_class *type, const char *name)
{
    for (const cn_field *field = type->fields; field->type != CN_FIELD_END_; field++)
        if (strcmp(field->name, name) == 0)
            return field;
    return NULL;
}

bool *cn_layer_flag(cn_layer *layer, const char *name)
{
    const cn_field *field = cn_field_named(layer->type, name);
    return field && field->type == CN_FIELD_TYPE_BOOL ? (bool *)((char *)layer + field->offset) : NULL;
}

int cn_field_layers(const cn_field *field)
{
    return field->type == CN_FIELD_TYPE_LAYER ? 1 : field->type == CN_FIELD_TYPE_LAYERS ? CN_MAX_LAYERS : 0;
}

void cn_free_field_layers(const cn_layer_class *type, const void *values)
{
    for (const cn_field *field = type->fields; field->type != CN_FIELD_END_; field++) {
        cn_layer *const *layers = (const void *)((const char *)values + field->offset);
        for (int i = 0; i < cn_field_layers(field) && layers[i]; i++)
            cn_layer_free(layers[i]);
    }
}

cn_layer *cn_layer_of_values(const cn_layer_class *type, void *values, const cn_layer_basics *basics)
{
    cn_layer *base = values;
    base->name = (char *)(uintptr_t)basics->name;
    base->activity_regularizer = basics->activity_regularizer;
    /* The layers that the class makes inside this one take the same element type. */
    cn_dtype dtype = cn_default_dtype();
    cn_set_default_dtype(basics->dtype);
    cn_layer *layer = cn_layer_like(type, values);
    cn_set_default_dtype(dtype);
    if (layer && !basics->trainable)
        cn_set_trainable(layer, false);
    return layer;
}

static bool copy_field(const cn_field *field, const cn_layer *layer, char *values)
{
    static const size_t bytes[] = {[CN_FIELD_TYPE_INT] = sizeof(int64_t),
                                   [CN_FIELD_TYPE_OPTIONAL] = sizeof(int64_t),
                                   [CN_FIELD_TYPE_BOOL] = sizeof(bool),
                                   [CN_FIELD_TYPE_FLOAT] = sizeof(double),
                                   [CN_FIELD_TYPE_INTS] = sizeof(cn_shape),
                                   [CN_FIELD_TYPE_SIZES] = CN_SPACE * sizeof(int64_t),
                                   [CN_FIELD_TYPE_RANGE] = 2 * sizeof(double),
                                   [CN_FIELD_TYPE_NUMBERS] = sizeof(cn_view),
                                   [CN_FIELD_TYPE_STRING] = CN_NAME_BYTES,
                                   [CN_FIELD_TYPE_CHOICE] = sizeof(int),
                                   [CN_FIELD_TYPE_ACTIVATION] = sizeof(cn_activation *),
                                   [CN_FIELD_TYPE_INITIALIZER] = sizeof(cn_initializer),
                                   [CN_FIELD_TYPE_REGULARIZER] = sizeof(cn_regularizer),
                                   [CN_FIELD_TYPE_CONSTRAINT] = sizeof(cn_constraint),
                                   [CN_FIELD_TYPE_LAYER] = sizeof(cn_layer *),
                                   [CN_FIELD_TYPE_LAYERS] = CN_MAX_LAYERS * sizeof(cn_layer *),
                                   [CN_FIELD_TYPE_POINTER] = sizeof(void *)};
    memcpy(values + field->offset, (const char *)layer + field->offset, bytes[field->type]);
    cn_layer **layers = (void *)(values + field->offset);
    bool done = true;
    for (int i = 0; i < cn_field_layers(field) && layers[i]; i++)
        done = (layers[i] = done ? cn_layer_copy(layers[i], layers[i]->name) : NULL) != NULL && done;
    return done;
}

cn_layer *cn_layer_copy(const cn_layer *layer, const char *name)
{
    const cn_layer_class *type = layer->type;
    char *values = cn_allocate(1, type->size);
    if (!values)
        return NULL;
    if (type->values)
        memcpy(values, type->values, type->size);
    bool done = true;
    for (const cn_field *field = type->fields; done && field->type != CN_FIELD_END_; field++)
        done = copy_field(field, layer, values);
    cn_layer *copy = NULL;
    if (done)
        copy = cn_layer_of_values(
            type, values, &(cn_layer_basics){name, layer->dtype, layer->trainable, layer->activity_regularizer});
    else
        cn_free_field_layers(type, values);
    cn_release(values);
    return copy;
}
