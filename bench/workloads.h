/* The models that are measured, and data for them. */
#ifndef CORNET_BENCH_WORKLOADS_H
#define CORNET_BENCH_WORKLOADS_H
#include <cornet/cornet.h>

typedef enum target { NUMBERS, ONE_HOT, LABELS, PROBABILITIES } target;

typedef struct workload {
    const char *name;
    int64_t batch;
    cn_shape input, output; /* of a sample */
    int64_t tokens;         /* inputs are integers below this; 0: numbers */
    target target; /* one-hot along the last axis of output; labels below its last dimension, which they lack */
    cn_model *(*build)(void); /* compiled */
} workload;

/* Of the workloads that grow: layers of "depth", time steps of "length", whose input dimension is 0 in the table. */
extern int64_t workload_size;

/* Ends with one without a name. */
extern const workload workloads[];

/* For so many samples: inputs and targets, the same in every run, and room for predictions. Their data is to be freed.
 */
cn_view workload_inputs(const workload *work, int64_t samples);
cn_view workload_targets(const workload *work, int64_t samples);
cn_view workload_predictions(const workload *work, int64_t samples);
#endif
