#include "core/library.h"
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

/* The address of the last name tells that all are there. */
static bool find_names(const char *file, const char *const *names, unsigned char *addresses)
{
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && names[i]; i++) {
        void *address = dlsym(library, names[i]);
        if (!address)
            return false;
        memcpy(addresses + i * sizeof address, &address, sizeof address);
    }
    return library != NULL;
}

bool cn_find_library(const char *file, const char *const *names, void *addresses)
{
    size_t last = 0;
    while (names[last + 1])
        last++;
    void *address;
    pthread_mutex_lock(&loading);
    memcpy(&address, (unsigned char *)addresses + last * sizeof address, sizeof address);
    bool found = address || find_names(file, names, addresses);
    pthread_mutex_unlock(&loading);
    return found;
}

bool cn_load_library(const char *file, const char *const *names, void *addresses, const char *user)
{
    return cn_find_library(file, names, addresses) ||
           cn_fail(CN_UNSUPPORTED, "%s: needs a library that cannot be loaded: %s", user, dlerror());
}
