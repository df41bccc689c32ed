/* Windows of a sequence: time series, and text as numbers (text.h). */
#ifndef CN_DATA_WINDOWS_H
#define CN_DATA_WINDOWS_H
#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The arguments of cn_dataset_windows. */
typedef struct cn_dataset_windows_args {
    cn_view sequence; /* with the steps along axis 0 */
    int64_t length;
    int64_t stride CN_DEFAULT(1); /* from the beginning of a window to that of the next */
    int64_t ahead;
    cn_view targets;
} cn_dataset_windows_args;
/* A data set of all whole windows of `length` steps. Their targets are the windows that begin .ahead steps later: to
 * learn which token comes next, cn_dataset_windows(cn_array(tokens, count), 64, .ahead = 1). Or, as in Keras'
 * timeseries_dataset_from_array, .targets is an array whose element i belongs to the window that begins at step i. With
 * neither there are none. The arrays stay the user's and must outlive the data set. */
#define cn_dataset_windows(...) cn_dataset_windows_with((cn_dataset_windows_args){.stride = 1, .sequence = __VA_ARGS__})
CN_API cn_dataset *cn_dataset_windows_with(cn_dataset_windows_args args);

#ifdef __cplusplus
}
#endif
#endif
