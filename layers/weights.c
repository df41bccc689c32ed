/* The weights of layers: making them, and listing those of a layer with all that are in it. */
#include "core/engine.h"
#include "layers/graph.h"
#include "layers/initializer.h"
#include <string.h>

/* Making */

/* A number for a name, beside the number of what it stands in (FNV-1a). */
uint64_t cn_name_stream(uint64_t outer, const char *name)
{
    uint64_t hash = 0xCBF29CE484222325u ^ outer;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3u;
    return hash;
}

static bool initialize(cn_tensor *variable, const cn_initializer *initializer, cn_shape fans)
{
    int64_t size = cn_shape_size(variable->shape);
    double *values = cn_allocate((size_t)size, sizeof *values);
    if (!values)
        return false;
    bool seeded = initializer->seed >= 0;
    bool done = initializer->fill(initializer, fans, seeded ? (uint64_t)initializer->seed : cn_default_seed(),
                                  seeded ? 0 : cn_name_stream(0, cn_name_of(variable)), values);
    if (!done)
        cn_fail(CN_ARGUMENT, "%s: initializer %s failed", cn_name_of(variable), initializer->name);
    if (done && variable->dtype == CN_I32) {
        int32_t *integer = (int32_t *)values; /* in place: no integer lies behind the double it comes from */
        for (int64_t i = 0; i < size; i++) {
            int32_t value = (int32_t)values[i];
            memcpy(&integer[i], &value, sizeof value);
        }
    }
    cn_array_type type = variable->dtype == CN_I32 ? CN_ARRAY_I32 : CN_ARRAY_F64;
    done = done && cn_variable_set(variable, cn_array_with(values, type, false, variable->shape));
    cn_release(values);
    return done;
}

/* A layer that is being built, as part of those around it. */
typedef struct scope {
    const cn_layer *layer;
    const struct scope *outer;
} scope;
static _Thread_local const scope *innermost;

/* The names of all layers that are being built, from the outermost on, and the weight's: "lstm/lstm_cell/kernel". */
static char *path_of(const char *weight)
{
    size_t bytes = strlen(weight) + 1;
    for (const scope *s = innermost; s; s = s->outer)
        bytes += strlen(s->layer->name) + 1;
    char *path = cn_allocate(bytes, 1);
    if (!path)
        return NULL;
    char *at = path + bytes - strlen(weight) - 1;
    strcpy(at, weight);
    for (const scope *s = innermost; s; s = s->outer) {
        size_t length = strlen(s->layer->name);
        *--at = '/';
        memcpy(at -= length, s->layer->name, length);
    }
    return path;
}

bool cn_build_within(cn_layer *layer, const cn_shape *in)
{
    const scope here = {layer, innermost};
    innermost = &here;
    bool done = layer->type->build(layer, in) && !cn_failed();
    innermost = here.outer;
    return done;
}

static _Thread_local int64_t limit = INT64_MAX;

int64_t cn_limit_weights(int64_t bytes)
{
    int64_t before = limit;
    limit = bytes;
    return before;
}

/* Takes the weight's bytes from the limit. A shape that is none is refused by the variable. */
static bool take_from_limit(const cn_layer *layer, const char *name, cn_shape shape, cn_dtype dtype)
{
    int64_t count = cn_shape_size(shape), size = (int64_t)cn_dtype_size(dtype);
    if (limit == INT64_MAX || count < 0)
        return true;
    if (count > limit / size)
        return cn_fail(CN_FORMAT, "%s: its %s has more numbers than the file can have", layer->name, name);
    limit -= count * size;
    return true;
}

cn_tensor *cn_add_weight_with(cn_layer *layer, const char *name, cn_weight_args args)
{
    if (cn_failed())
        return NULL;
    if (!layer || !name || layer->built) {
        cn_fail(CN_STATE, "add_weight: %s: a layer makes its weights in build", layer ? layer->name : "no layer");
        return NULL;
    }
    if (!take_from_limit(layer, name, args.shape, args.dtype) ||
        !cn_grow((void **)&layer->weight, layer->weight_count, &layer->weight_capacity, sizeof *layer->weight))
        return NULL;
    char *path = path_of(name);
    if (!path)
        return NULL;
    cn_tensor *variable = cn_variable_new(args.shape, .dtype = args.dtype, .name = path);
    cn_release(path);
    cn_initializer usual = args.dtype == CN_I32 ? cn_init_zeros() : cn_init_glorot_uniform();
    if (variable && !initialize(variable, args.initializer.name ? &args.initializer : &usual,
                                args.fans.rank > 0 ? args.fans : args.shape)) {
        cn_variable_free(variable);
        variable = NULL;
    }
    if (variable)
        layer->weight[layer->weight_count++] =
            (cn_weight_record){variable, args.regularizer, args.constraint, args.trainable};
    return variable;
}

