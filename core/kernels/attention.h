/* Private: rows of attention scores. */
#ifndef CN_CORE_KERNELS_ATTENTION_H
#define CN_CORE_KERNELS_ATTENTION_H
#include <stdbool.h>
#include <stdint.h>

/* Some neighbouring queries against some neighbouring keys. Query i, row i - query, sees key j, column j - key, if i -
 * behind <= j <= i + ahead and the mask at this row and column is not 0. If a query sees no key the tile must have all
 * keys. Strides are in elements. */
enum { CN_ATTENTION_LANES = 16 };
typedef struct cn_attention_tile {
    int64_t queries, keys, row; /* rows of the scores are `row` apart, room for whole vectors of keys */
    int64_t query, key;         /* of row 0 and column 0 */
    int64_t behind, ahead;
    const int32_t *mask; /* at row 0 and column 0; or NULL */
    int64_t mask_query, mask_key;
    double scale;
} cn_attention_tile;

/* The columns that a row sees but for the mask: from first up to last. */
typedef struct cn_attention_range {
    int64_t first, last;
} cn_attention_range;

static inline cn_attention_range cn_attention_range_of(const cn_attention_tile *tile, int64_t row)
{
    int64_t at = tile->query + row - tile->key, first = at - tile->behind, last = at + tile->ahead + 1;
    last = last < 0 ? 0 : last < tile->keys ? last : tile->keys;
    first = first < 0 ? 0 : first < last ? first : last;
    return (cn_attention_range){first, last};
}

/* `mask` is that of the row, its elements `step` apart, or NULL. */
static inline bool cn_attention_sees_any(const int32_t *mask, int64_t step, cn_attention_range range)
{
    int64_t j = range.first;
    while (mask && j < range.last && mask[j * step] == 0)
        j++;
    return j < range.last;
}

typedef struct cn_attention_kernels {
    /* Replaces products of queries and keys by softmax(scale product) over what each query sees, 0 elsewhere, and gives
     * log sum exp(scale product) of each row. A query that sees nothing weighs all keys alike, and gets infinity. */
    void (*weigh)(const cn_attention_tile *tile, void *scores, void *logsumexp);
    /* The same weights again; and in place of their gradients those of the products. gradients may be NULL. */
    void (*differentiate)(const cn_attention_tile *tile, const void *logsumexp, void *scores, void *gradients);
} cn_attention_kernels;
#endif
