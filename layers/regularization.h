/* Layers that regularize by noise: the identity when not training. Masks pass. */
#ifndef CN_LAYERS_REGULARIZATION_H
#define CN_LAYERS_REGULARIZATION_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sets a share `rate` of the elements to 0 and multiplies the others by 1 / (1 - rate) (Srivastava et al. 2014).
 * .noise_shape, which may have -1 for the input's size, gives what is drawn: a 1 in it means one draw for all along
 * that axis. */
typedef struct cn_dropout_args {
    char first_;
    double rate;
    cn_shape noise_shape; /* with the batch; rank 0: the input's */
    int64_t seed;         /* -1: the thread's */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_dropout_args;
#define CN_DROPOUT_DEFAULTS .seed = -1
/* cn_dropout(0.5) */
#define cn_dropout(...) cn_dropout_with((cn_dropout_args){CN_DROPOUT_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_dropout_with(cn_dropout_args args);
CN_API cn_dropout_args cn_dropout_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
