#include "formats/config.h"
#include "core/arena.h"
#include "core/ops/activation.h"
#include "core/ops/window.h"
#include "formats/model_config.h"
#include "layers/core.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include <math.h>
#include <string.h>

const char *cn_config_split(const char *what, json_t *config, json_t **arguments)
{
    json_t *name = json_is_object(config) ? json_object_get(config, "class_name") : config;
    *arguments = json_object_get(config, "config");
    /* How Keras 3 writes a function. */
    if (json_is_string(*arguments) && json_is_string(name) && strcmp(json_string_value(name), "function") == 0) {
        name = *arguments;
        *arguments = NULL;
    }
    if (!json_is_string(name)) {
        cn_fail(CN_FORMAT, "%s: the config has no class_name", what);
        return NULL;
    }
    if (*arguments && !json_is_object(*arguments) && !json_is_null(*arguments)) {
        cn_fail(CN_FORMAT, "%s: the config of %s is not an object", what, json_string_value(name));
        return NULL;
    }
    return json_string_value(name);
}

/* Refusing */

bool cn_config_refuse(const char *class, const char *key, json_t *value, const char *wanted)
{
    char text[160] = "";
    size_t size = json_dumpb(value, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    return cn_fail(CN_FORMAT, "%s: %s must be %s, not %s%s", class, key, wanted, text, size < sizeof text ? "" : "...");
}

bool cn_config_refuse_key(const char *class, const char *key)
{
    return cn_fail(CN_FORMAT, "%s: there is no argument \"%s\"", class, key);
}

static bool refuse_name(const char *what, const char *kind, const char *name)
{
    return cn_fail(CN_UNSUPPORTED, "%s: there is no %s named \"%s\"", what, kind, name);
}

/* Values that several kinds of arguments have */

static bool read_word(const char *class, const char *key, json_t *value, const char *const *choices, int *index)
{
    const char *word = json_string_value(value);
    char wanted[256] = "one of";
    size_t used = strlen(wanted);
    for (int i = 0; choices[i]; i++) {
        if (word && strcmp(word, choices[i]) == 0) {
            *index = i;
            return true;
        }
        if (used < sizeof wanted)
            used += (size_t)snprintf(wanted + used, sizeof wanted - used, "%s %s", i ? "," : "", choices[i]);
    }
    return cn_config_refuse(class, key, value, wanted);
}

/* A number or a list; null, an open dimension, is -1. A list of lists, as [[1, 1], [0, 2]], is read as one of all its
 * numbers, to the depth given. */
static bool append_integers(json_t *value, int depth, cn_shape *integers)
{
    if (json_is_array(value) && depth > 0) {
        size_t index;
        json_t *one;
        json_array_foreach(value, index, one) if (!append_integers(one, depth - 1, integers)) return false;
        return true;
    }
    if (integers->rank == CN_MAX_RANK || !(json_is_integer(value) || json_is_null(value)))
        return false;
    integers->dim[integers->rank++] = json_is_null(value) ? -1 : json_integer_value(value);
    return true;
}

static bool read_integers(json_t *value, cn_shape *integers)
{
    *integers = (cn_shape){.rank = 0};
    return append_integers(value, 2, integers);
}

/* One number for all axes of space, or one for each. */
static bool read_sizes(json_t *value, int64_t *sizes)
{
    cn_shape list;
    bool valid = read_integers(value, &list) && list.rank >= 1 && list.rank <= CN_SPACE;
    for (int i = 0; i < CN_SPACE; i++) {
        sizes[i] = valid && i < list.rank ? list.dim[i] : 0;
        valid = valid && (i >= list.rank || sizes[i] > 0);
    }
    return valid;
}

/* A number is as good as its opposite; the ends of a range come in any order. */
static bool read_range(json_t *value, double *range)
{
    if (json_is_number(value)) {
        range[0] = fabs(json_number_value(value));
        range[1] = 0;
        return true;
    }
    json_t *first = json_array_get(value, 0), *second = json_array_get(value, 1);
    range[0] = fmin(json_number_value(first), json_number_value(second));
    range[1] = fmax(json_number_value(first), json_number_value(second));
    return json_array_size(value) == 2 && json_is_number(first) && json_is_number(second);
}

static int64_t count_numbers(json_t *value)
{
    size_t index;
    json_t *one;
    int64_t count = !json_is_array(value);
    json_array_foreach(value, index, one) count += count_numbers(one);
    return count;
}

/* The numbers of lists in lists, all of the sizes given. */
static bool fill_numbers(json_t *value, const cn_shape *shape, int axis, double **to)
{
    size_t index;
    json_t *one;
    if (axis == shape->rank) {
        *(*to)++ = json_number_value(value);
        return json_is_number(value);
    }
    if (!json_is_array(value) || (int64_t)json_array_size(value) != shape->dim[axis])
        return false;
    json_array_foreach(value, index, one) if (!fill_numbers(one, shape, axis + 1, to)) return false;
    return true;
}

/* Memory that release_numbers gives back. */
static bool read_numbers(json_t *value, cn_view *numbers)
{
    cn_shape shape = {.rank = 0};
    for (json_t *part = value; json_is_array(part) && shape.rank < CN_MAX_RANK; part = json_array_get(part, 0))
        shape.dim[shape.rank++] = (int64_t)json_array_size(part);
    int64_t count = cn_shape_size(shape);
    double *to = count != count_numbers(value) ? NULL : cn_allocate((size_t)count + 1, sizeof *to);
    if (!to)
        return false;
    *numbers = cn_array_with(to, CN_ARRAY_F64, true, shape);
    return fill_numbers(value, &shape, 0, &to);
}

static void release_numbers(const cn_layer_class *type, const unsigned char *values)
{
    for (const cn_field *field = type->fields; field->type != CN_FIELD_END_; field++)
        if (field->type == CN_FIELD_TYPE_NUMBERS)
            cn_release((void *)(uintptr_t)((const cn_view *)(const void *)(values + field->offset))->data);
}

/* Text, or {"class_name": "DTypePolicy", "config": {"name": text}}. */
static bool read_dtype(const char *class, json_t *value, bool of_input, cn_dtype *dtype)
{
    /* A mixed policy keeps its variables in float32; numbers of classes and words may come as int64. */
    static const struct {
        const char *name;
        cn_dtype dtype;
    } known[] = {{"float32", CN_F32}, {"float64", CN_F64},        {"mixed_float16", CN_F32},
                 {"int32", CN_I32},   {"mixed_bfloat16", CN_F32}, {"int64", CN_I32}};
    json_t *name = json_is_object(value) ? json_object_get(json_object_get(value, "config"), "name") : value;
    const char *text = json_string_value(name);
    for (size_t i = 0; text && i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0 && (of_input || known[i].dtype != CN_I32)) {
            *dtype = known[i].dtype;
            return true;
        }
    return cn_config_refuse(class, "dtype", value,
                            of_input ? "float32, float64, int32 or int64" : "float32 or float64");
}

/* Initializers, regularizers and constraints */

/* Their numbers, none below `least`; `other` is a key that the caller reads. */
static bool read_options(const char *class, json_t *arguments, const char *other, double least,
                         const cn_option *options, double *option)
{
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        int i = 0, word;
        while (i < CN_MAX_OPTIONS && options[i].name && strcmp(options[i].name, key) != 0)
            i++;
        if (json_is_null(value) || strcmp(key, other) == 0)
            continue;
        if (i == CN_MAX_OPTIONS || !options[i].name)
            return cn_config_refuse_key(class, key);
        if (options[i].choices) {
            if (!read_word(class, key, value, options[i].choices, &word))
                return false;
            option[i] = word;
        } else if (json_is_number(value) && json_number_value(value) >= least) {
            option[i] = json_number_value(value);
        } else {
            return cn_config_refuse(class, key, value, least == 0 ? "a number from 0 up" : "a number");
        }
    }
    return true;
}

