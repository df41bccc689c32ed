#include "formats/stored.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool cn_stored_add(cn_stored_list *list, cn_tensor *variable, const char *format, ...)
{
    char name[CN_STORED_NAME];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= CN_STORED_NAME)
        return cn_fail(CN_UNSUPPORTED, "%.80s...: a name is longer than %d bytes", name, CN_STORED_NAME - 1);
    char *copy = cn_arena_record(&list->arena, (size_t)length + 1);
    if (!copy || !cn_grow((void **)&list->item, list->count, &list->capacity, sizeof *list->item))
        return false;
    memcpy(copy, name, (size_t)length);
    list->item[list->count++] = (cn_stored){copy, variable, NULL};
    return true;
}

void cn_stored_free(cn_stored_list *list)
{
    cn_release(list->item);
    cn_arena_free(&list->arena);
}

void *cn_stored_room(cn_stored_list *list, cn_stored *stored)
{
    size_t bytes = (size_t)cn_shape_size(stored->variable->shape) * cn_dtype_size(stored->variable->dtype);
    return stored->read = cn_arena_allocate(&list->arena, bytes);
}

bool cn_stored_commit(const cn_stored_list *list)
{
    for (int i = 0; i < list->count; i++) {
        const cn_stored *stored = &list->item[i];
        cn_tensor *variable = stored->variable;
        if (stored->read && !cn_variable_set(variable, cn_array_with(stored->read, cn_array_type_of(variable->dtype),
                                                                     false, variable->shape)))
            return false;
    }
    return true;
}

const void *cn_stored_data(const cn_stored *stored)
{
    return stored->variable->variable->storage;
}

/* By path */

static bool is_taken(const cn_stored_list *list, const char *name)
{
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->item[i].name, name) == 0)
            return true;
    return false;
}

static bool add_by_path(cn_stored_list *list, const char *prefix, cn_tensor *variable)
{
    char name[CN_STORED_NAME];
    const char *path = cn_name_of(variable);
    int length = snprintf(name, sizeof name, "%s%s", prefix, path);
    for (int n = 1; length < CN_STORED_NAME && is_taken(list, name); n++)
        length = snprintf(name, sizeof name, "%s%s_%d", prefix, path, n);
    return cn_stored_add(list, variable, length < CN_STORED_NAME ? "%s" : "%s...", name);
}

bool cn_stored_by_path(cn_stored_list *list, const char *prefix, const cn_layer *layer)
{
    cn_weight_view *views = NULL;
    int count = 0;
    bool done = cn_layer_weights(layer, &views, &count);
    for (int i = 0; done && i < count; i++)
        done = add_by_path(list, prefix, views[i].weight->variable);
    cn_release(views);
    return done;
}

/* By object: groups have the names of the attributes of Keras' objects, and in lists, of the classes with counters. */

typedef struct walk {
    cn_stored_list *list;
    const cn_layer **seen; /* each object is stored where it is met first */
    int seen_count, seen_capacity;
} walk;

/* The number of an item of a list among those of its class. */
static int number_in_list(cn_layer *const *list, int index)
{
    int number = 0;
    for (int i = 0; i < index; i++)
        number += strcmp(list[i]->type->name, list[index]->type->name) == 0;
    return number;
}

static void name_in_list(cn_layer *const *list, int index, char *name, size_t size)
{
    char stem[CN_NAME_TEXT];
    int number = number_in_list(list, index);
    cn_snake_case(list[index]->type->name, stem, sizeof stem);
    if (number > 0)
        snprintf(name, size, "%s_%d", stem, number);
    else
        snprintf(name, size, "%s", stem);
}

/* What Keras calls the attribute that holds a layer inside another one. */
static void attribute_of(const cn_layer *layer, int index, char *name, size_t size)
{
    const cn_layer *inner = layer->sublayer[index];
    for (const cn_field *field = layer->type->fields; field->type != CN_FIELD_END_; field++) {
        cn_layer *const *held = (const void *)((const char *)layer + field->offset);
        for (int i = 0; i < cn_field_layers(field) && held[i]; i++) {
            char item[CN_NAME_TEXT + 16] = "";
            if (held[i] != inner)
                continue;
            if (field->type == CN_FIELD_TYPE_LAYERS)
                name_in_list(held, i, item, sizeof item);
            snprintf(name, size, "%s%s%s", field->name, *item ? "/" : "", item);
            return;
        }
    }
    if (strcmp(layer->type->name, "Bidirectional") == 0)
        snprintf(name, size, "%s", index == 0 ? "forward_layer" : "backward_layer");
    else if (inner->type->states)
        snprintf(name, size, "cell");
    else
        snprintf(name, size, "%s", inner->name);
}

