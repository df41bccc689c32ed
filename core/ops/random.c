#include "core/ops/random.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include "core/random_numbers.h"

typedef struct draw_attributes {
    cn_shape shape;
    cn_dtype dtype;
    cn_draw_kind kind;
    cn_draw draw; /* its step comes with each run */
} draw_attributes;

typedef struct prepared_draw {
    cn_draw draw;
    cn_draw_loop *loop;
    int64_t count;
    size_t element; /* bytes */
} prepared_draw;

typedef struct draw_work {
    const prepared_draw *prepared;
    cn_draw draw;
    char *out;
} draw_work;

enum { PIECE = 16384 };

static void draw_piece(void *context, int64_t piece)
{
    const draw_work *work = context;
    const prepared_draw *p = work->prepared;
    int64_t first = piece * PIECE, count = p->count - first < PIECE ? p->count - first : PIECE;
    p->loop(&work->draw, first, count, work->out + (size_t)first * p->element);
}

static bool run_draw(void *const *pointer, const void *prepared)
{
    const prepared_draw *p = prepared;
    draw_work work = {p, p->draw, pointer[0]};
    work.draw.step = (uint32_t) * (const int32_t *)pointer[1];
    cn_parallel((p->count + PIECE - 1) / PIECE, 2.0 * (double)p->count, draw_piece, &work);
    return true;
}

static bool draw_infer(const cn_entry *entry, cn_type *output)
{
    const draw_attributes *attributes = entry->attributes;
    char text[CN_SHAPE_TEXT];
    if (attributes->dtype == CN_I32)
        return cn_fail(CN_TYPE, "%s: draws floats only", entry->operation->name);
    if (cn_shape_size(attributes->shape) < 0)
        return cn_fail(CN_SHAPES, "%s: %s is not a shape", entry->operation->name,
                       cn_shape_text(attributes->shape, text, sizeof text));
    *output = (cn_type){attributes->dtype, attributes->shape};
    return true;
}

static bool draw_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const draw_attributes *attributes = entry->attributes;
    prepared_draw *p = cn_prepared(preparation, sizeof *p);
    if (!p)
        return false;
    *p =
        (prepared_draw){attributes->draw, cn_kernels_now()->random->draw[attributes->kind][attributes->dtype == CN_F64],
                        cn_shape_size(attributes->shape), cn_dtype_size(attributes->dtype)};
    preparation->kernel = run_draw;
    return true;
}

#define ROW(identifier, keras_name)                                                \
    static const cn_operation identifier = {.name = keras_name,                    \
                                            .attributes = sizeof(draw_attributes), \
                                            .flags = CN_LEAF,                      \
                                            .infer = draw_infer,                   \
                                            .prepare = draw_prepare}
ROW(uniform, "uniform");
ROW(normal, "normal");
ROW(truncated_normal, "truncated_normal");
ROW(bernoulli, "bernoulli");
ROW(dropout_mask, "dropout_mask");

static cn_tensor *draw(cn_tape *tape, const cn_operation *operation, int64_t seed, draw_attributes attributes)
{
    if (cn_failed())
        return NULL;
    if (!tape || tape->kind == CN_SYMBOLIC) {
        cn_fail(CN_TAPE, "%s: needs a tape that runs; in a model's graph use a layer", operation->name);
        return NULL;
    }
    attributes.draw.key = cn_philox_key(seed >= 0 ? (uint64_t)seed : tape->seed, tape->stream);
    attributes.draw.call = (uint32_t)tape->random_calls++;
    cn_tensor *step = cn_tape_step(tape), *output = NULL;
    return step && cn_record_on(tape, operation, &attributes, &step, 1, &output, 1) ? output : NULL;
}

cn_tensor *cn_sample_uniform_with(cn_tape *tape, cn_sample_uniform_args args)
{
    return draw(tape, &uniform, args.seed,
                (draw_attributes){args.shape, args.dtype, CN_DRAW_uniform, {.a = args.minval, .b = args.maxval}});
}

cn_tensor *cn_sample_normal_with(cn_tape *tape, cn_sample_normal_args args)
{
    return draw(tape, &normal, args.seed,
                (draw_attributes){args.shape, args.dtype, CN_DRAW_normal, {.a = args.mean, .b = args.stddev}});
}

cn_tensor *cn_sample_truncated_normal_with(cn_tape *tape, cn_sample_normal_args args)
{
    return draw(
        tape, &truncated_normal, args.seed,
        (draw_attributes){args.shape, args.dtype, CN_DRAW_truncated_normal, {.a = args.mean, .b = args.stddev}});
}

static bool is_probability(const cn_operation *operation, const char *what, double p)
{
    return cn_failed() || (p >= 0 && p <= 1) ||
           cn_fail(CN_ARGUMENT, "%s: %s must be from 0 to 1, not %g", operation->name, what, p);
}

cn_tensor *cn_sample_bernoulli_with(cn_tape *tape, cn_sample_bernoulli_args args)
{
    return is_probability(&bernoulli, "p", args.p)
               ? draw(tape, &bernoulli, args.seed,
                      (draw_attributes){args.shape, args.dtype, CN_DRAW_mask, {.a = 1 - args.p, .b = 1}})
               : NULL;
}

cn_tensor *cn_dropout_mask_with(cn_tape *tape, cn_dropout_mask_args args)
{
    double scale = args.rate < 1 ? 1 / (1 - args.rate) : 0;
    return is_probability(&dropout_mask, "rate", args.rate)
               ? draw(tape, &dropout_mask, args.seed,
                      (draw_attributes){args.shape, args.dtype, CN_DRAW_mask, {.a = args.rate, .b = scale}})
               : NULL;
}

extern const cn_operation *const cn_random_operations[];
const cn_operation *const cn_random_operations[] = {&uniform,   &normal,       &truncated_normal,
                                                    &bernoulli, &dropout_mask, NULL};
