/* Private: element-wise operations as loops around an inner loop, one or many at a time. */
#ifndef CN_CORE_CHAIN_H
#define CN_CORE_CHAIN_H
#include "core/engine.h"
#include "core/kernels/elementwise.h"

enum { CN_MAX_OPERANDS = 4, CN_MAX_SCALARS = 4 };

/* The loops of one element-wise entry: `rank` dimensions after merging those that all operands run through evenly,
 * outermost first. Operand 0 is the output. */
typedef struct cn_nest {
    cn_loop *loop;
    int operands, rank;
    int64_t dim[CN_MAX_RANK];
    int64_t stride[CN_MAX_OPERANDS][CN_MAX_RANK]; /* in elements */
    int element[CN_MAX_OPERANDS];                 /* bytes */
    double scalar[CN_MAX_SCALARS];
} cn_nest;

/* Works out the nest of an element-wise entry. */
bool cn_nest_of(const cn_entry *entry, cn_nest *nest);
/* cn_operation.prepare of element-wise operations. */
bool cn_prepare_elementwise(const cn_entry *entry, cn_preparation *preparation);

/* A chain: element-wise operations over the same rows x columns, run one after the other on a tile that stays in cache.
 * Each link's operands index the pointers of the step; a negative index -1 - s is tile slot s, for values that live and
 * die inside the chain. */
typedef struct cn_link {
    union {
        cn_loop *loop;
        cn_row_loop *row_loop;
    };
    int operands;
    bool all_rows; /* in one go, by row_loop */
    bool flat;     /* every operand is dense or repeats one element, so rows may be run through in one go */
    int16_t pointer[CN_MAX_OPERANDS];
    int16_t element[CN_MAX_OPERANDS];
    int64_t row[CN_MAX_OPERANDS], column[CN_MAX_OPERANDS]; /* strides in elements */
    double scalar[CN_MAX_SCALARS];
} cn_link;

typedef struct cn_chain {
    int64_t rows, columns;
    int64_t tile; /* elements of a tile slot */
    int slots, count;
    cn_link link[];
} cn_chain;

enum { CN_TILE_BYTES = 8192, CN_TILE_SLOTS = 8 };

/* The kernel of a chain standing alone; `prepared` is the chain. */
cn_kernel cn_run_chain;
/* The same on rows [row, row + rows) x columns [column, column + columns). */
void cn_run_chain_block(const cn_chain *chain, void *const *pointer, int64_t row, int64_t rows, int64_t column,
                        int64_t columns);

/* The first member of the prepared struct of an operation with CN_PRODUCT: an epilogue, to be run on each finished
 * block of the product by cn_run_chain_block. Offset 0: none. */
typedef struct cn_epilogue {
    int32_t chain;   /* offset of the cn_chain from the begin of the prepared struct, in bytes */
    int32_t pointer; /* index among the step's pointers at which the chain's begin */
} cn_epilogue;
#endif
