#include "core/chain.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <string.h>

/* Merges neighbouring dimensions that every operand runs through as if they were one, and drops those of size 1. */
static void collapse(cn_nest *nest, const cn_shape *shape, const int64_t (*stride)[CN_MAX_RANK])
{
    int rank = 0;
    for (int d = 0; d < shape->rank; d++) {
        if (shape->dim[d] == 1)
            continue;
        bool merges = rank > 0;
        for (int o = 0; o < nest->operands && merges; o++)
            merges = nest->stride[o][rank - 1] == stride[o][d] * shape->dim[d];
        int to = merges ? rank - 1 : rank++;
        nest->dim[to] = merges ? nest->dim[to] * shape->dim[d] : shape->dim[d];
        for (int o = 0; o < nest->operands; o++)
            nest->stride[o][to] = stride[o][d];
    }
    nest->rank = rank;
}

bool cn_nest_of(const cn_entry *entry, cn_nest *nest)
{
    const cn_operation *operation = entry->operation;
    const cn_tensor *output = entry->output[0];
    int64_t stride[CN_MAX_OPERANDS][CN_MAX_RANK];
    int last = entry->input_count - 1;
    nest->loop = cn_kernels_now()->elementwise->loop[operation->loop][entry->input[last]->dtype];
    nest->operands = entry->input_count + 1;
    if (!nest->loop)
        return false;
    for (int o = 0; o < nest->operands; o++) {
        const cn_tensor *operand = o ? entry->input[o - 1] : output;
        nest->element[o] = (int)cn_dtype_size(operand->dtype);
        int missing = output->shape.rank - operand->shape.rank;
        for (int d = 0; d < output->shape.rank; d++)
            stride[o][d] = d < missing || operand->shape.dim[d - missing] == 1 ? 0 : operand->stride[d - missing];
    }
    collapse(nest, &output->shape, (const int64_t(*)[CN_MAX_RANK])stride);
    memset(nest->scalar, 0, sizeof nest->scalar);
    if (operation->attributes)
        memcpy(nest->scalar, entry->attributes, operation->attributes);
    return true;
}

/* Rows */

/* Elements that are at least run through at once, where there are rows enough: a call for each pixel's few channels
 * would take longer than its work. */
enum { LEAST_RUN = 256 };

/* Whether every operand either goes on from row to row as its elements do, or has one row for all. */
static bool rows_join(const cn_link *link, const int64_t *step, int64_t columns)
{
    for (int o = 0; o < link->operands; o++)
        if (step[o] ? step[o] != columns * link->column[o] * link->element[o]
                    : link->column[o] != 0 && link->column[o] != 1)
            return false;
    return true;
}

/* Fills `total` bytes with a row, over and over. */
static void repeat_row(unsigned char *to, const unsigned char *row, int64_t bytes, int64_t total)
{
    memcpy(to, row, (size_t)bytes);
    for (int64_t done = bytes; done < total; done *= 2)
        memcpy(to + done, to, (size_t)cn_least(done, total - done));
}

/* Several rows at once: what is the same for all of them is repeated. */
static void run_short_rows(const cn_link *link, unsigned char **at, int64_t *step, int64_t rows, int64_t columns)
{
    _Alignas(64) unsigned char repeated[CN_MAX_OPERANDS][LEAST_RUN * sizeof(double)];
    int64_t together = cn_least(LEAST_RUN / columns, rows);
    for (int o = 0; o < link->operands; o++) {
        if (step[o] == 0 && link->column[o] != 0) {
            int64_t bytes = columns * link->element[o];
            repeat_row(repeated[o], at[o], bytes, together * bytes);
            at[o] = repeated[o];
        }
        step[o] *= together;
    }
    for (; rows > 0; rows -= together) {
        link->loop(cn_least(together, rows) * columns, (void *const *)at, link->column, link->scalar);
        for (int o = 0; o < link->operands; o++)
            at[o] += step[o];
    }
}

/* The loop of a link for each of some rows, `step` bytes apart. Moves `at` and may change `step`. */
static void run_rows(const cn_link *link, unsigned char **at, int64_t *step, int64_t rows, int64_t columns)
{
    if (rows > 1 && columns * 2 <= LEAST_RUN && rows_join(link, step, columns)) {
        run_short_rows(link, at, step, rows, columns);
        return;
    }
    for (int64_t r = 0; r < rows; r++) {
        link->loop(columns, (void *const *)at, link->column, link->scalar);
        for (int o = 0; o < link->operands; o++)
            at[o] += step[o];
    }
}

/* One entry alone */

/* The nest with its dimensions at the end of the struct, so that few bytes are carried along. */
typedef struct lone_nest {
    cn_link link; /* its columns are the innermost dimension */
    int rank;
    int64_t pieces;
    struct {
        int64_t count, step[CN_MAX_OPERANDS]; /* in bytes */
    } dim[CN_MAX_RANK];
} lone_nest;

enum { PIECE_ELEMENTS = 16384 };

/* Runs `count` indices of a dimension, and all of those inside it, from the given operands on. */
static void run_dimensions(const lone_nest *nest, int dimension, int64_t count, unsigned char *const *operand)
{
    const cn_link *link = &nest->link;
    if (dimension == nest->rank - 1) {
        link->loop(count, (void *const *)operand, link->column, link->scalar);
        return;
    }
    unsigned char *at[CN_MAX_OPERANDS];
    int64_t step[CN_MAX_OPERANDS];
    memcpy(at, operand, sizeof at);
    memcpy(step, nest->dim[dimension].step, sizeof step);
    const int64_t inner = nest->dim[dimension + 1].count;
    if (dimension == nest->rank - 2) {
        run_rows(link, at, step, count, inner);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        run_dimensions(nest, dimension + 1, inner, at);
        for (int o = 0; o < link->operands; o++)
            at[o] += step[o];
    }
}

