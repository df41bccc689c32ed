/* F-scores. */
#ifndef CN_LOSSES_FSCORE_H
#define CN_LOSSES_FSCORE_H
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

/* (1 + .beta²) precision recall / (.beta² precision + recall), for beta 1 by default, of each class of outputs (batch,
 * classes). Predictions above .threshold are positive; without one (CN_NONE, the default) the largest of each row.
 * .average: CN_NO_AVERAGE (the default: the result is a vector), CN_MICRO, CN_MACRO or CN_WEIGHTED.
 * cn_fbeta_score(.beta = 2, .average = CN_MACRO) */
#define CN_FSCORE_DEFAULTS CN_METRIC_DEFAULTS, .threshold = CN_NONE
#define cn_fbeta_score(...) cn_fbeta_score_with((cn_metric){CN_FSCORE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_fbeta_score_with(cn_metric args);
/* That of beta 1. */
#define cn_f1_score(...) cn_f1_score_with((cn_metric){CN_FSCORE_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_metric cn_f1_score_with(cn_metric args);

#ifdef __cplusplus
}
#endif
#endif
