/* Private: the variables of a model and the names that a file has them under. */
#ifndef CN_FORMATS_STORED_H
#define CN_FORMATS_STORED_H
#include "core/arena.h"
#include "core/engine.h"
#include "models/model.h"

enum { CN_STORED_NAME = 1024 }; /* bytes that a name may have, with the NUL */

typedef struct cn_stored {
    const char *name;
    cn_tensor *variable;
    void *read; /* what a file has for it, in the variable's type; NULL: nothing, it stays */
} cn_stored;

typedef struct cn_stored_list {
    cn_stored *item;
    int count, capacity;
    cn_arena arena; /* of names and of what is read */
} cn_stored_list;

bool cn_stored_add(cn_stored_list *list, cn_tensor *variable, const char *format, ...) CN_FORMAT_(3, 4);
void cn_stored_free(cn_stored_list *list);
/* Room for what is read; NULL with the error set. */
void *cn_stored_room(cn_stored_list *list, cn_stored *stored);
/* Sets all variables to what was read: after everything has been read, so that a file that is broken changes nothing.
 */
bool cn_stored_commit(const cn_stored_list *list);
/* The first element of a variable. */
const void *cn_stored_data(const cn_stored *stored);

/* By Keras' paths, "dense/kernel", behind a prefix; where two have one, the later ones have _1, _2, ... behind theirs.
 */
bool cn_stored_by_path(cn_stored_list *list, const char *prefix, const cn_layer *layer);
/* By the data sets of Keras 3's model.weights.h5, "layers/dense/vars/0". A variable may be there twice. */
bool cn_stored_by_object(cn_stored_list *list, const cn_layer *model);
#endif
