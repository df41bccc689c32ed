/* Operations by name. */
#include "core/ops/registry.h"
#include "core/registration.h"
#include <string.h>

#define FAMILIES(X)               \
    X(cn_activation_operations)   \
    X(cn_affine_operations)       \
    X(cn_arithmetic_operations)   \
    X(cn_attention_operations)    \
    X(cn_convolution_operations)  \
    X(cn_count_operations)        \
    X(cn_creation_operations)     \
    X(cn_indexing_operations)     \
    X(cn_joining_operations)      \
    X(cn_match_operations)        \
    X(cn_normalize_operations)    \
    X(cn_pooling_operations)      \
    X(cn_product_operations)      \
    X(cn_random_operations)       \
    X(cn_recurrent_operations)    \
    X(cn_reduction_operations)    \
    X(cn_resizing_operations)     \
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

static cn_registrations registered = {.kind = "operation", .lock = PTHREAD_MUTEX_INITIALIZER};

static const cn_operation *builtin_named(const char *name)
{
    const cn_operation *operation = NULL;
    for (int i = 0; (operation = cn_builtin_operation(i)) && strcmp(operation->name, name) != 0; i++) {
    }
    return operation;
}

const cn_operation *cn_operation_named(const char *name)
{
    const cn_operation *builtin = name ? builtin_named(name) : NULL;
    return builtin || !name ? builtin : cn_registered(&registered, name);
}

bool cn_register_operation(const cn_operation *operation)
{
    if (cn_failed())
        return false;
    if (!operation || !operation->name || !operation->name[0])
        return cn_fail(CN_ARGUMENT, "register_operation: an operation needs a name");
    return cn_register(&registered, operation->name, operation, builtin_named(operation->name));
}
