#include "core/registration.h"
#include "core/arena.h"
#include <string.h>

typedef struct cn_registration {
    struct cn_registration *next;
    const char *name; /* the row's */
    const void *row;
} cn_registration;

static const void *find(const cn_registrations *all, const char *name)
{
    for (const cn_registration *r = all->first; r; r = r->next)
        if (strcmp(r->name, name) == 0)
            return r->row;
    return NULL;
}

const void *cn_registered(cn_registrations *all, const char *name)
{
    const char *package_end = strrchr(name, '>');
    pthread_mutex_lock(&all->lock);
    const void *row = find(all, name);
    if (!row && package_end)
        row = find(all, package_end + 1);
    pthread_mutex_unlock(&all->lock);
    return row;
}

bool cn_register(cn_registrations *all, const char *name, const void *row, const void *known)
{
    cn_registration *made = cn_allocate(1, sizeof *made);
    if (!made)
        return false;
    pthread_mutex_lock(&all->lock);
    if (!known)
        known = find(all, name);
    if (!known) {
        *made = (cn_registration){all->first, name, row};
        all->first = made;
    }
    pthread_mutex_unlock(&all->lock);
    if (known)
        cn_release(made);
    return !known || known == row ||
           cn_fail(CN_ARGUMENT, "register_%s: there is one named %s already", all->kind, name);
}
