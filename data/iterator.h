/* Private: what data sets are made of. A kind of data set is a row of functions. */
#ifndef CN_DATA_ITERATOR_H
#define CN_DATA_ITERATOR_H
#include "core/arena.h"
#include "data/dataset.h"
#include <stdatomic.h>

typedef struct cn_dataset_class {
    /* Element `index` without going through those before it; NULL: only in order. */
    void (*at)(const cn_dataset *data, int64_t index, cn_element *element);
    /* A pass: both NULL where `at` is enough. `next` returns 1, 0 at the end, or -1 with the error set. */
    bool (*begin)(cn_iterator *iterator);
    int (*next)(cn_iterator *iterator, cn_element *element);
    void (*end)(cn_iterator *iterator);
} cn_dataset_class;

struct cn_dataset {
    const cn_dataset_class *type;
    atomic_int references;
    cn_dataset *source; /* that it transforms, or NULL */
    int64_t length;
    int64_t samples; /* in all its batches; -1: not known */
    cn_element arrays;
    cn_generator generator;
    cn_map_function *map;
    void *context;
    int64_t count; /* of elements in a batch, a buffer, ... */
    int64_t window, ahead;
    uint64_t seed;
    bool drop_remainder;
};

struct cn_iterator {
    cn_dataset *data;
    cn_iterator *source; /* a pass through data->source, if that is gone through in order */
    uint64_t pass;
    int64_t index; /* of the next element */
    bool ended;
    cn_arena arena; /* of the last element */
    void *state;
};

/* A data set of that kind, which takes over `source` (NULL for one that transforms none). */
cn_dataset *cn_dataset_new(const cn_dataset_class *type, cn_dataset *source);
/* Refuses an argument: frees the data set that would have been taken over. */
cn_dataset *cn_dataset_refuse(cn_dataset *source, const char *who, const char *reason);
/* The bytes of an array; false with the error set if there can be none of that shape. */
bool cn_array_bytes(cn_array_type type, cn_shape shape, size_t *bytes);
/* The arrays of an element by number, x, y and sample_weight in turn; those that are not there have no data. */
enum { CN_ELEMENT_ARRAYS = 3 * CN_MAX_COLUMNS };
static inline cn_view *cn_element_view(cn_element *element, int number)
{
    cn_view *const list[] = {element->x, element->y, element->sample_weight};
    return list[number / CN_MAX_COLUMNS] + number % CN_MAX_COLUMNS;
}
#endif
