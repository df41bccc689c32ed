#include "core/ops/random.h"
#include "core/engine.h"
#include "core/pieces.h"
#include "core/random_numbers.h"

typedef struct mask_attributes {
    cn_shape shape;
    double rate;
    uint64_t key;
    uint32_t call;
    cn_dtype dtype;
} mask_attributes;

typedef struct mask_draw {
    int64_t count;
    uint64_t key, below; /* a word below this drops */
    double scale;
    uint32_t call;
} mask_draw;

typedef struct mask_work {
    const mask_draw *draw;
    void *values;
    uint32_t step;
} mask_work;

enum { PIECE = 16384 };

/* A piece of the elements, four a block of random words. */
#define DRAW(T, name)                                                                                  \
    static void draw_##name(void *context, int64_t piece)                                              \
    {                                                                                                  \
        const mask_work *work = context;                                                               \
        const mask_draw *draw = work->draw;                                                            \
        int64_t end = (piece + 1) * PIECE < draw->count ? (piece + 1) * PIECE : draw->count;           \
        for (int64_t i = piece * PIECE; i < end; i += 4) {                                             \
            uint32_t word[4];                                                                          \
            cn_philox_block(draw->key, draw->call, work->step, (uint64_t)i / 4, word);                 \
            for (int64_t j = 0; j < 4 && i + j < end; j++)                                             \
                ((T *)work->values)[i + j] = (T)(word[j] < draw->below ? 0 : draw->scale);             \
        }                                                                                              \
    }                                                                                                  \
    static bool draw_mask_##name(void *const *pointer, const void *prepared)                           \
    {                                                                                                  \
        const mask_draw *draw = prepared;                                                              \
        mask_work work = {draw, pointer[0], (uint32_t) * (const int32_t *)pointer[1]};                 \
        cn_parallel((draw->count + PIECE - 1) / PIECE, 5.0 * (double)draw->count, draw_##name, &work); \
        return true;                                                                                   \
    }
DRAW(float, f32)
DRAW(double, f64)

static bool mask_infer(const cn_entry *entry, cn_type *output)
{
    const mask_attributes *attributes = entry->attributes;
    if (!(attributes->rate >= 0 && attributes->rate <= 1) || attributes->dtype == CN_I32)
        return cn_entry_fail(entry, CN_ARGUMENT, "needs a rate from 0 to 1 and a float type");
    if (cn_shape_size(attributes->shape) < 0)
        return cn_entry_fail(entry, CN_SHAPES, "needs a shape");
    *output = (cn_type){attributes->dtype, attributes->shape};
    return true;
}

static bool mask_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const mask_attributes *attributes = entry->attributes;
    mask_draw *draw = cn_prepared(preparation, sizeof *draw);
    *draw = (mask_draw){.count = cn_shape_size(attributes->shape),
                        .key = attributes->key,
                        .call = attributes->call,
                        .below = (uint64_t)(attributes->rate * 0x1p32),
                        .scale = attributes->rate < 1 ? 1 / (1 - attributes->rate) : 0};
    preparation->kernel = attributes->dtype == CN_F32 ? draw_mask_f32 : draw_mask_f64;
    return true;
}

static const cn_operation dropout_mask = {.name = "dropout_mask",
                                          .attributes = sizeof(mask_attributes),
                                          .flags = CN_LEAF,
                                          .infer = mask_infer,
                                          .prepare = mask_prepare};

cn_tensor *cn_dropout_mask_with(cn_tape *tape, cn_dropout_mask_args args)
{
    if (cn_failed())
        return NULL;
    if (!tape || tape->kind == CN_SYMBOLIC) {
        cn_fail(CN_TAPE, "dropout_mask: needs a tape that runs; in a model, use the layer");
        return NULL;
    }
    mask_attributes attributes = {.shape = args.shape,
                                  .rate = args.rate,
                                  .key = cn_philox_key(args.seed >= 0 ? (uint64_t)args.seed : tape->seed, tape->stream),
                                  .call = (uint32_t)tape->random_calls++,
                                  .dtype = args.dtype};
    cn_tensor *step = cn_tape_step(tape), *mask = NULL;
    return step && cn_record_on(tape, &dropout_mask, &attributes, &step, 1, &mask, 1) ? mask : NULL;
}

extern const cn_operation *const cn_random_operations[];
const cn_operation *const cn_random_operations[] = {&dropout_mask, NULL};