bool cn_initializer_from_config(const char *what, json_t *config, cn_initializer *initializer)
{
    const cn_option *options;
    json_t *arguments;
    const char *class = json_is_null(config) ? NULL : cn_config_split(what, config, &arguments);
    if (!class)
        return json_is_null(config);
    if (!cn_initializer_named(class, initializer, &options))
        return refuse_name(what, "initializer", class);
    json_t *seed = json_object_get(arguments, "seed");
    if (json_is_integer(seed) && json_integer_value(seed) >= 0)
        initializer->seed = json_integer_value(seed);
    else if (seed && !json_is_null(seed))
        return cn_config_refuse(class, "seed", seed, "an integer from 0 up");
    return read_options(class, arguments, "seed", -HUGE_VAL, options, initializer->option);
}

bool cn_regularizer_from_config(const char *what, json_t *config, cn_regularizer *regularizer)
{
    const cn_option *options;
    json_t *arguments;
    const char *class = json_is_null(config) ? NULL : cn_config_split(what, config, &arguments);
    if (!class)
        return json_is_null(config);
    if (!cn_regularizer_named(class, regularizer, &options))
        return refuse_name(what, "regularizer", class);
    return read_options(class, arguments, "", 0, options, regularizer->option);
}

bool cn_config_read_axes(const char *class, json_t *value, cn_axes *axes)
{
    cn_shape list;
    bool valid = read_integers(value, &list);
    for (int i = 0; valid && i < list.rank; i++) {
        valid = list.dim[i] >= -CN_MAX_RANK && list.dim[i] < CN_MAX_RANK;
        axes->axis[i] = (int)list.dim[i];
    }
    axes->count = list.rank;
    return valid || cn_config_refuse(class, "axis", value, "an axis or a list of axes");
}

