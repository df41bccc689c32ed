/* Recurrent layers whose states are images: LSTMs with convolutions for products. */
#ifndef CN_LAYERS_CONV_LSTM_H
#define CN_LAYERS_CONV_LSTM_H
#include "../core/ops/activation.h"
#include "../core/ops/window.h"
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Convolutional long short-term memory (Shi et al. 2015, without peepholes): cn_conv_lstm2d(8, {3, 3}). Input (B, T,
 * n..., C); output (B, m..., filters), or (B, T, m..., filters) with .return_sequences; with .return_state the last h
 * and c follow. With z = x * kernel + h * recurrent_kernel + bias in four blocks of channels: i = r(z_i), f = r(z_f), c
 * = f c + i a(z_c), o = r(z_o), h = o a(c), where a is the activation and r the recurrent activation. The convolution
 * of x is as .strides, .padding (CN_VALID or CN_SAME) and .dilation_rate say (core/ops/window.h); that of h keeps its
 * size. Weights: kernel (k..., C, 4 filters), recurrent_kernel (k..., filters, 4 filters), bias (4 filters).
 *
 * Masks (B, T), initial states and .stateful are as in cn_lstm. .dropout and .recurrent_dropout draw one mask a call,
 * the same for all time steps and gates. */
typedef struct cn_conv_lstm_args {
    char first_;
    int64_t filters;
    int64_t kernel_size[CN_SPACE], strides[CN_SPACE];
    cn_padding padding;
    cn_data_format data_format;
    int64_t dilation_rate[CN_SPACE];
    cn_activation *activation, *recurrent_activation; /* tanh and sigmoid; NULL is linear */
    bool use_bias;
    cn_initializer kernel_initializer, recurrent_initializer, bias_initializer; /* glorot_uniform, orthogonal, zeros */
    bool unit_forget_bias; /* the bias of f begins with ones; true by default */
    cn_regularizer kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer;
    cn_constraint kernel_constraint, recurrent_constraint, bias_constraint;
    double dropout, recurrent_dropout;
    int64_t seed; /* of the dropout; -1: the thread's */
    bool return_sequences, return_state, go_backwards, stateful;
    const char *name;
} cn_conv_lstm_args;
#define CN_CONV_LSTM_DEFAULTS                                                                                          \
    .strides = {1}, .dilation_rate = {1}, .activation = cn_tanh, .recurrent_activation = cn_sigmoid, .use_bias = true, \
    .unit_forget_bias = true, .seed = -1
#define cn_conv_lstm1d(...) cn_conv_lstm1d_with((cn_conv_lstm_args){CN_CONV_LSTM_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv_lstm2d(...) cn_conv_lstm2d_with((cn_conv_lstm_args){CN_CONV_LSTM_DEFAULTS, .first_ = 0, __VA_ARGS__})
#define cn_conv_lstm3d(...) cn_conv_lstm3d_with((cn_conv_lstm_args){CN_CONV_LSTM_DEFAULTS, .first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_conv_lstm1d_with(cn_conv_lstm_args args);
CN_API cn_layer *cn_conv_lstm2d_with(cn_conv_lstm_args args);
CN_API cn_layer *cn_conv_lstm3d_with(cn_conv_lstm_args args);
CN_API cn_conv_lstm_args cn_conv_lstm_defaults(void);

#ifdef __cplusplus
}
#endif
#endif
