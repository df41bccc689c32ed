/* Ways to compute a product: by our own tiles with B read where it lies, packed as it is met, or packed before; for one
 * row and many columns by whole rows of B; and by OpenBLAS. Each cuts C into pieces by the sizes alone; a sum over k is
 * never shared between pieces. */
#include "core/gemm.h"
#include "core/blas.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <limits.h>
#include <math.h>
#include <omp.h>

/* All thresholds, measured on AVX-512 with 48 KB of L1 and 1 MB of L2 a core.
 *
 * Rows of B are read where they lie, for a tile's columns and a few hundred rows at a time: these stay in L2 for all
 * tiles of a block of rows of A, which is there too. A transposed B is packed, into panels of two vectors of columns,
 * on the stack of the thread that uses them; so is any B for so many rows of a transposed A that each step of k is
 * another page of it, and a B whose rows fall on the same lines of L1, if many long rows of A meet it.
 *
 * Panels packed before lie in memory in the order in which they are read, so that they come from afar as fast as a few
 * tiles use them. There, and where B is small, a thread takes rows of C that are its own from operation to operation:
 * halves of what one core has written may be far from the other. */
enum {
    L1_BYTES = 48 << 10,
    L2_ROWS_BYTES = 512 << 10,
    PANEL_BYTES = 64 << 10, /* the largest panel of any instruction set: two vectors of columns, CN_GEMM_DEPTH rows */
    PACKED_ROWS = 1024,
    PACKED_ALIAS_ROWS = 256, /* where rows of B fall on the same lines of L1 */
    ALIAS_BYTES = 4096,      /* rows a multiple of this apart fall on the same lines of L1 */
    ALIAS_TILE_ROWS = 8,     /* rows of A that do so and yet stay there: an L1 has 8 ways at least */
    WIDE_COLUMNS = 32,       /* vectors of them in a piece of a wide row; two pieces are wide */
    MOST_ROW_PIECES = 4,     /* of one row: the fewer, the longer the runs of memory that each reads */
    MOST_PIECES = 64,
    SMALL_B_BYTES = 256 << 10, /* it stays in L2 */
    ROWS_OF_SMALL_B = 256,     /* in a piece, at least: a panel of B stays in L1 for them */
    ENOUGH_PIECES = 8,         /* of columns: more by rows would read, or pack, B again */
    MOST_BLAS_PIECES = 16,
    LEAST_KEPT_BYTES = 128 << 10, /* of a B that is packed before: less is near anyway */
    MOST_KEPT_BYTES = 16 << 20,
    PREPACKED_BYTES = 256 << 10,    /* of B in a piece: it stays in L2 */
    PREPACKED_READ_BYTES = 4 << 20, /* of B for all rows */
    PREPACKED_ROWS = 32,            /* in a piece, at least */
    PREPACKED_PIECES = 16,
    TILES_OF_A_PANEL = 3
};
static const double flops_of_a_piece = 250e3, flops_of_a_blas_piece = 2e6;
static const double flops_of_a_row_piece = 100e3; /* which meets each element of B once */
static const double bytes_per_nanosecond = 40;    /* what one thread reads from L3 */

/* How a product is cut: into batch_pieces * column_pieces * row_pieces, the columns in whole units. */
typedef struct cn_gemm_cut {
    cn_gemm_path path;
    bool by_rows; /* rather than by columns */
    int64_t batch_pieces, row_pieces, column_pieces, column_unit;
    int64_t tile_rows; /* at most, of tiles with two vectors */
    int64_t k_blocks;
    double nanoseconds; /* of one matrix */
} cn_gemm_cut;

typedef struct cn_gemm_job {
    const cn_gemm *product;
    const cn_gemm_type_kernels *kernels;
    const cn_gemm_cut *cut;
    int64_t size; /* bytes of an element */
    const char *a, *b;
    char *c;
    cn_gemm_finish *finish;
    void *context;
} cn_gemm_job;

static const cn_gemm_type_kernels *kernels_for(cn_dtype dtype)
{
    return cn_kernels_now()->gemm->type[dtype == CN_F64];
}

/* OpenBLAS wants one of the strides to be 1, the other to span a row, and int sizes. */
static bool blas_takes(int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return (column == 1 && row >= columns && row <= INT_MAX) || (row == 1 && column >= rows && column <= INT_MAX);
}

static bool blas_is_better(const cn_gemm *g, const cn_gemm_type_kernels *kernels, double flops)
{
    return flops >= kernels->blas_flops && cn_blas_at_hand() && g->m <= INT_MAX && g->n <= INT_MAX && g->k <= INT_MAX &&
           g->ldc <= INT_MAX && blas_takes(g->m, g->k, g->a_row, g->a_column) &&
           blas_takes(g->k, g->n, g->b_row, g->b_column);
}

