/* Private: what recurrent layers do around their cells: initial states, time steps, masks, kept states, outputs. */
#ifndef CN_LAYERS_SEQUENCE_H
#define CN_LAYERS_SEQUENCE_H
#include "layers/layer.h"

typedef struct cn_sequence_options {
    bool return_sequences, return_state, go_backwards, stateful, zero_output_for_mask;
} cn_sequence_options;
#define CN_SEQUENCE_OPTIONS(args, zero)                                                                \
    {                                                                                                  \
        (args)->return_sequences, (args)->return_state, (args)->go_backwards, (args)->stateful, (zero) \
    }

/* The variables of a stateful layer, made by its first call. */
typedef struct cn_kept_states {
    cn_tensor *variable[CN_MAX_TENSORS];
    int count;
} cn_kept_states;

/* One call of a recurrent layer. */
typedef struct cn_sequence {
    cn_layer *layer;
    cn_sequence_options options;
    cn_tape *tape;
    cn_tensor *x, *mask; /* (batch, time, ...); (batch, time), I32, or NULL */
    bool training;
    int64_t batch, time;
    cn_tensors states;              /* before the first step, then after the last; none at all where they are zeros */
    cn_shape state[CN_MAX_TENSORS]; /* their shapes, with the batch */
    int state_count;
    cn_kept_states *kept;
    cn_tensor *outputs, *output; /* of all steps in the order in which they are computed (batch, time, ...); the last */
} cn_sequence;

/* Begins with the states given, kept or none; `state` has the shapes for one sample. */
bool cn_sequence_begin(cn_sequence *sequence, cn_layer *layer, const cn_layer_call *call, cn_sequence_options options,
                       const cn_shape *state, int state_count, cn_kept_states *kept);

/* One step: from the input and the states the output, and the new states in place of the old. */
typedef bool cn_sequence_step(const cn_sequence *sequence, cn_tensor *x, cn_tensors *states, cn_tensor **output);
/* Steps through `inputs`, (batch, time, ...), of which a fused operation would have made outputs, output and states. */
bool cn_sequence_run(cn_sequence *sequence, cn_tensor *inputs, cn_sequence_step *step);
/* What the layer gives, and what it keeps for its next call. */
bool cn_sequence_end(cn_sequence *sequence, cn_tensors *outputs);

/* One of the variables, or NULL. */
cn_tensor *cn_kept_state(const cn_kept_states *kept, int index);
void cn_kept_free(cn_kept_states *kept);
#endif