typedef struct nest_work {
    const lone_nest *nest;
    unsigned char *operand[CN_MAX_OPERANDS];
} nest_work;

/* A piece is a range of the outermost dimension. */
static void run_piece(void *context, int64_t piece)
{
    const nest_work *work = context;
    const lone_nest *nest = work->nest;
    const cn_range part = cn_part(nest->dim[0].count, nest->pieces, piece);
    unsigned char *at[CN_MAX_OPERANDS];
    for (int o = 0; o < CN_MAX_OPERANDS; o++)
        at[o] = o < nest->link.operands ? work->operand[o] + part.first * nest->dim[0].step[o] : NULL;
    run_dimensions(nest, 0, part.count, at);
}

static bool run_nest(void *const *pointer, const void *prepared)
{
    const lone_nest *nest = prepared;
    if (nest->pieces == 1 && nest->rank == 1) {
        nest->link.loop(nest->dim[0].count, pointer, nest->link.column, nest->link.scalar);
        return true;
    }
    nest_work work = {.nest = nest};
    for (int o = 0; o < nest->link.operands; o++)
        work.operand[o] = pointer[o];
    cn_parallel(nest->pieces, (double)nest->pieces * PIECE_ELEMENTS, run_piece, &work);
    return true;
}

bool cn_prepare_elementwise(const cn_entry *entry, cn_preparation *preparation)
{
    cn_nest nest;
    if (!cn_nest_of(entry, &nest))
        return false;
    if (nest.rank == 0) {
        nest.rank = 1;
        nest.dim[0] = 1;
        for (int o = 0; o < nest.operands; o++)
            nest.stride[o][0] = 0;
    }
    lone_nest *lone = cn_prepared(preparation, offsetof(lone_nest, dim) + (size_t)nest.rank * sizeof lone->dim[0]);
    if (!lone)
        return false;
    int64_t elements = cn_shape_size(entry->output[0]->shape);
    lone->rank = nest.rank;
    lone->pieces = cn_pieces_of((double)elements, PIECE_ELEMENTS, nest.dim[0]);
    cn_link *link = &lone->link;
    link->loop = nest.loop;
    link->operands = nest.operands;
    memcpy(link->scalar, nest.scalar, sizeof nest.scalar);
    for (int o = 0; o < nest.operands; o++) {
        link->element[o] = (int16_t)nest.element[o];
        link->column[o] = nest.stride[o][nest.rank - 1];
        for (int d = 0; d < nest.rank; d++)
            lone->dim[d].step[o] = nest.stride[o][d] * nest.element[o];
    }
    for (int d = 0; d < nest.rank; d++)
        lone->dim[d].count = nest.dim[d];
    preparation->kernel = run_nest;
    return true;
}

/* Chains */

static void run_link(const cn_chain *chain, const cn_link *link, void *const *pointer, unsigned char *tile, int64_t row,
                     int64_t rows, int64_t column, int64_t columns)
{
    unsigned char *at[CN_MAX_OPERANDS];
    int64_t step[CN_MAX_OPERANDS];
    for (int o = 0; o < link->operands; o++) {
        int index = link->pointer[o];
        if (index < 0) {
            at[o] = tile + (int64_t)(-1 - index) * CN_TILE_BYTES;
            step[o] = columns * link->element[o];
        } else {
            at[o] =
                (unsigned char *)pointer[index] + (row * link->row[o] + column * link->column[o]) * link->element[o];
            step[o] = link->row[o] * link->element[o];
        }
    }
    if (link->all_rows) {
        link->row_loop(rows, columns, (void *const *)at, step);
        return;
    }
    if (rows == 1 || (link->flat && columns == chain->columns)) {
        link->loop(rows * columns, (void *const *)at, link->column, link->scalar);
        return;
    }
    run_rows(link, at, step, rows, columns);
}

void cn_run_chain_block(const cn_chain *chain, void *const *pointer, int64_t row, int64_t rows, int64_t column,
                        int64_t columns)
{
    _Alignas(64) unsigned char tile[CN_TILE_SLOTS * CN_TILE_BYTES];
    if (rows <= 0 || columns <= 0)
        return;
    int64_t wide = columns < chain->tile ? columns : chain->tile;
    int64_t high = chain->tile / wide;
    for (int64_t r = 0; r < rows; r += high) {
        int64_t some_rows = rows - r < high ? rows - r : high;
        for (int64_t c = 0; c < columns; c += wide) {
            int64_t some_columns = columns - c < wide ? columns - c : wide;
            for (int l = 0; l < chain->count; l++)
                run_link(chain, &chain->link[l], pointer, tile, row + r, some_rows, column + c, some_columns);
        }
    }
}

typedef struct chain_work {
    const cn_chain *chain;
    void *const *pointer;
    int64_t pieces;
} chain_work;

static void run_chain_piece(void *context, int64_t piece)
{
    const chain_work *work = context;
    const cn_range rows = cn_part(work->chain->rows, work->pieces, piece);
    cn_run_chain_block(work->chain, work->pointer, rows.first, rows.count, 0, work->chain->columns);
}

bool cn_run_chain(void *const *pointer, const void *prepared)
{
    const cn_chain *chain = prepared;
    int64_t elements = chain->rows * chain->columns;
    chain_work work = {chain, pointer, cn_pieces_of((double)elements, PIECE_ELEMENTS, chain->rows)};
    cn_parallel(work.pieces, (double)elements * chain->count, run_chain_piece, &work);
    return true;
}
