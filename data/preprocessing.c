#include "data/preprocessing.h"
#include "core/engine.h"

static bool adapt(cn_layer *layer, cn_batch_source source)
{
    if (cn_failed())
        return false;
    if (!layer || !layer->type->adapt)
        return cn_fail(CN_ARGUMENT, "adapt: %s learns nothing from data", layer ? layer->name : "no layer");
    return layer->type->adapt(layer, &source);
}

/* Once. */
static int next_of_array(void *context, cn_view *batch)
{
    cn_view *array = context;
    *batch = *array;
    array->data = NULL;
    return batch->data != NULL;
}

bool cn_adapt_array(cn_layer *layer, cn_view batch)
{
    if (!cn_failed() && (!batch.data || batch.shape.rank < 1 || cn_shape_size(batch.shape) < 0))
        return cn_fail(CN_ARGUMENT, "adapt: the first axis of an array must be the samples");
    return adapt(layer, (cn_batch_source){next_of_array, &batch});
}

static int next_of_dataset(void *context, cn_view *batch)
{
    cn_element element;
    if (!cn_next(context, &element))
        return cn_failed() ? -1 : 0;
    *batch = element.x[0];
    return batch->shape.rank > 0 || cn_fail(CN_SHAPES, "adapt: the data set must be batched") ? 1 : -1;
}

bool cn_adapt_dataset(cn_layer *layer, cn_dataset *data)
{
    cn_iterator *iterator = cn_iterate(data, 0);
    bool done = iterator && adapt(layer, (cn_batch_source){next_of_dataset, iterator});
    cn_iterator_free(iterator);
    return done;
}