int64_t cn_gemm_panel_depth(const cn_gemm_type_kernels *kernels, int64_t size)
{
    return L1_BYTES / ((2 * kernels->width + kernels->most_rows[1]) * size) / 16 * 16;
}

static double least_flops(const cn_gemm *g)
{
    return g->m == 1 ? flops_of_a_row_piece : flops_of_a_piece;
}

static void cut_into_pieces(cn_gemm_cut *cut, const cn_gemm *g, double flops, int64_t most_rows, int64_t least_rows)
{
    bool blas = cut->path == CN_GEMM_BLAS;
    double piece = blas ? flops_of_a_blas_piece : least_flops(g);
    int64_t most = blas ? MOST_BLAS_PIECES : g->m == 1 ? MOST_ROW_PIECES : MOST_PIECES;
    int64_t wanted = cn_pieces_of(flops, piece, most);
    if (wanted == 1 && g->batch > 1) {
        cut->batch_pieces = cn_least(g->batch, cn_pieces_of(flops * (double)g->batch, piece, most));
        return;
    }
    cut->row_pieces = cn_divide_up(g->m, most_rows);
    if (cut->by_rows)
        cut->row_pieces =
            cn_most(cut->row_pieces, cn_pieces_of(flops, piece, cn_least(g->m / ROWS_OF_SMALL_B, wanted)));
    cut->column_pieces = cn_least(cn_divide_up(g->n, cut->column_unit), cn_divide_up(wanted, cut->row_pieces));
    if (cut->column_pieces < ENOUGH_PIECES && cut->row_pieces * cut->column_pieces < wanted)
        cut->row_pieces = cn_least(cn_divide_up(g->m, least_rows), cn_divide_up(wanted, cut->column_pieces));
}

/* Each piece of rows reads all of B, from afar if it is large. */
static void cut_prepacked(cn_gemm_cut *cut, const cn_gemm *g, double flops, int64_t most_rows)
{
    const int64_t size = (int64_t)cn_dtype_size(g->dtype), unit = cut->column_unit;
    const int64_t wanted = cn_pieces_of(flops, flops_of_a_piece, PREPACKED_PIECES);
    const int64_t columns = PREPACKED_BYTES / (cn_least(g->k, CN_GEMM_DEPTH) * size) / unit * unit;
    const int64_t rows =
        cn_least(cn_divide_up(g->m, PREPACKED_ROWS), cn_most(2, PREPACKED_READ_BYTES / (g->n * g->k * size)));
    cut->row_pieces = cn_most(cn_divide_up(g->m, most_rows), cn_least(rows, wanted));
    cut->column_pieces =
        cn_most(cn_divide_up(g->n, columns), cn_least(cn_divide_up(g->n, unit), cn_divide_up(wanted, cut->row_pieces)));
}

double cn_gemm_nanoseconds(cn_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    double arithmetic = 2 * (double)m * (double)n * (double)k / (double)(8 * kernels_for(dtype)->width);
    return fmax(arithmetic, (double)cn_dtype_size(dtype) * (double)n * (double)(m + k) / bytes_per_nanosecond);
}

static bool packing_pays(const cn_gemm *g, int64_t size)
{
    if (g->b_column != 1)
        return true;
    if (g->a_column != 1)
        return g->m >= PACKED_ROWS;
    return g->m >= PACKED_ALIAS_ROWS && g->k > CN_GEMM_DEPTH && g->b_row * size % ALIAS_BYTES == 0;
}

