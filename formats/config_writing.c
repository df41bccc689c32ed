#include "formats/config_writing.h"
#include "core/arena.h"
#include "core/ops/activation.h"
#include "core/ops/window.h"
#include "formats/config.h"
#include "formats/model_config.h"
#include "layers/classes.h"
#include "layers/fields.h"
#include "layers/graph.h"
#include "models/model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Objects */

json_t *cn_config_object(const char *module, const char *class, const char *registered, json_t *config)
{
    json_t *object = json_pack("{s:s?, s:s, s:o, s:s?}", "module", module, "class_name", class, "config", config,
                               "registered_name", registered);
    if (!object)
        cn_fail(CN_MEMORY, "%s: its config: out of memory", class);
    return object;
}

bool cn_config_set(json_t *config, const char *key, json_t *value)
{
    return json_object_set_new(config, key, value) == 0 || cn_failed() ||
           cn_fail(CN_UNSUPPORTED, "%s: its value has no place in a config, whose numbers are finite", key);
}

json_t *cn_config_number(double number)
{
    return isfinite(number) && number != CN_NONE ? json_real(number) : json_null();
}

json_t *cn_config_shape(cn_shape shape)
{
    json_t *list = json_array();
    for (int d = 0; d < shape.rank; d++)
        json_array_append_new(list, shape.dim[d] < 0 ? json_null() : json_integer(shape.dim[d]));
    return list;
}

static json_t *refuse(const char *key, const char *kind, const char *name)
{
    cn_fail(CN_UNSUPPORTED, "%s: the %s %s cannot be written to a config", key, kind, name);
    return NULL;
}

/* Initializers, regularizers and constraints */

static void write_options(json_t *config, const cn_option *options, const double *option)
{
    for (int i = 0; i < CN_MAX_OPTIONS && options[i].name; i++) {
        const char *const *choices = options[i].choices;
        cn_config_set(config, options[i].name, choices ? json_string(choices[(int)option[i]]) : json_real(option[i]));
    }
}

static json_t *write_initializer(const char *key, const cn_initializer *initializer)
{
    cn_initializer known;
    const cn_option *options;
    if (!cn_initializer_named(initializer->name, &known, &options) || known.fill != initializer->fill)
        return refuse(key, "initializer", initializer->name);
    json_t *config = json_object();
    write_options(config, options, initializer->option);
    static const char *const unseeded[] = {"Zeros", "Ones", "Constant", "Identity"};
    bool seeded = true;
    for (size_t i = 0; i < sizeof unseeded / sizeof *unseeded; i++)
        seeded = seeded && strcmp(known.name, unseeded[i]) != 0;
    if (seeded)
        cn_config_set(config, "seed", initializer->seed < 0 ? json_null() : json_integer(initializer->seed));
    return cn_config_object("keras.initializers", known.name, NULL, config);
}

static json_t *write_regularizer(const char *key, const cn_regularizer *regularizer)
{
    cn_regularizer known;
    const cn_option *options;
    if (!regularizer->name)
        return json_null();
    if (!cn_regularizer_named(regularizer->name, &known, &options) || known.penalty != regularizer->penalty)
        return refuse(key, "regularizer", regularizer->name);
    json_t *config = json_object();
    write_options(config, options, regularizer->option);
    return cn_config_object("keras.regularizers", known.name, NULL, config);
}

static json_t *write_constraint(const char *key, const cn_constraint *constraint)
{
    cn_constraint known;
    const cn_option *options;
    if (!constraint->name)
        return json_null();
    if (!cn_constraint_named(constraint->name, &known, &options) || known.project != constraint->project)
        return refuse(key, "constraint", constraint->name);
    json_t *config = json_object();
    write_options(config, options, constraint->option);
    if (constraint->axis.count == 1)
        cn_config_set(config, "axis", json_integer(constraint->axis.axis[0]));
    else if (constraint->axis.count > 1) {
        json_t *axes = json_array();
        for (int i = 0; i < constraint->axis.count; i++)
            json_array_append_new(axes, json_integer(constraint->axis.axis[i]));
        cn_config_set(config, "axis", axes);
    }
    return cn_config_object("keras.constraints", known.name, NULL, config);
}

/* The fields of layers: each gives its value; NULL without an error where the argument is left out, since what it has
 * stands for None or for the default. */

static const void *default_of(const cn_layer_class *type, const cn_field *field)
{
    return type->values ? (const char *)type->values + field->offset : NULL;
}

