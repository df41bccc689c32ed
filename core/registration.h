/* Private: rows that user code makes known by name, operations and layer classes. They stay known. */
#ifndef CN_CORE_REGISTRATION_H
#define CN_CORE_REGISTRATION_H
#include <pthread.h>
#include "core/error.h"

typedef struct cn_registrations {
    const char *kind; /* "operation", for messages */
    pthread_mutex_t lock;
    struct cn_registration *first;
} cn_registrations;

/* The row registered under a name, or under what follows the package in it ("Custom>Name", as Keras writes registered
 * classes); NULL if there is none. */
const void *cn_registered(cn_registrations *all, const char *name);
/* `known` is the built-in row of that name, if there is one. To register a row again is fine, another row is not. */
bool cn_register(cn_registrations *all, const char *name, const void *row, const void *known);
#endif
