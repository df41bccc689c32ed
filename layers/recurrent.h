/* Recurrent layers. Input (batch, time, features); output (batch, units), or (batch, time, units) with
 * .return_sequences; with .return_state the last states follow it. */
#ifndef CN_LAYERS_RECURRENT_H
#define CN_LAYERS_RECURRENT_H
#include "cells.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all recurrent layers can do. A mask (batch, time) keeps the states where it is 0; the output there repeats the
 * one before (at first the first state), or is 0 with .zero_output_for_mask. It passes on with .return_sequences.
 * Initial states, zeros by default: cn_call_many(lstm, {x}, .states = {h, c}). With .go_backwards the last time step is
 * the first, in the output too. A .stateful layer begins where its last call ended, until cn_reset_states; its batches
 * are of one size. .unroll is taken for Keras' sake and changes nothing. */
#define CN_SEQUENCE_MEMBERS_ bool return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask

/* The layers of the cells that cells.h describes, with their weights: SimpleRNN, GRU, LSTM. */
typedef struct cn_recurrent_args {
    char first_;
    CN_CELL_MEMBERS_;
    CN_SEQUENCE_MEMBERS_;
    bool use_cudnn; /* taken for Keras' sake */
    cn_regularizer activity_regularizer;
    const char *name;
} cn_recurrent_args;
#define cn_simple_rnn(...) \
    cn_simple_rnn_with((cn_recurrent_args){CN_SIMPLE_RNN_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_lstm(...) cn_lstm_with((cn_recurrent_args){CN_LSTM_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_gru(...) cn_gru_with((cn_recurrent_args){CN_GRU_CELL_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_simple_rnn_with(cn_recurrent_args args);
CN_API cn_layer *cn_lstm_with(cn_recurrent_args args);
CN_API cn_layer *cn_gru_with(cn_recurrent_args args);
CN_API cn_recurrent_args cn_simple_rnn_defaults(void);
CN_API cn_recurrent_args cn_lstm_defaults(void);
CN_API cn_recurrent_args cn_gru_defaults(void);

/* Any cell, a user's too, along time: cn_rnn(cn_stacked_rnn_cells({cn_lstm_cell(8), cn_gru_cell(4)})). Weights and
 * states are the cell's. The input may have more dimensions if the cell takes them. What the cell draws at random is
 * the same at every step. */
typedef struct cn_rnn_args {
    char first_;
    cn_layer *cell;
    CN_SEQUENCE_MEMBERS_;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_rnn_args;
#define cn_rnn(...) cn_rnn_with((cn_rnn_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_rnn_with(cn_rnn_args args);

#ifdef __cplusplus
}
#endif
#endif
