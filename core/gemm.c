/* Four ways to compute a product: by our own tiles with B read where it lies, by our own tiles with B packed, for one
 * row and many columns by whole rows of B, and by OpenBLAS. Each cuts C into pieces by the sizes alone; a sum over k is
 * never shared between pieces. */
#include "core/gemm.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <omp.h>

/* All thresholds, measured on AVX-512 with 48 KB of L1 and 1 MB of L2 a core.
 *
 * Rows of B are read where they lie, for a tile's columns and a few hundred rows at a time: these stay in L2 for all
 * tiles of a block of rows of A, which is there too. A transposed B is packed, into panels of two vectors of columns,
 * on the stack of the thread that uses them; so is any B for so many rows of a transposed A that each step of k is
 * another page of it, and a B whose rows fall on the same lines of L1, if many long rows of A meet it. */
enum {
    L1_BYTES = 48 << 10,
    L2_ROWS_BYTES = 512 << 10,
    PANEL_BYTES = 64 << 10, /* the largest panel of any instruction set: two vectors of columns, DEPTH rows */
    PACKED_ROWS = 1024,
    PACKED_ALIAS_ROWS = 256, /* where rows of B fall on the same lines of L1 */
    ALIAS_BYTES = 4096,      /* rows a multiple of this apart fall on the same lines of L1 */
    DEPTH = 512,             /* rows of B at a time, each on a page of its own if they are long */
    WIDE_COLUMNS = 32,       /* vectors of them in a piece of a wide row; two pieces are wide */
    MOST_ROW_PIECES = 4,     /* of one row: the fewer, the longer the runs of memory that each reads */
    MOST_PIECES = 64,
    ENOUGH_PIECES = 8, /* of columns: more by rows would read, or pack, B again */
    MOST_BLAS_PIECES = 16
};
static const double flops_of_a_piece = 250e3, flops_of_a_blas_piece = 2e6;
static const double flops_of_a_row_piece = 100e3; /* which meets each element of B once */
static const double bytes_per_nanosecond = 40;    /* what one thread reads from L3 */

/* How a product is cut: into batch_pieces * column_pieces * row_pieces, the columns in whole units. */
typedef struct cn_gemm_cut {
    cn_gemm_path path;
    bool pack_a;
    int64_t batch_pieces, row_pieces, column_pieces, column_unit;
    int64_t k_blocks;
    double nanoseconds; /* of one matrix */
} cn_gemm_cut;

