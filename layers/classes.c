/* Layer classes by name. */
#include "layers/classes.h"
#include "core/registration.h"
#include <string.h>

static const cn_layer_class *const *const families[] = {
#define ENTRY(family) family,
    CN_LAYER_FAMILIES(ENTRY)
#undef ENTRY
};

const cn_layer_class *cn_builtin_layer_class(int index)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const cn_layer_class *const *row = families[f]; *row; row++)
            if (index-- == 0)
                return *row;
    return NULL;
}

static cn_registrations registered = {.kind = "layer", .lock = PTHREAD_MUTEX_INITIALIZER};

static const cn_layer_class *builtin_named(const char *name)
{
    const cn_layer_class *type = NULL;
    for (int i = 0; (type = cn_builtin_layer_class(i)); i++)
        if (strcmp(type->name, name) == 0 || (type->alias && strcmp(type->alias, name) == 0))
            return type;
    return NULL;
}

const cn_layer_class *cn_layer_class_named(const char *name)
{
    const cn_layer_class *builtin = name ? builtin_named(name) : NULL;
    return builtin || !name ? builtin : cn_registered(&registered, name);
}

bool cn_register_layer(const cn_layer_class *type)
{
    if (cn_failed())
        return false;
    if (!type || !type->name || !type->name[0])
        return cn_fail(CN_ARGUMENT, "register_layer: a class needs a name");
    return cn_register(&registered, type->name, type, builtin_named(type->name));
}
