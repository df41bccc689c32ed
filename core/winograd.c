/* Blocks of tiles are transformed, multiplied by the transformed weights, 36 products for each panel of filters, and
 * transformed back while they are in L2. The gradient with respect to the input is the convolution of the result's
 * gradient with the kernel turned around, its channels and filters changed. */
#include "core/winograd.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"

enum {
    NUMBERS = CN_WINOGRAD_NUMBERS,
    IN = CN_WINOGRAD_IN,
    OUT = CN_WINOGRAD_OUT,
    TAPS = CN_WINOGRAD_TAPS,
    MULTIPLE = CN_WINOGRAD_MULTIPLE,
    MOST_CHANNELS = 256,
    LEAST_TILES = 4,         /* to pay for the transformed weights */
    BLOCK_BYTES = 256 << 10, /* of transformed tiles, to stay in L2 beside weights */
    ROOM_BYTES = 272 << 10,  /* at least: with rooms of one size a thread has the same in all convolutions */
    SUMS_BYTES = 2 << 20,    /* of partial sums of a kernel's gradient */
    MOST_PIECES = 16,
    MOST_WIDTH = 16, /* of a vector of floats */
    LINE = 16        /* floats of a cache line */
};
static const double flops_of_a_piece = 2e6;
static const float zeros[MOST_CHANNELS];

/* A row of an image's tiles, or a segment of a long one: tiles `first` to first + tiles - 1. Pieces of work have whole
 * strips. */
typedef struct strip {
    int64_t image, row, first, tiles;
} strip;

typedef struct job {
    const cn_winograd_kernels *winograd;
    const cn_gemm_type_kernels *gemm;
    int64_t images, deep, wide; /* channels of what is transformed and of the result */
    int64_t in[2], out[2], before[2];
    int64_t rows, columns;        /* of tiles in an image */
    int64_t segments, most;       /* of a row of tiles, and the tiles of the longest */
    int64_t block, row;           /* tiles of a block, the floats of a transformed one */
    int64_t strips, pieces, room; /* floats of the room that a piece works in */
    int64_t panel_pieces;         /* where one block has all tiles the panels are cut */
    bool turned;
    const float *from, *weights, *packed; /* packed: transformed weights */
    const float *gradient;                /* of the result, for the kernel's gradient, */
    float *sums;                          /* parts of the transformed one, */
    int64_t parts;                        /* of which there are so many */
    float *rooms, *result;
    cn_gemm_finish *finish;
    void *context;
} job;

bool cn_is_winograd(const cn_convolution *c, cn_convolution_pass pass)
{
    if (c->dtype != CN_F32 || c->groups != 1 || c->kernel[0] != 1 || c->stride[0] != 1 || c->before[0] != 0 ||
        c->in[0] != c->out[0])
        return false;
    for (int d = 1; d < CN_SPACE; d++)
        if (c->kernel[d] != TAPS || c->stride[d] != 1 || c->dilation[d] != 1 || c->before[d] >= TAPS)
            return false;
    const int64_t *size = pass == CN_CONVOLVE_INPUT ? c->in : c->out;
    return c->channels % MULTIPLE == 0 && c->filters % MULTIPLE == 0 && c->channels > 0 && c->filters > 0 &&
           c->channels <= MOST_CHANNELS && c->filters <= MOST_CHANNELS &&
           c->batch * c->in[0] * cn_divide_up(size[1], OUT) * cn_divide_up(size[2], OUT) >= LEAST_TILES;
}

/* From number n of the first tile to number n + 1, in rows of a number of all tiles: an odd number of cache lines. A
 * tile's numbers are written and read together; a power of two apart they would share one set of L1. */
static int64_t step_of(int64_t tiles, int64_t row)
{
    return (cn_divide_up(tiles * row, LINE) | 1) * LINE;
}

static int64_t panels(const job *j)
{
    return cn_divide_up(j->wide, 2 * j->gemm->width);
}

