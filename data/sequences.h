/* Labels and sequences as arrays: Keras' to_categorical and pad_sequences. */
#ifndef CN_DATA_SEQUENCES_H
#define CN_DATA_SEQUENCES_H
#include "../core/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Labels as one-hot rows: an array (...) of labels, (..., 1) counting as (...), to `out`, (..., num_classes). Labels
 * below 0 count from the last class, as Keras' do. CN_VALUE, before anything is written, if a label is no class. */
CN_API bool cn_to_categorical(cn_view labels, cn_view out);

typedef enum cn_side { CN_PRE, CN_POST } cn_side;

typedef struct cn_pad_sequences_args {
    const int32_t *const *sequences;
    const int64_t *lengths;
    int64_t count;
    cn_view out;
    cn_side padding, truncating;
    double value;
} cn_pad_sequences_args;
/* `count` sequences of lengths[i] numbers to the rows of `out`, (count, maxlen): too short ones are filled with .value
 * (0) before them, of too long ones the end is kept; .padding = CN_POST fills after them, .truncating = CN_POST keeps
 * the beginning. cn_pad_sequences(sequences, lengths, 3, cn_array(out, 3, 10)) */
#define cn_pad_sequences(...) cn_pad_sequences_with((cn_pad_sequences_args){.value = 0, .sequences = __VA_ARGS__})
CN_API bool cn_pad_sequences_with(cn_pad_sequences_args args);

#ifdef __cplusplus
}
#endif
#endif
