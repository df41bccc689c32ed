#include "data/kept.h"
#include "core/random.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A ring of copies. The thread fills slots ahead of those taken; the slot that was given out last is not filled again
 * until the next one is asked for. */

typedef struct ahead {
    cn_iterator *source;
    cn_kept *slots;
    int size;
    uint64_t seed; /* of the thread that began the pass, and its default type */
    cn_dtype dtype;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint64_t filled, taken; /* so many so far, the one in use counts as taken when the next is asked for */
    bool finished, stop;
    cn_code error; /* of the thread, once it has finished */
    char message[1024];
} ahead;

static bool fill_slot(ahead *a)
{
    cn_element element;
    return cn_next(a->source, &element) && cn_keep(&a->slots[a->filled % (uint64_t)a->size], &element);
}

static void *run_ahead(void *argument)
{
    ahead *a = argument;
    cn_set_seed(a->seed);
    cn_set_default_dtype(a->dtype);
    pthread_mutex_lock(&a->lock);
    while (!a->stop && !a->finished) {
        if (a->filled - a->taken == (uint64_t)a->size) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        bool filled = fill_slot(a);
        pthread_mutex_lock(&a->lock);
        a->filled += filled;
        a->finished = !filled;
        pthread_cond_signal(&a->changed);
    }
    if (cn_failed()) {
        a->error = cn_error_code();
        snprintf(a->message, sizeof a->message, "%s", cn_error_message());
        cn_error_clear();
    }
    a->finished = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static bool begin_ahead(cn_iterator *iterator)
{
    ahead *a = iterator->state = cn_allocate(1, sizeof *a);
    if (!a)
        return false;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    a->size = (int)iterator->data->count + 1;
    a->seed = cn_default_seed();
    a->dtype = cn_default_dtype();
    a->slots = cn_allocate((size_t)a->size, sizeof *a->slots);
    a->source = iterator->source = cn_iterate(iterator->data->source, iterator->pass);
    if (!a->slots || !a->source)
        return false;
    a->started = pthread_create(&a->thread, NULL, run_ahead, a) == 0;
    return a->started || cn_fail(CN_MEMORY, "dataset_prefetch: there is no thread");
}

static int next_ahead(cn_iterator *iterator, cn_element *element)
{
    ahead *a = iterator->state;
    pthread_mutex_lock(&a->lock);
    /* The element given out before is done with. */
    a->taken += iterator->index > 0;
    pthread_cond_signal(&a->changed);
    while (a->filled == a->taken && !a->finished)
        pthread_cond_wait(&a->changed, &a->lock);
    bool found = a->filled > a->taken;
    if (found)
        cn_kept_element(&a->slots[a->taken % (uint64_t)a->size], element);
    cn_code error = found ? CN_OK : a->error;
    pthread_mutex_unlock(&a->lock);
    if (error != CN_OK)
        cn_fail(error, "%s", a->message);
    return found ? 1 : error != CN_OK ? -1 : 0;
}

static void end_ahead(cn_iterator *iterator)
{
    ahead *a = iterator->state;
    if (!a)
        return;
    if (a->started) {
        pthread_mutex_lock(&a->lock);
        a->stop = true;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
        pthread_join(a->thread, NULL);
    }
    for (int i = 0; a->slots && i < a->size; i++)
        cn_release(a->slots[i].block);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    cn_release(a->slots);
    cn_release(a);
}

static const cn_dataset_class prefetch_class = {.begin = begin_ahead, .next = next_ahead, .end = end_ahead};

cn_dataset *cn_dataset_prefetch(cn_dataset *source, int count)
{
    if (!source || count < 1 || count > 1 << 16)
        return cn_dataset_refuse(source, "dataset_prefetch", "it takes a data set and a count from 1 to 65536");
    cn_dataset *data = cn_dataset_new(&prefetch_class, source);
    if (data) {
        data->count = count;
        data->samples = source->samples;
    }
    return data;
}
