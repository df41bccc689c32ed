#include "cornet.h"
#include "counting_allocator.h"
#include "file_of_bytes.h"
#include <limits.h>

static void check_blocks(void)
{
    cr_expect_eq(counting.live, 0, "%ld blocks are left", counting.live);
}
static void count_blocks(void)
{
    counting_start(LONG_MAX);
}
TestSuite(dataset, .init = count_blocks, .fini = check_blocks);

enum { SAMPLES = 10 };
static float inputs[SAMPLES][2];
static int32_t labels[SAMPLES];

static cn_dataset *samples(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        inputs[i][0] = (float)i;
        inputs[i][1] = (float)-i;
        labels[i] = i;
    }
    return cn_dataset_arrays({cn_array(inputs[0], SAMPLES, 2)}, {cn_array(labels, SAMPLES)});
}

static int32_t label_at(const cn_element *element, int64_t i)
{
    return ((const int32_t *)element->y[0].data)[i];
}

/* The labels of all elements of a pass, in order. */
static int64_t read_labels(cn_dataset *data, uint64_t pass, int32_t *to)
{
    int64_t count = 0;
    cn_element element;
    cn_iterator *iterator = cn_iterate(data, pass);
    while (cn_next(iterator, &element)) {
        int64_t size = cn_shape_size(element.y[0].shape);
        for (int64_t i = 0; i < size; i++) {
            to[count] = label_at(&element, i);
            cr_expect_eq(((const float *)element.x[0].data)[2 * i], (float)to[count]);
            count++;
        }
    }
    cn_iterator_free(iterator);
    cr_assert_not(cn_failed(), "%s", cn_error_message());
    return count;
}

static void expect_labels(cn_dataset *data, int64_t count, const int32_t *wanted)
{
    int32_t got[64];
    cr_assert(data, "%s", cn_error_message());
    cr_assert_eq(read_labels(data, 0, got), count);
    cr_expect_arr_eq(got, wanted, (size_t)count * sizeof *got);
    cr_expect_eq(cn_dataset_length(data), count);
    cn_dataset_free(data);
}
#define LABELS(data, count, ...) expect_labels((data), (count), (const int32_t[]){__VA_ARGS__})

static void expect_permutation(const int32_t *got, int64_t count)
{
    bool seen[SAMPLES] = {false};
    for (int64_t i = 0; i < count; i++) {
        cr_assert(got[i] >= 0 && got[i] < SAMPLES && !seen[got[i]]);
        seen[got[i]] = true;
    }
}

/* Windows of 0, 1, ..., 9 in float rows of two; labels is their first number, or that of the targets. */
static void expect_windows(cn_dataset *data, int64_t count, const int32_t *x, const int32_t *y, int64_t length)
{
    cn_element element;
    cr_assert(data, "%s", cn_error_message());
    cr_expect_eq(cn_dataset_length(data), count);
    cn_iterator *iterator = cn_iterate(data, 0);
    for (int64_t i = 0; i < count; i++) {
        cr_assert(cn_next(iterator, &element));
        cr_assert(cn_shape_equal(element.x[0].shape, CN_SHAPE(length, 2)));
        for (int64_t j = 0; j < length; j++)
            cr_expect_eq(((const float *)element.x[0].data)[2 * j], (float)(x[i] + j));
        cr_expect_eq(element.y[0].data != NULL, y != NULL);
        if (y && element.y[0].type == CN_ARRAY_F32)
            cr_expect_eq(*(const float *)element.y[0].data, (float)y[i]);
        else if (y)
            cr_expect_eq(label_at(&element, 0), y[i]);
    }
    cr_expect_not(cn_next(iterator, &element));
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}
#define NUMBERS(...) ((const int32_t[]){__VA_ARGS__})