typedef struct cn_gemm_job {
    const cn_gemm *product;
    const cn_gemm_type_kernels *kernels;
    const cn_gemm_cut *cut;
    int64_t size; /* bytes of an element */
    const char *a, *b;
    char *c, *packed_a;
    int64_t packed_batch; /* the matrix whose A is in packed_a */
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

/* Not the serial build of OpenBLAS: threads that call it at once are given the same buffers and get wrong sums. */
static bool blas_is_better(const cn_gemm *g, const cn_gemm_type_kernels *kernels, double flops)
{
    return flops >= kernels->blas_flops && openblas_get_parallel() != OPENBLAS_SEQUENTIAL && g->m <= INT_MAX &&
           g->n <= INT_MAX && g->k <= INT_MAX && g->ldc <= INT_MAX && blas_takes(g->m, g->k, g->a_row, g->a_column) &&
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
    int64_t most = blas ? MOST_BLAS_PIECES : g->m == 1 ? MOST_ROW_PIECES : MOST_PIECES, wanted = 1;
    /* A power of two: an odd number is a third too long for two threads. */
    while (wanted < most && flops >= piece * (double)wanted * 2)
        wanted *= 2;
    if (wanted == 1 && g->batch > 1) {
        while (wanted < most && flops * (double)g->batch >= piece * (double)wanted * 2)
            wanted *= 2;
        cut->batch_pieces = cn_least(g->batch, wanted);
        return;
    }
    cut->row_pieces = cn_divide_up(g->m, most_rows);
    cut->column_pieces = cn_least(cn_divide_up(g->n, cut->column_unit), cn_divide_up(wanted, cut->row_pieces));
    if (cut->column_pieces < ENOUGH_PIECES && cut->row_pieces * cut->column_pieces < wanted)
        cut->row_pieces = cn_least(cn_divide_up(g->m, least_rows), cn_divide_up(wanted, cut->column_pieces));
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
    return g->m >= PACKED_ALIAS_ROWS && g->k > DEPTH && g->b_row * size % ALIAS_BYTES == 0;
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
                         .k_blocks = 1};
    if (blas_is_better(g, kernels, flops)) {
        cut->path = CN_GEMM_BLAS;
    } else if (g->m == 1 && g->b_column == 1 && g->n >= 2 * WIDE_COLUMNS * width) {
        cut->path = CN_GEMM_WIDE_ROW;
        cut->column_unit = WIDE_COLUMNS * width;
    } else if (packing_pays(g, size)) {
        cut->path = CN_GEMM_PACKED;
        /* Rows of A on the same lines of L1, if the copy is read often enough. */
        cut->pack_a = g->a_column == 1 && g->a_row >= g->k && g->a_row * size % ALIAS_BYTES == 0 && g->m > most_rows &&
                      g->n >= 8 * width;
    }
    if (cut->path != CN_GEMM_BLAS && cut->path != CN_GEMM_WIDE_ROW && g->k > 0) {
        cut->k_blocks = cn_divide_up(g->k, DEPTH);
        rows_in_l2 = L2_ROWS_BYTES / (cn_least(g->k, DEPTH) * size);
        if (cut->path == CN_GEMM_PACKED && g->a_column != 1)
            rows_in_l2 *= 2; /* they do not stay in L2 as it is */
    }
    if (flops * (double)g->batch < 2 * least_flops(g))
        return;
    cut->nanoseconds = cn_gemm_nanoseconds(g->dtype, g->m, g->n, g->k);
    cut_into_pieces(cut, g, flops, rows_in_l2, 4 * most_rows);
}

cn_gemm_path cn_gemm_path_of(const cn_gemm *product)
{
    cn_gemm_cut cut;
    choose(&cut, product, kernels_for(product->dtype));
    return cut.pack_a ? CN_GEMM_PACKED_BOTH : cut.path;
}

size_t cn_gemm_workspace(const cn_gemm *product)
{
    cn_gemm_cut cut;
    choose(&cut, product, kernels_for(product->dtype));
    return cut.pack_a ? (size_t)product->m * (size_t)product->k * cn_dtype_size(product->dtype) : 0;
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
 * A's rows begin if A is not packed. */
static void multiply_tiles(const cn_gemm_job *job, const char *a, const char *b, char *c, int64_t batch, cn_range row,
                           cn_range column)
{
    const cn_gemm *g = job->product;
    const cn_gemm_type_kernels *kernels = job->kernels;
    const bool packs = job->cut->path == CN_GEMM_PACKED, a_packed = job->cut->pack_a;
    int64_t size = job->size, width = kernels->width, tiles = cn_divide_up(row.count, kernels->most_rows[1]);
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
                const char *rows = a_packed ? job->packed_a + (k.first * g->m + (row.first + r.first) * k.count) * size
                                            : a + (r.first * g->a_row + k.first * g->a_column) * size;
                tile.run(k.count, rows, a_packed ? 1 : g->a_row, a_packed ? r.count : g->a_column, b_rows, b_row,
                         out + r.first * g->ldc * size, g->ldc, tile.last, g->accumulate || block > 0);
            }
            if (packs && job->finish && block == job->cut->k_blocks - 1)
                job->finish(job->context, out, g->ldc, batch, row.first, row.count, column.first + j, n);
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
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    if (g->dtype == CN_F64)
        cblas_dgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, (const double *)a, lda, (const double *)b, ldb,
                    g->accumulate ? 1 : 0, (double *)c, ldc);
    else
        cblas_sgemm(CblasRowMajor, a_form, b_form, m, n, k, 1, (const float *)a, lda, (const float *)b, ldb,
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
    cn_range row = cn_part(g->m, cut->row_pieces, digit(&piece, cut->row_pieces));
    cn_range column = {0, g->n};
    if (cut->column_pieces > 1) {
        cn_range unit =
            cn_part(cn_divide_up(g->n, cut->column_unit), cut->column_pieces, digit(&piece, cut->column_pieces));
        column.first = unit.first * cut->column_unit;
        column.count = cn_least(unit.count * cut->column_unit, g->n - column.first);
    }
    cn_range batches = cut->pack_a ? (cn_range){job->packed_batch, 1} : cn_part(g->batch, cut->batch_pieces, piece);
    for (int64_t batch = batches.first; batch < batches.first + batches.count; batch++) {
        const char *a = job->a + (batch * g->a_batch + row.first * g->a_row) * size;
        const char *b = job->b + (batch * g->b_batch + column.first * g->b_column) * size;
        char *c = job->c + (batch * g->c_batch + row.first * g->ldc + column.first) * size;
        if (cut->path == CN_GEMM_DIRECT || cut->path == CN_GEMM_PACKED)
            multiply_tiles(job, a, b, c, batch, row, column);
        else if (cut->path == CN_GEMM_WIDE_ROW)
            job->kernels->wide_row(g->k, a, g->a_row, g->a_column, b, g->b_row, c, g->ldc, column.count, g->accumulate);
        else
            multiply_blas(job, a, b, c, row.count, column.count);
        if (job->finish && cut->path != CN_GEMM_PACKED)
            job->finish(job->context, c, g->ldc, batch, row.first, row.count, column.first, column.count);
    }
}

