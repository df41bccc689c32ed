/* Private: a copy of all weights of a model, for callbacks that put them back. */
#ifndef CN_TRAINING_WEIGHTS_COPY_H
#define CN_TRAINING_WEIGHTS_COPY_H
#include "training/callback.h"

typedef struct cn_weights_copy {
    struct {
        cn_tensor *variable;
        void *values;
    } * weight; /* NULL: there is no copy */
    int count;
} cn_weights_copy;

/* Copies what the weights are now, into the copy that there is or a new one. */
bool cn_copy_weights(const cn_model *model, cn_weights_copy *copy);
/* Sets the weights to the copy, while an error is set, too. */
void cn_restore_weights(const cn_weights_copy *copy);
/* Whether there is a copy, and what it holds, as part of a callback's `keep`. */
bool cn_keep_weights(cn_keeper *keeper, const char *name, const cn_model *model, cn_weights_copy *copy);
void cn_free_weights(cn_weights_copy *copy);
#endif
