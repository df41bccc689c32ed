/* Private: one time step of a recurrent layer, forwards and backwards, but for its products. */
#ifndef CN_CORE_KERNELS_RECURRENT_H
#define CN_CORE_KERNELS_RECURRENT_H
#include <stdint.h>

/* The activations that the kernels know. */
typedef enum cn_gate { CN_GATE_LINEAR, CN_GATE_TANH, CN_GATE_SIGMOID, CN_GATE_RELU, CN_GATE_HARD_SIGMOID } cn_gate;

/* The formulas are in layers/cells.h. A GRU's reset gate acts on the projected state, or "before" on the state. */
typedef enum cn_recurrence {
    CN_SIMPLE_RNN_SEQUENCE,
    CN_LSTM_SEQUENCE,
    CN_GRU_SEQUENCE,
    CN_GRU_BEFORE_SEQUENCE,
    CN_RECURRENCES
} cn_recurrence;

/* One step of some rows (samples). What it keeps of each row in `gates`, in blocks of `units` numbers:
 *
 * SimpleRNN: h. LSTM: i, f, g, o. GRU: z, r, the last block of the projected state, the candidate. GRU
 * before: z, r, r h, the candidate.
 *
 * `begin` puts there what the product of h_before and the recurrent weights is to be added to. Then, of a GRU before,
 * `reset` makes r h, whose product with the last block of the weights is to be added to the candidate. `end` makes the
 * states. A row whose mask is 0 keeps those before.
 *
 * All pointers are to elements of the kernel's type; rows without a stride of their own are dense. */
typedef struct cn_recurrent_step {
    int64_t row, rows; /* the first, and how many */
    int64_t units;
    cn_gate activation, recurrent_activation;
    const void *z; /* the inputs' part: one block for each gate */
    int64_t z_row;
    const void *bias;                /* of a GRU: of the projected state; or NULL */
    const void *h_before, *c_before; /* may be h and c */
    void *gates, *h, *c;
    int64_t gates_row;
    void *y; /* h once more, or NULL */
    int64_t y_row;
    const int32_t *mask; /* or NULL */
    int64_t mask_row;
} cn_recurrent_step;
typedef void cn_recurrent_step_kernel(const cn_recurrent_step *step);

/* From dL/dh and dL/dc after a step: the gradient of what the products gave (`inner`, one block for each gate) and of
 * z; and of dL/dh and dL/dc before the step what did not pass through the products. Of a GRU before `reset` needs
 * d_reset, dL/d(r h): the gradient of the candidate times the last block of the weights. */
typedef struct cn_recurrent_back {
    int64_t row, rows;
    int64_t units;
    cn_gate activation, recurrent_activation;
    const void *gates, *h_before, *c_before, *c; /* c after the step */
    int64_t gates_row;
    const void *dy; /* added to dh, or NULL */
    int64_t dy_row;
    void *dh, *dc; /* in and out */
    const void *d_reset;
    void *inner;
    void *dz; /* or NULL */
    int64_t dz_row;
    const int32_t *mask;
    int64_t mask_row;
} cn_recurrent_back;
typedef void cn_recurrent_back_kernel(const cn_recurrent_back *back);

typedef struct cn_recurrent_kernels {
    cn_recurrent_step_kernel *begin[CN_RECURRENCES], *reset, *end[CN_RECURRENCES];
    cn_recurrent_back_kernel *back[CN_RECURRENCES], *back_reset;
    /* y += x m for matrices of a few dozen columns, m being (k, n); rows are so many elements apart. */
    void (*add_product)(int64_t rows, int64_t n, int64_t k, const void *x, int64_t x_row, const void *m, int64_t m_row,
                        void *y, int64_t y_row);
} cn_recurrent_kernels;
#endif