bool cn_constraint_from_config(const char *what, json_t *config, cn_constraint *constraint)
{
    const cn_option *options;
    json_t *arguments;
    const char *class = json_is_null(config) ? NULL : cn_config_split(what, config, &arguments);
    if (!class)
        return json_is_null(config);
    if (!cn_constraint_named(class, constraint, &options))
        return refuse_name(what, "constraint", class);
    json_t *axis = json_object_get(arguments, "axis");
    if (axis && !json_is_null(axis) && !cn_config_read_axes(class, axis, &constraint->axis))
        return false;
    return read_options(class, arguments, "axis", -HUGE_VAL, options, constraint->option);
}

/* The fields of layers */

static bool read_activation(const char *key, json_t *value, cn_activation **activation)
{
    json_t *arguments;
    const char *name = cn_config_split(key, value, &arguments);
    if (!name)
        return false;
    if (json_object_size(arguments) > 0)
        return cn_fail(CN_UNSUPPORTED, "%s: %s is given arguments, for which a layer of its own is needed", key, name);
    return (*activation = cn_activation_named(name)) != NULL;
}

static bool read_bool(json_t *value, bool *flag)
{
    /* "auto" is Keras' leave to use what is fast. */
    const char *text = json_string_value(value);
    *flag = text || json_is_true(value);
    return json_is_boolean(value) || (text && strcmp(text, "auto") == 0);
}

static bool read_string(json_t *value, char *text)
{
    const char *given = json_string_value(value);
    if (!given || strlen(given) >= CN_NAME_BYTES)
        return false;
    strcpy(text, given);
    return true;
}

static bool read_layers(const char *class, const char *key, json_t *value, cn_layer **layers)
{
    size_t index;
    json_t *one;
    if (!json_is_array(value) || json_array_size(value) > CN_MAX_LAYERS)
        return cn_config_refuse(class, key, value, "a list of at most 16 layers");
    json_array_foreach(value, index, one) if (!(layers[index] = cn_layer_from_config(one))) return false;
    return true;
}

