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
    batches->next = 0;
    cn_iterator_free(batches->iterator);
    batches->iterator = NULL;
}

void cn_batches_end(cn_batches *batches)
{
    cn_batches_rewind(batches);
    cn_release(batches->order);
}

/* Passes are numbered by the model's steps, so that a run that goes on draws the orders that it would have drawn. */
static uint64_t number_of_pass(const cn_batches *batches)
{
    return (uint64_t)batches->model->step;
}

static bool next_of_data(cn_batches *batches, cn_batch *batch)
{
    cn_element element;
    if (!batches->iterator && !(batches->iterator = cn_iterate(batches->data, number_of_pass(batches))))
        return false;
    if (!cn_next(batches->iterator, &element)) {
        cn_batches_rewind(batches);
        return false;
    }
    cn_arrays *arrays = &batches->arrays;
    memcpy(arrays->x, element.x, sizeof arrays->x);
    memcpy(arrays->y, element.y, sizeof arrays->y);
    memcpy(arrays->weight, element.sample_weight, sizeof arrays->weight);
    if (!cn_check_arrays(batches->model, batches->who, arrays, batches->targets))
        return false;
    *batch = (cn_batch){NULL, 0, arrays->samples};
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
    if (batches->next == 0 && batches->order)
        cn_shuffle(batches->order, batches->arrays.samples, cn_default_seed(), number_of_pass(batches));
    *batch = (cn_batch){batches->order ? batches->order + batches->next : NULL, batches->next,
                        left < batches->batch_size ? left : batches->batch_size};
    batches->next += batch->count;
    return true;
}
