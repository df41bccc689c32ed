/* Operations by name. */
#include "core/arena.h"
#include "core/ops/registry.h"
#include <pthread.h>
#include <string.h>

#define FAMILIES(X)               \
    X(cn_activation_operations)   \
    X(cn_arithmetic_operations)   \
    X(cn_creation_operations)     \
    X(cn_indexing_operations)     \
    X(cn_joining_operations)      \
    X(cn_match_operations)        \
    X(cn_product_operations)      \
    X(cn_random_operations)       \
    X(cn_recurrent_operations)    \
    X(cn_reduction_operations)    \
    X(cn_shaping_operations)      \
    X(cn_crossentropy_operations) \
    X(cn_cumulative_operations)   \
    X(cn_softmax_operations)      \
    X(cn_contraction_operations)  \
    X(cn_sorting_operations)      \
    X(cn_update_operations)

#define DECLARE(family) extern const cn_operation *const family[];
FAMILIES(DECLARE)
#undef DECLARE

static const cn_operation *const *const families[] = {
#define ENTRY(family) family,
    FAMILIES(ENTRY)
#undef ENTRY
};

const cn_operation *cn_builtin_operation(int index)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (const cn_operation *const *row = families[f]; *row; row++)
            if (index-- == 0)
                return *row;
    return NULL;
}

typedef struct registration {
    struct registration *next;
    const cn_operation *operation;
} registration;

static registration *registered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const cn_operation *find_registered(const char *name)
{
    for (registration *r = registered; r; r = r->next)
        if (strcmp(r->operation->name, name) == 0)
            return r->operation;
    return NULL;
}

const cn_operation *cn_operation_named(const char *name)
{
    if (!name)
        return NULL;
    const cn_operation *operation;
    for (int i = 0; (operation = cn_builtin_operation(i)); i++)
        if (strcmp(operation->name, name) == 0)
            return operation;
    pthread_mutex_lock(&lock);
    operation = find_registered(name);
    pthread_mutex_unlock(&lock);
    return operation;
}

bool cn_register_operation(const cn_operation *operation)
{
    if (cn_failed())
        return false;
    if (!operation || !operation->name || !operation->name[0])
        return cn_fail(CN_ARGUMENT, "register_operation: an operation needs a name");
    const cn_operation *known = cn_operation_named(operation->name);
    if (known == operation)
        return true;
    if (known)
        return cn_fail(CN_ARGUMENT, "register_operation: there is an operation %s already", operation->name);
    registration *made = cn_allocate(1, sizeof *made);
    if (!made)
        return false;
    pthread_mutex_lock(&lock);
    *made = (registration){registered, operation};
    registered = made;
    pthread_mutex_unlock(&lock);
    return true;
}
