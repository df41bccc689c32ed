#include "core/small_gemm.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"

/* Of all its matrices: below what is shared by threads. B's copy is on the stack. */
static const double most_flops = 250e3;
enum { COPY_BYTES = 16 << 10 };

bool cn_small_gemm_prepare(const cn_gemm *g, cn_small_gemm *small)
{
    const cn_gemm_type_kernels *kernels = cn_kernels_now()->gemm->type[g->dtype == CN_F64];
    const int64_t width = kernels->width, size = g->dtype == CN_F64 ? sizeof(double) : sizeof(float);
    if (g->batch < 1 || g->m < 1 || g->n < 1 || g->k < 1 || g->n > 2 * width ||
        2.0 * (double)g->batch * (double)g->m * (double)g->n * (double)g->k > most_flops)
        return false;
    *small = (cn_small_gemm){.packed_row = g->n > width ? 2 * width : width};
    if (g->b_column != 1) {
        small->pack = kernels->pack;
        if (g->k * small->packed_row * size > COPY_BYTES)
            return false;
    }
    const int64_t tiles = cn_divide_up(g->m, kernels->most_rows[g->n > width]);
    for (int i = 0; i < 2; i++) {
        small->rows[i] = cn_part(g->m, tiles, i ? tiles - 1 : 0).count;
        small->count[i] = i ? tiles - small->count[0] : g->m % tiles ? g->m % tiles : tiles;
        const cn_gemm_tile_choice tile = cn_gemm_tile_for(kernels, small->rows[i], g->n);
        small->tile[i] = tile.run;
        small->last = tile.last;
    }
    return true;
}

void cn_small_gemm_run(const cn_gemm *g, const cn_small_gemm *small, const void *a_, const void *b_, void *c_)
{
    _Alignas(64) unsigned char copy[COPY_BYTES];
    const int64_t size = g->dtype == CN_F64 ? sizeof(double) : sizeof(float);
    const unsigned char *a = a_, *b = b_;
    unsigned char *c = c_;
    for (int64_t batch = 0; batch < g->batch; batch++) {
        const unsigned char *rows = a, *right = b;
        unsigned char *out = c;
        if (small->pack && (batch == 0 || g->b_batch != 0))
            small->pack(g->n, g->k, b, g->b_column, g->b_row, copy, small->packed_row, small->packed_row);
        if (small->pack)
            right = copy;
        for (int i = 0; i < 2; i++)
            for (int64_t t = 0; t < small->count[i]; t++) {
                small->tile[i](g->k, rows, g->a_row, g->a_column, right, small->pack ? small->packed_row : g->b_row,
                               out, g->ldc, small->last, g->accumulate);
                rows += small->rows[i] * g->a_row * size;
                out += small->rows[i] * g->ldc * size;
            }
        a += g->a_batch * size;
        b += g->b_batch * size;
        c += g->c_batch * size;
    }
}
