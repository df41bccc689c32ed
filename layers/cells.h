/* Recurrent cells: what a recurrent layer does at one time step, for cn_rnn (recurrent.h) and for loops of one's own.
 *
 * A cell is a layer whose class row gives .states. It is called with an input (batch, features) and its states, as
 * cn_call_many(cell, {x}, .states = {h, c}), and gives its output and then the new states. */
#ifndef CN_LAYERS_CELLS_H
#define CN_LAYERS_CELLS_H
#include "../core/ops/activation.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* With a the activation, r the recurrent activation, and h (and c) the states, (batch, units):
 *
 * SimpleRNNCell: h = a(x kernel + bias + h recurrent_kernel).
 *
 * LSTMCell (Hochreiter and Schmidhuber 1997, with forget gate): z = x kernel + h recurrent_kernel + bias in four
 * blocks; i = r(z_i), f = r(z_f), c = f c + i a(z_c), o = r(z_o), h = o a(c).
 *
 * GRUCell (Cho et al. 2014), in blocks z, r, h: z = r(x kernel_z + b_z + h recurrent_z + b'_z), the reset gate g
 * likewise, h = z h + (1 - z) a(x kernel_h + b_h + g (h recurrent_h + b'_h)); without .reset_after the last term is
 * (g h) recurrent_h and there is no b'.
 *
 * Weights, with n = 1, 4 and 3 blocks: kernel (features, n units), recurrent_kernel (units, n units), bias (n units),
 * which has two rows, b and b', in a GRU with .reset_after. The output is h.
 *
 * .dropout of x and .recurrent_dropout of h draw one mask for all blocks, with .implementation 1 or recurrent dropout
 * one for each block; in a sequence they are the same at every step. */
#define CN_CELL_MEMBERS_                                                                                              \
    int64_t units;                                                                                                    \
    cn_activation *activation, *recurrent_activation; /* tanh and sigmoid; NULL is linear. SimpleRNN has no second */ \
    bool use_bias;                                                                                                    \
    cn_initializer kernel_initializer, recurrent_initializer, bias_initializer; /* glorot_uniform, orthogonal, 0 */   \
    bool unit_forget_bias; /* LSTM: the bias of f begins with ones */                                                 \
    cn_regularizer kernel_regularizer, recurrent_regularizer, bias_regularizer;                                       \
    cn_constraint kernel_constraint, recurrent_constraint, bias_constraint;                                           \
    double dropout, recurrent_dropout;                                                                                \
    bool reset_after;       /* GRU */                                                                                 \
    int64_t implementation; /* LSTM and GRU */                                                                        \
    int64_t seed            /* of the dropout; -1: the thread's */
typedef struct cn_cell_args {
    char first_;
    CN_CELL_MEMBERS_;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_cell_args;
#define CN_SIMPLE_RNN_CELL_DEFAULTS .activation = cn_tanh, .use_bias = true, .seed = -1
#define CN_LSTM_CELL_DEFAULTS                                                                                          \
    .activation = cn_tanh, .recurrent_activation = cn_sigmoid, .use_bias = true, .unit_forget_bias = true, .seed = -1, \
    .implementation = 2
#define CN_GRU_CELL_DEFAULTS                                                                                      \
    .activation = cn_tanh, .recurrent_activation = cn_sigmoid, .use_bias = true, .reset_after = true, .seed = -1, \
    .implementation = 2
#define cn_simple_rnn_cell(...) \
    cn_simple_rnn_cell_with((cn_cell_args){CN_SIMPLE_RNN_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_lstm_cell(...) cn_lstm_cell_with((cn_cell_args){CN_LSTM_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_gru_cell(...) cn_gru_cell_with((cn_cell_args){CN_GRU_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_simple_rnn_cell_with(cn_cell_args args);
CN_API cn_layer *cn_lstm_cell_with(cn_cell_args args);
CN_API cn_layer *cn_gru_cell_with(cn_cell_args args);
CN_API cn_cell_args cn_simple_rnn_cell_defaults(void);
CN_API cn_cell_args cn_lstm_cell_defaults(void);
CN_API cn_cell_args cn_gru_cell_defaults(void);

/* Cells one upon the other: the output of each is the input of the next. Weights and states: those of the cells in
 * their order. cn_stacked_rnn_cells({cn_lstm_cell(8), cn_gru_cell(4)}) */
typedef struct cn_stacked_rnn_cells_args {
    char first_;
    cn_layer *cells[CN_MAX_LAYERS]; /* ends with NULL */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_stacked_rnn_cells_args;
#define cn_stacked_rnn_cells(...) \
    cn_stacked_rnn_cells_with((cn_stacked_rnn_cells_args){.first_ = 0, .cells = __VA_ARGS__})
CN_API cn_layer *cn_stacked_rnn_cells_with(cn_stacked_rnn_cells_args args);

#ifdef __cplusplus
}
#endif
#endif
