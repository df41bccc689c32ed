#include "data/preprocessing.h"
#include "core/engine.h"
#include "core/random_numbers.h"
#include "data/iterator.h"

/* Adapting */

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

/* Mapping */

static bool apply(void *context, cn_iterator *iterator, cn_element *element)
{
    cn_layer *layer = context;
    cn_view *x = &element->x[0], out = {.data = NULL};
    bool floats = x->type == CN_ARRAY_F32 || x->type == CN_ARRAY_F64;
    cn_tape *tape = cn_tape_new(.training = true);
    if (!tape)
        return false;
    tape->seed = iterator->data->seed;
    tape->step_value = (int64_t)(cn_philox_key(iterator->pass, (uint64_t)iterator->index) & INT32_MAX);
    cn_tensor *y = cn_call_layer(layer, cn_constant_as(tape, *x, floats ? layer->dtype : CN_I32));
    if (y)
        out = cn_element_array(iterator, cn_array_type_of(cn_dtype_of(y)), cn_shape_of(y));
    bool done = out.data && cn_values(y, out);
    out.writable = false;
    *x = out;
    cn_tape_free(tape);
    return done;
}

cn_dataset *cn_dataset_map_layer(cn_dataset *data, cn_layer *layer)
{
    if (!cn_failed() && !layer)
        return cn_dataset_refuse(data, "dataset_map_layer", "the layer is NULL");
    cn_dataset *mapped = cn_dataset_map(data, apply, layer);
    if (mapped)
        mapped->seed = cn_default_seed();
    return mapped;
}
