/* Regularizers, penalties on weights or outputs, and constraints, projections after each update: values. */
#ifndef CN_LAYERS_REGULARIZER_H
#define CN_LAYERS_REGULARIZER_H
#include "../core/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_regularizer cn_regularizer;
struct cn_regularizer {
    const char *name; /* Keras' class name, "L2"; NULL: none */
    /* The penalty, a scalar, of a tensor on a tape. */
    cn_tensor *(*penalty)(const cn_regularizer *self, cn_tensor *x);
    double option[4];
};

typedef struct cn_constraint cn_constraint;
struct cn_constraint {
    const char *name; /* "MaxNorm"; NULL: none */
    /* The tensor nearest to w that is allowed. */
    cn_tensor *(*project)(const cn_constraint *self, cn_tensor *w);
    double option[4];
    cn_shape axis;
};

#ifdef __cplusplus
}
#endif
#endif
