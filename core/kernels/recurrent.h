/* Private: one time step of an LSTM (Hochreiter and Schmidhuber 1997, with forget gate), forwards and backwards. */
#ifndef CN_CORE_KERNELS_RECURRENT_H
#define CN_CORE_KERNELS_RECURRENT_H
#include <stdint.h>

/* The activations that the kernels know. */
typedef enum cn_gate { CN_GATE_LINEAR, CN_GATE_TANH, CN_GATE_SIGMOID, CN_GATE_RELU, CN_GATE_HARD_SIGMOID } cn_gate;

/* Of each row (sample) the step keeps 5 * units numbers in `gates`: the activated gates i, f, g, o and activation(c),
 * where c = f c_before + i g and h = o activation(c). A row whose mask is 0 keeps h_before and c_before.
 *
 * All pointers are to elements of the kernel's type; rows without a stride of their own are dense. */
typedef struct cn_lstm_step {
    int64_t rows, units;
    cn_gate activation, recurrent_activation;
    const void *recurrent; /* (units, 4 units): the step adds h_before times it. NULL: it has been added to gates */
    const void *z;         /* the inputs' part, added to the above. NULL likewise */
    int64_t z_row;
    const void *h_before, *c_before; /* may be h and c */
    void *gates, *h, *c;
    void *y; /* h once more, or NULL */
    int64_t y_row;
    const int32_t *mask; /* or NULL */
    int64_t mask_row;
} cn_lstm_step;

/* Given dL/dh and dL/dc after a step, the gradient of z, and dL/dh, dL/dc before the step; of dL/dh without what goes
 * through `turned` if that is NULL. */
typedef struct cn_lstm_back {
    int64_t rows, units;
    cn_gate activation, recurrent_activation;
    const void *gates, *c_before;
    const void *turned; /* the recurrent weights transposed, (4 units, units) */
    const void *dy;     /* added to dh, or NULL */
    int64_t dy_row;
    void *dh, *dc; /* in and out */
    void *dz;      /* (rows, 4 units) */
    void *dz_copy; /* the same with its own stride, or NULL */
    int64_t dz_copy_row;
    const int32_t *mask;
    int64_t mask_row;
} cn_lstm_back;

/* By element type, float and double. */
typedef struct cn_recurrent_kernels {
    void (*lstm_step[2])(const cn_lstm_step *step);
    void (*lstm_back[2])(const cn_lstm_back *back);
} cn_recurrent_kernels;
#endif
