/* Recurrent layers. Input (batch, time, features); output (batch, units), or (batch, time, units) with
 * .return_sequences; with .return_state the last states follow it. */
#ifndef CN_LAYERS_RECURRENT_H
#define CN_LAYERS_RECURRENT_H
#include "../core/ops/activation.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gate). With z = x kernel + h recurrent_kernel +
 * bias in four blocks: i = r(z_i), f = r(z_f), c = f c + i a(z_c), o = r(z_o), h = o a(c), where a is the activation
 * and r the recurrent activation. Weights: kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (4
 * units).
 *
 * A mask (batch, time) keeps the states where it is 0; the output there repeats the one before, or is 0 with
 * .zero_output_for_mask. It passes on with .return_sequences. Initial states: cn_call_many(lstm, {x}, .states = {h,
 * c}). A .stateful layer begins where its last call ended, until cn_reset_states. .dropout and .recurrent_dropout draw
 * one mask a call, the same for all time steps; with .implementation 1, or with recurrent dropout, one for each gate.
 */
typedef struct cn_lstm_args {
    char first_;
    int64_t units;
    cn_activation *activation, *recurrent_activation; /* tanh and sigmoid; NULL is linear */
    bool use_bias;
    cn_initializer kernel_initializer, recurrent_initializer, bias_initializer; /* glorot_uniform, orthogonal, zeros */
    bool unit_forget_bias; /* the bias of f begins with ones; true by default */
    cn_regularizer kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, recurrent_constraint, bias_constraint;
    double dropout, recurrent_dropout;
    int64_t seed; /* of the dropout; -1: the thread's */
    bool return_sequences, return_state, go_backwards, stateful, zero_output_for_mask;
    /* Taken for Keras' sake; they change no number but as said above. */
    int64_t implementation;
    bool unroll, use_cudnn;
    const char *name;
} cn_lstm_args;
#define CN_LSTM_DEFAULTS                                                                                               \
    .activation = cn_tanh, .recurrent_activation = cn_sigmoid, .use_bias = true, .unit_forget_bias = true, .seed = -1, \
    .implementation = 2
#define cn_lstm(...) cn_lstm_with((cn_lstm_args){CN_LSTM_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_lstm_with(cn_lstm_args args);
CN_API cn_lstm_args cn_lstm_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
