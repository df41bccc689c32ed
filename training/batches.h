/* Private: the batches of a pass, cut from arrays or given by a data set. */
#ifndef CN_TRAINING_BATCHES_H
#define CN_TRAINING_BATCHES_H
#include "training/batch.h"

/* Zeros, then model, who, targets and either arrays (checked) with batch_size, or data. The arrays come last: they are
 * large, and what is not in use of them need not be set. */
typedef struct cn_batches {
    cn_model *model;
    const char *who; /* "fit", ... */
    bool targets;
    int64_t batch_size;
    int64_t *order; /* room for that of the samples in a pass, drawn anew for each; NULL: as they are */
    int64_t next;   /* the first sample of the next batch; 0: a pass begins */
    uint64_t pass;  /* the number of this pass, and of its batches that were given */
    int64_t taken;
    cn_dataset *data;
    cn_iterator *iterator; /* NULL: a pass begins */
    cn_arrays arrays;      /* of all samples; of the last batch of a data set, which keeps its class_weight */
} cn_batches;

/* Samples order[0] to order[count - 1] of the arrays, or first ... if order is NULL. */
typedef struct cn_batch {
    const int64_t *order;
    int64_t first, count;
} cn_batch;

/* Whether there is anything to take batches from. */
bool cn_batches_given(const cn_batches *batches);
/* Steps of a pass; 0: not known, INT64_MAX: no end. */
int64_t cn_batches_steps(const cn_batches *batches);
/* False at the end of a pass, after which the next call begins another, or with the error set. */
bool cn_next_batch(cn_batches *batches, cn_batch *batch);
/* Goes on in a pass of which so many batches were given, or begins a pass if none was. */
bool cn_batches_go_on(cn_batches *batches, uint64_t pass, int64_t taken);
/* The next batch begins a pass. */
void cn_batches_rewind(cn_batches *batches);
void cn_batches_end(cn_batches *batches);
#endif
