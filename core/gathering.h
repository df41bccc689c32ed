/* Private: what each place of a convolution's result sees of its input. */
#ifndef CN_CORE_GATHERING_H
#define CN_CORE_GATHERING_H
#include "core/convolution.h"
#include "core/kernels/convolution.h"

/* Some places of a result, and the taps and channels that they see: a matrix of patches, to be multiplied by weights.
 */
typedef struct cn_gathering {
    cn_patches patches;
    int64_t places, depth;        /* rows and columns of the matrix of patches of one group */
    int64_t first_tap[CN_SPACE];  /* tap u of an axis is this */
    int64_t tap_step[CN_SPACE];   /* plus u times this of the kernel */
    int64_t first[CN_SPACE];      /* place t of an axis is this */
    int64_t step[CN_SPACE];       /* plus t times this of the result, */
    int64_t size[CN_SPACE];       /* which has so many */
    int64_t groups, columns, row; /* of the result: columns of a group, elements of a row of all groups */
    bool whole;                   /* the places are all places of the result */
    bool as_it_is;                /* the input is the matrix of patches */
    bool overlapping; /* the patches along the last axis are, but that they overlap and reach beyond its ends */
} cn_gathering;

static inline int64_t cn_space_size(const int64_t *sizes)
{
    return sizes[0] * sizes[1] * sizes[2];
}

/* Elements of the kernel. */
static inline int64_t cn_kernel_size(const cn_convolution *c)
{
    return cn_space_size(c->kernel) * (c->channels / c->groups) * c->filters;
}

/* All places of y: what they see of x. */
cn_gathering cn_gather_forward(const cn_convolution *c);
/* The places of x that leave the remainders `phase` when divided by the strides: what they see of y. */
cn_gathering cn_gather_backward(const cn_convolution *c, const int64_t *phase);

/* The gradient with respect to the kernel is a sum over places, of which pieces of work have parts. Adds `number` parts
 * of `count` elements in their order. */
void cn_add_parts(cn_dtype dtype, int64_t count, int64_t number, const void *parts, void *sum);

/* Convolutions of groups of one channel and one filter: as cn_convolution_run, for these alone. */
bool cn_is_depthwise(const cn_convolution *c);
size_t cn_depthwise_workspace(const cn_convolution *c, cn_convolution_pass pass);
void cn_depthwise_run(const cn_convolution *c, cn_convolution_pass pass, const void *a, const void *b, void *result,
                      void *workspace, cn_gemm_finish *finish, void *context);
#endif
