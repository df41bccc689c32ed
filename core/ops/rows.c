#include "core/ops/rows.h"
#include "core/kernels/kernels.h"
#include "core/ops/axis.h"
#include "core/pieces.h"
#include <string.h>

enum { MAX_POINTERS = 4, PIECE = 16384 };

/* There are outer x rows rows, each in `chunks` ranges of rows; a task is one range. */
typedef struct rows_plan {
    cn_rowwise *kernel;
    int64_t outer, rows, row_step, n, step;
    int64_t chunks, tasks_a_piece;
    int pointers;
    char layout[MAX_POINTERS + 1];
    int64_t number_size[MAX_POINTERS], matrix_size[MAX_POINTERS]; /* bytes of a pointer's element, by what it is */
    const char *name;
    cn_shape labels;
} rows_plan;

typedef struct rows_work {
    const rows_plan *plan;
    unsigned char *pointer[MAX_POINTERS];
} rows_work;

static void run_piece(void *context, int64_t piece)
{
    const rows_work *work = context;
    const rows_plan *plan = work->plan;
    int64_t task = piece * plan->tasks_a_piece, end = task + plan->tasks_a_piece;
    for (; task < end && task < plan->outer * plan->chunks; task++) {
        int64_t outer = task / plan->chunks, chunk = task % plan->chunks;
        int64_t first = plan->rows * chunk / plan->chunks, past = plan->rows * (chunk + 1) / plan->chunks;
        int64_t number = outer * plan->rows + first, element = outer * plan->rows * plan->n + first * plan->row_step;
        void *pointer[MAX_POINTERS];
        for (int i = 0; i < plan->pointers; i++)
            pointer[i] = work->pointer[i] + number * plan->number_size[i] + element * plan->matrix_size[i];
        plan->kernel(past - first, plan->row_step, plan->n, plan->step, pointer);
    }
}

bool cn_check_labels(const char *name, const int32_t *label, cn_shape labels, int64_t classes)
{
    int64_t count = cn_shape_size(labels);
    for (int64_t i = 0; i < count; i++) {
        if (label[i] >= 0 && label[i] < classes)
            continue;
        cn_shape place = labels;
        int64_t index = i;
        for (int d = place.rank - 1; d >= 0; d--) {
            place.dim[d] = index % labels.dim[d];
            index /= labels.dim[d];
        }
        char text[CN_SHAPE_TEXT];
        return cn_fail(CN_VALUE, "%s: label %d at %s is not one of %lld classes", name, (int)label[i],
                       cn_shape_text(place, text, sizeof text), (long long)classes);
    }
    return true;
}

static bool run_rows(void *const *pointer, const void *prepared)
{
    const rows_plan *plan = prepared;
    rows_work work = {.plan = plan};
    for (int i = 0; i < plan->pointers; i++) {
        work.pointer[i] = pointer[i];
        if (plan->layout[i] == 'l' && !cn_check_labels(plan->name, pointer[i], plan->labels, plan->n))
            return false;
    }
    int64_t tasks = plan->outer * plan->chunks;
    cn_parallel((tasks + plan->tasks_a_piece - 1) / plan->tasks_a_piece,
                (double)plan->outer * (double)plan->rows * (double)plan->n, run_piece, &work);
    return true;
}

static int64_t at_least_one(int64_t n)
{
    return n > 1 ? n : 1;
}

bool cn_prepare_rows(const cn_entry *entry, cn_preparation *preparation, int row, const cn_shape *shape, int begin,
                     int end, const char *layout)
{
    cn_dtype dtype = entry->output[0]->dtype;
    rows_plan *plan = cn_prepared(preparation, sizeof *plan);
    if (!plan || dtype == CN_I32)
        return false;
    int64_t outer = cn_span(shape, 0, begin), inner = cn_span(shape, end, shape->rank);
    plan->n = cn_span(shape, begin, end);
    const cn_short_row_kernels *short_rows = cn_kernels_now()->short_rows;
    if (inner == 1 && dtype == CN_F32 && plan->n <= short_rows->most)
        plan->kernel = short_rows->row[row];
    if (!plan->kernel)
        plan->kernel = cn_kernels_now()->rowwise[dtype]->row[row];
    plan->outer = inner == 1 ? 1 : outer;
    plan->rows = inner == 1 ? outer : inner;
    plan->row_step = inner == 1 ? plan->n : 1;
    plan->step = inner == 1 ? 1 : inner;
    /* Columns are cut into ranges of no less than what the kernels work on together. */
    int64_t least = inner == 1 ? 1 : 4 * CN_ROW_LANES, fitting = PIECE / at_least_one(plan->n);
    plan->chunks = at_least_one(plan->rows / (fitting > least ? fitting : least));
    plan->tasks_a_piece = at_least_one(PIECE / at_least_one(plan->rows * plan->n / plan->chunks));
    plan->pointers = (int)strlen(layout);
    strcpy(plan->layout, layout);
    for (int i = 0; i < plan->pointers; i++) {
        int64_t size = (int64_t)cn_dtype_size(layout[i] == 'l' ? CN_I32 : dtype);
        *(layout[i] == 'm' ? &plan->matrix_size[i] : &plan->number_size[i]) = size;
    }
    plan->name = entry->operation->name;
    plan->labels = *shape;
    plan->labels.rank = begin;
    preparation->kernel = run_rows;
    return true;
}
