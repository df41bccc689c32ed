#include "core/ops/update.h"
#include "core/engine.h"
#include "core/kernels/kernels.h"
#include "core/pieces.h"
#include <string.h>

typedef struct update_constants {
    double constant[CN_UPDATE_CONSTANTS];
} update_constants;

/* `count` comes first: the planner enlarges it where it merges neighbours. */
typedef struct prepared_update {
    int64_t count;
    cn_update_loop *loop;
    int outputs, inputs; /* without step */
    size_t element;
    bool always; /* runs where nothing is applied, too */
    double constant[CN_UPDATE_CONSTANTS];
} prepared_update;

enum { PIECE = 1 << 14 };
/* Of one element of one operand, in memory that is in no cache. */
static const double nanoseconds = 0.25;

typedef struct update_run {
    const prepared_update *prepared;
    void *const *pointer;
    const double *step;
} update_run;

static void run_piece(void *context, int64_t piece)
{
    const update_run *run = context;
    const prepared_update *p = run->prepared;
    int64_t from = piece * PIECE, left = p->count - from;
    p->loop(from, left < PIECE ? left : PIECE, run->pointer, run->step, p->constant);
}

static bool run_update(void *const *pointer, const void *prepared)
{
    const prepared_update *p = prepared;
    update_run run = {p, pointer, pointer[p->outputs + p->inputs]};
    if (run.step[CN_STEP_APPLIES] == 0 && !p->always) {
        for (int i = 0; i < p->outputs; i++)
            if (pointer[i] != pointer[p->outputs + i])
                memcpy(pointer[i], pointer[p->outputs + i], (size_t)p->count * p->element);
        return true;
    }
    cn_parallel((p->count + PIECE - 1) / PIECE, (double)p->count * (p->inputs + p->outputs) * nanoseconds, run_piece,
                &run);
    return true;
}

static bool update_infer(const cn_entry *entry, cn_type *output)
{
    const cn_tensor *first = entry->input[0], *step = entry->input[entry->input_count - 1];
    if (first->dtype == CN_I32)
        return cn_entry_fail(entry, CN_TYPE, "only floats can be trained");
    for (int i = 1; i < entry->input_count - 1; i++) {
        if (!cn_shape_equal(entry->input[i]->shape, first->shape))
            return cn_entry_fail(entry, CN_SHAPES, "a gradient or a slot has another shape than its variable");
        if (entry->input[i]->dtype != first->dtype)
            return cn_entry_fail(entry, CN_TYPE, "a gradient of %s for a variable of %s",
                                 cn_dtype_name(entry->input[i]->dtype), cn_dtype_name(first->dtype));
    }
    if (step->dtype != CN_F64 || cn_shape_size(step->shape) != CN_STEP_SCALARS)
        return cn_entry_fail(entry, CN_ARGUMENT, "the last input is not the scalars of a step");
    for (int i = 0; i < entry->output_count; i++)
        output[i] = (cn_type){first->dtype, first->shape};
    return true;
}

static bool prepare_update(const cn_entry *entry, cn_preparation *preparation, int update)
{
    prepared_update *p = cn_prepared(preparation, sizeof *p);
    const update_constants *attributes = entry->attributes;
    *p = (prepared_update){.count = cn_shape_size(entry->output[0]->shape),
                           .loop = cn_kernels_now()->optimizer->loop[update][entry->output[0]->dtype],
                           .outputs = entry->output_count,
                           .inputs = entry->input_count - 1,
                           .element = cn_dtype_size(entry->output[0]->dtype),
                           .always = update == CN_UPDATE_accumulate || update == CN_UPDATE_moving_average};
    memcpy(p->constant, attributes->constant, sizeof p->constant);
    preparation->kernel = run_update;
    return true;
}

#define ROW(update, outputs, inputs)                                                     \
    static bool prepare_##update(const cn_entry *entry, cn_preparation *preparation)     \
    {                                                                                    \
        return prepare_update(entry, preparation, CN_UPDATE_##update);                   \
    }                                                                                    \
    static const cn_operation update##_update = {.name = #update "_update",              \
                                                 .attributes = sizeof(update_constants), \
                                                 .flags = CN_MERGES | CN_LEAF,           \
                                                 .infer = update_infer,                  \
                                                 .prepare = prepare_##update};
CN_UPDATES(ROW)
#undef ROW

extern const cn_operation *const cn_update_operations[];
const cn_operation *const cn_update_operations[] = {
#define ROW(update, outputs, inputs) &update##_update,
    CN_UPDATES(ROW)
#undef ROW
        NULL};

bool cn_record_update(int update, const double constant[CN_UPDATE_CONSTANTS], cn_tensor *const *inputs, cn_tensor *step,
                      cn_tensor **outputs)
{
    static const struct {
        int outputs, inputs;
    } sizes[] = {
#define ROW(update, outputs, inputs) {outputs, inputs},
        CN_UPDATES(ROW)
#undef ROW
    };
    update_constants attributes;
    cn_tensor *all[CN_MAX_UPDATE_INPUTS];
    int inputs_count = sizes[update].inputs;
    memcpy(attributes.constant, constant, sizeof attributes.constant);
    memcpy(all, inputs, (size_t)inputs_count * sizeof *all);
    all[inputs_count] = step;
    return cn_record_many(cn_update_operations[update], &attributes, all, inputs_count + 1, outputs,
                          sizes[update].outputs);
}