/* null, where None is one of the choices; else it leaves the default. */
static void read_no_choice(const cn_field *field, int *choice)
{
    for (int i = 0; field->choices[i]; i++)
        if (strcmp(field->choices[i], "None") == 0)
            *choice = i;
}

static bool read_field(const char *class, const cn_field *field, json_t *value, void *to)
{
    const char *key = field->name;
    if (json_is_null(value)) {
        if (field->type == CN_FIELD_TYPE_ACTIVATION)
            *(cn_activation **)to = NULL;
        else if (field->type == CN_FIELD_TYPE_OPTIONAL)
            *(int64_t *)to = CN_NONE;
        else if (field->type == CN_FIELD_TYPE_CHOICE)
            read_no_choice(field, to);
        return true;
    }
    switch (field->type) {
    case CN_FIELD_TYPE_INT:
    case CN_FIELD_TYPE_OPTIONAL:
        /* Keras 2 writes the axis of a BatchNormalization as [3]. */
        if (json_array_size(value) == 1)
            value = json_array_get(value, 0);
        *(int64_t *)to = json_integer_value(value);
        return json_is_integer(value) || cn_config_refuse(class, key, value, "an integer");
    case CN_FIELD_TYPE_BOOL:
        return read_bool(value, to) || cn_config_refuse(class, key, value, "true or false");
    case CN_FIELD_TYPE_FLOAT:
        *(double *)to = json_number_value(value);
        return json_is_number(value) || cn_config_refuse(class, key, value, "a number");
    case CN_FIELD_TYPE_INTS:
        return read_integers(value, to) || cn_config_refuse(class, key, value, "an integer or a list of at most 8");
    case CN_FIELD_TYPE_SIZES:
        return read_sizes(value, to) ||
               cn_config_refuse(class, key, value, "a positive integer or a list of at most 3");
    case CN_FIELD_TYPE_RANGE:
        return read_range(value, to) || cn_config_refuse(class, key, value, "a number or a list of two");
    case CN_FIELD_TYPE_NUMBERS:
        return read_numbers(value, to) ||
               cn_config_refuse(class, key, value, "a number or a list of as many numbers in each part");
    case CN_FIELD_TYPE_STRING:
        return read_string(value, to) || cn_config_refuse(class, key, value, "text of less than 64 bytes");
    case CN_FIELD_TYPE_CHOICE:
        return read_word(class, key, value, field->choices, to);
    case CN_FIELD_TYPE_ACTIVATION:
        return read_activation(key, value, to);
    case CN_FIELD_TYPE_INITIALIZER:
        return cn_initializer_from_config(key, value, to);
    case CN_FIELD_TYPE_REGULARIZER:
        return cn_regularizer_from_config(key, value, to);
    case CN_FIELD_TYPE_CONSTRAINT:
        return cn_constraint_from_config(key, value, to);
    case CN_FIELD_TYPE_LAYERS:
        return read_layers(class, key, value, to);
    case CN_FIELD_TYPE_LAYER:
        return (*(cn_layer **)to = cn_layer_from_config(value)) != NULL;
    case CN_FIELD_TYPE_POINTER:
        /* Keras writes {} for no arguments. */
        return (json_is_object(value) && json_object_size(value) == 0) ||
               cn_fail(CN_UNSUPPORTED, "%s: %s cannot be read from a config", class, key);
    case CN_FIELD_END_:
        break;
    }
    return cn_fail(CN_UNSUPPORTED, "%s: %s is of no known type", class, key);
}

/* Layers */

/* Keys that change no number, and those of which only `false` is supported. */
static const char *const without_effect[] = {"batch_shape", "batch_input_shape", "input_length", NULL};
static const char *const only_false[] = {"ragged", "sparse", "optional", "time_major", "antialias", NULL};

bool cn_config_is_among(const char *const *list, const char *word)
{
    while (*list && strcmp(*list, word) != 0)
        list++;
    return *list;
}

