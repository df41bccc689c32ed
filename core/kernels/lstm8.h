/* Private: an LSTM of 8 units in float32 through all its steps, with tanh and sigmoid and without a mask. The samples
 * of a vector go side by side, so that a step is a few dozen instructions and costs little but their latency. */
#ifndef CN_CORE_KERNELS_LSTM8_H
#define CN_CORE_KERNELS_LSTM8_H
#include <stdint.h>

/* Rows are samples; what a step adds to a pointer, and what lies between two rows, is in elements. Where no step is to
 * be kept its distance is 0, and h and c change in place. */
typedef struct cn_lstm8 {
    int64_t rows, time;
    const float *recurrent; /* (8, 32) */
    const float *z;
    int64_t z_row, z_step;
    float *h, *c; /* dense rows, the states before the first step */
    int64_t h_step, c_step;
    float *gates; /* as in recurrent.h; or NULL */
    int64_t gates_step;
    float *y; /* or NULL */
    int64_t y_row;
} cn_lstm8;

/* Pointers stand at the last step, and the distances lead to the step before. */
typedef struct cn_lstm8_back {
    int64_t rows, time;
    const float *recurrent;
    const float *gates, *c_before;
    int64_t gates_step, c_step;
    const float *dy; /* or NULL */
    int64_t dy_row;
    float *dh, *dc; /* after the last step, and then before the first */
    float *inner;
    int64_t inner_step;
    float *dz; /* or NULL */
    int64_t dz_row, dz_step;
} cn_lstm8_back;

/* Some of the rows, from `row` on. NULL where there is no such kernel. */
typedef struct cn_lstm8_kernels {
    void (*forward)(const cn_lstm8 *sequence, int64_t row, int64_t rows);
    void (*backward)(const cn_lstm8_back *sequence, int64_t row, int64_t rows);
} cn_lstm8_kernels;
#endif