/* A's tiles one after another, those of the first block of k first, as multiply_tiles() reads them. */
static void pack_rows_of_a(void *context, int64_t piece)
{
    const cn_gemm_job *job = context;
    const cn_gemm *g = job->product;
    const char *a = job->a + job->packed_batch * g->a_batch * job->size;
    cn_range k = cn_part(g->k, job->cut->k_blocks, piece % job->cut->k_blocks);
    cn_range row = cn_part(g->m, job->cut->row_pieces, piece / job->cut->k_blocks);
    int64_t tiles = cn_divide_up(row.count, job->kernels->most_rows[1]);
    for (int64_t i = 0; i < tiles; i++) {
        cn_range r = cn_part(row.count, tiles, i);
        int64_t first = row.first + r.first;
        job->kernels->pack(r.count, k.count, a + (first * g->a_row + k.first * g->a_column) * job->size, g->a_row,
                           g->a_column, job->packed_a + (k.first * g->m + first * k.count) * job->size, r.count,
                           r.count);
    }
}

void cn_gemm_run(const cn_gemm *product, const void *a, const void *b, void *c, void *workspace, cn_gemm_finish *finish,
                 void *context)
{
    if (product->batch <= 0 || product->m <= 0 || product->n <= 0)
        return;
    cn_gemm_cut cut;
    cn_gemm_job job = {.product = product,
                       .kernels = kernels_for(product->dtype),
                       .cut = &cut,
                       .size = product->dtype == CN_F64 ? sizeof(double) : sizeof(float),
                       .a = a,
                       .b = b,
                       .c = c,
                       .packed_a = workspace,
                       .packed_batch = 0,
                       .finish = finish,
                       .context = context};
    choose(&cut, product, job.kernels);
    /* OpenBLAS with threads of its own: they would spin beside ours, and change bits. */
    if (cut.path == CN_GEMM_BLAS && openblas_get_parallel() == OPENBLAS_THREAD && openblas_get_num_threads() != 1)
        openblas_set_num_threads(1);
    int64_t pieces = cut.batch_pieces * cut.row_pieces * cut.column_pieces;
    if (!cut.pack_a) {
        if (pieces == 1)
            multiply_piece(&job, 0);
        else
            cn_parallel(pieces, cut.nanoseconds * (double)product->batch, multiply_piece, &job);
        return;
    }
    double packing = 2.0 * (double)job.size * (double)product->m * (double)product->k / bytes_per_nanosecond;
    for (job.packed_batch = 0; job.packed_batch < product->batch; job.packed_batch++) {
        cn_parallel(cut.row_pieces * cut.k_blocks, packing, pack_rows_of_a, &job);
        cn_parallel(pieces, cut.nanoseconds, multiply_piece, &job);
    }
}