static job new_job(const cn_convolution *c, cn_convolution_pass pass)
{
    const cn_kernels *kernels = cn_kernels_now();
    bool turned = pass == CN_CONVOLVE_INPUT;
    job j = {.winograd = kernels->winograd,
             .gemm = kernels->gemm->type[0],
             .images = c->batch * c->in[0],
             .deep = turned ? c->filters : c->channels,
             .wide = turned ? c->channels : c->filters,
             .turned = turned};
    for (int d = 0; d < 2; d++) {
        j.in[d] = turned ? c->out[d + 1] : c->in[d + 1];
        j.out[d] = turned ? c->in[d + 1] : c->out[d + 1];
        j.before[d] = turned ? TAPS - 1 - c->before[d + 1] : c->before[d + 1];
    }
    j.rows = cn_divide_up(j.out[0], OUT);
    j.columns = cn_divide_up(j.out[1], OUT);
    j.row = (j.deep / LINE | 1) * LINE;
    int64_t tile = NUMBERS * (j.row + 2 * j.gemm->width) * (int64_t)sizeof(float), fits = BLOCK_BYTES / tile;
    int64_t rows = j.gemm->most_rows[1];
    fits = fits > rows ? fits - fits % rows : rows;
    j.segments = cn_divide_up(j.columns, fits);
    j.most = cn_divide_up(j.columns, j.segments);
    j.block = fits / j.most * j.most;
    j.strips = j.images * j.rows * j.segments;
    j.room = cn_most(NUMBERS * (step_of(j.block, j.row) + step_of(j.block, 2 * j.gemm->width)),
                     ROOM_BYTES / (int64_t)sizeof(float));
    double flops = 18.0 * (double)(j.images * j.out[0] * j.out[1]) * (double)(j.deep * j.wide);
    const int64_t wanted = cn_pieces_of(flops, flops_of_a_piece, MOST_PIECES);
    const int64_t places = cn_least(wanted, cn_divide_up(j.strips * j.most, j.block));
    j.panel_pieces = places > 1 ? 1 : cn_least(panels(&j), wanted);
    j.pieces = places * j.panel_pieces;
    return j;
}

/* First column and columns of a panel. */
static cn_range panel_of(const job *j, int64_t panel)
{
    int64_t first = panel * 2 * j->gemm->width;
    return (cn_range){first, cn_least(2 * j->gemm->width, j->wide - first)};
}

/* Transformed weights lie panel after panel, NUMBERS matrices of j->deep rows each: where a panel's begin. */
static int64_t place_of_panel(const job *j, int64_t first_column)
{
    return first_column / (2 * j->gemm->width) * NUMBERS * step_of(j->deep, 2 * j->gemm->width);
}

/* The floats of all transformed weights. */
static int64_t transformed_size(const job *j)
{
    cn_range last = panel_of(j, panels(j) - 1);
    return place_of_panel(j, last.first) + NUMBERS * step_of(j->deep, last.count);
}

static void transform_weights(void *context, int64_t panel)
{
    const job *j = context;
    cn_range columns = panel_of(j, panel);
    int64_t channels = j->turned ? j->wide : j->deep, filters = j->turned ? j->deep : j->wide;
    float *packed = j->result + place_of_panel(j, columns.first);
    _Alignas(64) float taps[TAPS * TAPS * LINE * 2 * MOST_WIDTH];
    for (int64_t first = 0; first < j->deep; first += LINE) {
        for (int t = 0; t < TAPS * TAPS; t++) {
            int tap = j->turned ? TAPS * TAPS - 1 - t : t;
            const float *from = j->weights + tap * channels * filters;
            float *to = taps + t * LINE * columns.count;
            if (j->turned)
                j->gemm->pack(columns.count, LINE, from + columns.first * filters + first, filters, 1, to,
                              columns.count, columns.count);
            else
                j->gemm->pack(columns.count, LINE, from + first * filters + columns.first, 1, filters, to,
                              columns.count, columns.count);
        }
        j->winograd->kernel(LINE * columns.count, taps, LINE * columns.count, packed + first * columns.count,
                            step_of(j->deep, columns.count));
    }
}

static strip strip_at(const job *j, int64_t number)
{
    cn_range tiles = cn_part(j->columns, j->segments, number % j->segments);
    int64_t row = number / j->segments;
    return (strip){row / j->rows, row % j->rows, tiles.first, tiles.count};
}

/* Tiles of a strip, transformed: tile t's number n is at to[n * step + t * j->row]. */
static void transform_strip(const job *j, const strip *s, float *to, int64_t step)
{
    const float *image = j->from + s->image * j->in[0] * j->in[1] * j->deep, *from[IN];
    int64_t pixel[IN];
    for (int i = 0; i < IN; i++) {
        int64_t row = s->row * OUT - j->before[0] + i;
        bool inside = row >= 0 && row < j->in[0];
        from[i] = inside ? image + row * j->in[1] * j->deep : zeros;
        pixel[i] = inside ? j->deep : 0;
    }
    j->winograd->input(j->deep, s->tiles, from, pixel, s->first * OUT - j->before[1], j->in[1], to, j->row, step);
}

/* Strips `first` to past - 1, tile after tile: gives the number of tiles. */
static int64_t transform_strips(const job *j, int64_t first, int64_t past, float *to)
{
    int64_t tiles = 0, at = 0;
    for (int64_t i = first; i < past; i++)
        tiles += strip_at(j, i).tiles;
    for (int64_t i = first; i < past; i++) {
        strip s = strip_at(j, i);
        transform_strip(j, &s, to + at * j->row, step_of(tiles, j->row));
        at += s.tiles;
    }
    return tiles;
}

