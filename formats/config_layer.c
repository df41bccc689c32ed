#ifdef CN_HAVE_JANSSON
#include "formats/config_layer.h"
#include "core/arena.h"
#include "core/ops/activation.h"
#include <string.h>

static const char *class_of(const json_t *config)
{
    return json_string_value(json_is_object(config) ? json_object_get(config, "class_name") : config);
}

/* The options of an initializer, regularizer or constraint. */
static bool read_options(const char *class, const json_t *config, const cn_option *options, double *option)
{
    const json_t *given = json_object_get(config, "config");
    for (int i = 0; i < CN_MAX_OPTIONS && options[i].name; i++) {
        const json_t *value = json_object_get(given, options[i].name);
        if (!value || json_is_null(value))
            continue;
        int choice = 0;
        if (!options[i].choices && !json_is_number(value))
            return cn_fail(CN_FORMAT, "config: %s of %s is not a number", options[i].name, class);
        const char *word = json_string_value(value);
        while (options[i].choices && options[i].choices[choice] && !(word && !strcmp(word, options[i].choices[choice])))
            choice++;
        if (options[i].choices && !options[i].choices[choice])
            return cn_fail(CN_FORMAT, "config: %s of %s is not one of its choices", options[i].name, class);
        option[i] = options[i].choices ? choice : json_number_value(value);
    }
    return true;
}

static bool unknown(const char *kind, const char *name)
{
    return cn_fail(CN_FORMAT, "config: there is no %s %s", kind, name ? name : "without a name");
}

bool cn_initializer_from_config(const json_t *config, cn_initializer *initializer)
{
    const cn_option *options;
    const char *class = class_of(config);
    if (!config || json_is_null(config))
        return true;
    if (!cn_initializer_named(class, initializer, &options))
        return unknown("initializer", class);
    const json_t *seed = json_object_get(json_object_get(config, "config"), "seed");
    if (json_is_integer(seed))
        initializer->seed = json_integer_value(seed);
    return read_options(class, config, options, initializer->option);
}

bool cn_regularizer_from_config(const json_t *config, cn_regularizer *regularizer)
{
    const cn_option *options;
    const char *class = class_of(config);
    if (!config || json_is_null(config))
        return true;
    if (!cn_regularizer_named(class, regularizer, &options))
        return unknown("regularizer", class);
    return read_options(class, config, options, regularizer->option);
}

bool cn_constraint_from_config(const json_t *config, cn_constraint *constraint)
{
    const cn_option *options;
    const char *class = class_of(config);
    if (!config || json_is_null(config))
        return true;
    if (!cn_constraint_named(class, constraint, &options))
        return unknown("constraint", class);
    const json_t *axis = json_object_get(json_object_get(config, "config"), "axis");
    if (json_is_integer(axis))
        constraint->axis = (cn_axes){1, {(int)json_integer_value(axis)}};
    for (size_t i = 0; i < json_array_size(axis) && i < CN_MAX_RANK; i++) {
        constraint->axis.axis[i] = (int)json_integer_value(json_array_get(axis, i));
        constraint->axis.count = (int)i + 1;
    }
    return read_options(class, config, options, constraint->option);
}

static bool wrong(const cn_field *field, const char *wanted)
{
    return cn_fail(CN_FORMAT, "config: %s is not %s", field->name, wanted);
}

static bool read_ints(const cn_field *field, const json_t *value, cn_shape *to)
{
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > CN_MAX_RANK)
        return wrong(field, "a list of so few numbers");
    *to = (cn_shape){.rank = (int)count};
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_integer(one) && !json_is_null(one))
            return wrong(field, "a list of integers");
        to->dim[i] = json_is_null(one) ? -1 : json_integer_value(one);
    }
    return true;
}

static bool read_choice(const cn_field *field, const json_t *value, int *to)
{
    const char *word = json_string_value(value);
    for (int i = 0; word && field->choices[i]; i++)
        if (!strcmp(word, field->choices[i])) {
            *to = i;
            return true;
        }
    return wrong(field, "one of its choices");
}

static bool read_field(const cn_field *field, const json_t *value, unsigned char *layer)
{
    void *to = layer + field->offset;
    switch (field->type) {
    case CN_FIELD_TYPE_INT:
    case CN_FIELD_TYPE_OPTIONAL:
        if (!json_is_integer(value))
            return wrong(field, "an integer");
        *(int64_t *)to = json_integer_value(value);
        return true;
    case CN_FIELD_TYPE_BOOL:
        *(bool *)to = json_is_string(value) || json_is_true(value); /* use_cudnn may be "auto" */
        return true;
    case CN_FIELD_TYPE_FLOAT:
        if (!json_is_number(value))
            return wrong(field, "a number");
        *(double *)to = json_number_value(value);
        return true;
    case CN_FIELD_TYPE_INTS:
        return read_ints(field, value, to);
    case CN_FIELD_TYPE_STRING:
        if (!json_is_string(value) || json_string_length(value) >= CN_NAME_BYTES)
            return wrong(field, "a word");
        strcpy(to, json_string_value(value));
        return true;
    case CN_FIELD_TYPE_CHOICE:
        return read_choice(field, value, to);
    case CN_FIELD_TYPE_ACTIVATION:
        if (!json_is_string(value))
            return wrong(field, "the name of an activation");
        return (*(cn_activation **)to = cn_activation_named(json_string_value(value))) != NULL;
    case CN_FIELD_TYPE_INITIALIZER:
        return cn_initializer_from_config(value, to);
    case CN_FIELD_TYPE_REGULARIZER:
        return cn_regularizer_from_config(value, to);
    case CN_FIELD_TYPE_CONSTRAINT:
        return cn_constraint_from_config(value, to);
    case CN_FIELD_TYPE_LAYER:
        return (*(cn_layer **)to = cn_layer_from_config(class_of(value), json_object_get(value, "config"))) != NULL;
    case CN_FIELD_END_:
        break;
    }
    return cn_fail(CN_FORMAT, "config: %s is of no known type", field->name);
}

cn_layer *cn_layer_from_config(const char *class_name, const json_t *config)
{
    if (cn_failed())
        return NULL;
    const cn_layer_class *type = cn_layer_class_named(class_name);
    if (!type) {
        unknown("layer", class_name);
        return NULL;
    }
    unsigned char *values = cn_allocate(1, type->size);
    if (!values)
        return NULL;
    if (type->values)
        memcpy(values, type->values, type->size);
    cn_layer *base = (cn_layer *)(void *)values, *layer = NULL;
    base->name = (char *)(uintptr_t)json_string_value(json_object_get(config, "name"));
    bool done =
        cn_regularizer_from_config(json_object_get(config, "activity_regularizer"), &base->activity_regularizer);
    for (const cn_field *field = type->fields; field->type != CN_FIELD_END_ && done; field++) {
        const json_t *value = json_object_get(config, field->name);
        /* An activation of null is linear; anything else that is null has its default. */
        if (json_is_null(value) && field->type == CN_FIELD_TYPE_ACTIVATION)
            *(cn_activation **)(void *)(values + field->offset) = NULL;
        else if (value && !json_is_null(value))
            done = read_field(field, value, values);
    }
    if (done)
        layer = cn_layer_like(type, values);
    cn_release(values);
    if (layer && json_is_false(json_object_get(config, "trainable")))
        cn_set_trainable(layer, false);
    return layer;
}
#endif
