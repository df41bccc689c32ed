/* Keras' core layers: Dense, Activation, Embedding. Inputs and outputs have the batch as their first axis. */
#ifndef CN_LAYERS_CORE_H
#define CN_LAYERS_CORE_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* activation(x W + b) on the last axis: (..., D) to (..., units). Weights: kernel (D, units), bias (units). Without an
 * activation it is linear; initializers are glorot_uniform and zeros. CN_ARGUMENT if units < 1. */
typedef struct cn_dense_args {
    char first_;
    int64_t units;
    cn_activation *activation;
    bool use_bias;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    const char *name;
} cn_dense_args;
#define CN_DENSE_DEFAULTS .use_bias = true
/* cn_dense(5), cn_dense(5, cn_relu), cn_dense(5, .use_bias = false) */
#define cn_dense(...) cn_dense_with((cn_dense_args){CN_DENSE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_dense_with(cn_dense_args args);
CN_API cn_dense_args cn_dense_defaults(void);

/* An activation as a layer: cn_activation_layer(cn_relu). */
typedef struct cn_activation_args {
    char first_;
    cn_activation *activation;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_activation_args;
#define cn_activation_layer(...) cn_activation_layer_with((cn_activation_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_activation_layer_with(cn_activation_args args);

/* A row of numbers for each integer: (...) to (..., output_dim). Weight: embeddings (input_dim, output_dim), from
 * random_uniform. Ids of any type are taken as int32; one that is not in [0, input_dim) ends the run with CN_VALUE.
 * With .mask_zero the output has a mask: what is not 0. */
typedef struct cn_embedding_args {
    char first_;
    int64_t input_dim, output_dim;
    cn_initializer embeddings_initializer;
    cn_regularizer embeddings_regularizer, activity_regularizer;
    cn_constraint embeddings_constraint;
    bool mask_zero;
    const char *name;
} cn_embedding_args;
#define cn_embedding(...) cn_embedding_with((cn_embedding_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_embedding_with(cn_embedding_args args);

#ifdef __cplusplus
}
#endif
#endif
