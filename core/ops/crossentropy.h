/* Cross-entropy from logits, for losses. Along the last axis; one number for each row of it. The target's gradient is
 * there too, except from int32 labels. */
#ifndef CN_CORE_OPS_CROSSENTROPY_H
#define CN_CORE_OPS_CROSSENTROPY_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

/* -sum target log softmax(logits). `probabilities` is softmax(logits) where it has been computed already (see
 * cn_softmax_logits), else NULL; no gradient goes through it. The gradient of the logits comes straight from the
 * probabilities, (softmax(logits) sum(target) - target) dy, and has one itself on tapes with .second_order. */
CN_API cn_tensor *cn_softmax_crossentropy(cn_tensor *logits, cn_tensor *probabilities, cn_tensor *target);
/* The same for targets of one class: labels, int32, have the shape of the logits without the last axis. A label that is
 * no class ends the run with an error. */
CN_API cn_tensor *cn_sparse_softmax_crossentropy(cn_tensor *logits, cn_tensor *probabilities, cn_tensor *labels);
/* -target log sigmoid(logits) - (1 - target) log(1 - sigmoid(logits)), element by element; both of one
 * shape. */
CN_API cn_tensor *cn_sigmoid_crossentropy(cn_tensor *logits, cn_tensor *target);

/* The logits that the tensor is the softmax of, along its last axis, or the sigmoid of; NULL, without an error, if it
 * was not computed so. */
CN_API cn_tensor *cn_softmax_logits(cn_tensor *probabilities);
CN_API cn_tensor *cn_sigmoid_logits(cn_tensor *probabilities);

#ifdef __cplusplus
}
#endif
#endif