/* Asking */

static int count_all(const cn_layer *layer)
{
    int count = layer->weight_count;
    for (int i = 0; i < layer->sublayer_count; i++)
        count += count_all(layer->sublayer[i]);
    return count;
}

static void add_view(cn_weight_view *views, int *count, cn_weight_record *weight, bool trainable)
{
    for (int i = 0; i < *count; i++)
        if (views[i].weight->variable == weight->variable)
            return;
    views[(*count)++] = (cn_weight_view){weight, trainable};
}

static void collect(const cn_layer *layer, bool trainable, cn_weight_view *views, int *count)
{
    trainable = trainable && layer->trainable;
    for (int others = 0; others < 2; others++)
        for (int i = 0; i < layer->weight_count; i++)
            if (layer->weight[i].trainable == !others)
                add_view(views, count, &layer->weight[i], trainable && !others);
    for (int i = 0; i < layer->sublayer_count; i++)
        collect(layer->sublayer[i], trainable, views, count);
}

bool cn_layer_weights(const cn_layer *layer, cn_weight_view **views, int *count)
{
    *count = 0;
    *views = cn_allocate((size_t)count_all(layer), sizeof **views);
    if (!*views)
        return false;
    collect(layer, true, *views, count);
    return true;
}

int(cn_weight_count)(const cn_layer *layer)
{
    cn_weight_view *views = NULL;
    int count = 0;
    if (layer && cn_layer_weights(layer, &views, &count))
        cn_release(views);
    return count;
}

cn_tensor *(cn_weight)(const cn_layer *layer, int index)
{
    cn_weight_view *views = NULL;
    int count = 0;
    cn_tensor *weight = NULL;
    if (cn_failed() || !layer || !cn_layer_weights(layer, &views, &count))
        return NULL;
    if (index >= 0 && index < count)
        weight = views[index].weight->variable;
    else
        cn_fail(CN_ARGUMENT, "%s: has %d weights, none with number %d", layer->name, count, index);
    cn_release(views);
    return weight;
}

int64_t(cn_count_params)(const cn_layer *layer)
{
    cn_weight_view *views = NULL;
    int count = 0;
    int64_t params = 0;
    if (!layer || !cn_layer_weights(layer, &views, &count))
        return 0;
    for (int i = 0; i < count; i++)
        params += cn_shape_size(views[i].weight->variable->shape);
    cn_release(views);
    return params;
}

void(cn_set_trainable)(cn_layer *layer, bool trainable)
{
    if (!layer)
        return;
    layer->trainable = trainable;
    for (int i = 0; i < layer->sublayer_count; i++)
        cn_set_trainable(layer->sublayer[i], trainable);
}

bool(cn_is_trainable)(const cn_layer *layer)
{
    return layer && layer->trainable;
}

/* Values */

static bool check_weights(const char *who, const cn_layer *layer, const cn_view *values, int count)
{
    if (cn_failed())
        return false;
    if (!layer)
        return cn_fail(CN_ARGUMENT, "%s: the layer is NULL", who);
    if (count != cn_weight_count(layer))
        return cn_fail(CN_ARGUMENT, "%s: %s has %d weights, %d arrays are given", who, layer->name,
                       cn_weight_count(layer), count);
    for (int i = 0; i < count; i++) {
        cn_tensor *weight = cn_weight(layer, i);
        if (!cn_shape_equal(weight->shape, values[i].shape)) {
            char wanted[CN_SHAPE_TEXT], given[CN_SHAPE_TEXT];
            return cn_fail(CN_SHAPES, "%s: weight %d of %s (%s) has shape %s, the array %s", who, i, layer->name,
                           cn_name_of(weight), cn_shape_text(weight->shape, wanted, sizeof wanted),
                           cn_shape_text(values[i].shape, given, sizeof given));
        }
        if (!values[i].data && cn_shape_size(weight->shape) > 0)
            return cn_fail(CN_ARGUMENT, "%s: array %d is NULL", who, i);
    }
    return true;
}

bool cn_set_weights_from(cn_layer *layer, const cn_view *values, int count)
{
    if (!check_weights("set_weights", layer, values, count))
        return false;
    for (int i = 0; i < count; i++)
        if (!cn_variable_set(cn_weight(layer, i), values[i]))
            return false;
    return true;
}

bool cn_get_weights_into(cn_layer *layer, const cn_view *values, int count)
{
    if (!check_weights("get_weights", layer, values, count))
        return false;
    for (int i = 0; i < count; i++)
        if (!cn_values(cn_weight(layer, i), values[i]))
            return false;
    return true;
}
