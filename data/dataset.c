#include "data/dataset.h"
#include "core/engine.h"
#include "data/arrays.h"
#include "data/iterator.h"
#include <string.h>

cn_dataset *cn_dataset_refuse(cn_dataset *source, const char *who, const char *reason)
{
    cn_fail(CN_ARGUMENT, "%s: %s", who, reason);
    cn_dataset_free(source);
    return NULL;
}

cn_dataset *cn_dataset_new(const cn_dataset_class *type, cn_dataset *source)
{
    cn_dataset *data = cn_failed() ? NULL : cn_allocate(1, sizeof *data);
    if (!data) {
        cn_dataset_free(source);
        return NULL;
    }
    *data = (cn_dataset){.type = type, .source = source, .length = source ? source->length : -1, .samples = -1};
    atomic_init(&data->references, 1);
    return data;
}

void cn_dataset_free(cn_dataset *data)
{
    while (data && atomic_fetch_sub(&data->references, 1) == 1) {
        cn_dataset *source = data->source;
        cn_release(data);
        data = source;
    }
}

int64_t cn_dataset_length(const cn_dataset *data)
{
    return data ? data->length : -1;
}

int64_t cn_dataset_samples(const cn_dataset *data)
{
    return data ? data->samples : -1;
}

/* Iterators */

cn_iterator *cn_iterate(cn_dataset *data, uint64_t pass)
{
    if (cn_failed())
        return NULL;
    if (!data) {
        cn_fail(CN_ARGUMENT, "iterate: the data set is NULL");
        return NULL;
    }
    cn_iterator *iterator = cn_allocate(1, sizeof *iterator);
    if (!iterator)
        return NULL;
    atomic_fetch_add(&data->references, 1);
    iterator->data = data;
    iterator->pass = pass;
    if (!data->type->begin || data->type->begin(iterator))
        return iterator;
    cn_iterator_free(iterator);
    return NULL;
}

bool cn_next(cn_iterator *iterator, cn_element *element)
{
    if (cn_failed() || !iterator || iterator->ended)
        return false;
    const cn_dataset *data = iterator->data;
    *element = (cn_element){0};
    int found = 0;
    if (data->type->next)
        found = data->type->next(iterator, element);
    else if (iterator->index < data->length) {
        data->type->at(data, iterator->index, element);
        found = 1;
    }
    if (found < 0 && !cn_failed())
        cn_fail(CN_STATE, "dataset: a function of the user's failed");
    iterator->ended = found <= 0 || cn_failed();
    iterator->index++;
    return !iterator->ended;
}

void cn_iterator_free(cn_iterator *iterator)
{
    if (!iterator)
        return;
    if (iterator->data->type->end)
        iterator->data->type->end(iterator);
    cn_iterator_free(iterator->source);
    cn_dataset_free(iterator->data);
    cn_arena_free(&iterator->arena);
    cn_release(iterator);
}

static bool begin_source(cn_iterator *iterator)
{
    return (iterator->source = cn_iterate(iterator->data->source, iterator->pass)) != NULL;
}

/* 1, 0 or -1, as a row's `next` returns it. */
static int next_of_source(cn_iterator *iterator, cn_element *element)
{
    return cn_next(iterator->source, element) ? 1 : cn_failed() ? -1 : 0;
}

bool cn_array_bytes(cn_array_type type, cn_shape shape, size_t *bytes)
{
    int64_t count = cn_shape_size(shape);
    return (count >= 0 && !__builtin_mul_overflow((size_t)count, cn_array_type_size(type), bytes)) ||
           cn_fail(CN_SHAPES, "dataset: no array has that shape");
}

static cn_view new_array(cn_arena *arena, cn_array_type type, cn_shape shape)
{
    size_t bytes = 0;
    if (!cn_array_bytes(type, shape, &bytes))
        return (cn_view){0};
    return cn_array_with(cn_arena_allocate(arena, bytes ? bytes : 1), type, true, shape);
}

cn_view cn_element_array(cn_iterator *iterator, cn_array_type type, cn_shape shape)
{
    cn_view view = new_array(&iterator->arena, type, shape);
    if (view.data)
        memset((void *)(uintptr_t)view.data, 0, (size_t)cn_shape_size(shape) * cn_array_type_size(type));
    return view;
}

/* Arrays */

static void arrays_at(const cn_dataset *data, int64_t index, cn_element *element)
{
    *element = data->arrays;
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++) {
        cn_view *view = cn_element_view(element, i);
        if (view->data)
            *view = cn_sample(*view, index);
    }
}

static const cn_dataset_class arrays_class = {.at = arrays_at};

