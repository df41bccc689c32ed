/* Private: what a thread holds until models take it, and the automatic names it gives. */
#ifndef CN_LAYERS_SESSION_H
#define CN_LAYERS_SESSION_H
#include "core/arena.h"

typedef struct cn_session cn_session;

/* The thread's session holds one reference to an object, noted at *place, until it is dropped, the session is cleared
 * or the thread ends; then `release` is called. */
bool cn_session_hold(void *object, cn_session **place, void (*release)(void *object));
/* From any thread. */
void cn_session_drop(void *object, cn_session **place);

/* The automatic name of the thread's next object of a kind: stem, stem_1, ... (one_based: stem_1, stem_2, ...), past
 * names that were given explicitly. The caller releases it. */
char *cn_automatic_name(const char *stem, bool one_based);
/* Takes the name back if it was the last one given. */
void cn_forget_automatic_name(const char *stem, const char *name);
/* Notes a name given explicitly. */
bool cn_observe_name(const char *name);

/* "MyDense" to "my_dense", as Keras does, and "max_pooling" to "MaxPooling". */
enum { CN_NAME_TEXT = 128 };
void cn_snake_case(const char *name, char *buffer, size_t size);
void cn_camel_case(const char *name, char *buffer, size_t size);
#endif
