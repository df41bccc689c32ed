/* Private: batches out of arrays in memory. */
#ifndef CN_DATA_ARRAYS_H
#define CN_DATA_ARRAYS_H
#include "core/tensor.h"

/* Elements of one sample: of everything but the first axis. */
int64_t cn_sample_size(const cn_view *array);
/* Samples first to first + count - 1 of an array, and one sample, without the axis of samples. */
cn_view cn_samples(cn_view array, int64_t first, int64_t count);
cn_view cn_sample(cn_view array, int64_t index);
/* Copies samples order[0] to order[count - 1] (or first, first + 1, ... if order is NULL) to `to`, dense, converted. */
bool cn_gather(const cn_view *array, const int64_t *order, int64_t first, int64_t count, void *to, cn_dtype dtype);
/* A permutation of 0 to count - 1 that depends on seed and round only (Fisher-Yates on counted random numbers). */
void cn_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t round);
#endif
