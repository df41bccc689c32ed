/* An allocator that counts, and that fails from a chosen call on. */
#ifndef CN_TESTS_COUNTING_ALLOCATOR_H
#define CN_TESTS_COUNTING_ALLOCATOR_H
#include <cornet/core/memory.h>
#include <stdlib.h>

static struct {
    _Atomic long calls; /* of allocate since counting_start */
    _Atomic long live;  /* blocks allocated and not released since then */
    _Atomic long bytes; /* allocated since then, with those released */
    long limit;         /* this many calls succeed */
} counting;

static inline void *counting_allocate(size_t bytes)
{
    void *block = counting.calls++ < counting.limit ? malloc(bytes) : NULL;
    counting.live += block != NULL;
    counting.bytes += block ? (long)bytes : 0;
    return block;
}

static inline void counting_release(void *block)
{
    counting.live -= block != NULL;
    free(block);
}

/* Starts at zero; the calls after the first `limit` fail. LONG_MAX: none fails. */
static inline void counting_start(long limit)
{
    counting.calls = 0;
    counting.live = 0;
    counting.bytes = 0;
    counting.limit = limit;
    cn_set_allocator((cn_allocator){counting_allocate, counting_release});
}
#endif