cn_dataset *cn_dataset_arrays_with(cn_dataset_arrays_args args)
{
    cn_element arrays = {0};
    memcpy(arrays.x, args.x, sizeof args.x);
    memcpy(arrays.y, args.y, sizeof args.y);
    memcpy(arrays.sample_weight, args.sample_weight, sizeof args.sample_weight);
    int64_t length = -1;
    if (!cn_failed() && !arrays.x[0].data)
        return cn_dataset_refuse(NULL, "dataset_arrays", "there is no input");
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++) {
        cn_view *view = cn_element_view(&arrays, i);
        if (!view->data)
            continue;
        view->writable = false;
        if (view->shape.rank < 1 || cn_shape_size(view->shape) < 0)
            return cn_dataset_refuse(NULL, "dataset_arrays", "the first axis must be the samples");
        if (length >= 0 && view->shape.dim[0] != length)
            return cn_dataset_refuse(NULL, "dataset_arrays", "the arrays have different numbers of samples");
        length = view->shape.dim[0];
    }
    cn_dataset *data = cn_dataset_new(&arrays_class, NULL);
    if (data) {
        data->arrays = arrays;
        data->length = length;
    }
    return data;
}

/* Generators */

static bool begin_generator(cn_iterator *iterator)
{
    const cn_generator *generator = &iterator->data->generator;
    return !generator->begin || generator->begin(generator->context) ||
           cn_fail(CN_STATE, "dataset_generator: the function that begins a pass failed");
}

static int next_of_generator(cn_iterator *iterator, cn_element *element)
{
    const cn_generator *generator = &iterator->data->generator;
    cn_arena_reset(&iterator->arena);
    return generator->next(generator->context, iterator, element);
}

static const cn_dataset_class generator_class = {.begin = begin_generator, .next = next_of_generator};

cn_dataset *cn_dataset_generator(cn_generator generator)
{
    if (!cn_failed() && !generator.next)
        return cn_dataset_refuse(NULL, "dataset_generator", "the function `next` is NULL");
    cn_dataset *data = cn_dataset_new(&generator_class, NULL);
    if (data) {
        data->generator = generator;
        data->length = generator.length > 0 ? generator.length : -1;
    }
    return data;
}

/* Maps */

static int next_of_map(cn_iterator *iterator, cn_element *element)
{
    cn_arena_reset(&iterator->arena);
    int found = next_of_source(iterator, element);
    return found > 0 && !iterator->data->map(iterator->data->context, iterator, element) ? -1 : found;
}

static const cn_dataset_class map_class = {.begin = begin_source, .next = next_of_map};

cn_dataset *cn_dataset_map(cn_dataset *source, cn_map_function *function, void *context)
{
    if (!source || !function)
        return cn_dataset_refuse(source, "dataset_map", "the data set or the function is NULL");
    cn_dataset *data = cn_dataset_new(&map_class, source);
    if (data) {
        data->map = function;
        data->context = context;
    }
    return data;
}

/* Repeating: each round is a pass of its own. */

static int next_of_repeat(cn_iterator *iterator, cn_element *element)
{
    int found = next_of_source(iterator, element);
    uint64_t next = iterator->source->pass + 1;
    if (found != 0 || iterator->index == 0 ||
        (iterator->data->count != CN_FOREVER && next - iterator->pass >= (uint64_t)iterator->data->count))
        return found;
    cn_iterator_free(iterator->source);
    iterator->source = cn_iterate(iterator->data->source, next);
    /* A round that has no elements is the last one. */
    return iterator->source ? next_of_source(iterator, element) : -1;
}

static const cn_dataset_class repeat_class = {.begin = begin_source, .next = next_of_repeat};

static int64_t repeated_length(int64_t length, int64_t times)
{
    int64_t product;
    if (length <= 0)
        return length;
    return times == CN_FOREVER || __builtin_mul_overflow(length, times, &product) ? INT64_MAX : product;
}

cn_dataset *cn_dataset_repeat(cn_dataset *source, int64_t times)
{
    if (!source || (times < 1 && times != CN_FOREVER))
        return cn_dataset_refuse(source, "dataset_repeat", "it takes a data set and at least one time");
    cn_dataset *data = cn_dataset_new(&repeat_class, source);
    if (data) {
        data->count = times;
        data->length = repeated_length(source->length, times);
    }
    return data;
}

/* Parts */

static void take_at(const cn_dataset *data, int64_t index, cn_element *element)
{
    data->source->type->at(data->source, index, element);
}

static void skip_at(const cn_dataset *data, int64_t index, cn_element *element)
{
    data->source->type->at(data->source, data->count + index, element);
}

static int next_of_take(cn_iterator *iterator, cn_element *element)
{
    return iterator->index < iterator->data->count ? next_of_source(iterator, element) : 0;
}

static int next_of_skip(cn_iterator *iterator, cn_element *element)
{
    for (int64_t left = iterator->index ? 0 : iterator->data->count; left > 0; left--) {
        int found = next_of_source(iterator, element);
        if (found <= 0)
            return found;
    }
    return next_of_source(iterator, element);
}

