/* The planner's merging of updates: one kernel for all variables that an optimizer goes through in a row. */
#include "core/planner.h"
#include <string.h>

/* Memory of its own in the block, which may be laid anywhere. */
static bool is_movable(const planner *p, cn_tensor *tensor)
{
    const root *memory = &p->root[owner_of(p, cn_base(tensor)->root)];
    return memory->place == IN_BLOCK && memory->bytes == bytes_of(tensor);
}

static const cn_variable *variable_at(const planner *p, const root *r)
{
    return p->plan->variable[r->variable].variable->variable;
}

int64_t cn_planner_distance(const planner *p, const root *from, const root *to)
{
    return (unsigned char *)variable_at(p, to)->storage - (unsigned char *)variable_at(p, from)->storage;
}

static bool merge_operands(const planner *p, int head, const cn_entry *next, int64_t *delta)
{
    const cn_entry *first = p->schedule[head].entry;
    if (next->operation != first->operation || next->input_count != first->input_count ||
        (next->operation->attributes && memcmp(next->attributes, first->attributes, next->operation->attributes) != 0))
        return false;
    *delta = 0;
    int64_t elements = cn_shape_size(first->output[0]->shape), own = cn_shape_size(next->output[0]->shape);
    for (int i = 0; i < first->output_count + first->input_count; i++) {
        bool is_output = i < first->output_count;
        cn_tensor *a = is_output ? first->output[i] : first->input[i - first->output_count];
        cn_tensor *b = is_output ? next->output[i] : next->input[i - first->output_count];
        if (!is_output && a == b && cn_shape_size(a->shape) != elements)
            continue;
        if (cn_shape_size(a->shape) != elements || cn_shape_size(b->shape) != own || !is_whole(p, a) ||
            !is_whole(p, b) || a->dtype != b->dtype || (!is_output && root_of(p, b)->producer >= head))
            return false;
        const root *ra = root_of(p, a), *rb = root_of(p, b);
        bool updated = is_output || i - first->output_count < first->output_count;
        if (ra->place == IN_VARIABLE && rb->place == IN_VARIABLE && updated) {
            /* What lies between them is written too: it must belong to their block. */
            const void *block = variable_at(p, ra)->block;
            if (!block || block != variable_at(p, rb)->block)
                return false;
            int64_t distance = cn_planner_distance(p, ra, rb);
            if (distance <= 0 || (*delta && distance != *delta))
                return false;
            *delta = distance;
        } else if (is_output || !is_movable(p, a) || !is_movable(p, b)) {
            return false;
        }
    }
    return *delta > 0;
}

/* Notes what a run of updates would lay elsewhere; false if that is needed in two places. */
static bool claim_operands(planner *p, const cn_entry *entry, int run)
{
    for (int i = 0; i < entry->input_count; i++) {
        root *memory = &p->root[owner_of(p, cn_base(entry->input[i])->root)];
        if (memory->place != IN_BLOCK ||
            cn_shape_size(entry->input[i]->shape) != cn_shape_size(entry->output[0]->shape))
            continue;
        if (memory->claim == run)
            return false;
        memory->claim = run;
    }
    return true;
}

static bool place_gradients(planner *p, int first, int last, const int64_t *delta)
{
    const cn_entry *head = p->schedule[first].entry;
    for (int i = 0; i < head->input_count; i++) {
        if (root_of(p, head->input[i])->place == IN_VARIABLE ||
            (first < last && head->input[i] == p->schedule[last].entry->input[i]))
            continue;
        cn_tensor *end = p->schedule[last].entry->input[i];
        root region = {.place = IN_BLOCK,
                       .bytes = (size_t)delta[last - first] + bytes_of(end),
                       .producer = p->count,
                       .last_use = last,
                       .partial = -1};
        int index = cn_planner_root(p, region);
        if (index == CN_NOBODY)
            return false;
        for (int j = first; j <= last; j++) {
            root *memory = &p->root[owner_of(p, cn_base(p->schedule[j].entry->input[i])->root)];
            memory->place = IN_ROOT;
            memory->owner = index;
            memory->offset = (size_t)delta[j - first];
            if (memory->producer < p->root[index].producer)
                p->root[index].producer = memory->producer;
        }
    }
    return true;
}

/* What a run of the plan checks, since variables may move. */
static bool note_distances(planner *p, int first, int last)
{
    cn_plan *plan = p->plan;
    const cn_entry *head = p->schedule[first].entry;
    for (int i = first + 1; i <= last; i++) {
        const cn_entry *update = p->schedule[i].entry;
        for (int k = 0; k < update->output_count + update->input_count; k++) {
            bool is_output = k < update->output_count;
            cn_tensor *tensor = is_output ? update->output[k] : update->input[k - update->output_count];
            cn_tensor *of_head = is_output ? head->output[k] : head->input[k - update->output_count];
            const root *r = root_of(p, tensor);
            if (r->place != IN_VARIABLE || tensor == of_head)
                continue;
            const root *from = root_of(p, of_head);
            if (!cn_grow((void **)&plan->distance, plan->distance_count, &plan->distance_capacity,
                         sizeof *plan->distance))
                return false;
            plan->distance[plan->distance_count++] =
                (cn_distance){from->variable, r->variable, cn_planner_distance(p, from, r)};
        }
    }
    return true;
}

bool cn_merge_updates(planner *p)
{
    int64_t *delta = cn_allocate((size_t)p->count + 1, sizeof *delta);
    bool done = delta != NULL;
    for (int i = 0; done && i < p->count;) {
        const cn_entry *entry = p->schedule[i].entry;
        int last = i;
        delta[0] = 0;
        bool merges = entry->operation->flags & CN_MERGES && claim_operands(p, entry, i + 1);
        while (merges && last + 1 < p->count) {
            const cn_entry *previous = p->schedule[last].entry;
            int64_t distance, bytes = (int64_t)bytes_of(previous->output[0]);
            if (!merge_operands(p, i, p->schedule[last + 1].entry, &distance))
                break;
            int64_t gap = distance - (delta[last - i] + bytes);
            if (gap < 0 || gap >= CN_ALIGNMENT || !claim_operands(p, p->schedule[last + 1].entry, i + 1))
                break;
            last++;
            delta[last - i] = distance;
        }
        p->merged[i] = last - i + 1;
        for (int j = i + 1; j <= last; j++)
            p->merged[j] = 0;
        if (last > i)
            done = note_distances(p, i, last) && place_gradients(p, i, last, delta);
        i = last + 1;
    }
    cn_release(delta);
    return done;
}
