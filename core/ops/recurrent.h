/* Private: recurrences over a whole sequence as one operation. */
#ifndef CN_CORE_OPS_RECURRENT_H
#define CN_CORE_OPS_RECURRENT_H
#include "core/kernels/recurrent.h"
#include "core/operation.h"

typedef struct cn_recurrent_sequence_args {
    cn_recurrence kind;
    cn_tensor *z; /* (batch, time, n units): inputs times kernel plus bias; n is 1, 4 (i, f, c, o), 3 (z, r, h) */
    cn_tensor *recurrent; /* (units, n units) */
    cn_tensor *bias;      /* (3 units): what CN_GRU_SEQUENCE adds to the projected state. Or NULL */
    cn_tensor *h, *c;     /* (batch, units): the states before, c of an LSTM alone; NULL stands for zeros */
    cn_tensor *mask;      /* (batch, time), I32: where it is 0 the states stay. Or NULL */
    cn_gate activation, recurrent_activation;
    bool backwards; /* from the last time step to the first */
} cn_recurrent_sequence_args;

/* The hidden states (batch, time, units) in the order in which they are computed, and the last h and, of an LSTM, c. */
typedef struct cn_recurrent_results {
    cn_tensor *sequence, *h, *c;
} cn_recurrent_results;
/* How a sequence is run, for tests. */
typedef struct cn_recurrent_way {
    bool small;     /* the products are those of the step kernels */
    bool shared;    /* the threads share each step; else each has samples of its own */
    bool packed;    /* the weights are packed for all steps */
    bool lstm8;     /* all steps are one kernel's */
    int64_t pieces; /* of samples */
    int64_t sums;   /* of steps, into which the gradient of the weights is split */
} cn_recurrent_way;
cn_recurrent_way cn_recurrent_way_of(const cn_entry *sequence);

/* Differentiable once. */
bool cn_recurrent_sequence(cn_recurrent_sequence_args args, cn_recurrent_results *results);
#endif
