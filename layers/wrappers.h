/* Layers around another layer, whose weights are theirs. */
#ifndef CN_LAYERS_WRAPPERS_H
#define CN_LAYERS_WRAPPERS_H
#include "layer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A layer applied to every time step: of (batch, time, ...) the layer is given each (batch, ...), and its outputs are
 * joined along axis 1. All steps are computed at once, as a batch of batch * time samples, unless the layer, or one in
 * it, says that it mixes samples, keeps states, has weights that are not trained by gradients or an activity
 * regularizer; then one after the other.
 *
 * A mask (batch, time, ...) is cut into steps likewise. The mask of the output is that of the layer's outputs, or else
 * the one given, in which a time step counts where anything in it does. The wrapper may be called with inputs of
 * different ranks if the layer may. */
typedef struct cn_time_distributed_args {
    char first_;
    cn_layer *layer;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_time_distributed_args;
/* cn_time_distributed(cn_dense(5)) */
#define cn_time_distributed(...) cn_time_distributed_with((cn_time_distributed_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_time_distributed_with(cn_time_distributed_args args);

/* How the outputs of the two directions become one: along the last axis, by an operation, or not at all. */
typedef enum cn_merge_mode {
    CN_MERGE_CONCAT,
    CN_MERGE_SUM,
    CN_MERGE_MUL,
    CN_MERGE_AVE,
    CN_MERGE_NONE /* two outputs, forward and backward */
} cn_merge_mode;

/* A recurrent layer that runs along the time axis in both directions. Any layer will do that has the arguments
 * go_backwards and return_sequences. Two copies are made of it, named forward_... and backward_..., the second with
 * go_backwards the other way round; or the second is one of .backward_layer. The layers given stay as they are. The
 * outputs of the backward layer are turned round in time before they are merged.
 *
 * Weights: those of the forward layer, then those of the backward layer. Initial states, and the last states that
 * follow the output with return_state, likewise. Masks go to both layers; with return_sequences masked steps of the
 * outputs are 0 if the layers have the argument zero_output_for_mask, and the mask passes on. */
typedef struct cn_bidirectional_args {
    char first_;
    cn_layer *layer;
    cn_merge_mode merge_mode;
    /* What the weights begin with, all of them, instead of their initializers; read when the layer is built. */
    cn_view weights[CN_MAX_TENSORS];
    cn_layer *backward_layer;
    cn_regularizer activity_regularizer;
    const char *name;
} cn_bidirectional_args;
/* cn_bidirectional(cn_lstm(8, .return_sequences = true)) */
#define cn_bidirectional(...) cn_bidirectional_with((cn_bidirectional_args){.first_ = 0, __VA_ARGS__})
CN_API cn_layer *cn_bidirectional_with(cn_bidirectional_args args);

#ifdef __cplusplus
}
#endif
#endif
