/* Private: what layers learn from data: the mean and the variance of all numbers with the same indices along some axes.
 */
#ifndef CN_LAYERS_STATISTICS_H
#define CN_LAYERS_STATISTICS_H
#include "core/tensor.h"

/* Begins with zeros. */
typedef struct cn_statistics {
    int64_t slots; /* that have a mean of their own */
    int64_t count; /* of numbers so far, in each */
    double *mean;
    double *variance; /* until the end sums of squared differences from the mean */
} cn_statistics;

/* A batch, which must have the sizes `broadcast` along the kept axes. */
bool cn_statistics_add(cn_statistics *statistics, const char *who, const cn_view *batch, const bool *kept,
                       const cn_shape *broadcast);
/* CN_VALUE if there were no numbers. */
bool cn_statistics_end(cn_statistics *statistics, const char *who);
void cn_statistics_free(cn_statistics *statistics);
#endif
