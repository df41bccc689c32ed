/* Activations by name. */
#include "core/arena.h"
#include "core/ops/activation.h"
#include "core/ops/softmax.h"
#include <pthread.h>
#include <string.h>

typedef struct named_activation {
    const char *name;
    cn_activation *activation;
} named_activation;

/* Keras' names; where a function has several, its own comes first. */
static const named_activation builtin[] = {
    {"linear", cn_linear},
    {"relu", cn_relu},
    {"relu6", cn_relu6},
    {"leaky_relu", cn_leaky_relu},
    {"elu", cn_elu},
    {"celu", cn_celu},
    {"selu", cn_selu},
    {"gelu", cn_gelu},
    {"silu", cn_silu},
    {"swish", cn_silu},
    {"mish", cn_mish},
    {"sigmoid", cn_sigmoid},
    {"log_sigmoid", cn_log_sigmoid},
    {"hard_sigmoid", cn_hard_sigmoid},
    {"hard_silu", cn_hard_silu},
    {"hard_swish", cn_hard_silu},
    {"sparse_sigmoid", cn_sparse_sigmoid},
    {"tanh", cn_tanh},
    {"hard_tanh", cn_hard_tanh},
    {"tanh_shrink", cn_tanh_shrink},
    {"softplus", cn_softplus},
    {"squareplus", cn_squareplus},
    {"sparse_plus", cn_sparse_plus},
    {"softsign", cn_softsign},
    {"soft_shrink", cn_soft_shrink},
    {"hard_shrink", cn_hard_shrink},
    {"exponential", cn_exponential},
    {"softmax", cn_softmax},
    {"log_softmax", cn_log_softmax},
    {"sparsemax", cn_sparsemax},
    {"glu", cn_glu},
};

typedef struct registration {
    struct registration *next;
    named_activation named;
    char name[];
} registration;

static registration *registered;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The first one with this name, or if `name` is NULL, with this function. The lock must be held. */
static const named_activation *find(const char *name, cn_activation *activation)
{
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (name ? strcmp(builtin[i].name, name) == 0 : builtin[i].activation == activation)
            return &builtin[i];
    for (const registration *r = registered; r; r = r->next)
        if (name ? strcmp(r->name, name) == 0 : r->named.activation == activation)
            return &r->named;
    return NULL;
}

static const named_activation *find_locked(const char *name, cn_activation *activation)
{
    pthread_mutex_lock(&lock);
    const named_activation *found = find(name, activation);
    pthread_mutex_unlock(&lock);
    return found;
}

cn_activation *cn_activation_named(const char *name)
{
    if (cn_failed())
        return NULL;
    const named_activation *found = name ? find_locked(name, NULL) : NULL;
    if (!found)
        cn_fail(CN_ARGUMENT, "activation: there is none named %s", name ? name : "NULL");
    return found ? found->activation : NULL;
}

const char *cn_activation_name(cn_activation *activation)
{
    const named_activation *found = find_locked(NULL, activation ? activation : cn_linear);
    return found ? found->name : NULL;
}

bool cn_register_activation(const char *name, cn_activation *activation)
{
    if (cn_failed())
        return false;
    if (!name || !name[0] || !activation)
        return cn_fail(CN_ARGUMENT, "register_activation: needs a name and a function");
    size_t length = strlen(name) + 1;
    registration *made = cn_allocate(1, sizeof *made + length);
    if (!made)
        return false;
    memcpy(made->name, name, length);
    made->named = (named_activation){made->name, activation};
    pthread_mutex_lock(&lock);
    const named_activation *known = find(name, NULL);
    bool same = known && known->activation == activation;
    if (!known) {
        made->next = registered;
        registered = made;
    }
    pthread_mutex_unlock(&lock);
    if (known)
        cn_release(made);
    return !known || same || cn_fail(CN_ARGUMENT, "register_activation: there is an activation %s already", name);
}
