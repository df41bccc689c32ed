/* Data and the layers that prepare it. */
#ifndef CN_DATA_PREPROCESSING_H
#define CN_DATA_PREPROCESSING_H
#include "../layers/layer.h"
#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Lets a layer learn from data before training (layers/features.h): cn_adapt(layer, cn_array(x, 100, 3)), or a data set
 * of batches, of which it takes the first input. What it had learnt before is replaced. CN_ARGUMENT for a layer that
 * learns nothing so, CN_VALUE if there is no data; on failure what it knew stays. */
#define cn_adapt(layer, data) \
    _Generic((data), cn_view : cn_adapt_array, cn_dataset * : cn_adapt_dataset)((layer), (data))
CN_API bool cn_adapt_array(cn_layer *layer, cn_view batch);
CN_API bool cn_adapt_dataset(cn_layer *layer, cn_dataset *data);

/* Elements with the layer's output, called as in training, in place of their first input, a sample or a batch of any
 * type. What random layers draw depends on the thread's seed when this is called, the pass and the number of the
 * element, so that a run repeats, prefetched or not. The layer must stay until the data set is freed. As the other
 * transformations of data/dataset.h. */
CN_API cn_dataset *cn_dataset_map_layer(cn_dataset *data, cn_layer *layer);

#ifdef __cplusplus
}
#endif
#endif
