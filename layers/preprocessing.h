/* Layers that prepare data. */
#ifndef CN_LAYERS_PREPROCESSING_H
#define CN_LAYERS_PREPROCESSING_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x scale + offset, of any shape; integers become floats. cn_rescaling(1.0 / 255) */
typedef struct cn_rescaling_args {
    char first_;
    double scale, offset;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_rescaling_args;
#define cn_rescaling(...) cn_rescaling_with((cn_rescaling_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_rescaling_with(cn_rescaling_args args);

#ifdef __cplusplus
}
#endif
#endif