Test(dataset, of_windows_slides_along_a_sequence)
{
    cn_dataset_free(samples());
    cn_view sequence = cn_array(inputs[0], SAMPLES, 2), targets = cn_array(labels, SAMPLES);
    expect_windows(cn_dataset_windows(sequence, 4), 7, NUMBERS(0, 1, 2, 3, 4, 5, 6), NULL, 4);
    expect_windows(cn_dataset_windows(sequence, 4, .stride = 3), 3, NUMBERS(0, 3, 6), NULL, 4);
    expect_windows(cn_dataset_windows(sequence, 10), 1, NUMBERS(0), NULL, 10);
    expect_windows(cn_dataset_windows(sequence, 11), 0, NULL, NULL, 11);
    expect_windows(cn_dataset_windows(sequence, 4, .stride = 4, .ahead = 1), 2, NUMBERS(0, 4), NUMBERS(1, 5), 4);
    expect_windows(cn_dataset_windows(sequence, 4, .ahead = 7), 0, NULL, NULL, 4);
    expect_windows(cn_dataset_windows(sequence, 8, .targets = targets), 3, NUMBERS(0, 1, 2), NUMBERS(0, 1, 2), 8);
    expect_windows(cn_dataset_windows(sequence, 2, .stride = 2, .targets = cn_array(labels, 3)), 2, NUMBERS(0, 2),
                   NUMBERS(0, 2), 2);
    cn_dataset *data = cn_dataset_batch(cn_dataset_shuffle(cn_dataset_windows(sequence, 3, .ahead = 1)), 4);
    cr_expect_eq(cn_dataset_samples(data), 7);
    cn_dataset_free(data);
}

static void expect_refused(bool failed, cn_code code)
{
    cr_expect(failed);
    cr_expect_eq(cn_error_code(), code, "%s", cn_error_message());
    cn_error_clear();
}

