/* Layer classes by name. */
#include "layers/classes.h"
#include "core/arena.h"
#include <pthread.h>
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

typedef struct registration {
    struct registration *next;
    const cn_layer_class *type;
} registration;

static registration *registered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

const cn_layer_class *cn_layer_class_named(const char *name)
{
    const cn_layer_class *type = NULL;
    for (int i = 0; name && (type = cn_builtin_layer_class(i)); i++)
        if (strcmp(type->name, name) == 0)
            return type;
    pthread_mutex_lock(&lock);
    for (registration *r = registered; name && r && !type; r = r->next)
        if (strcmp(r->type->name, name) == 0)
            type = r->type;
    pthread_mutex_unlock(&lock);
    return type;
}

bool cn_register_layer(const cn_layer_class *type)
{
    if (cn_failed())
        return false;
    if (!type || !type->name || !type->name[0])
        return cn_fail(CN_ARGUMENT, "register_layer: a class needs a name");
    const cn_layer_class *known = cn_layer_class_named(type->name);
    if (known == type)
        return true;
    if (known)
        return cn_fail(CN_ARGUMENT, "register_layer: there is a class %s already", type->name);
    registration *made = cn_allocate(1, sizeof *made);
    if (!made)
        return false;
    pthread_mutex_lock(&lock);
    *made = (registration){registered, type};
    registered = made;
    pthread_mutex_unlock(&lock);
    return true;
}
