/* Private: what a recurrent sequence and its gradient have in common: how they are cut, and the products with the
 * recurrent weights. */
#ifndef CN_CORE_OPS_RECURRENT_SEQUENCE_H
#define CN_CORE_OPS_RECURRENT_SEQUENCE_H
#include <string.h>
#include "core/kernels/kernels.h"
#include "core/ops/recurrent.h"
#include "core/pieces.h"
#include "core/small_gemm.h"

/* Outputs: the sequence and the last states, and what the gradient needs: all hidden and cell states from before the
 * first step on, and the gates as the kernels keep them. Only an LSTM has the last two. */
enum { SEQUENCE, LAST_H, HIDDEN, GATES, LAST_C, CELLS, OUTPUTS };

typedef struct cn_recurrent_attributes {
    cn_recurrence kind;
    cn_gate activation, recurrent_activation;
    bool backwards, has_bias, has_states, has_mask;
    bool has_dy, has_dh, has_dc; /* of the gradient: which of its optional inputs are there */
} cn_recurrent_attributes;

/* In blocks of `units` columns: the weights, what is kept of a step, and how much of the weights the hidden state
 * meets. What is left of them meets the reset state. */
typedef struct cn_recurrent_layout {
    int weights, kept, first;
    bool has_cells;
} cn_recurrent_layout;
extern const cn_recurrent_layout cn_recurrent_layouts[];
/* Columns of a row of what is kept. */
int64_t cn_recurrent_kept(cn_recurrence kind, cn_dtype dtype, int64_t units);

/* What the sequence and its gradient run by. */
typedef struct cn_recurrent_sizes {
    int64_t batch, time, units;
    int64_t element;      /* bytes */
    int64_t rows, pieces; /* each piece takes so many samples through the whole sequence */
    cn_dtype dtype;
    cn_recurrent_attributes attributes;
    int64_t width, kept, first; /* columns, as in `layout` */
    bool has_cells, has_reset;
    bool shared;         /* one piece, of whose steps each is shared by the threads */
    bool small;          /* the products are those of the step kernels */
    bool packed;         /* weights may be packed once for all steps */
    bool lstm8;          /* all steps are one kernel's */
    bool small_gradient; /* of the weights */
    cn_small_gemm gradient;
    int64_t weights_steps; /* whose gradients of the weights are added at once */
} cn_recurrent_sizes;

/* Samples of a piece of a step that several threads share, and of a piece where there are few units. */
enum { STEP_ROWS = 8, SMALL_ROWS = 64 };

cn_recurrent_sizes cn_recurrent_sizes_of(const cn_recurrent_attributes *a, cn_dtype dtype, int64_t batch, int64_t time,
                                         int64_t units);

static inline double cn_recurrent_nanoseconds(const cn_recurrent_sizes *s)
{
    return (double)s->batch * (double)s->time * (double)s->width * (2 + (double)s->units / 8) / 4;
}

/* Of the gates of one step, without the products. */
static inline double cn_recurrent_step_nanoseconds(const cn_recurrent_sizes *s)
{
    return (double)s->batch * (double)s->width * 0.5;
}

/* Rounded up to the alignment of what kernels are given. */
static inline int64_t cn_recurrent_aligned(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* NULL of NULL. */
static inline unsigned char *cn_recurrent_at(void *base, int64_t element, int64_t bytes)
{
    return base ? (unsigned char *)base + element * bytes : NULL;
}

static inline void cn_recurrent_set_state(unsigned char *to, unsigned char *from, size_t bytes)
{
    if (from)
        memcpy(to, from, bytes);
    else
        memset(to, 0, bytes);
}

/* Where a piece's states and gates of all steps are, or of the step alone where nobody wants the others. */
static inline unsigned char *cn_recurrent_kept_or(unsigned char *output, int64_t element, int64_t bytes,
                                                  unsigned char *room)
{
    return output ? cn_recurrent_at(output, element, bytes) : room;
}

/* Of row-major a and c. */
typedef struct cn_recurrent_product {
    int64_t m, n, k, a_row, c_row;
} cn_recurrent_product;

/* b: element (i, j) at values[i * row + j * column], or in panels of two vectors of columns. */
typedef struct cn_recurrent_operand {
    const unsigned char *values;
    int64_t row, column;
    bool packed;
} cn_recurrent_operand;

/* The recurrent weights, and those of the reset state. */
static inline cn_recurrent_operand cn_recurrent_state_weights(const cn_recurrent_sizes *s, unsigned char *recurrent)
{
    return (cn_recurrent_operand){recurrent, s->width, 1, false};
}

static inline cn_recurrent_operand cn_recurrent_reset_weights(const cn_recurrent_sizes *s, unsigned char *recurrent)
{
    return (cn_recurrent_operand){cn_recurrent_at(recurrent, 2 * s->units, s->element), s->width, 1, false};
}

static inline cn_recurrent_operand cn_recurrent_transposed(cn_recurrent_operand b)
{
    return (cn_recurrent_operand){b.values, b.column, b.row, false};
}

/* Weights are packed as the products of all steps read them fastest: in rows for the step kernels and for products of
 * one row, else in panels for the tiles of products. For a step or two that does not pay. */
bool cn_recurrent_is_packed(const cn_recurrent_sizes *s, cn_recurrent_operand b);
int64_t cn_recurrent_packed_bytes(const cn_recurrent_sizes *s, cn_recurrent_product p, cn_recurrent_operand b);
/* What cn_recurrent_multiply takes: what cn_recurrent_pack made of b, or b as it is. */
cn_recurrent_operand cn_recurrent_packed_or_not(const cn_recurrent_sizes *s, cn_recurrent_product p,
                                                cn_recurrent_operand b, const unsigned char *packed);
cn_recurrent_operand cn_recurrent_pack(const cn_recurrent_sizes *s, cn_recurrent_product p, cn_recurrent_operand b,
                                       unsigned char *room);
/* c += a b. */
void cn_recurrent_multiply(const cn_recurrent_sizes *s, cn_recurrent_product p, const void *a, cn_recurrent_operand b,
                           unsigned char *c);

/* The gradient: outputs for z, the recurrent weights, the initial h, what the products gave (time, batch, columns), and
 * the initial c of an LSTM. Inputs: the recurrent weights, hidden states, gates, an LSTM's cells, and the gradients of
 * the sequence and the last states as far as there are some. */
extern const cn_operation cn_recurrent_sequence_grad;
enum { DZ, DRECURRENT, DH, INNER, DC, GRADIENTS };
#endif