static void multiply_panel(const job *j, cn_range columns, int64_t tiles, const float *in, float *out)
{
    const float *weights = j->packed + place_of_panel(j, columns.first);
    int vectors = columns.count > j->gemm->width;
    int64_t parts = cn_divide_up(tiles, j->gemm->most_rows[1]);
    int64_t in_step = step_of(tiles, j->row), out_step = step_of(tiles, columns.count);
    int64_t step = step_of(j->deep, columns.count);
    for (int64_t n = 0; n < NUMBERS; n++)
        for (int64_t i = 0; i < parts; i++) {
            cn_range r = cn_part(tiles, parts, i);
            j->gemm->tile[vectors][r.count](j->deep, in + n * in_step + r.first * j->row, j->row, 1, weights + n * step,
                                            columns.count, out + n * out_step + r.first * columns.count, columns.count,
                                            j->gemm->width, false);
        }
}

/* The place of a strip's first element in the result, and its size. */
static int64_t place_of(const job *j, const strip *s, int64_t *rows, int64_t *columns)
{
    *rows = cn_least(OUT, j->out[0] - s->row * OUT);
    *columns = cn_least(s->tiles * OUT, j->out[1] - s->first * OUT);
    return (s->image * j->out[0] + s->row * OUT) * j->out[1] + s->first * OUT;
}

static void transform_back(const job *j, const strip *s, cn_range columns, const float *products, int64_t step)
{
    int64_t high, broad, place = place_of(j, s, &high, &broad);
    for (int64_t t = 0; t < s->tiles; t++)
        j->winograd->result(columns.count, products + t * columns.count, step, high, cn_least(OUT, broad - t * OUT),
                            j->result + (place + t * OUT) * j->wide + columns.first, j->out[1] * j->wide, j->wide);
}

static void finish_strip(const job *j, const strip *s, cn_range columns)
{
    int64_t high, broad, place = place_of(j, s, &high, &broad);
    int64_t lines = j->segments == 1 ? 1 : high, rows = j->segments == 1 ? high * broad : broad;
    for (int64_t i = 0; i < lines; i++, place += j->out[1])
        j->finish(j->context, j->result + place * j->wide + columns.first, j->wide, 0, place, rows, columns.first,
                  columns.count);
}

/* As many as pieces run at once. */
static int64_t rooms(const job *j)
{
    return cn_least(j->pieces, cn_workers());
}

static float *room_of(const job *j)
{
    return j->rooms + cn_worker() % rooms(j) * j->room;
}

static void run_piece(void *context, int64_t piece)
{
    const job *j = context;
    cn_range strips = cn_part(j->strips, j->pieces / j->panel_pieces, piece / j->panel_pieces);
    cn_range some = cn_part(panels(j), j->panel_pieces, piece % j->panel_pieces);
    cn_range last = panel_of(j, some.first + some.count - 1), all = {panel_of(j, some.first).first, 0};
    all.count = last.first + last.count - all.first;
    float *in = room_of(j), *out = in + NUMBERS * step_of(j->block, j->row);
    int64_t many = j->block / j->most, end = strips.first + strips.count;
    for (int64_t first = strips.first; first < end; first += many) {
        int64_t past = cn_least(first + many, end), tiles = transform_strips(j, first, past, in), at;
        for (int64_t p = some.first; p < some.first + some.count; p++) {
            cn_range columns = panel_of(j, p);
            multiply_panel(j, columns, tiles, in, out);
            at = 0;
            for (int64_t i = first; i < past; i++) {
                strip s = strip_at(j, i);
                transform_back(j, &s, columns, out + at * columns.count, step_of(tiles, columns.count));
                at += s.tiles;
            }
        }
        for (int64_t i = first; j->finish && i < past; i++) {
            strip s = strip_at(j, i);
            finish_strip(j, &s, all);
        }
    }
}

/* The kernel's gradient: the 36 products are summed over tiles, and their sums transformed. */

/* Tiles of the result's gradient, of a panel's columns: as transform_strip. */
static void transform_gradient(const job *j, const strip *s, cn_range columns, float *to, int64_t step)
{
    int64_t high, broad, place = place_of(j, s, &high, &broad);
    for (int64_t t = 0; t < s->tiles; t++)
        j->winograd->result_gradient(columns.count, j->gradient + (place + t * OUT) * j->wide + columns.first,
                                     j->out[1] * j->wide, j->wide, high, cn_least(OUT, broad - t * OUT),
                                     to + t * columns.count, step);
}

