#include "training/batches.h"
#include "core/arena.h"
#include "data/arrays.h"
#include <string.h>

_Static_assert((int)CN_MAX_COLUMNS == (int)CN_MAX_OUTPUTS,
               "an element of a data set has an array for each input and output");

bool cn_batches_given(const cn_batches *batches)
{
    return batches->data || batches->arrays.samples > 0;
}

int64_t cn_batches_steps(const cn_batches *batches)
{
    if (!batches->data)
        return (batches->arrays.samples + batches->batch_size - 1) / batches->batch_size;
    int64_t length = cn_dataset_length(batches->data);
    return length > 0 ? length : 0;
}

void cn_batches_rewind(cn_batches *batches)
{
    batches->next = batches->taken = 0;
    cn_iterator_free(batches->iterator);
    batches->iterator = NULL;
}

void cn_batches_end(cn_batches *batches)
{
    cn_batches_rewind(batches);
    cn_release(batches->order);
}

static bool begin_pass(cn_batches *batches, uint64_t pass)
{
    batches->pass = pass;
    if (batches->data)
        return (batches->iterator = cn_iterate(batches->data, pass)) != NULL;
    if (batches->order)
        cn_shuffle(batches->order, batches->arrays.samples, cn_default_seed(), pass);
    return true;
}

/* Passes are numbered by the model's steps, so that each draws another order. */
static bool begin_next_pass(cn_batches *batches)
{
    return begin_pass(batches, (uint64_t)batches->model->step);
}

bool cn_batches_go_on(cn_batches *batches, uint64_t pass, int64_t taken)
{
    cn_element skipped;
    cn_batches_rewind(batches);
    if (taken == 0)
        return true;
    if (!begin_pass(batches, pass))
        return false;
    batches->taken = taken;
    if (!batches->data) {
        int64_t samples = batches->arrays.samples, steps = cn_batches_steps(batches);
        batches->next = taken < steps ? taken * batches->batch_size : samples;
        return true;
    }
    for (int64_t i = 0; i < taken; i++)
        if (!cn_next(batches->iterator, &skipped))
            return cn_fail(CN_ARGUMENT, "%s: the data set has fewer batches than were taken of it", batches->who);
    return true;
}

static bool next_of_data(cn_batches *batches, cn_batch *batch)
{
    cn_element element;
    if (!batches->iterator && !begin_next_pass(batches))
        return false;
    if (!cn_next(batches->iterator, &element)) {
        cn_batches_rewind(batches);
        return false;
    }
    cn_arrays *arrays = &batches->arrays;
    cn_arrays_take(arrays, element.x, element.y, element.sample_weight);
    if (!cn_check_arrays(batches->model, batches->who, arrays, batches->targets))
        return false;
    *batch = (cn_batch){NULL, 0, arrays->samples};
    batches->taken++;
    return true;
}

bool cn_next_batch(cn_batches *batches, cn_batch *batch)
{
    if (cn_failed())
        return false;
    if (batches->data)
        return next_of_data(batches, batch);
    int64_t left = batches->arrays.samples - batches->next;
    if (left == 0) {
        cn_batches_rewind(batches);
        return false;
    }
    if (batches->next == 0 && !begin_next_pass(batches))
        return false;
    *batch = (cn_batch){batches->order ? batches->order + batches->next : NULL, batches->next,
                        left < batches->batch_size ? left : batches->batch_size};
    batches->next += batch->count;
    batches->taken++;
    return true;
}