static cn_dataset *part(cn_dataset *source, int64_t count, bool skips, const char *who)
{
    static const cn_dataset_class arrays[] = {{.at = take_at}, {.at = skip_at}};
    static const cn_dataset_class in_order[] = {{.begin = begin_source, .next = next_of_take},
                                                {.begin = begin_source, .next = next_of_skip}};
    if (!source || count < 0)
        return cn_dataset_refuse(source, who, "it takes a data set and a count from 0");
    cn_dataset *data = cn_dataset_new(&(source->type->at ? arrays : in_order)[skips], source);
    if (!data)
        return NULL;
    int64_t all = source->length;
    data->count = count;
    if (skips)
        data->length = all < 0 || all == INT64_MAX ? all : all > count ? all - count : 0;
    else
        data->length = all < 0 || all > count ? (all < 0 ? -1 : count) : all;
    return data;
}

cn_dataset *cn_dataset_take(cn_dataset *source, int64_t count)
{
    return part(source, count, false, "dataset_take");
}

cn_dataset *cn_dataset_skip(cn_dataset *source, int64_t count)
{
    return part(source, count, true, "dataset_skip");
}

bool cn_dataset_split(cn_dataset *data, int64_t count, cn_dataset **first, cn_dataset **rest)
{
    if (data)
        atomic_fetch_add(&data->references, 1);
    *first = cn_dataset_take(data, count);
    *rest = cn_dataset_skip(data, count);
    if (*first && *rest)
        return true;
    cn_dataset_free(*first);
    cn_dataset_free(*rest);
    *first = *rest = NULL;
    return false;
}

/* Batches */

static bool begin_batch(cn_element *batch, cn_iterator *iterator, const cn_element *sample)
{
    *batch = *sample;
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++) {
        cn_view *view = cn_element_view(batch, i);
        if (!view->data)
            continue;
        if (view->shape.rank == CN_MAX_RANK)
            return cn_fail(CN_SHAPES, "dataset_batch: an array has %d axes already", CN_MAX_RANK);
        cn_shape shape = {.rank = view->shape.rank + 1, .dim = {iterator->data->count}};
        memcpy(shape.dim + 1, view->shape.dim, sizeof shape.dim - sizeof *shape.dim);
        *view = new_array(&iterator->arena, view->type, shape);
        if (!view->data)
            return false;
    }
    return true;
}

static void copy_sample(const cn_view *to, int64_t place, const cn_view *from)
{
    size_t bytes = (size_t)cn_shape_size(from->shape) * cn_array_type_size(from->type);
    if (bytes)
        memcpy((unsigned char *)(uintptr_t)to->data + (size_t)place * bytes, from->data, bytes);
}

static bool add_to_batch(cn_element *batch, int64_t place, cn_element *sample)
{
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++) {
        const cn_view *to = cn_element_view(batch, i), *from = cn_element_view(sample, i);
        if (!to->data && !from->data)
            continue;
        bool fits = to->data && from->data && to->type == from->type && to->shape.rank == from->shape.rank + 1;
        for (int d = 0; fits && d < from->shape.rank; d++)
            fits = to->shape.dim[d + 1] == from->shape.dim[d];
        if (!fits)
            return cn_fail(CN_SHAPES, "dataset_batch: element %lld of a batch has other arrays than the first",
                           (long long)place);
        copy_sample(to, place, from);
    }
    return true;
}

static int next_of_batch(cn_iterator *iterator, cn_element *batch)
{
    int64_t count = 0, size = iterator->data->count;
    cn_element sample;
    cn_arena_reset(&iterator->arena);
    for (; count < size; count++) {
        int found = next_of_source(iterator, &sample);
        if (found < 0)
            return -1;
        if (found == 0)
            break;
        if ((count == 0 && !begin_batch(batch, iterator, &sample)) || !add_to_batch(batch, count, &sample))
            return -1;
    }
    for (int i = 0; i < CN_ELEMENT_ARRAYS; i++)
        cn_element_view(batch, i)->shape.dim[0] = count;
    return count > 0 && (count == size || !iterator->data->drop_remainder);
}

static const cn_dataset_class batch_class = {.begin = begin_source, .next = next_of_batch};

cn_dataset *cn_dataset_batch_with(cn_dataset_batch_args args)
{
    if (!args.data || args.size < 1)
        return cn_dataset_refuse(args.data, "dataset_batch", "it takes a data set and a size from 1");
    cn_dataset *data = cn_dataset_new(&batch_class, args.data);
    if (!data)
        return NULL;
    data->count = args.size;
    data->drop_remainder = args.drop_remainder;
    int64_t samples = data->length;
    if (samples >= 0 && samples < INT64_MAX) {
        data->samples = args.drop_remainder ? samples - samples % args.size : samples;
        data->length = samples / args.size + (data->samples % args.size != 0);
    }
    return data;
}