/* Weights of ours that Keras has in an object inside: "query/kernel" is the first of query_dense. */
static void group_of(const cn_layer *layer, const cn_tensor *weight, char *group, size_t size)
{
    static const struct {
        const char *class, *prefix, *group;
    } parts[] = {{"MultiHeadAttention", "query/", "/query_dense"},
                 {"MultiHeadAttention", "key/", "/key_dense"},
                 {"MultiHeadAttention", "gate/", "/_gate_dense"},
                 {"MultiHeadAttention", "value/", "/value_dense"},
                 {"MultiHeadAttention", "attention_output/", "/output_dense"},
                 {"GroupedQueryAttention", "query/", "/_query_dense"},
                 {"GroupedQueryAttention", "key/", "/_key_dense"},
                 {"GroupedQueryAttention", "gate/", "/_gate_dense"},
                 {"GroupedQueryAttention", "value/", "/_value_dense"},
                 {"GroupedQueryAttention", "attention_output/", "/_output_dense"},
                 {"ConvLSTM1D", "", "/cell"},
                 {"ConvLSTM2D", "", "/cell"},
                 {"ConvLSTM3D", "", "/cell"}};
    const char *path = cn_name_of(weight), *local = path;
    size_t length = strlen(layer->name);
    for (const char *at = path; (at = strstr(at, layer->name)); at++)
        if (at[length] == '/' && (at == path || at[-1] == '/'))
            local = at + length + 1;
    *group = '\0';
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(layer->type->name, parts[i].class) == 0 &&
            strncmp(local, parts[i].prefix, strlen(parts[i].prefix)) == 0)
            snprintf(group, size, "%s", parts[i].group);
}

static bool add_own(walk *w, const cn_layer *layer, const char *path)
{
    char group[CN_NAME_BYTES], before[CN_NAME_BYTES] = "";
    int number = 0;
    for (int others = 0; others < 2; others++)
        for (int i = 0; i < layer->weight_count; i++) {
            if (layer->weight[i].trainable == others)
                continue;
            group_of(layer, layer->weight[i].variable, group, sizeof group);
            number = strcmp(group, before) == 0 ? number : 0;
            strcpy(before, group);
            if (!cn_stored_add(w->list, layer->weight[i].variable, "%s%s%svars/%d", path,
                               *path    ? group
                               : *group ? group + 1
                                        : "",
                               *path || *group ? "/" : "", number++))
                return false;
        }
    return true;
}

static bool add_object(walk *w, const cn_layer *layer, const char *path)
{
    for (int i = 0; i < w->seen_count; i++)
        if (w->seen[i] == layer)
            return true;
    if (!cn_grow((void **)&w->seen, w->seen_count, &w->seen_capacity, sizeof *w->seen))
        return false;
    w->seen[w->seen_count++] = layer;
    bool model = cn_layer_model((cn_layer *)(uintptr_t)layer);
    if (!add_own(w, layer, path))
        return false;
    for (int i = 0; i < layer->sublayer_count; i++) {
        char part[CN_NAME_TEXT + CN_NAME_BYTES + 32], inner[CN_STORED_NAME];
        if (model)
            name_in_list(layer->sublayer, i, part, sizeof part);
        else
            attribute_of(layer, i, part, sizeof part);
        int length = snprintf(inner, sizeof inner, "%s%s%s%s", path, *path ? "/" : "", model ? "layers/" : "", part);
        if (length >= CN_STORED_NAME)
            return cn_fail(CN_UNSUPPORTED, "%s: is nested too deep for a file", layer->name);
        if (!add_object(w, layer->sublayer[i], inner))
            return false;
    }
    return true;
}

bool cn_stored_by_object(cn_stored_list *list, const cn_layer *model)
{
    walk w = {.list = list};
    bool done = add_object(&w, model, "");
    cn_release(w.seen);
    return done;
}
