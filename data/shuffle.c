#include "core/engine.h"
#include "core/random_numbers.h"
#include "data/arrays.h"
#include "data/kept.h"

/* A permutation of a data set whose elements can be had in any order. */

static bool begin_permutation(cn_iterator *iterator)
{
    const cn_dataset *data = iterator->data;
    int64_t *order = cn_allocate((size_t)data->length + 1, sizeof *order);
    if (order)
        cn_shuffle(order, data->length, data->seed, iterator->pass);
    return (iterator->state = order) != NULL;
}

static int next_of_permutation(cn_iterator *iterator, cn_element *element)
{
    const cn_dataset *data = iterator->data;
    const int64_t *order = iterator->state;
    if (iterator->index >= data->length)
        return 0;
    data->source->type->at(data->source, order[iterator->index], element);
    return 1;
}

static void end_permutation(cn_iterator *iterator)
{
    cn_release(iterator->state);
}

static const cn_dataset_class permutation_class = {
    .begin = begin_permutation, .next = next_of_permutation, .end = end_permutation};

/* A buffer of copies: each element is drawn from it, and the next of the source takes its place. */

typedef struct buffer {
    cn_kept *slots;
    int64_t size, filled;
} buffer;

static bool begin_buffer(cn_iterator *iterator)
{
    buffer *b = iterator->state = cn_allocate(1, sizeof *b);
    if (!b)
        return false;
    /* One more than is drawn from, for the element given out last. */
    b->size = iterator->data->count + 1;
    b->slots = cn_allocate((size_t)b->size, sizeof *b->slots);
    return b->slots && (iterator->source = cn_iterate(iterator->data->source, iterator->pass));
}

static void end_buffer(cn_iterator *iterator)
{
    buffer *b = iterator->state;
    for (int64_t i = 0; b && b->slots && i < b->size; i++)
        cn_release(b->slots[i].block);
    if (b)
        cn_release(b->slots);
    cn_release(b);
}

static void swap_slots(cn_kept *a, cn_kept *b)
{
    cn_kept kept = *a;
    *a = *b;
    *b = kept;
}

static int next_of_buffer(cn_iterator *iterator, cn_element *element)
{
    const uint64_t stream = 0x627566666572; /* "buffer" */
    buffer *b = iterator->state;
    cn_element next;
    while (b->filled < iterator->data->count && cn_next(iterator->source, &next)) {
        if (!cn_keep(&b->slots[b->filled], &next))
            return -1;
        b->filled++;
    }
    if (cn_failed())
        return -1;
    if (b->filled == 0)
        return 0;
    uint32_t random[4];
    cn_philox(iterator->data->seed, stream, 0, (uint32_t)iterator->pass, (uint64_t)iterator->index, random);
    uint64_t wide = (uint64_t)random[0] << 32 | random[1];
    int64_t last = --b->filled;
    swap_slots(&b->slots[wide % (uint64_t)(last + 1)], &b->slots[last]);
    /* Out of the way of the one that is read next. */
    swap_slots(&b->slots[last], &b->slots[b->size - 1]);
    cn_kept_element(&b->slots[b->size - 1], element);
    return 1;
}

static const cn_dataset_class buffer_class = {.begin = begin_buffer, .next = next_of_buffer, .end = end_buffer};

cn_dataset *cn_dataset_shuffle_with(cn_dataset_shuffle_args args)
{
    cn_dataset *source = args.data;
    if (!source || args.buffer < 0 || args.buffer == INT64_MAX)
        return cn_dataset_refuse(source, "dataset_shuffle", "it takes a data set and a buffer from 0");
    if (args.buffer == 0 && !source->type->at)
        return cn_dataset_refuse(source, "dataset_shuffle",
                                 "only data sets of arrays are shuffled whole; others need a .buffer");
    cn_dataset *data = cn_dataset_new(args.buffer ? &buffer_class : &permutation_class, source);
    if (data) {
        data->count = args.buffer;
        data->samples = source->samples;
        data->seed = args.seed;
    }
    return data;
}