static bool read_base_key(const char *class, const char *key, json_t *value, cn_layer_basics *base)
{
    if (json_is_null(value) || cn_config_is_among(without_effect, key))
        return true;
    if (strcmp(key, "name") == 0) {
        base->name = json_string_value(value);
        return base->name || cn_config_refuse(class, key, value, "text");
    }
    if (strcmp(key, "trainable") == 0) {
        base->trainable = json_is_true(value);
        return json_is_boolean(value) || cn_config_refuse(class, key, value, "true or false");
    }
    if (strcmp(key, "dtype") == 0)
        return read_dtype(class, value, strcmp(class, "InputLayer") == 0, &base->dtype);
    if (strcmp(key, "activity_regularizer") == 0)
        return cn_regularizer_from_config(key, value, &base->activity_regularizer);
    if (cn_config_is_among(only_false, key))
        return json_is_false(value) || cn_config_refuse(class, key, value, "false");
    return cn_config_refuse_key(class, key);
}

static cn_layer *read_layer(const cn_layer_class *type, json_t *arguments)
{
    cn_layer_basics base = {.dtype = cn_default_dtype(), .trainable = true};
    unsigned char *values = cn_allocate(1, type->size);
    if (!values)
        return NULL;
    if (type->values)
        memcpy(values, type->values, type->size);
    bool done = true;
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        const cn_field *field = cn_field_named(type, key);
        done = field ? read_field(type->name, field, value, values + field->offset)
                     : read_base_key(type->name, key, value, &base);
        if (!done)
            break;
    }
    cn_layer *layer = NULL;
    if (done)
        layer = cn_layer_of_values(type, values, &base);
    else
        cn_free_field_layers(type, values);
    release_numbers(type, values);
    cn_release(values);
    return layer;
}

/* An input layer is made from the shape of a sample; its config has that of a batch. */
static cn_layer *read_input_layer(json_t *arguments)
{
    cn_layer_basics base = {.dtype = cn_default_dtype()};
    cn_shape batch = CN_SHAPE(-1);
    const char *key;
    json_t *value;
    json_object_foreach(arguments, key, value)
    {
        bool is_shape = strcmp(key, "batch_shape") == 0 || strcmp(key, "batch_input_shape") == 0;
        if (is_shape && !(json_is_array(value) && read_integers(value, &batch) && batch.rank > 0)) {
            cn_config_refuse("InputLayer", key, value, "a list of 1 to 8 integers");
            return NULL;
        }
        if (!is_shape && !read_base_key("InputLayer", key, value, &base))
            return NULL;
    }
    cn_input_args args = {.dtype = base.dtype, .name = base.name, .shape.rank = batch.rank - 1};
    args.batch_size = batch.dim[0] < 0 ? 0 : batch.dim[0];
    memcpy(args.shape.dim, batch.dim + 1, (size_t)args.shape.rank * sizeof *batch.dim);
    return cn_input_layer_with(args);
}

static void release_held(void *layer)
{
    cn_layer_release(layer);
}

/* A model inside another one, or inside a layer: as any layer, the session's until it is taken. */
static cn_layer *read_model(json_t *config)
{
    cn_layer *layer = cn_model_layer(cn_model_from_config(config));
    if (layer && !cn_session_hold(layer, &layer->session, release_held)) {
        cn_layer_release(layer);
        return NULL;
    }
    return layer;
}

cn_layer *cn_layer_from_config(json_t *config)
{
    json_t *arguments, *class = json_object_get(config, "class_name");
    if (!cn_failed() && json_is_string(class) && cn_is_model_class(json_string_value(class)))
        return read_model(config);
    const char *name = cn_failed() ? NULL : cn_config_split("layer", config, &arguments);
    const cn_layer_class *type = name ? cn_layer_class_named(name) : NULL;
    if (!type) {
        refuse_name("layer", "class", name ? name : "");
        return NULL;
    }
    return strcmp(name, "InputLayer") == 0 ? read_input_layer(arguments) : read_layer(type, arguments);
}
