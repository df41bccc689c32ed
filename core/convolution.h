/* Private: convolutions over three axes of space, and their gradients. */
#ifndef CN_CORE_CONVOLUTION_H
#define CN_CORE_CONVOLUTION_H
#include "core/gemm.h"
#include "core/ops/window.h"

/* y[b][i][f] = sum over a and c of x[b][i * stride + a * dilation - before][c] * kernel[a][c][f], where x is 0 outside
 * its bounds; i and a stand for three indices. Filter f of group g, which is f / (filters / groups), sees the channels
 * of its group. Dense tensors: x (batch, in..., channels), kernel (kernel..., channels / groups, filters), y (batch,
 * out..., filters). Fewer axes: the first ones have size 1. */
typedef struct cn_convolution {
    cn_dtype dtype; /* CN_F32 or CN_F64 */
    int64_t batch, groups, channels, filters;
    int64_t in[CN_SPACE], out[CN_SPACE], kernel[CN_SPACE];
    int64_t stride[CN_SPACE], dilation[CN_SPACE], before[CN_SPACE];
} cn_convolution;

/* What is computed, from what: the convolution is bilinear, so these are its gradients, too. */
typedef enum cn_convolution_pass {
    CN_CONVOLVE,        /* y of x and the kernel */
    CN_CONVOLVE_INPUT,  /* x of y and the kernel: the gradient with respect to x, a transposed convolution */
    CN_CONVOLVE_KERNEL, /* the kernel of x and y: the gradient with respect to it */
} cn_convolution_pass;

/* 2 for each multiply-add with all places of the kernel, those outside of x included; the same for every pass. */
double cn_convolution_flops(const cn_convolution *convolution);
/* Bytes that cn_convolution_pack makes of a kernel for this pass, 0 if it is taken as it is, and of workspace, both
 * aligned to 64: functions of the sizes alone. */
size_t cn_convolution_packed(const cn_convolution *convolution, cn_convolution_pass pass);
void cn_convolution_pack(const cn_convolution *convolution, cn_convolution_pass pass, const void *kernel, void *packed);
size_t cn_convolution_workspace(const cn_convolution *convolution, cn_convolution_pass pass);
/* Whether patches that overlap are taken where they lie, if the convolution goes that way at all. */
bool cn_convolution_is_by_lines(const cn_convolution *convolution, cn_convolution_pass pass);
/* Cannot fail and allocates nothing. A kernel is what was packed of it. `finish`, which may be NULL and is for
 * CN_CONVOLVE alone, sees y as one matrix of batch * out rows and `filters` columns. The same bits for any number of
 * threads. */
void cn_convolution_run(const cn_convolution *convolution, cn_convolution_pass pass, const void *a, const void *b,
                        void *result, void *workspace, cn_gemm_finish *finish, void *context);
#endif
