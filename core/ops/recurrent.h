/* Private: recurrences over a whole sequence as one operation. */
#ifndef CN_CORE_OPS_RECURRENT_H
#define CN_CORE_OPS_RECURRENT_H
#include "core/kernels/recurrent.h"
#include "core/operation.h"

typedef struct cn_lstm_sequence_args {
    cn_tensor *z;         /* (batch, time, 4 units): inputs times kernel plus bias, gates in the order i, f, g, o */
    cn_tensor *recurrent; /* (units, 4 units) */
    cn_tensor *h, *c;     /* (batch, units): the states before; both or neither, which stands for zeros */
    cn_tensor *mask;      /* (batch, time), I32: where it is 0 the states stay. Or NULL */
    cn_gate activation, recurrent_activation;
    bool backwards; /* from the last time step to the first */
} cn_lstm_sequence_args;

/* The hidden states (batch, time, units) in the order in which they are computed, and the last h and c. */
enum { CN_LSTM_SEQUENCE, CN_LSTM_H, CN_LSTM_C, CN_LSTM_RESULTS };
/* Differentiable once. */
bool cn_lstm_sequence(cn_lstm_sequence_args args, cn_tensor *results[CN_LSTM_RESULTS]);
#endif
