/* Private: allocation inside the library. Every function sets the error of the thread when memory runs out. */
#ifndef CN_CORE_ARENA_H
#define CN_CORE_ARENA_H
#include "core/memory.h"

/* Zeroed memory, aligned to CN_ALIGNMENT bytes; NULL with the error set if there is none or the product overflows. */
#define CN_ALIGNMENT 64
void *cn_allocate(size_t count, size_t size);
/* Like realloc of an array of `old` elements to `count`; new elements are zero. On failure memory stays as it was. */
void *cn_resize(void *memory, size_t old, size_t count, size_t size);
/* Lets an array of `count` elements have room for one more: its capacity doubles where it is used up. */
bool cn_grow(void **array, int count, int *capacity, size_t size);
void cn_release(void *memory);
char *cn_copy_string(const char *text);

/* A bump allocator: freed or reset as a whole, a reset keeps the memory for the next round. */
typedef struct cn_arena {
    struct cn_arena_chunk *first, *current;
    size_t used;
    size_t total; /* bytes handed out since the last reset */
} cn_arena;
/* Memory aligned to CN_ALIGNMENT and not zeroed; NULL with the error set. */
void *cn_arena_allocate(cn_arena *arena, size_t bytes);
/* The same aligned to 16 bytes and zeroed: for records rather than for data. */
void *cn_arena_record(cn_arena *arena, size_t bytes);
void cn_arena_reset(cn_arena *arena);
void cn_arena_free(cn_arena *arena);
#endif