static void correlate_panel(const job *j, cn_range columns, int64_t tiles, const float *in, const float *out,
                            float *sum, bool begins)
{
    int vectors = columns.count > j->gemm->width;
    int64_t parts = cn_divide_up(j->deep, j->gemm->most_rows[1]);
    int64_t in_step = step_of(tiles, j->row), out_step = step_of(tiles, columns.count);
    int64_t step = step_of(j->deep, columns.count);
    for (int64_t n = 0; n < NUMBERS; n++)
        for (int64_t i = 0; i < parts; i++) {
            cn_range r = cn_part(j->deep, parts, i);
            j->gemm->tile[vectors][r.count](tiles, in + n * in_step + r.first, 1, j->row, out + n * out_step,
                                            columns.count, sum + n * step + r.first * columns.count, columns.count,
                                            j->gemm->width, !begins);
        }
}

static void correlate_piece(void *context, int64_t piece)
{
    const job *j = context;
    cn_range strips = cn_part(j->strips, j->parts, piece / j->panel_pieces);
    cn_range some = cn_part(panels(j), j->panel_pieces, piece % j->panel_pieces);
    float *in = room_of(j), *out = in + NUMBERS * step_of(j->block, j->row);
    float *sums = j->sums + piece / j->panel_pieces * transformed_size(j);
    int64_t many = j->block / j->most, end = strips.first + strips.count;
    for (int64_t first = strips.first; first < end; first += many) {
        int64_t past = cn_least(first + many, end), tiles = transform_strips(j, first, past, in), at;
        for (int64_t p = some.first; p < some.first + some.count; p++) {
            cn_range columns = panel_of(j, p);
            at = 0;
            for (int64_t i = first; i < past; i++) {
                strip s = strip_at(j, i);
                transform_gradient(j, &s, columns, out + at * columns.count, step_of(tiles, columns.count));
                at += s.tiles;
            }
            correlate_panel(j, columns, tiles, in, out, sums + place_of_panel(j, columns.first), first == strips.first);
        }
    }
}

static void transform_sums(void *context, int64_t channel)
{
    const job *j = context;
    for (int64_t p = 0; p < panels(j); p++) {
        cn_range columns = panel_of(j, p);
        j->winograd->kernel_gradient(columns.count,
                                     j->sums + place_of_panel(j, columns.first) + channel * columns.count,
                                     step_of(j->deep, columns.count), j->parts, transformed_size(j),
                                     j->result + channel * j->wide + columns.first, j->deep * j->wide);
    }
}

static void cut_sums(job *j)
{
    int64_t bytes = transformed_size(j) * (int64_t)sizeof(float), pieces = j->pieces / j->panel_pieces;
    j->parts = 1;
    while (j->parts * 2 <= pieces && (j->parts < 2 || j->parts * 2 * bytes <= SUMS_BYTES))
        j->parts *= 2;
    j->panel_pieces = cn_least(panels(j), cn_divide_up(pieces, j->parts));
    j->pieces = j->parts * j->panel_pieces;
}

size_t cn_winograd_workspace(const cn_convolution *c, cn_convolution_pass pass)
{
    job j = new_job(c, pass);
    j.parts = 0;
    if (pass == CN_CONVOLVE_KERNEL)
        cut_sums(&j);
    return (size_t)(j.parts * transformed_size(&j) + rooms(&j) * j.room) * sizeof(float);
}

size_t cn_winograd_packed(const cn_convolution *c, cn_convolution_pass pass)
{
    job j = new_job(c, pass);
    return (size_t)transformed_size(&j) * sizeof(float);
}

void cn_winograd_pack(const cn_convolution *c, cn_convolution_pass pass, const float *weights, float *packed)
{
    job j = new_job(c, pass);
    j.weights = weights;
    j.result = packed;
    cn_parallel(panels(&j), (double)(j.deep * j.wide), transform_weights, &j);
}

void cn_winograd_run(const cn_convolution *c, cn_convolution_pass pass, const float *in, const float *b, float *result,
                     void *workspace, cn_gemm_finish *finish, void *context)
{
    job j = new_job(c, pass);
    j.from = in;
    j.result = result;
    j.rooms = workspace;
    j.finish = finish;
    j.context = context;
    double products = 2.0 * NUMBERS * (double)(j.strips * j.most) * (double)(j.deep * j.wide);
    if (pass == CN_CONVOLVE_KERNEL) {
        cut_sums(&j);
        j.gradient = b;
        j.sums = j.rooms + rooms(&j) * j.room;
        cn_parallel(j.pieces, products / (double)(8 * j.gemm->width), correlate_piece, &j);
        cn_parallel(j.deep, (double)(j.parts * j.deep * j.wide), transform_sums, &j);
        return;
    }
    j.packed = b;
    cn_parallel(j.pieces, products / (double)(8 * j.gemm->width), run_piece, &j);
}
