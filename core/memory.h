/* Memory: the allocator that everything in the library uses, and arenas for what lives and dies together. */
#ifndef CN_CORE_MEMORY_H
#define CN_CORE_MEMORY_H
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* An allocator of the user's own: for a device with a heap of its own, or a test that counts or fails. `allocate` and
 * `release` have the meaning of malloc and free. Set it before the first other call of the library; {NULL, NULL}
 * brings malloc and free back. */
typedef struct cn_allocator {
    void *(*allocate)(size_t bytes);
    void (*release)(void *memory);
} cn_allocator;
CN_API void cn_set_allocator(cn_allocator allocator);

#ifdef __cplusplus
}
#endif
#endif