/* A list of numbers, or for the arguments of which Keras wants that, a number where there is one. Amounts before and
 * after each of several axes are pairs. */
static json_t *write_integers(const cn_layer_class *type, const cn_field *field, const cn_shape *numbers)
{
    const char *name = field->name;
    const cn_shape *usual = default_of(type, field);
    static const char *const amounts[] = {"cropping", "padding", NULL};
    static const char *const single[] = {"axis", "axes", "size", "cropping", "padding", "output_padding", NULL};
    bool open = strcmp(name, "noise_shape") == 0;
    if (numbers->rank == 0)
        return strcmp(name, "target_shape") == 0 || (usual && usual->rank > 0) ? json_array() : NULL;
    if (numbers->rank == 1 && cn_config_is_among(single, name))
        return json_integer(numbers->dim[0]);
    bool pairs = cn_config_is_among(amounts, name) && type->rank > 3 && numbers->rank == 2 * (type->rank - 2);
    json_t *list = json_array();
    for (int i = 0; i < numbers->rank; i++) {
        int64_t number = numbers->dim[i];
        if (pairs && i % 2 == 0)
            json_array_append_new(list, json_pack("[I, I]", (json_int_t)number, (json_int_t)numbers->dim[i + 1]));
        else if (!pairs)
            json_array_append_new(list, open && number < 0 ? json_null() : json_integer(number));
    }
    return list;
}

static json_t *write_sizes(const int64_t *sizes)
{
    if (sizes[0] <= 0)
        return NULL;
    if (sizes[1] <= 0)
        return json_integer(sizes[0]);
    json_t *list = json_array();
    for (int i = 0; i < CN_SPACE && sizes[i] > 0; i++)
        json_array_append_new(list, json_integer(sizes[i]));
    return list;
}

static json_t *write_range(const double *ends)
{
    return ends[0] == (double)CN_NONE ? json_null() : json_pack("[f, f]", ends[0], ends[1]);
}

/* The numbers that have the first `axis` of their indices in common, from `first` on. */
static json_t *write_numbers(const cn_view *numbers, int axis, int64_t first)
{
    if (!numbers->data)
        return json_null();
    if (axis == numbers->shape.rank)
        return json_real(((const double *)numbers->data)[first]);
    json_t *list = json_array();
    for (int64_t i = 0; i < numbers->shape.dim[axis]; i++)
        json_array_append_new(list, write_numbers(numbers, axis + 1, first * numbers->shape.dim[axis] + i));
    return list;
}

static json_t *write_activation(const char *key, cn_activation *activation)
{
    const char *name = cn_activation_name(activation);
    return name ? json_string(name) : refuse(key, "function", "that is registered under no name");
}

