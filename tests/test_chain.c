/* Chains on blocks whose rows are short: several are run through at once. */
#include "core/chain.h"
#include <criterion/criterion.h>
#include <stdlib.h>

enum { ROWS = 300, MOST_COLUMNS = 130 };

static int calls;

/* 2 a + b */
static void counted_loop(int64_t n, void *const *pointer, const int64_t *stride, const double *scalar)
{
    float *to = pointer[0];
    const float *a = pointer[1], *b = pointer[2];
    (void)scalar;
    calls++;
    for (int64_t i = 0; i < n; i++)
        to[i] = 2 * a[i * stride[1]] + b[i * stride[2]];
}

static float in[ROWS * MOST_COLUMNS], all_rows[MOST_COLUMNS], out[ROWS * MOST_COLUMNS];

/* Runs rows 3 to ROWS - 2, b being `more` with the given strides, and gives the calls that it took. */
static int run(int64_t columns, const float *more, int64_t row, int64_t column)
{
    cn_chain *chain = calloc(1, sizeof *chain + sizeof(cn_link));
    chain->rows = ROWS;
    chain->columns = columns;
    chain->tile = CN_TILE_BYTES / (int64_t)sizeof(float);
    chain->count = 1;
    chain->link[0] = (cn_link){.loop = counted_loop,
                               .operands = 3,
                               .pointer = {0, 1, 2},
                               .element = {sizeof(float), sizeof(float), sizeof(float)},
                               .row = {columns, columns, row},
                               .column = {1, 1, column}};
    for (int i = 0; i < ROWS * MOST_COLUMNS; i++) {
        in[i] = (float)(i % 1009);
        out[i] = -1;
    }
    for (int i = 0; i < MOST_COLUMNS; i++)
        all_rows[i] = (float)(5 * i + 1);
    calls = 0;
    cn_run_chain_block(chain, (void *[]){out, in, (void *)more}, 3, ROWS - 4, 0, columns);
    free(chain);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t c = 0; c < columns; c++) {
            float expected = r < 3 || r >= ROWS - 1 ? -1 : 2 * in[r * columns + c] + more[r * row + c * column];
            cr_assert_eq(out[r * columns + c], expected, "%d columns: row %d, column %d", (int)columns, (int)r, (int)c);
        }
    return calls;
}

Test(chain, short_rows_are_run_through_together)
{
    for (int64_t columns = 1; columns <= 128; columns++) {
        int64_t together = 256 / columns, a_tile = CN_TILE_BYTES / (int64_t)sizeof(float) / columns;
        int64_t tiles = (ROWS - 4 + a_tile - 1) / a_tile;
        cr_expect_leq(run(columns, all_rows, 0, 1), (ROWS - 4) / together + 2 * tiles, "%d columns", (int)columns);
    }
}

Test(chain, long_rows_are_run_through_one_by_one)
{
    cr_expect_eq(run(129, all_rows, 0, 1), ROWS - 4);
}

Test(chain, rows_that_cannot_be_repeated_are_run_through_one_by_one)
{
    cr_expect_eq(run(16, in, 1, 0), ROWS - 4);
    cr_expect_eq(run(16, in, 0, 2), ROWS - 4);
    cr_expect_eq(run(16, all_rows + 15, 0, -1), ROWS - 4);
}
