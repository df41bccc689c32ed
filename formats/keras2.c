#include "formats/keras2.h"
#include "core/ops/activation.h"
#include "core/ops/arithmetic.h"
#include "core/ops/creation.h"
#include <string.h>

static const char hard_sigmoid_name[] = "keras2_hard_sigmoid";

static cn_tensor *hard_sigmoid(cn_tensor *x)
{
    cn_tensor *line = cn_add(cn_mul(x, cn_scalar(x, 0.2)), cn_scalar(x, 0.5));
    return cn_minimum(cn_maximum(line, cn_scalar(line, 0)), cn_scalar(line, 1));
}

bool cn_register_keras2_activations(void)
{
    return cn_register_activation(hard_sigmoid_name, hard_sigmoid);
}

static bool is_gru(json_t *config)
{
    const char *class = json_string_value(json_object_get(config, "class_name"));
    return class && (strcmp(class, "GRU") == 0 || strcmp(class, "GRUCell") == 0);
}

/* Keras 2 also writes what a DepthwiseConv2D has from the class of which it is made, and does not use. */
static void drop_unused(json_t *config)
{
    static const char *const unused[] = {"groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"};
    const char *class = json_string_value(json_object_get(config, "class_name"));
    bool depthwise = class && strncmp(class, "DepthwiseConv", 13) == 0;
    for (size_t i = 0; depthwise && i < sizeof unused / sizeof *unused; i++)
        json_object_del(json_object_get(config, "config"), unused[i]);
}

void cn_upgrade_keras2_config(json_t *config)
{
    const char *key;
    json_t *value;
    size_t index;
    json_array_foreach(config, index, value) cn_upgrade_keras2_config(value);
    json_t *arguments = json_object_get(config, "config");
    drop_unused(config);
    if (is_gru(config) && json_is_object(arguments) && !json_object_get(arguments, "reset_after"))
        json_object_set_new(arguments, "reset_after", json_false());
    json_object_foreach(config, key, value)
    {
        const char *text = json_string_value(value);
        size_t length = strlen(key);
        if (text && length >= 10 && strcmp(key + length - 10, "activation") == 0 && strcmp(text, "hard_sigmoid") == 0)
            json_object_set_new(config, key, json_string(hard_sigmoid_name));
        else
            cn_upgrade_keras2_config(value);
    }
}

/* What stands for a default is left out. */
static void drop_nulls(json_t *arguments)
{
    void *next;
    const char *key;
    json_t *value;
    json_object_foreach_safe(arguments, next, key, value) if (json_is_null(value)) json_object_del(arguments, key);
}

static void upgrade_optimizer(json_t *optimizer)
{
    const char *class = json_string_value(json_object_get(optimizer, "class_name"));
    json_t *arguments = json_object_get(optimizer, "config"), *rate = json_object_get(arguments, "lr");
    if (class && strncmp(class, "Custom>", 7) == 0)
        json_object_set_new(optimizer, "class_name", json_string(class + 7));
    drop_nulls(arguments);
    if (rate && json_is_number(rate))
        json_object_set(arguments, "learning_rate", rate);
    rate = json_object_get(arguments, "learning_rate");
    double decay = json_number_value(json_object_get(arguments, "decay"));
    if (decay > 0 && rate && json_is_number(rate))
        json_object_set_new(arguments, "learning_rate",
                            json_pack("{s:s, s:{s:f, s:i, s:f}}", "class_name", "InverseTimeDecay", "config",
                                      "initial_learning_rate", json_number_value(rate), "decay_steps", 1, "decay_rate",
                                      decay));
}

/* A function that is wrapped as a metric or loss is named as such. reduction: "auto" is the default. */
static void upgrade_functions(json_t *config)
{
    const char *class = json_string_value(json_object_get(config, "class_name"));
    json_t *function = json_object_get(json_object_get(config, "config"), "fn");
    if (class && function && (strcmp(class, "MeanMetricWrapper") == 0 || strcmp(class, "LossFunctionWrapper") == 0)) {
        json_object_set(config, "class_name", function);
        json_object_del(json_object_get(config, "config"), "fn");
    }
    const char *key, *reduction = json_string_value(json_object_get(config, "reduction"));
    json_t *value;
    size_t index;
    json_array_foreach(config, index, value) upgrade_functions(value);
    if (reduction && strcmp(reduction, "auto") == 0)
        json_object_del(config, "reduction");
    json_object_foreach(config, key, value) upgrade_functions(value);
}

void cn_upgrade_keras2_training(json_t *config)
{
    upgrade_optimizer(json_object_get(config, "optimizer_config"));
    upgrade_optimizer(json_object_get(config, "optimizer"));
    upgrade_functions(config);
}
