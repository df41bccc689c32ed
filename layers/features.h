/* Layers that prepare the features of a table. */
#ifndef CN_LAYERS_FEATURES_H
#define CN_LAYERS_FEATURES_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How categories, numbers from 0 to count - 1, are written; others count for nothing.
 *   CN_MULTI_HOT  (n) to (count), (B, n, ...) to (B, ..., count): 1 where the category is among the n, else 0
 *   CN_ONE_HOT    (...) or (..., 1) to (..., count): 1 at the category, else 0
 *   CN_COUNT      as CN_MULTI_HOT, but how often; inputs of rank 0 to 2 */
typedef enum cn_output_mode { CN_MULTI_HOT, CN_ONE_HOT, CN_COUNT } cn_output_mode;

/* Categories, whole numbers of any type: cn_category_encoding(10). For CN_COUNT a second input of the
 * same shape has what each counts, by default 1: cn_call_many(layer, {x, weights}), Keras' count_weights. */
typedef struct cn_category_encoding_args {
    char first_;
    int64_t num_tokens;
    cn_output_mode output_mode;
    const char *name;
} cn_category_encoding_args;
#define cn_category_encoding(...) cn_category_encoding_with((cn_category_encoding_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_category_encoding_with(cn_category_encoding_args args);

#ifdef __cplusplus
}
#endif
#endif
