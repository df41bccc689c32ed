/* Private: what the rows of the built-in layers share. A built-in layer's struct is `base`, then `args`, the struct
 * that its constructor takes, then what building adds. */
#ifndef CN_LAYERS_ARGUMENTS_H
#define CN_LAYERS_ARGUMENTS_H
#include "layers/layer.h"

/* A field of `args`: its type is the end of the name of a cn_field_type. */
#define CN_ARGUMENT_FIELD(structure, type, name)                          \
    {                                                                     \
#name, CN_FIELD_TYPE_##type, offsetof(structure, args.name), NULL \
    }
#define CN_ARGUMENT_CHOICE(structure, name, choices)                           \
    {                                                                          \
#name, CN_FIELD_TYPE_CHOICE, offsetof(structure, args.name), (choices) \
    }

/* What the base of a layer takes over from its arguments. */
#define CN_BASE_OF(args)                                                                            \
    {                                                                                               \
        .name = (char *)(uintptr_t)(args).name, .activity_regularizer = (args).activity_regularizer \
    }

/* An activation that may be left out. */
static inline cn_tensor *cn_activate(cn_activation *activation, cn_tensor *x)
{
    return activation && x ? activation(x) : x;
}

static inline cn_initializer cn_or_else(cn_initializer given, cn_initializer otherwise)
{
    return given.name ? given : otherwise;
}
#endif
