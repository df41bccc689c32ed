/* Private: convolutions of 3x3 by Winograd's F(4x4, 3x3), a quarter of the multiplications. */
#ifndef CN_CORE_WINOGRAD_H
#define CN_CORE_WINOGRAD_H
#include <stdbool.h>
#include "core/convolution.h"

/* Whether this pass is computed so: kernels of 3x3 in float32, in steps of 1, with multiples of 16 channels and filters
 * (256 at most) and places enough to pay. Results are then within 1e-5 of the largest one, where sums in float32 are
 * within 1e-6. */
bool cn_is_winograd(const cn_convolution *convolution, cn_convolution_pass pass);
/* As the functions of convolution.h, for these alone. */
size_t cn_winograd_packed(const cn_convolution *convolution, cn_convolution_pass pass);
void cn_winograd_pack(const cn_convolution *convolution, cn_convolution_pass pass, const float *weights, float *packed);
size_t cn_winograd_workspace(const cn_convolution *convolution, cn_convolution_pass pass);
void cn_winograd_run(const cn_convolution *convolution, cn_convolution_pass pass, const float *in, const float *b,
                     float *result, void *workspace, cn_gemm_finish *finish, void *context);
#endif
