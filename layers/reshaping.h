/* Layers that only give their input another shape. Masks do not pass. */
#ifndef CN_LAYERS_RESHAPING_H
#define CN_LAYERS_RESHAPING_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cn_data_format { CN_CHANNELS_LAST, CN_CHANNELS_FIRST } cn_data_format;

/* (B, ...) to (B, all of them); (B,) to (B, 1). With .data_format = CN_CHANNELS_FIRST the elements come in the order
 * they would have with channels last. */
typedef struct cn_flatten_args {
    char first_;
    cn_data_format data_format;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_flatten_args;
#define cn_flatten(...) cn_flatten_with((cn_flatten_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_flatten_with(cn_flatten_args args);

/* The samples in another shape, of which one dimension may be -1: cn_reshape_layer(CN_SHAPE(3, -1)). */
typedef struct cn_reshape_args {
    char first_;
    cn_shape target_shape;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_reshape_args;
#define cn_reshape_layer(...) cn_reshape_layer_with((cn_reshape_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_reshape_layer_with(cn_reshape_args args);

#ifdef __cplusplus
}
#endif
#endif
