#ifdef CN_HAVE_JANSSON
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
#endif