static void choose(cn_gemm_cut *cut, const cn_gemm *g, const cn_gemm_type_kernels *kernels)
{
    int64_t size = g->dtype == CN_F64 ? 8 : 4, width = kernels->width, most_rows = kernels->most_rows[1];
    int64_t rows_in_l2 = INT64_MAX;
    double flops = 2.0 * (double)g->m * (double)g->n * (double)g->k;
    *cut = (cn_gemm_cut){.path = CN_GEMM_DIRECT,
                         .batch_pieces = 1,
                         .row_pieces = 1,
                         .column_pieces = 1,
                         .column_unit = 2 * width,
                         .tile_rows = most_rows,
                         .k_blocks = cn_most(cn_divide_up(g->k, CN_GEMM_DEPTH), 1)};
    if (g->a_column == 1 && g->a_row * size % ALIAS_BYTES == 0)
        cut->tile_rows = cn_least(ALIAS_TILE_ROWS, most_rows);
    if (g->b_packed) {
        cut->path = CN_GEMM_PREPACKED;
    } else if (blas_is_better(g, kernels, flops)) {
        cut->path = CN_GEMM_BLAS;
    } else if (g->m == 1 && g->b_column == 1 && g->n >= 2 * WIDE_COLUMNS * width) {
        cut->path = CN_GEMM_WIDE_ROW;
        cut->column_unit = WIDE_COLUMNS * width;
    } else if (packing_pays(g, size)) {
        cut->path = CN_GEMM_PACKED;
    }
    if (cut->path != CN_GEMM_BLAS && cut->path != CN_GEMM_WIDE_ROW && g->k > 0) {
        rows_in_l2 = L2_ROWS_BYTES / (cn_least(g->k, CN_GEMM_DEPTH) * size);
        if (cut->path == CN_GEMM_PACKED && g->a_column != 1)
            rows_in_l2 *= 2; /* they do not stay in L2 as it is */
    }
    if (flops * (double)g->batch < 2 * least_flops(g))
        return;
    cut->nanoseconds = cn_gemm_nanoseconds(g->dtype, g->m, g->n, g->k);
    cut->by_rows = cut->path == CN_GEMM_PREPACKED ||
                   (cut->path != CN_GEMM_BLAS && g->a_column == 1 && g->k * g->n * size <= SMALL_B_BYTES);
    if (cut->path == CN_GEMM_PREPACKED)
        cut_prepacked(cut, g, flops, rows_in_l2);
    else
        cut_into_pieces(cut, g, flops, rows_in_l2, 4 * most_rows);
}

cn_gemm_path cn_gemm_path_of(const cn_gemm *product)
{
    cn_gemm_cut cut;
    choose(&cut, product, kernels_for(product->dtype));
    return cut.path;
}

cn_gemm_tile_choice cn_gemm_tile_for(const cn_gemm_type_kernels *kernels, int64_t rows, int64_t columns)
{
    int64_t width = kernels->width;
    int i = columns > 7 * width ? 3 : columns > 3 * width ? 2 : columns > width ? 1 : 0;
    while (rows > kernels->most_rows[i])
        i--;
    int64_t taken = cn_least(columns, width << i);
    return (cn_gemm_tile_choice){rows == 1 && i < 3 ? kernels->one_row[i] : kernels->tile[i][rows], taken,
                                 taken - (width << i) + width};
}

/* The block of C at `row` and `column` of one matrix by tiles; b and c point at its operands' first elements, a where
 * its rows begin. */
static void multiply_tiles(const cn_gemm_job *job, const char *a, const char *b, char *c, int64_t batch, cn_range row,
                           cn_range column)
{
    const cn_gemm *g = job->product;
    const cn_gemm_type_kernels *kernels = job->kernels;
    const bool packs = job->cut->path == CN_GEMM_PACKED;
    int64_t size = job->size, width = kernels->width, tiles = cn_divide_up(row.count, job->cut->tile_rows);
    _Alignas(64) char panel[PANEL_BYTES];
    for (int64_t block = 0; block < job->cut->k_blocks; block++) {
        cn_range k = cn_part(g->k, job->cut->k_blocks, block);
        for (int64_t j = 0, n; j < column.count; j += n) {
            int64_t left = column.count - j, b_row = g->b_row;
            const char *b_rows = b + (k.first * b_row + j * g->b_column) * size;
            char *out = c + j * size;
            if (packs) {
                n = cn_least(2 * width, left);
                b_row = n > width ? 2 * width : width;
                kernels->pack(n, k.count, b_rows, g->b_column, g->b_row, panel, b_row, b_row);
                b_rows = panel;
            } else {
                n = cn_gemm_tile_for(kernels, cn_part(row.count, tiles, 0).count, left).columns;
            }
            for (int64_t i = 0; i < tiles; i++) {
                cn_range r = cn_part(row.count, tiles, i);
                cn_gemm_tile_choice tile = cn_gemm_tile_for(kernels, r.count, n);
                tile.run(k.count, a + (r.first * g->a_row + k.first * g->a_column) * size, g->a_row, g->a_column,
                         b_rows, b_row, out + r.first * g->ldc * size, g->ldc, tile.last, g->accumulate || block > 0);
            }
            if (packs && job->finish && block == job->cut->k_blocks - 1)
                job->finish(job->context, out, g->ldc, batch, row.first, row.count, column.first + j, n);
        }
    }
}

