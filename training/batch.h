/* Private: steps of a model on batches of the caller's arrays. */
#ifndef CN_TRAINING_BATCH_H
#define CN_TRAINING_BATCH_H
#include "models/step.h"
#include "training/training.h"

/* Arrays that belong together, sample by sample. */
typedef struct cn_arrays {
    cn_view x[CN_MAX_OUTPUTS], y[CN_MAX_OUTPUTS], weight[CN_MAX_OUTPUTS];
    int inputs, outputs, weights;
    const cn_class_weight *class_weight;
    int64_t samples;
} cn_arrays;

/* Sets the arrays, and of this large struct nothing else; the last two may be NULL. */
void cn_arrays_take(cn_arrays *arrays, const cn_view *x, const cn_view *y, const cn_view *weight);
/* Takes over the arrays and checks that they are what the model wants: `who` is "fit", ... Targets may be left out
 * where `targets` is false. Builds a sequential model that has no input yet. */
bool cn_check_arrays(cn_model *model, const char *who, cn_arrays *arrays, bool targets);

/* One step on the samples order[first] ... order[first + count - 1], or first ... first + count - 1. `losses` gets the
 * loss and then the loss of each output if there are several; predictions go to `predictions`, arrays of the whole set
 * of samples. */
bool cn_run_step(cn_model *model, cn_step_kind kind, const cn_arrays *arrays, const int64_t *order, int64_t first,
                 int64_t count, double *losses, const cn_view *predictions);

/* Records the step for batches of so many samples, if it is not recorded yet. */
bool cn_prepare_step(cn_model *model, cn_step_kind kind, const cn_arrays *arrays, int64_t count);

/* The sums of an epoch: the loss as the mean over samples, the metrics from their meters. */
typedef struct cn_epoch {
    double loss[1 + CN_MAX_OUTPUTS];
    int64_t samples;
} cn_epoch;
void cn_begin_epoch(cn_model *model, cn_epoch *epoch);
void cn_count_batch(cn_epoch *epoch, const double *losses, int64_t samples);
/* Appends loss, the outputs' losses and the metrics, with a prefix. */
bool cn_log_epoch(cn_model *model, const cn_epoch *epoch, bool validation, cn_logs *logs);
#endif
