/* Initializers: values that say how a weight begins. Names and formulas are Keras'; the numbers come from the thread's
 * seed and the weight's name, so that a run repeats. */
#ifndef CN_LAYERS_INITIALIZER_H
#define CN_LAYERS_INITIALIZER_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_initializer cn_initializer;
struct cn_initializer {
    const char *name; /* Keras' class name, "GlorotUniform"; NULL: not given */
    /* Fills count = size of shape values. `seed` and `stream` are what random numbers are drawn by. */
    bool (*fill)(const cn_initializer *self, cn_shape shape, uint64_t seed, uint64_t stream, double *values);
    double option[4];
    int64_t seed; /* of this initializer: the same values at every use. -1: the thread's */
};

#ifdef __cplusplus
}
#endif
#endif