/* Elements of a row of B in panels packed before, each of two vectors of columns. */
static int64_t packed_columns(const cn_gemm *g, const cn_gemm_type_kernels *kernels)
{
    return cn_divide_up(g->n, 2 * kernels->width) * 2 * kernels->width;
}

/* The same with B packed before. Panels come from afar as fast as they are used if a few tiles use each; what these
 * tiles give is finished in L1. */
static void multiply_prepacked(const cn_gemm_job *job, const char *a, char *c, cn_range row, cn_range column)
{
    const cn_gemm *g = job->product;
    const cn_gemm_type_kernels *kernels = job->kernels;
    const int64_t size = job->size, width = kernels->width, tiles = cn_divide_up(row.count, job->cut->tile_rows);
    for (int64_t block = 0; block < job->cut->k_blocks; block++) {
        const cn_range k = cn_part(g->k, job->cut->k_blocks, block);
        const char *b = job->b + (k.first * packed_columns(g, kernels) + k.count * column.first) * size;
        for (int64_t begin = 0, end; begin < tiles; begin = end) {
            end = cn_least(begin + TILES_OF_A_PANEL, tiles);
            for (int64_t j = 0; j < column.count; j += 2 * width) {
                const int64_t left = column.count - j, two = left > width, last = cn_least(left - two * width, width);
                for (int64_t i = begin; i < end; i++) {
                    const cn_range r = cn_part(row.count, tiles, i);
                    kernels->tile[two][r.count](k.count, a + (r.first * g->a_row + k.first * g->a_column) * size,
                                                g->a_row, g->a_column, b + k.count * j * size, 2 * width,
                                                c + (r.first * g->ldc + j) * size, g->ldc, last,
                                                g->accumulate || block > 0);
                }
            }
            if (job->finish && block == job->cut->k_blocks - 1) {
                const cn_range last = cn_part(row.count, tiles, end - 1);
                const int64_t first = cn_part(row.count, tiles, begin).first;
                job->finish(job->context, c + first * g->ldc * size, g->ldc, 0, row.first + first,
                            last.first + last.count - first, column.first, column.count);
            }
        }
    }
}

/* The calling thread alone computes: OpenBLAS built with OpenMP would otherwise take all threads outside a parallel
 * region or in one of a single thread. */
static void multiply_blas(const cn_gemm_job *job, const char *a, const char *b, char *c, int64_t rows, int64_t columns)
{
    const cn_gemm *g = job->product;
    bool a_rows = g->a_column == 1 && g->a_row >= g->k, b_rows = g->b_column == 1 && g->b_row >= g->n;
    enum CBLAS_TRANSPOSE a_form = a_rows ? CblasNoTrans : CblasTrans, b_form = b_rows ? CblasNoTrans : CblasTrans;
    int lda = (int)(a_rows ? g->a_row : g->a_column), ldb = (int)(b_rows ? g->b_row : g->b_column);
    int m = (int)rows, n = (int)columns, k = (int)g->k, ldc = (int)g->ldc;
    const cn_blas *blas = cn_blas_at_hand();
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    if (g->dtype == CN_F64)
        blas->cblas_dgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, (const double *)a, lda, (const double *)b, ldb,
                          g->accumulate ? 1 : 0, (double *)c, ldc);
    else
        blas->cblas_sgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, (const float *)a, lda, (const float *)b, ldb,
                          g->accumulate ? 1 : 0, (float *)c, ldc);
    omp_set_num_threads(threads);
}

/* The last digit of *number, which loses it. */
static int64_t digit(int64_t *number, int64_t base)
{
    if (base == 1)
        return 0;
    int64_t last = *number % base;
    *number /= base;
    return last;
}

