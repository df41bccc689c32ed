#include "core/arena.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

static cn_allocator allocator = {malloc, free};

void cn_set_allocator(cn_allocator chosen)
{
    allocator = chosen.allocate && chosen.release ? chosen : (cn_allocator){malloc, free};
}

/* Zeros; calloc has them without writing large blocks, of which only what is used later becomes resident. */
static void *allocate_zeros(size_t bytes)
{
    if (allocator.allocate == malloc)
        return calloc(bytes, 1);
    void *block = allocator.allocate(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

/* Asks for huge pages where Linux gives them on request only: weights that are read once, and matrices read in columns,
 * otherwise wait for page tables. */
static void ask_for_huge_pages(void *block, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    enum { LEAST_BYTES = 4 << 20, PAGE = 4096 };
    if (allocator.allocate == malloc && bytes >= LEAST_BYTES) {
        uintptr_t first = ((uintptr_t)block + PAGE - 1) / PAGE * PAGE;
        madvise((void *)first, ((uintptr_t)block + bytes - first) / PAGE * PAGE, MADV_HUGEPAGE);
    }
#else
    (void)block, (void)bytes;
#endif
}

/* The block that the allocator gave is remembered in the word before the aligned memory. */
static void *allocate_aligned(size_t bytes, void *allocate(size_t))
{
    void *block = bytes <= SIZE_MAX / 2 ? allocate(bytes + CN_ALIGNMENT + sizeof(void *)) : NULL;
    if (!block) {
        cn_fail(CN_MEMORY, "out of memory: %zu bytes", bytes);
        return NULL;
    }
    ask_for_huge_pages(block, bytes);
    uintptr_t first = (uintptr_t)block + sizeof(void *);
    void **memory = (void **)((first + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT);
    memory[-1] = block;
    return memory;
}

void *cn_allocate(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        cn_fail(CN_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
        return NULL;
    }
    return allocate_aligned(bytes, allocate_zeros);
}

void *cn_resize(void *memory, size_t old, size_t count, size_t size)
{
    void *larger = cn_allocate(count, size);
    if (larger && memory) {
        memcpy(larger, memory, (old < count ? old : count) * size);
        cn_release(memory);
    }
    return larger;
}

bool cn_grow(void **array, int count, int *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    int larger = *capacity > 0 ? *capacity * 2 : 8;
    void *memory = *capacity <= INT_MAX / 2 ? cn_resize(*array, (size_t)count, (size_t)larger, size) : NULL;
    if (!memory)
        return cn_fail(CN_MEMORY, "out of memory: %d elements", count);
    *array = memory;
    *capacity = larger;
    return true;
}

void cn_release(void *memory)
{
    if (memory)
        allocator.release(((void **)memory)[-1]);
}

char *cn_copy_string(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = cn_allocate(bytes, 1);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

typedef struct cn_arena_chunk {
    struct cn_arena_chunk *next;
    size_t size;
    unsigned char data[];
} cn_arena_chunk;

enum { FIRST_CHUNK = 1 << 14, LARGEST_CHUNK = 1 << 26 };

static void *take(cn_arena *arena, size_t bytes, size_t alignment)
{
    for (;;) {
        cn_arena_chunk *chunk = arena->current;
        if (chunk) {
            uintptr_t data = (uintptr_t)chunk->data;
            size_t begin = (size_t)((data + arena->used + alignment - 1) / alignment * alignment - data);
            if (begin <= chunk->size && bytes <= chunk->size - begin) {
                arena->used = begin + bytes;
                arena->total += bytes;
                return chunk->data + begin;
            }
        }
        if (chunk && chunk->next) {
            arena->current = chunk->next;
            arena->used = 0;
            continue;
        }
        /* Chunks double, so that a tape of any size has few of them. */
        size_t size = chunk ? chunk->size * 2 : FIRST_CHUNK;
        if (size > LARGEST_CHUNK)
            size = LARGEST_CHUNK;
        if (bytes > SIZE_MAX / 4) {
            cn_fail(CN_MEMORY, "out of memory: %zu bytes", bytes);
            return NULL;
        }
        if (size < bytes + alignment)
            size = bytes + alignment;
        cn_arena_chunk *made = allocate_aligned(sizeof *made + size, allocator.allocate);
        if (!made)
            return NULL;
        made->next = NULL;
        made->size = size;
        if (chunk)
            chunk->next = made;
        else
            arena->first = made;
        arena->current = made;
        arena->used = 0;
    }
}

void *cn_arena_allocate(cn_arena *arena, size_t bytes)
{
    return take(arena, bytes, CN_ALIGNMENT);
}

void *cn_arena_record(cn_arena *arena, size_t bytes)
{
    void *memory = take(arena, bytes, 16);
    return memory ? memset(memory, 0, bytes) : NULL;
}

void cn_arena_reset(cn_arena *arena)
{
    arena->current = arena->first;
    arena->used = 0;
    arena->total = 0;
}

void cn_arena_free(cn_arena *arena)
{
    for (cn_arena_chunk *chunk = arena->first, *next; chunk; chunk = next) {
        next = chunk->next;
        cn_release(chunk);
    }
    *arena = (cn_arena){0};
}
