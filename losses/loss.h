/* Losses: values that say how far predictions are from what they should be. Formulas, defaults and reductions are
 * Keras' (keras.io/api/losses). */
#ifndef CN_LOSSES_LOSS_H
#define CN_LOSSES_LOSS_H
#include "../core/tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cn_reduction {
    CN_SUM_OVER_BATCH_SIZE,     /* the weighted sum over the number of elements; weights do not change the divisor */
    CN_MEAN_WITH_SAMPLE_WEIGHT, /* the weighted sum over the sum of the weights */
    CN_SUM,
    CN_NO_REDUCTION
} cn_reduction;

typedef struct cn_loss cn_loss;
struct cn_loss {
    const char *name; /* Keras' function name, "categorical_crossentropy"; NULL: no loss */
    /* One value a sample (more axes for outputs with more than two), on the tape of y_pred. */
    cn_tensor *(*values)(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred);
    /* Of a loss of the user's own, made by cn_loss_from. */
    cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred);
    bool integer_labels; /* y_true holds class numbers: it is fed as I32 */
    bool from_logits;
    int axis;
    cn_reduction reduction;
    double label_smoothing;
    int64_t ignore_class; /* CN_NONE: none */
    double option[4];
};

/* A loss of the user's own: one value a sample. */
CN_API cn_loss cn_loss_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred));

/* The loss of predictions, reduced: weights may be NULL, of shape (batch,) or the shape of the loss's values; a mask
 * riding on y_pred counts as Keras has it (reference: keras.losses.Loss.__call__). */
CN_API cn_tensor *cn_loss_of(cn_loss loss, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight);

#ifdef __cplusplus
}
#endif
#endif
