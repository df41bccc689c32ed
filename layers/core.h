/* Keras' core layers: Dense, TernaryDense, Embedding, ReversibleEmbedding, Masking, Identity, Lambda. Inputs and
 * outputs have the batch as their first axis. */
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

/* A Dense layer whose kernel is taken for -1, 0 or 1 times one number: the signs of those weights whose size is above
 * .threshold, 0 for the others. By default the threshold is half of the mean size, and the product with x is multiplied
 * by that mean (Ma et al. 2024, BitNet b1.58). Gradients go to the kernel as if it had been used as it is. CN_ARGUMENT
 * if the threshold is negative. */
typedef struct cn_ternary_dense_args {
    char first_;
    int64_t units;
    double threshold; /* CN_NONE: the default */
    cn_activation *activation;
    bool use_bias;
    cn_initializer kernel_initializer, bias_initializer;
    cn_regularizer kernel_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, bias_constraint;
    const char *name;
} cn_ternary_dense_args;
#define CN_TERNARY_DENSE_DEFAULTS .threshold = CN_NONE, .use_bias = true
#define cn_ternary_dense(...) \
    cn_ternary_dense_with((cn_ternary_dense_args){CN_TERNARY_DENSE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_ternary_dense_with(cn_ternary_dense_args args);
CN_API cn_ternary_dense_args cn_ternary_dense_defaults(void);

/* A row of numbers for each integer: (...) to (..., output_dim). Weight: embeddings (input_dim, output_dim), from
 * random_uniform or, if they are given, .weights, which are read when the layer is built. Ids of any type are taken as
 * int32; one that is not in [0, input_dim) ends the run with CN_VALUE. With .mask_zero the output has a mask: what is
 * not 0. */
typedef struct cn_embedding_args {
    char first_;
    int64_t input_dim, output_dim;
    cn_initializer embeddings_initializer;
    cn_regularizer embeddings_regularizer, activity_regularizer;
    cn_constraint embeddings_constraint;
    bool mask_zero;
    cn_view weights;
    const char *name;
} cn_embedding_args;
#define cn_embedding(...) cn_embedding_with((cn_embedding_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_embedding_with(cn_embedding_args args);

/* An Embedding that also works the other way round: cn_call_many(layer, {x}, .reverse = true) gives a logit for each
 * id,
 * (..., output_dim) to (..., input_dim), x times the transposed embeddings (Press and Wolf 2017) or, unless
 * .tie_weights, times another weight, reverse_embeddings (output_dim, input_dim). With .logit_soft_cap c it gives c
 * tanh(logits / c). CN_ARGUMENT if c is not positive. */
typedef struct cn_reversible_embedding_args {
    char first_;
    int64_t input_dim, output_dim;
    bool tie_weights; /* true by default */
    cn_initializer embeddings_initializer;
    cn_regularizer embeddings_regularizer, activity_regularizer;
    cn_constraint embeddings_constraint;
    bool mask_zero;
    double logit_soft_cap; /* CN_NONE, the default: none */
    cn_view weights;
    const char *name;
} cn_reversible_embedding_args;
#define CN_REVERSIBLE_EMBEDDING_DEFAULTS .tie_weights = true, .logit_soft_cap = CN_NONE
#define cn_reversible_embedding(...) \
    cn_reversible_embedding_with(    \
        (cn_reversible_embedding_args){CN_REVERSIBLE_EMBEDDING_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_reversible_embedding_with(cn_reversible_embedding_args args);
CN_API cn_reversible_embedding_args cn_reversible_embedding_defaults(void);

/* Gives (batch, ..., D) a mask (batch, ...): 0 where all D values are mask_value. They become 0. */
typedef struct cn_masking_args {
    char first_;
    double mask_value;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_masking_args;
/* cn_masking(), cn_masking(-1) */
#define cn_masking(...) cn_masking_with((cn_masking_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_masking_with(cn_masking_args args);

/* Its input, with its mask. */
typedef struct cn_identity_layer_args {
    char first_;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_identity_layer_args;
#define cn_identity_layer(...) cn_identity_layer_with((cn_identity_layer_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_identity_layer_with(cn_identity_layer_args args);

/* A function of the user's own as a layer: cn_lambda(cn_square). One that looks at more than one input, at masks, at
 * whether it is training, or at arguments, is given as .call instead: cn_lambda(.call = scale, .arguments = &factor).
 * Weights are the business of a layer class.
 *
 * The output has no mask but what .mask gives, which may return NULL. With .output_shape, of a sample (-1: any size),
 * an output of another shape is an error; without it the shape is found by calling the function. For reading a
 * .function from a config cn_register_activation gives it a name; the pointers cannot be read. CN_ARGUMENT unless there
 * is one of .function and .call. */
typedef cn_tensor *cn_lambda_function(const cn_layer_call *call, const void *arguments);
typedef struct cn_lambda_args {
    char first_;
    cn_activation *function;
    cn_shape output_shape;
    cn_lambda_function *mask;
    const void *arguments; /* of .call and .mask; stays the caller's */
    cn_lambda_function *call;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_lambda_args;
#define cn_lambda(...) cn_lambda_with((cn_lambda_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_lambda_with(cn_lambda_args args);

#ifdef __cplusplus
}
#endif
#endif
