/* Private: the built-in cells as the recurrent layers use them, which project the inputs of all time steps at once. */
#ifndef CN_LAYERS_CELL_H
#define CN_LAYERS_CELL_H
#include "layers/arguments.h"
#include "layers/cells.h"

typedef enum cn_cell_kind { CN_SIMPLE_RNN, CN_LSTM, CN_GRU } cn_cell_kind;

typedef struct cn_cell {
    cn_layer base;
    cn_cell_args args;
    cn_tensor *kernel, *recurrent, *bias;
} cn_cell;

/* A cell that is part of a layer: "lstm_cell", whose name uses up no number. */
cn_cell *cn_cell_new(cn_cell_kind kind, cn_cell_args args);
int cn_cell_state_count(const cn_cell *cell);
/* x kernel + bias, of (batch, features) or (batch, time, features). */
cn_tensor *cn_cell_project(const cn_cell *cell, cn_tensor *x, bool training);
/* The second row of a bias that has two, (n units): what is added to the projected state. */
cn_tensor *cn_cell_state_bias(const cn_cell *cell, cn_tape *tape);
/* From projected inputs (batch, n units) and the states the new states; the first is the output. */
bool cn_cell_step(const cn_cell *cell, cn_tensor *z, bool training, cn_tensor **states);

/* What an LSTM does with the sum z of its products, whose last axis has the gates i, f, c, o: the states h and c anew.
 */
bool cn_lstm_update(cn_activation *activation, cn_activation *recurrent_activation, cn_tensor *z, cn_tensor **states);
/* The block of f of an LSTM's bias begins with ones (Jozefowicz et al. 2015). */
bool cn_open_forget_gate(cn_tensor *bias);

/* The constructor's arguments by their type and name: those of all cells, then those of each. */
#define CN_CELL_FIELDS_(X)                \
    X(INT, units)                         \
    X(ACTIVATION, activation)             \
    X(BOOL, use_bias)                     \
    X(INITIALIZER, kernel_initializer)    \
    X(INITIALIZER, recurrent_initializer) \
    X(INITIALIZER, bias_initializer)      \
    X(REGULARIZER, kernel_regularizer)    \
    X(REGULARIZER, recurrent_regularizer) \
    X(REGULARIZER, bias_regularizer)      \
    X(CONSTRAINT, kernel_constraint)      \
    X(CONSTRAINT, recurrent_constraint)   \
    X(CONSTRAINT, bias_constraint)        \
    X(FLOAT, dropout)                     \
    X(FLOAT, recurrent_dropout)           \
    X(INT, seed)
#define CN_GATED_FIELDS_(X)             \
    CN_CELL_FIELDS_(X)                  \
    X(ACTIVATION, recurrent_activation) \
    X(INT, implementation)
#define CN_LSTM_FIELDS_(X) CN_GATED_FIELDS_(X) X(BOOL, unit_forget_bias)
#define CN_GRU_FIELDS_(X) CN_GATED_FIELDS_(X) X(BOOL, reset_after)
#endif