static void multiply_piece(void *context, int64_t piece)
{
    const cn_gemm_job *job = context;
    const cn_gemm *g = job->product;
    const cn_gemm_cut *cut = job->cut;
    int64_t size = job->size;
    const bool by_rows = cut->by_rows;
    int64_t column_piece = by_rows ? digit(&piece, cut->column_pieces) : 0;
    cn_range row = cn_part(g->m, cut->row_pieces, digit(&piece, cut->row_pieces));
    cn_range column = {0, g->n};
    if (!by_rows)
        column_piece = digit(&piece, cut->column_pieces);
    if (cut->column_pieces > 1) {
        cn_range unit = cn_part(cn_divide_up(g->n, cut->column_unit), cut->column_pieces, column_piece);
        column.first = unit.first * cut->column_unit;
        column.count = cn_least(unit.count * cut->column_unit, g->n - column.first);
    }
    cn_range batches = cn_part(g->batch, cut->batch_pieces, piece);
    for (int64_t batch = batches.first; batch < batches.first + batches.count; batch++) {
        const char *a = job->a + (batch * g->a_batch + row.first * g->a_row) * size;
        const char *b = job->b + (batch * g->b_batch + column.first * g->b_column) * size;
        char *c = job->c + (batch * g->c_batch + row.first * g->ldc + column.first) * size;
        if (cut->path == CN_GEMM_WIDE_ROW)
            job->kernels->wide_row(g->k, a, g->a_row, g->a_column, b, g->b_row, c, g->ldc, column.count, g->accumulate);
        else if (cut->path == CN_GEMM_BLAS)
            multiply_blas(job, a, b, c, row.count, column.count);
        else if (cut->path == CN_GEMM_PREPACKED)
            multiply_prepacked(job, a, c, row, column);
        else
            multiply_tiles(job, a, b, c, batch, row, column);
        if (job->finish && cut->path != CN_GEMM_PACKED && cut->path != CN_GEMM_PREPACKED)
            job->finish(job->context, c, g->ldc, batch, row.first, row.count, column.first, column.count);
    }
}

void cn_gemm_run(const cn_gemm *product, const void *a, const void *b, void *c, cn_gemm_finish *finish, void *context)
{
    if (product->batch <= 0 || product->m <= 0 || product->n <= 0)
        return;
    cn_gemm_cut cut;
    cn_gemm_job job = {.product = product,
                       .kernels = kernels_for(product->dtype),
                       .cut = &cut,
                       .size = (int64_t)cn_dtype_size(product->dtype),
                       .a = a,
                       .b = b,
                       .c = c,
                       .finish = finish,
                       .context = context};
    choose(&cut, product, job.kernels);
    /* OpenBLAS with threads of its own: they would spin beside ours, and change bits. */
    const cn_blas *blas = cut.path == CN_GEMM_BLAS ? cn_blas_at_hand() : NULL;
    if (blas && blas->openblas_get_parallel() == OPENBLAS_THREAD && blas->openblas_get_num_threads() != 1)
        blas->openblas_set_num_threads(1);
    int64_t pieces = cut.batch_pieces * cut.row_pieces * cut.column_pieces;
    if (pieces == 1)
        multiply_piece(&job, 0);
    else
        cn_parallel(pieces, cut.nanoseconds * (double)product->batch, multiply_piece, &job);
}

size_t cn_gemm_packed_bytes(const cn_gemm *product)
{
    return (size_t)(packed_columns(product, kernels_for(product->dtype)) * product->k) * cn_dtype_size(product->dtype);
}

bool cn_gemm_wants_packed(const cn_gemm *product)
{
    const cn_gemm_type_kernels *kernels = kernels_for(product->dtype);
    const cn_gemm_path path = cn_gemm_path_of(product);
    return (path == CN_GEMM_DIRECT || path == CN_GEMM_PACKED) && product->batch == 1 && product->k > 0 &&
           product->m > kernels->most_rows[2] && packed_columns(product, kernels) <= MOST_KEPT_BYTES / product->k &&
           cn_gemm_packed_bytes(product) >= LEAST_KEPT_BYTES && cn_gemm_packed_bytes(product) <= MOST_KEPT_BYTES;
}

typedef struct packing_job {
    const cn_gemm *product;
    const char *b;
    char *packed;
} packing_job;

static void pack_columns(void *context, int64_t piece)
{
    const packing_job *job = context;
    const cn_gemm *g = job->product;
    const cn_gemm_type_kernels *kernels = kernels_for(g->dtype);
    const int64_t size = (int64_t)cn_dtype_size(g->dtype), columns = 2 * kernels->width, j = piece * columns;
    for (int64_t block = 0, blocks = cn_divide_up(g->k, CN_GEMM_DEPTH); block < blocks; block++) {
        const cn_range k = cn_part(g->k, blocks, block);
        kernels->pack(cn_least(columns, g->n - j), k.count, job->b + (k.first * g->b_row + j * g->b_column) * size,
                      g->b_column, g->b_row, job->packed + (k.first * packed_columns(g, kernels) + k.count * j) * size,
                      columns, columns);
    }
}

void cn_gemm_prepack(const cn_gemm *product, const void *b, void *packed)
{
    packing_job job = {product, b, packed};
    const double bytes = 2 * (double)product->k * (double)product->n * (double)cn_dtype_size(product->dtype);
    cn_parallel(cn_divide_up(product->n, 2 * kernels_for(product->dtype)->width), bytes / bytes_per_nanosecond,
                pack_columns, &job);
}
