/* Order. Equal elements keep theirs, NaN is greater than any number. */
#ifndef CN_CORE_OPS_SORTING_H
#define CN_CORE_OPS_SORTING_H
#include "../operation.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_sort_args {
    cn_tensor *x;
    int axis CN_DEFAULT(-1);
} cn_sort_args;
/* Ascending along an axis, by default the last; with .axis = CN_NONE, of all elements. */
#define cn_sort(...) cn_sort_with((cn_sort_args){.axis = -1, .x = __VA_ARGS__})
CN_API cn_tensor *cn_sort_with(cn_sort_args args);
/* The indices, int32, that sort. */
#define cn_argsort(...) cn_argsort_with((cn_sort_args){.axis = -1, .x = __VA_ARGS__})
CN_API cn_tensor *cn_argsort_with(cn_sort_args args);

typedef struct cn_top_k_args {
    cn_tensor *x;
    int64_t k;
    bool sorted CN_DEFAULT(true);
} cn_top_k_args;
/* item[0]: the k greatest along the last axis, greatest first, of equal ones the first; item[1]: their indices, int32.
 * .sorted = false, as in Keras, allows any order; it is the same. */
#define cn_top_k(...) cn_top_k_with((cn_top_k_args){.sorted = true, .x = __VA_ARGS__})
CN_API cn_tensors cn_top_k_with(cn_top_k_args args);

#ifdef __cplusplus
}
#endif
#endif
