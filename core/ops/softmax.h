/* The softmax family. Each works along one .axis, by default the last, or (all but glu) several .axes jointly; each is
 * differentiable any number of times. Large arguments do no harm: sums are of exp(x - max x). */
#ifndef CN_CORE_OPS_SOFTMAX_H
#define CN_CORE_OPS_SOFTMAX_H
#include "reduction.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_softmax_args {
    cn_tensor *x;
    int axis CN_DEFAULT(CN_NONE);
    cn_axes axes;
} cn_softmax_args;

/* exp(x) / sum exp(x). As a value, `cn_softmax` is an activation along the last axis; called, it takes arguments:
 * cn_softmax(x, .axis = 1). The same holds for the others. */
CN_API cn_tensor *cn_softmax(cn_tensor *x);
CN_API cn_tensor *cn_softmax_with(cn_softmax_args args);
/* x - log sum exp(x) */
CN_API cn_tensor *cn_log_softmax(cn_tensor *x);
CN_API cn_tensor *cn_log_softmax_with(cn_softmax_args args);
/* The nearest point, by Euclid, among the probabilities: max(x - tau, 0) with sum 1 (Martins and Astudillo, 2016). */
CN_API cn_tensor *cn_sparsemax(cn_tensor *x);
CN_API cn_tensor *cn_sparsemax_with(cn_softmax_args args);
/* a sigmoid(b), a and b the halves of x along one axis (Dauphin and others, 2017). */
CN_API cn_tensor *cn_glu(cn_tensor *x);
CN_API cn_tensor *cn_glu_with(cn_softmax_args args);
#ifndef __cplusplus
#define CN_SOFTMAX_ARGS_(...) ((cn_softmax_args){.axis = CN_NONE, .x = __VA_ARGS__})
#define cn_softmax(...) cn_softmax_with(CN_SOFTMAX_ARGS_(__VA_ARGS__))
#define cn_log_softmax(...) cn_log_softmax_with(CN_SOFTMAX_ARGS_(__VA_ARGS__))
#define cn_sparsemax(...) cn_sparsemax_with(CN_SOFTMAX_ARGS_(__VA_ARGS__))
#define cn_glu(...) cn_glu_with(CN_SOFTMAX_ARGS_(__VA_ARGS__))
#endif

/* log sum exp(x) over .axis or .axes, by default all. */
#define cn_logsumexp(...) cn_logsumexp_with((cn_reduce_args){.axis = CN_NONE, .x = __VA_ARGS__})
CN_API cn_tensor *cn_logsumexp_with(cn_reduce_args args);

#ifdef __cplusplus
}
#endif
#endif