static json_t *write_layers(cn_layer *const *layers)
{
    json_t *list = json_array();
    for (int i = 0; i < CN_MAX_LAYERS && layers[i]; i++) {
        json_t *one = cn_layer_config(layers[i]);
        if (!one) {
            json_decref(list);
            return NULL;
        }
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *write_field(const cn_layer *layer, const cn_field *field)
{
    const void *at = (const char *)layer + field->offset;
    const char *text;
    const int64_t *usual;
    char key[CN_NAME_TEXT + CN_NAME_BYTES]; /* for messages */
    snprintf(key, sizeof key, "%s: %s", layer->name, field->name);
    switch (field->type) {
    case CN_FIELD_TYPE_INT:
        usual = default_of(layer->type, field);
        if (usual && *(const int64_t *)at == *usual)
            return NULL;
        return json_integer(*(const int64_t *)at);
    case CN_FIELD_TYPE_OPTIONAL:
        return *(const int64_t *)at == CN_NONE ? json_null() : json_integer(*(const int64_t *)at);
    case CN_FIELD_TYPE_BOOL:
        return strcmp(field->name, "use_cudnn") == 0 ? json_string("auto") : json_boolean(*(const bool *)at);
    case CN_FIELD_TYPE_FLOAT:
        return cn_config_number(*(const double *)at);
    case CN_FIELD_TYPE_INTS:
        return write_integers(layer->type, field, at);
    case CN_FIELD_TYPE_SIZES:
        return write_sizes(at);
    case CN_FIELD_TYPE_RANGE:
        return write_range(at);
    case CN_FIELD_TYPE_NUMBERS:
        return write_numbers(at, 0, 0);
    case CN_FIELD_TYPE_STRING:
        return *(const char *)at ? json_string(at) : json_null();
    case CN_FIELD_TYPE_CHOICE:
        text = field->choices[*(const int *)at];
        return strcmp(text, "None") == 0 ? json_null() : json_string(text);
    case CN_FIELD_TYPE_ACTIVATION:
        return write_activation(key, *(cn_activation *const *)at);
    case CN_FIELD_TYPE_INITIALIZER:
        return ((const cn_initializer *)at)->name ? write_initializer(key, at) : NULL;
    case CN_FIELD_TYPE_REGULARIZER:
        return write_regularizer(key, at);
    case CN_FIELD_TYPE_CONSTRAINT:
        return write_constraint(key, at);
    case CN_FIELD_TYPE_LAYER:
        return *(cn_layer *const *)at ? cn_layer_config(*(cn_layer *const *)at) : NULL;
    case CN_FIELD_TYPE_LAYERS:
        return write_layers(at);
    case CN_FIELD_TYPE_POINTER:
        return *(void *const *)at ? refuse(key, "value", "that is a pointer") : NULL;
    case CN_FIELD_END_:
        break;
    }
    return refuse(key, "field", "of no known type");
}

/* Whether an earlier field is another name of the same argument. */
static bool is_alias(const cn_layer_class *type, const cn_field *field)
{
    for (const cn_field *earlier = type->fields; earlier < field; earlier++)
        if (earlier->offset == field->offset)
            return true;
    return false;
}

static bool write_fields(json_t *config, const cn_layer *layer)
{
    for (const cn_field *field = layer->type->fields; field->type != CN_FIELD_END_; field++) {
        json_t *value = is_alias(layer->type, field) ? NULL : write_field(layer, field);
        if (cn_failed()) {
            json_decref(value);
            return false;
        }
        if (value)
            cn_config_set(config, field->name, value);
    }
    return true;
}

static json_t *write_input_layer(const cn_layer *layer, const cn_input_args *args)
{
    cn_shape batch = {.rank = args->shape.rank + 1, .dim = {args->batch_size > 0 ? args->batch_size : -1}};
    memcpy(batch.dim + 1, args->shape.dim, (size_t)args->shape.rank * sizeof *batch.dim);
    json_t *config = json_pack("{s:o, s:s, s:b, s:b, s:s}", "batch_shape", cn_config_shape(batch), "dtype",
                               cn_dtype_name(args->dtype), "sparse", 0, "ragged", 0, "name", layer->name);
    if (!config)
        cn_fail(CN_UNSUPPORTED, "%s: its name is no UTF-8, which a config must be", layer->name);
    return cn_config_object("keras.layers", "InputLayer", NULL, config);
}

static bool is_builtin(const cn_layer_class *type)
{
    const cn_layer_class *one = NULL;
    for (int i = 0; (one = cn_builtin_layer_class(i)) && one != type;)
        i++;
    return one;
}

json_t *cn_layer_config(cn_layer *layer)
{
    const cn_input_args *input = cn_input_layer_args(layer);
    if (cn_failed())
        return NULL;
    if (cn_layer_model(layer))
        return cn_model_config(cn_layer_model(layer));
    if (input)
        return write_input_layer(layer, input);
    json_t *config = json_pack("{s:s, s:b, s:s}", "name", layer->name, "trainable", layer->trainable, "dtype",
                               cn_dtype_name(layer->dtype));
    if (!config)
        cn_fail(CN_UNSUPPORTED, "%s: its name is no UTF-8, which a config must be", layer->name);
    if (config && layer->activity_regularizer.name) {
        json_t *penalty = write_regularizer(layer->name, &layer->activity_regularizer);
        if (penalty)
            cn_config_set(config, "activity_regularizer", penalty);
    }
    if (!config || !write_fields(config, layer)) {
        json_decref(config);
        return NULL;
    }
    const cn_layer_class *type = layer->type;
    bool renamed = strcmp(type->name, "GroupedQueryAttention") == 0; /* the class that implements what has its alias */
    if (is_builtin(type))
        return cn_config_object("keras.layers", renamed ? type->alias : type->name, NULL, config);
    char registered[CN_NAME_BYTES + 16];
    snprintf(registered, sizeof registered, "Custom>%s", type->name);
    return cn_config_object(NULL, type->name, registered, config);
}
