/* Windows that move over the axes of space, all but the batch and the channels: of convolutions and poolings. */
#ifndef CN_CORE_OPS_WINDOW_H
#define CN_CORE_OPS_WINDOW_H
#include "../shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* There are one, two or three axes of space. Arguments of the type int64_t [CN_SPACE] have a number for each; where it
 * is 0 it is that of the first axis, so that {3} stands for 3 in every direction. */
enum { CN_SPACE = 3 };

/* (B, ..., C) or (B, C, ...). */
typedef enum cn_data_format { CN_CHANNELS_LAST, CN_CHANNELS_FIRST } cn_data_format;

/* With s the stride and e = (k - 1) dilation + 1 the extent of a window of size k on an axis of size n:
 * CN_VALID: windows lie within the input, (n - e) / s + 1 of them, rounded down.
 * CN_SAME: n / s windows, rounded up; max((n / s - 1) s + e - n, 0) zeros are added, the odd one at the end.
 * CN_CAUSAL (one axis, convolutions only): e - 1 zeros are added in front, so that no window looks ahead. */
typedef enum cn_padding { CN_VALID, CN_SAME, CN_CAUSAL } cn_padding;

#ifdef __cplusplus
}
#endif
#endif