Test(dataset, of_arrays_gives_samples)
{
    cn_dataset *data = samples();
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    cr_assert(cn_next(iterator, &element));
    cr_assert(cn_next(iterator, &element));
    cr_expect(cn_shape_equal(element.x[0].shape, CN_SHAPE(2)));
    cr_expect(cn_shape_equal(element.y[0].shape, CN_SHAPE()));
    cr_expect_eq(label_at(&element, 0), 1);
    cr_expect_null(element.sample_weight[0].data);
    cn_iterator_free(iterator);
    LABELS(data, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
}

Test(dataset, takes_skips_and_repeats)
{
    LABELS(cn_dataset_take(samples(), 3), 3, 0, 1, 2);
    LABELS(cn_dataset_take(samples(), 30), 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    LABELS(cn_dataset_skip(samples(), 8), 2, 8, 9);
    LABELS(cn_dataset_skip(samples(), 10), 0, 0);
    LABELS(cn_dataset_repeat(cn_dataset_take(samples(), 2), 3), 6, 0, 1, 0, 1, 0, 1);
    LABELS(cn_dataset_take(cn_dataset_repeat(cn_dataset_take(samples(), 2), CN_FOREVER), 5), 5, 0, 1, 0, 1, 0);
    LABELS(cn_dataset_skip(cn_dataset_repeat(cn_dataset_take(samples(), 3), 2), 4), 2, 1, 2);
    LABELS(cn_dataset_repeat(cn_dataset_take(samples(), 0), CN_FOREVER), 0, 0);
}

Test(dataset, splits)
{
    cn_dataset *first, *rest;
    cr_assert(cn_dataset_split(samples(), 7, &first, &rest));
    LABELS(first, 7, 0, 1, 2, 3, 4, 5, 6);
    LABELS(rest, 3, 7, 8, 9);
}

Test(dataset, batches_have_one_axis_more)
{
    cn_dataset *data = cn_dataset_batch(samples(), 4);
    cr_expect_eq(cn_dataset_length(data), 3);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    static const int64_t sizes[] = {4, 4, 2};
    for (int i = 0; i < 3; i++) {
        cr_assert(cn_next(iterator, &element));
        cr_expect(cn_shape_equal(element.x[0].shape, CN_SHAPE(sizes[i], 2)));
        cr_expect_eq(((const float *)element.x[0].data)[3], (float)(-4 * i - 1));
        cr_expect_eq(label_at(&element, sizes[i] - 1), 4 * i + sizes[i] - 1);
    }
    cr_expect_not(cn_next(iterator, &element));
    cr_expect_not(cn_next(iterator, &element));
    cn_iterator_free(iterator);
    cn_dataset_free(data);
    data = cn_dataset_batch(samples(), 4, .drop_remainder = true);
    int32_t got[SAMPLES];
    cr_expect_eq(read_labels(data, 0, got), 8);
    cr_expect_eq(cn_dataset_length(data), 2);
    cn_dataset_free(data);
}

Test(dataset, knows_the_number_of_samples_in_its_batches)
{
    cn_dataset *data = cn_dataset_batch(samples(), 4);
    cr_expect_eq(cn_dataset_samples(data), 10);
    data = cn_dataset_repeat(data, 2);
    cr_expect_eq(cn_dataset_samples(data), -1);
    cn_dataset_free(data);
    data = cn_dataset_batch(samples(), 4, .drop_remainder = true);
    cr_expect_eq(cn_dataset_samples(data), 8);
    cn_dataset_free(data);
    cr_expect_eq(cn_dataset_samples(NULL), -1);
}

static void expect_shuffled(cn_dataset *data)
{
    int32_t first[SAMPLES], again[SAMPLES], other[SAMPLES];
    cr_assert(data, "%s", cn_error_message());
    cr_assert_eq(read_labels(data, 0, first), SAMPLES);
    cr_assert_eq(read_labels(data, 0, again), SAMPLES);
    cr_assert_eq(read_labels(data, 1, other), SAMPLES);
    expect_permutation(first, SAMPLES);
    expect_permutation(other, SAMPLES);
    cr_expect_arr_eq(first, again, sizeof first);
    cr_expect_arr_neq(first, other, sizeof first);
    cn_dataset_free(data);
}

Test(dataset, shuffles_each_pass_in_an_order_of_its_own)
{
    expect_shuffled(cn_dataset_shuffle(samples()));
    expect_shuffled(cn_dataset_shuffle(samples(), .buffer = 4));
    expect_shuffled(cn_dataset_shuffle(samples(), .buffer = 100));
    expect_shuffled(cn_dataset_prefetch(cn_dataset_shuffle(samples(), .seed = 3), 2));
}

Test(dataset, a_buffer_moves_elements_ahead_by_less_than_its_size)
{
    int32_t got[SAMPLES];
    cn_dataset *data = cn_dataset_shuffle(samples(), .buffer = 3, .seed = 1);
    read_labels(data, 5, got);
    for (int i = 0; i < SAMPLES; i++)
        cr_expect_leq(got[i], i + 2);
    cn_dataset_free(data);
}

Test(dataset, a_buffer_takes_memory_for_its_elements_alone)
{
    enum { ELEMENTS = 1000 };
    cn_dataset *data = cn_dataset_shuffle(cn_dataset_repeat(samples(), CN_FOREVER), .buffer = ELEMENTS);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    counting.bytes = 0;
    cr_assert(cn_next(iterator, &element));
    cr_expect_lt(counting.bytes, ELEMENTS * 1024);
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}

Test(dataset, repeats_are_passes_of_their_own)
{
    int32_t got[2 * SAMPLES], second[SAMPLES];
    cn_dataset *shuffled = cn_dataset_shuffle(samples());
    read_labels(shuffled, 1, second);
    cn_dataset *data = cn_dataset_repeat(shuffled, 2);
    cr_assert_eq(read_labels(data, 0, got), 2 * SAMPLES);
    cr_expect_arr_eq(got + SAMPLES, second, sizeof second);
    cn_dataset_free(data);
}

/* (i, -i) becomes (i, 10 i). */
static bool times_ten(void *context, cn_iterator *iterator, cn_element *element)
{
    const float *x = element->x[0].data;
    cn_view changed = cn_element_array(iterator, CN_ARRAY_F32, CN_SHAPE(2));
    if (!changed.data || (context && x[0] > 3))
        return cn_fail(CN_VALUE, "times_ten: %g is too large", (double)x[0]);
    float *to = (float *)(uintptr_t)changed.data;
    to[0] = x[0];
    to[1] = 10 * x[0];
    element->x[0] = changed;
    return true;
}

Test(dataset, maps)
{
    cn_dataset *data = cn_dataset_prefetch(cn_dataset_batch(cn_dataset_map(samples(), times_ten, NULL), 4), 1);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    cr_assert(cn_next(iterator, &element));
    cr_assert(cn_next(iterator, &element));
    cr_expect_eq(((const float *)element.x[0].data)[3], 50);
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}

Test(dataset, errors_of_functions_come_through_threads)
{
    int context = 0, count = 0;
    cn_dataset *data = cn_dataset_prefetch(cn_dataset_map(samples(), times_ten, &context), 3);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    while (cn_next(iterator, &element))
        count++;
    cr_expect_eq(count, 4);
    cr_expect_str_eq(cn_error_message(), "times_ten: 4 is too large");
    expect_refused(true, CN_VALUE);
    cr_expect_not(cn_next(iterator, &element));
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}

static bool begin_counting(void *context)
{
    *(int *)context = 0;
    return true;
}
static int next_count(void *context, cn_iterator *iterator, cn_element *element)
{
    int *count = context;
    if (*count == 4)
        return 0;
    element->x[0] = cn_element_array(iterator, CN_ARRAY_F32, CN_SHAPE(2));
    element->y[0] = cn_element_array(iterator, CN_ARRAY_I32, CN_SHAPE());
    ((float *)(uintptr_t)element->x[0].data)[0] = (float)*count;
    *(int32_t *)(uintptr_t)element->y[0].data = (*count)++;
    return 1;
}

Test(dataset, generators_begin_each_pass)
{
    int count;
    cn_dataset *data = cn_dataset_generator((cn_generator){&count, begin_counting, next_count, 4});
    LABELS(cn_dataset_repeat(data, 2), 8, 0, 1, 2, 3, 0, 1, 2, 3);
}

Test(dataset, a_generator_need_not_know_its_length)
{
    int count;
    cn_dataset *data = cn_dataset_generator((cn_generator){&count, begin_counting, next_count, .length = 0});
    data = cn_dataset_batch(data, 3);
    cr_expect_eq(cn_dataset_length(data), -1);
    cr_expect_eq(cn_dataset_samples(data), -1);
    cn_dataset_free(data);
}

Test(dataset, an_iterator_outlives_its_data_set)
{
    cn_dataset *data = cn_dataset_prefetch(cn_dataset_repeat(samples(), CN_FOREVER), 2);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_dataset_free(data);
    cn_element element;
    for (int i = 0; i < 25; i++) {
        cr_assert(cn_next(iterator, &element));
        cr_expect_eq(label_at(&element, 0), i % 10);
    }
    cn_iterator_free(iterator);
}

static bool unchanged(void *context, cn_iterator *iterator, cn_element *element)
{
    (void)context, (void)iterator, (void)element;
    return true;
}

enum { MOST = 4000 };

/* Applies a transformation drawn by `random` to a data set and to the labels that it should give. */
static cn_dataset *transform(cn_dataset *data, uint64_t random, int32_t *sequence, int64_t *count, bool *in_order)
{
    int64_t n = (int64_t)(random / 8 % 12), kept = n < *count ? n : *count, all = *count;
    switch (random % 8) {
    case 0:
        *count = kept;
        return cn_dataset_take(data, n);
    case 1:
        *count -= kept;
        memmove(sequence, sequence + kept, (size_t)*count * sizeof *sequence);
        return cn_dataset_skip(data, n);
    case 2:
        for (int64_t i = 0; i < all * (n % 3); i++)
            sequence[(*count)++] = sequence[i % all];
        return cn_dataset_repeat(data, 1 + n % 3);
    case 3:
        *in_order = false;
        return cn_dataset_shuffle(data, .buffer = 1 + n, .seed = random);
    case 4:
        return cn_dataset_prefetch(data, 1 + (int)n);
    case 5:
        return cn_dataset_map(data, unchanged, NULL);
    case 6: {
        cn_dataset *first, *rest;
        cr_assert(cn_dataset_split(data, n, &first, &rest));
        cn_dataset_free(rest);
        *count = kept;
        return first;
    }
    default: {
        cn_dataset *whole = cn_dataset_shuffle(data, .seed = random);
        *in_order = *in_order && !whole;
        if (whole)
            return whole;
        /* Not of arrays any more: the data set is lost. */
        cn_error_clear();
        *count = SAMPLES;
        *in_order = true;
        for (int32_t i = 0; i < SAMPLES; i++)
            sequence[i] = i;
        return samples();
    }
    }
}

Test(dataset, transformations_compose_in_any_order)
{
    static int32_t wanted[MOST], got[MOST];
    uint64_t state = 17;
    for (int round = 0; round < 300; round++) {
        cn_dataset *data = samples();
        int64_t count = SAMPLES;
        bool in_order = true;
        memcpy(wanted, labels, sizeof labels);
        for (int steps = 0; steps < 5; steps++)
            data = transform(data, next_random(&state), wanted, &count, &in_order);
        cr_assert(data, "%s", cn_error_message());
        cr_assert_eq(cn_dataset_length(data), count);
        cr_assert_eq(read_labels(data, (uint64_t)round, got), count);
        if (in_order)
            cr_expect_arr_eq(got, wanted, (size_t)count * sizeof *got);
        cn_dataset_free(data);
    }
}

Test(dataset, wrong_use_is_refused_and_frees_what_was_taken_over)
{
    int count;
    cn_dataset *first, *rest;
    expect_refused(!cn_dataset_batch(samples(), 0), CN_ARGUMENT);
    expect_refused(!cn_dataset_batch(NULL, 4), CN_ARGUMENT);
    expect_refused(!cn_dataset_take(samples(), -1), CN_ARGUMENT);
    expect_refused(!cn_dataset_repeat(samples(), 0), CN_ARGUMENT);
    expect_refused(!cn_dataset_map(samples(), NULL, NULL), CN_ARGUMENT);
    expect_refused(!cn_dataset_prefetch(samples(), 0), CN_ARGUMENT);
    expect_refused(!cn_dataset_shuffle(samples(), .buffer = -1), CN_ARGUMENT);
    expect_refused(!cn_dataset_shuffle(cn_dataset_generator((cn_generator){&count, NULL, next_count, -1})),
                   CN_ARGUMENT);
    expect_refused(!cn_dataset_split(samples(), -1, &first, &rest), CN_ARGUMENT);
    expect_refused(!cn_dataset_arrays({cn_array(inputs[0], 10, 2)}, {cn_array(labels, 9)}), CN_ARGUMENT);
    expect_refused(!cn_dataset_arrays({cn_array_with(labels, CN_ARRAY_I32, false, CN_SHAPE())}), CN_ARGUMENT);
    expect_refused(!cn_iterate(NULL, 0), CN_ARGUMENT);
    cn_view sequence = cn_array(inputs[0], SAMPLES, 2);
    expect_refused(!cn_dataset_windows(sequence, 0), CN_ARGUMENT);
    expect_refused(!cn_dataset_windows(sequence, 2, .stride = 0), CN_ARGUMENT);
    expect_refused(!cn_dataset_windows(sequence, 2, .ahead = -1), CN_ARGUMENT);
    expect_refused(!cn_dataset_windows(sequence, 2, .ahead = 1, .targets = sequence), CN_ARGUMENT);
    expect_refused(!cn_dataset_windows((cn_view){0}, 2), CN_ARGUMENT);
}

Test(dataset, elements_of_a_batch_must_be_alike)
{
    cn_dataset *data = cn_dataset_batch(cn_dataset_batch(samples(), 4), 3);
    cn_iterator *iterator = cn_iterate(data, 0);
    cn_element element;
    expect_refused(!cn_next(iterator, &element), CN_SHAPES);
    cn_iterator_free(iterator);
    cn_dataset_free(data);
}

Test(dataset, running_out_of_memory_leaks_nothing)
{
    for (long limit = 0; limit < 40; limit++) {
        counting_start(limit);
        cn_dataset *data = cn_dataset_batch(cn_dataset_shuffle(samples(), .buffer = 3), 4);
        cn_iterator *iterator = data ? cn_iterate(data, 0) : NULL;
        cn_element element;
        while (cn_next(iterator, &element))
            ;
        cn_iterator_free(iterator);
        cn_dataset_free(data);
        cr_assert(!cn_failed() || cn_error_code() == CN_MEMORY);
        cr_assert_eq(counting.live, 0);
        cn_error_clear();
    }
}
