/* Private: random numbers by the counter (core/random_numbers.h), many at a time. */
#ifndef CN_CORE_KERNELS_RANDOM_H
#define CN_CORE_KERNELS_RANDOM_H
#include <stdint.h>

/* What is drawn, with the meaning of a and b:
 *   mask              0 with probability a, else b
 *   uniform           from a up to, but not including, b
 *   normal            mean a, standard deviation b
 *   truncated_normal  the same within two standard deviations of the mean */
#define CN_DRAWS(X) X(mask) X(uniform) X(normal) X(truncated_normal)
typedef enum cn_draw_kind {
#define CN_DRAW_INDEX_(name) CN_DRAW_##name,
    CN_DRAWS(CN_DRAW_INDEX_) CN_DRAW_KINDS
#undef CN_DRAW_INDEX_
} cn_draw_kind;

typedef struct cn_draw {
    uint64_t key;
    uint32_t call, step;
    double a, b;
} cn_draw;

/* Elements first, first + 1, ... of a draw; `first` is a multiple of 4. A mask takes one word of the generator for each
 * element, in both types; the others one for a float and two for a double. */
typedef void cn_draw_loop(const cn_draw *draw, int64_t first, int64_t count, void *out);

typedef struct cn_random_kernels {
    /* The same bits on every instruction set. `out` has room for four words a block. */
    void (*words)(const cn_draw *draw, uint64_t first_block, int64_t blocks, uint32_t *out);
    cn_draw_loop *draw[CN_DRAW_KINDS][2]; /* CN_F32, CN_F64 */
} cn_random_kernels;
#endif
