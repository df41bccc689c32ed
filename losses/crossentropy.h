/* Cross-entropies. Predictions are probabilities, or logits with .from_logits = true. Probabilities are clipped to
 * [1e-7, 1 - 1e-7], with a gradient of zero beyond; those that a softmax along the last axis or a sigmoid has just made
 * are traced back to their logits instead, which loses nothing. */
#ifndef CN_LOSSES_CROSSENTROPY_H
#define CN_LOSSES_CROSSENTROPY_H
#include "loss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -sum over classes of y_true log p, p being divided by its sum first. y_true has the shape of y_pred;
 * .label_smoothing s makes it y (1 - s) + s / classes. cn_categorical_crossentropy(), (.from_logits = true) */
#define cn_categorical_crossentropy(...) \
    cn_categorical_crossentropy_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_categorical_crossentropy_with(cn_loss args);
/* The same from class numbers, of the shape of y_pred without the classes (or with 1 instead). Samples with the label
 * .ignore_class do not count. */
#define cn_sparse_categorical_crossentropy(...) \
    cn_sparse_categorical_crossentropy_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_sparse_categorical_crossentropy_with(cn_loss args);
/* Binary, sparse categorical or categorical cross-entropy, whichever fits the shapes of the labels and of the output,
 * by the rule of cn_accuracy. */
#define cn_crossentropy(...) cn_crossentropy_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_crossentropy_with(cn_loss args);
/* The mean over .axis of -y log p - (1 - y) log(1 - p); .label_smoothing s makes y into y (1 - s) + s / 2. */
#define cn_binary_crossentropy(...) cn_binary_crossentropy_with((cn_loss){CN_LOSS_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_binary_crossentropy_with(cn_loss args);

#define CN_FOCAL_DEFAULTS CN_LOSS_DEFAULTS, .alpha = 0.25, .gamma = 2
/* Focal losses (Lin and others, 2017), in which predictions that are right already weigh little. With p the probability
 * that is given to what is true, binary: the mean over .axis of (1 - p)^.gamma (2) times the binary cross-entropy; with
 * .apply_class_balancing times y .alpha + (1 - y) (1 - .alpha) (0.25) as well. Categorical: the sum over classes of
 * -.alpha (1 - p)^.gamma y_true log p. */
#define cn_binary_focal_crossentropy(...) \
    cn_binary_focal_crossentropy_with((cn_loss){CN_FOCAL_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_binary_focal_crossentropy_with(cn_loss args);
#define cn_categorical_focal_crossentropy(...) \
    cn_categorical_focal_crossentropy_with((cn_loss){CN_FOCAL_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_categorical_focal_crossentropy_with(cn_loss args);
#define CN_GENERALIZED_DEFAULTS CN_LOSS_DEFAULTS, .q = 0.5
/* (1 - p^.q) / .q for the probability p of the label, .q between 0 and 1 (0.5): less moved by wrong labels than the
 * logarithm (Zhang and Sabuncu, 2018). Labels as for cn_sparse_categorical_crossentropy, classes along the last axis.
 */
#define cn_categorical_generalized_cross_entropy(...) \
    cn_categorical_generalized_cross_entropy_with((cn_loss){CN_GENERALIZED_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_loss cn_categorical_generalized_cross_entropy_with(cn_loss args);

#ifdef __cplusplus
}
#endif
#endif
