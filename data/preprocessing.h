/* Data and the layers that learn from it. */
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

#ifdef __cplusplus
}
#endif
#endif
