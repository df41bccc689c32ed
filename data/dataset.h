/* Data sets: where batches come from when they do not lie in one array. A data set describes a sequence of elements; an
 * iterator goes through it once. What the readers of files give (npy.h, npz.h, idx.h, cifar.h, csv.h) and text as
 * numbers (text.h) are arrays. Transformations make a data set of another:
 *
 *     cn_dataset *data = cn_dataset_arrays({cn_array(X, 60000, 784)}, {cn_array(y, 60000)});
 *     data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_shuffle(data), 32), 2);
 *     cn_fit_data(model, data, .epochs = 5);
 *     cn_dataset_free(data);
 *
 * A transformation takes over the data set that it is given, also when it fails; the one that it returns is the
 * caller's. The arrays themselves stay the user's and must outlive it. */
#ifndef CN_DATA_DATASET_H
#define CN_DATA_DATASET_H
#include "../core/random.h"
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CN_MAX_COLUMNS = 8 };

/* What a data set yields: inputs, targets and sample weights, each list ending with an array whose data is NULL. At
 * first an element is one sample; cn_dataset_batch adds the axis of samples. */
typedef struct cn_element {
    cn_view x[CN_MAX_COLUMNS], y[CN_MAX_COLUMNS], sample_weight[CN_MAX_COLUMNS];
} cn_element;

typedef struct cn_dataset cn_dataset;
typedef struct cn_iterator cn_iterator;

/* Of arrays, those of memory-mapped files included, with the samples along axis 0: cn_dataset_arrays({x}, {y}). */
typedef struct cn_dataset_arrays_args {
    char first_;
    cn_view x[CN_MAX_COLUMNS], y[CN_MAX_COLUMNS], sample_weight[CN_MAX_COLUMNS];
} cn_dataset_arrays_args;
#define cn_dataset_arrays(...) cn_dataset_arrays_with((cn_dataset_arrays_args){.first_ = 0, __VA_ARGS__})
CN_API cn_dataset *cn_dataset_arrays_with(cn_dataset_arrays_args args);

/* Of functions of the user's. `begin` is called before each pass and may be NULL. `next` fills in an element, whose
 * memory must last until the next call (cn_element_array gives some), and returns 1; 0 ends the pass, and -1 with the
 * error set fails. One pass at a time. `length` is the number of elements, 0 or -1 if it is
 * not known. */
typedef struct cn_generator {
    void *context;
    bool (*begin)(void *context);
    int (*next)(void *context, cn_iterator *iterator, cn_element *element);
    int64_t length;
} cn_generator;
CN_API cn_dataset *cn_dataset_generator(cn_generator generator);

/* In another order, which depends on the seed and the pass. With .buffer = 0 it is a permutation of all, for data sets
 * of arrays (parts of them too), of which only the indices are kept; else each element is drawn from the next `buffer`
 * ones, which are copied. The thread's seed by default. */
typedef struct cn_dataset_shuffle_args {
    cn_dataset *data;
    int64_t buffer;
    uint64_t seed;
} cn_dataset_shuffle_args;
#define cn_dataset_shuffle(...) \
    cn_dataset_shuffle_with((cn_dataset_shuffle_args){.seed = cn_default_seed(), .data = __VA_ARGS__})
CN_API cn_dataset *cn_dataset_shuffle_with(cn_dataset_shuffle_args args);

/* `size` elements of one shape are stacked along a new axis 0. The last batch may be smaller; with .drop_remainder it
 * is left out then. */
typedef struct cn_dataset_batch_args {
    cn_dataset *data;
    int64_t size;
    bool drop_remainder;
} cn_dataset_batch_args;
#define cn_dataset_batch(...) cn_dataset_batch_with((cn_dataset_batch_args){.data = __VA_ARGS__})
CN_API cn_dataset *cn_dataset_batch_with(cn_dataset_batch_args args);

/* Each element changed by a function, which replaces arrays of the element by others of its own or from
 * cn_element_array; what it is given must not be written to. False with the error set fails. */
typedef bool cn_map_function(void *context, cn_iterator *iterator, cn_element *element);
CN_API cn_dataset *cn_dataset_map(cn_dataset *data, cn_map_function *function, void *context);
/* An array of zeros that lasts until the next element; its data is NULL, with the error set, if there is no memory. */
CN_API cn_view cn_element_array(cn_iterator *iterator, cn_array_type type, cn_shape shape);

/* `times` passes, CN_FOREVER for passes without end. */
enum { CN_FOREVER = -1 };
CN_API cn_dataset *cn_dataset_repeat(cn_dataset *data, int64_t times);
/* The first `count` elements; all but these. */
CN_API cn_dataset *cn_dataset_take(cn_dataset *data, int64_t count);
CN_API cn_dataset *cn_dataset_skip(cn_dataset *data, int64_t count);
/* Both: the first `count` elements, and the rest. Shuffle the parts rather than the whole, whose passes all have
 * another order, so that what validates in one would train in the next. */
CN_API bool cn_dataset_split(cn_dataset *data, int64_t count, cn_dataset **first, cn_dataset **rest);
/* A thread of its own prepares up to `count` elements ahead. Functions of the user's run on that thread. */
CN_API cn_dataset *cn_dataset_prefetch(cn_dataset *data, int count);

/* The number of elements; -1 if it is not known, INT64_MAX if there is no end. */
CN_API int64_t cn_dataset_length(const cn_dataset *data);
/* The number of samples in all batches, for which cn_predict_data wants room: known behind cn_dataset_batch, shuffling
 * and prefetching included, if the number of its elements is; else -1. */
CN_API int64_t cn_dataset_samples(const cn_dataset *data);
/* NULL is fine. Iterators that are still under way stay good. */
CN_API void cn_dataset_free(cn_dataset *data);

/* A pass through a data set. `pass` is the number of the pass, which shuffling depends on. */
CN_API cn_iterator *cn_iterate(cn_dataset *data, uint64_t pass);
/* The next element, which lasts until the next call. False at the end, or with the error set. */
CN_API bool cn_next(cn_iterator *iterator, cn_element *element);
CN_API void cn_iterator_free(cn_iterator *iterator);

#ifdef __cplusplus
}
#endif
#endif
