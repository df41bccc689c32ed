/* Private: what layers learn from data: numbers that cut it into parts of about the same size, from a summary that
 * stays small. */
#ifndef CN_LAYERS_QUANTILES_H
#define CN_LAYERS_QUANTILES_H
#include "core/tensor.h"

/* A value that stands for `weight` numbers. */
typedef struct cn_weighted_value {
    float value, weight;
} cn_weighted_value;

/* Begins with zeros and epsilon, between 0 and 1: about 1 / epsilon values are kept, in ascending order. */
typedef struct cn_quantiles {
    double epsilon;
    cn_weighted_value *values;
    int64_t count;
} cn_quantiles;

/* All numbers of a batch. */
bool cn_quantiles_add(cn_quantiles *quantiles, const cn_view *batch);
/* The boundaries between that many parts, or fewer; they become the caller's. CN_VALUE if there were no numbers. */
bool cn_quantiles_end(const cn_quantiles *quantiles, const char *who, int64_t parts, double **boundaries,
                      int64_t *count);
void cn_quantiles_free(cn_quantiles *quantiles);
#endif
