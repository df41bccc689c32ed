/* Losses: values that say how far predictions are from what they should be. Formulas, defaults and reductions are
 * Keras' (keras.io/api/losses). */
#ifndef CN_LOSSES_LOSS_H
#define CN_LOSSES_LOSS_H
#include "../core/ops/reduction.h"
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

/* The arguments of every loss; one that a loss does not have is refused. */
typedef struct cn_loss cn_loss;
struct cn_loss {
    char first_;
    bool from_logits; /* predictions are logits, not probabilities */
    double label_smoothing;
    int axis; /* of the classes, or of the vectors */
    cn_reduction reduction;
    int64_t ignore_class; /* a label that does not count; CN_NONE: none */
    double delta;         /* where a Huber loss becomes linear */
    /* Of losses that are named where these are explained: crossentropy.h, overlap.h, circle.h. */
    double alpha, beta, gamma, q, margin;
    bool apply_class_balancing, remove_diagonal;
    cn_axes axes;        /* several, instead of axis */
    double option[4];    /* free for losses of the user's own */
    const char *name;    /* Keras' function name, "categorical_crossentropy"; NULL: no loss */
    bool integer_labels; /* y_true holds class numbers: it is fed as I32, */
    bool any_labels;     /* or need not have the shape of y_pred: values() says what fits */
    /* One value a sample (more axes for outputs with more than two), on the tape of y_pred. */
    cn_tensor *(*values)(const cn_loss *self, cn_tensor *y_true, cn_tensor *y_pred);
    /* Of a loss of the user's own, made by cn_loss_from. */
    cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred);
};
#define CN_LOSS_DEFAULTS .axis = -1, .ignore_class = CN_NONE

/* A loss of the user's own: one value a sample. */
CN_API cn_loss cn_loss_from(const char *name, cn_tensor *(*function)(cn_tensor *y_true, cn_tensor *y_pred));

/* A built-in loss with its default arguments, by Keras' name: of the class ("MeanSquaredError"), of the function
 * ("mean_squared_error") or short ("mse"). An error for any other name. */
CN_API cn_loss cn_loss_named(const char *name);

/* What the loss of each sample is, before weights and reduction. Ranks that differ by a last axis of 1 are reconciled;
 * y_true is converted to the type that the loss wants. */
CN_API cn_tensor *cn_loss_values(cn_loss loss, cn_tensor *y_true, cn_tensor *y_pred);
/* The loss of predictions, reduced: weights may be NULL, of shape (), (batch,) or the shape of the loss's values, to
 * which they are broadcast from the left; a loss of one value is spread over them. A mask that rides on y_pred counts:
 * the mean is over what it keeps. */
CN_API cn_tensor *cn_loss_of(cn_loss loss, cn_tensor *y_true, cn_tensor *y_pred, cn_tensor *sample_weight);

#ifdef __cplusplus
}
#endif
#endif
