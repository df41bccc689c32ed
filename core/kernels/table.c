#include "core/kernels/isa.h"
#include "core/kernels/kernels.h"

#define NAME_(isa) #isa
#define NAME(isa) NAME_(isa)

extern const cn_kernels CN_ISA_NAME(cn_kernels);
extern const cn_affine_kernels CN_ISA_NAME(cn_affine_kernels);
extern const cn_attention_kernels CN_ISA_NAME(cn_attention_f32), CN_ISA_F64_NAME(cn_attention_f64);
extern const cn_convolution_kernels CN_ISA_NAME(cn_convolution_kernels);
extern const cn_elementwise_kernels CN_ISA_NAME(cn_elementwise);
extern const cn_gemm_kernels CN_ISA_NAME(cn_gemm_kernels);
extern const cn_lstm8_kernels CN_ISA_NAME(cn_lstm8);
extern const cn_normalization_kernels CN_ISA_NAME(cn_normalization_f32), CN_ISA_F64_NAME(cn_normalization_f64);
extern const cn_optimizer_kernels CN_ISA_NAME(cn_optimizer);
extern const cn_pool_kernels CN_ISA_NAME(cn_pool_f32), CN_ISA_F64_NAME(cn_pool_f64);
extern const cn_random_kernels CN_ISA_NAME(cn_random_kernels);
extern const cn_recurrent_kernels CN_ISA_NAME(cn_recurrent_f32), CN_ISA_F64_NAME(cn_recurrent_f64);
extern const cn_reduce_kernels CN_ISA_NAME(cn_reduce_kernels);
extern const cn_rowwise_kernels CN_ISA_NAME(cn_rowwise_f32), CN_ISA_F64_NAME(cn_rowwise_f64);
extern const cn_short_row_kernels CN_ISA_NAME(cn_short_row_kernels);
extern const cn_winograd_kernels CN_ISA_NAME(cn_winograd_kernels);

#define BY_TYPE(name)                                          \
    {                                                          \
        &CN_ISA_NAME(name##_f32), &CN_ISA_F64_NAME(name##_f64) \
    }

const cn_kernels CN_ISA_NAME(cn_kernels) = {
    .name = NAME(CN_ISA),
    .affine = &CN_ISA_NAME(cn_affine_kernels),
    .attention = BY_TYPE(cn_attention),
    .convolution = &CN_ISA_NAME(cn_convolution_kernels),
    .elementwise = &CN_ISA_NAME(cn_elementwise),
    .gemm = &CN_ISA_NAME(cn_gemm_kernels),
    .lstm8 = &CN_ISA_NAME(cn_lstm8),
    .normalization = BY_TYPE(cn_normalization),
    .optimizer = &CN_ISA_NAME(cn_optimizer),
    .pooling = BY_TYPE(cn_pool),
    .random = &CN_ISA_NAME(cn_random_kernels),
    .recurrent = BY_TYPE(cn_recurrent),
    .reduce = &CN_ISA_NAME(cn_reduce_kernels),
    .rowwise = BY_TYPE(cn_rowwise),
    .short_rows = &CN_ISA_NAME(cn_short_row_kernels),
    .winograd = &CN_ISA_NAME(cn_winograd_kernels),
};
