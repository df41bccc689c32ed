#include "layers/statistics.h"
#include "core/engine.h"

/* One batch: where the numbers of a sample go, and room for a sample and for the statistics of the batch. */
typedef struct batch_walk {
    const cn_view *batch;
    int64_t samples, sample; /* numbers in one */
    int64_t *slot;
    double *number, *mean, *squares;
} batch_walk;

static void find_slots(batch_walk *walk, const bool *kept)
{
    const cn_shape *shape = &walk->batch->shape;
    for (int64_t i = 0; i < walk->sample; i++) {
        int64_t rest = i, slot = 0, step = 1;
        for (int a = shape->rank - 1; a > 0; a--) {
            if (kept[a]) {
                slot += rest % shape->dim[a] * step;
                step *= shape->dim[a];
            }
            rest /= shape->dim[a];
        }
        walk->slot[i] = slot;
    }
}

static bool read_sample(const batch_walk *walk, int64_t index)
{
    const cn_view *batch = walk->batch;
    size_t bytes = (size_t)walk->sample * cn_array_type_size(batch->type);
    return cn_convert(walk->number, CN_ARRAY_F64, (const char *)batch->data + (size_t)index * bytes, batch->type,
                      walk->sample);
}

/* The mean of the batch first, then the differences from it. */
static bool walk_batch(batch_walk *walk, int64_t slots, int64_t count)
{
    for (int64_t s = 0; s < walk->samples; s++) {
        if (!read_sample(walk, s))
            return false;
        for (int64_t i = 0; i < walk->sample; i++)
            walk->mean[walk->slot[i]] += walk->number[i];
    }
    for (int64_t i = 0; i < slots; i++)
        walk->mean[i] /= (double)count;
    for (int64_t s = 0; s < walk->samples; s++) {
        if (!read_sample(walk, s))
            return false;
        for (int64_t i = 0; i < walk->sample; i++) {
            double difference = walk->number[i] - walk->mean[walk->slot[i]];
            walk->squares[walk->slot[i]] += difference * difference;
        }
    }
    return true;
}

/* T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
 * 1979. */
static void merge(cn_statistics *statistics, const batch_walk *walk, int64_t count)
{
    double before = (double)statistics->count, added = (double)count, all = before + added;
    for (int64_t i = 0; i < statistics->slots; i++) {
        double difference = walk->mean[i] - statistics->mean[i];
        statistics->mean[i] += difference * added / all;
        statistics->variance[i] += walk->squares[i] + difference * difference * before * added / all;
    }
    statistics->count += count;
}

static bool fits(const cn_shape *batch, const bool *kept, const cn_shape *broadcast)
{
    for (int a = 0; a < batch->rank && batch->rank == broadcast->rank; a++)
        if (kept[a] && batch->dim[a] != broadcast->dim[a])
            return false;
    return batch->rank == broadcast->rank;
}

bool cn_statistics_add(cn_statistics *statistics, const char *who, const cn_view *batch, const bool *kept,
                       const cn_shape *broadcast)
{
    char text[CN_SHAPE_TEXT];
    int64_t size = cn_shape_size(batch->shape), slots = cn_shape_size(*broadcast);
    if (size < 0 || !fits(&batch->shape, kept, broadcast))
        return cn_fail(CN_SHAPES, "%s: cannot adapt to a batch of shape %s", who,
                       cn_shape_text(batch->shape, text, sizeof text));
    if (size == 0)
        return true;
    if (!statistics->mean) {
        statistics->slots = slots;
        statistics->mean = cn_allocate((size_t)slots, sizeof(double));
        statistics->variance = cn_allocate((size_t)slots, sizeof(double));
    }
    batch_walk walk = {.batch = batch, .samples = batch->shape.dim[0], .sample = size / batch->shape.dim[0]};
    walk.slot = cn_allocate((size_t)walk.sample, sizeof *walk.slot);
    walk.number = cn_allocate((size_t)walk.sample, sizeof *walk.number);
    walk.mean = cn_allocate((size_t)slots, sizeof *walk.mean);
    walk.squares = cn_allocate((size_t)slots, sizeof *walk.squares);
    bool done = !cn_failed();
    if (done) {
        find_slots(&walk, kept);
        done = walk_batch(&walk, slots, size / slots);
    }
    if (done)
        merge(statistics, &walk, size / slots);
    cn_release(walk.slot);
    cn_release(walk.number);
    cn_release(walk.mean);
    cn_release(walk.squares);
    return done;
}

bool cn_statistics_end(cn_statistics *statistics, const char *who)
{
    if (statistics->count == 0)
        return cn_fail(CN_VALUE, "%s: there is nothing to adapt to", who);
    for (int64_t i = 0; i < statistics->slots; i++)
        statistics->variance[i] /= (double)statistics->count;
    return true;
}

void cn_statistics_free(cn_statistics *statistics)
{
    cn_release(statistics->mean);
    cn_release(statistics->variance);
}
