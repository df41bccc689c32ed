/* Planning: a deferred tape becomes a program.
 *
 * The planner does only what leaves every bit alone. In this order: entries that nothing needs are dropped; small ones
 * that depend on variables alone come first, and are not run again until a variable changes; element-wise entries in a
 * row become chains, which run tile by tile; a chain behind a product becomes its epilogue; assigned variables are
 * written in place where nothing needs the old value any more, else at the end; outputs take over the memory of inputs
 * that die; what is left gets offsets in one block by lifetime; neighbouring updates become one.
 *
 * A tape is in SSA form: recording changes no variable, so the only hazards are between the old and the last value of a
 * variable, and all writes to variables come after the last check. */
#include "core/chain.h"
#include "core/kernels/kernels.h"
#include "core/planner.h"
#include <stdlib.h>
#include <string.h>

static int64_t forced_tile;

void cn_plan_set_tile(int64_t elements)
{
    forced_tile = elements;
}

int cn_planner_root(planner *p, root r)
{
    if (!cn_grow((void **)&p->root, p->root_count, &p->root_capacity, sizeof *p->root))
        return CN_NOBODY;
    p->root[p->root_count] = r;
    return p->root_count++;
}

/* What is needed */

static bool is_scheduled(const cn_entry *entry)
{
    return !(entry->operation->view || !(entry->operation->loop || entry->operation->prepare));
}

static bool find_live(planner *p)
{
    cn_tape *tape = p->tape;
    if (!(p->live = cn_allocate((size_t)tape->count + 1, 1)))
        return false;
    for (int i = 0; i < p->plan->output_count; i++)
        p->live[p->output[i]->entry->index] = true;
    for (int i = 0; i < tape->binding_capacity; i++) {
        const cn_binding *binding = &tape->binding[i];
        if (!binding->variable || !binding->value)
            continue;
        p->live[binding->value->entry->index] = true;
        p->ending_count++;
        p->plan->assigns = true;
    }
    for (int i = 0; i < tape->feed_count; i++)
        p->live[tape->feed[i]->entry->index] = true;
    for (int i = tape->count - 1; i >= 0; i--) {
        const cn_entry *entry = tape->entry[i];
        for (int j = 0; p->live[i] && j < entry->input_count; j++)
            p->live[entry->input[j]->entry->index] = true;
        p->count += p->live[i] && is_scheduled(entry);
    }
    return true;
}

/* Lists the variables that are read or assigned; a live read of one's storage learns its index, as its root for now. */
static bool find_variables(planner *p)
{
    cn_plan *plan = p->plan;
    for (int i = 0; i < p->tape->binding_capacity; i++) {
        cn_binding *binding = &p->tape->binding[i];
        bool used = binding->variable && binding->value;
        for (int j = 0; binding->variable && j < binding->read_count; j++) {
            cn_tensor *read = binding->reads[j];
            read->root = plan->variable_count;
            used = used || (read->variable && p->live[read->entry->index]);
        }
        if (!used)
            continue;
        if (!cn_grow((void **)&plan->variable, plan->variable_count, &plan->variable_capacity, sizeof *plan->variable))
            return false;
        cn_variable_retain(binding->variable);
        binding->index = plan->variable_count;
        plan->variable[plan->variable_count++] = (cn_variable_use){.variable = binding->variable};
    }
    return true;
}

static bool make_leaf_root(planner *p, const cn_entry *entry, cn_tensor *tensor)
{
    root r = {.bytes = bytes_of(tensor), .producer = -1, .last_use = -1, .partial = -1};
    if (entry->operation == &cn_constant_operation) {
        r.place = IN_CONSTANTS;
        r.data = tensor->data;
        r.offset = p->plan->constant_bytes;
        p->plan->constant_bytes += (r.bytes + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
    } else if (tensor->variable) {
        r.place = IN_VARIABLE;
        r.variable = tensor->root;
    }
    return (tensor->root = cn_planner_root(p, r)) != CN_NOBODY;
}

/* Chains of fewer elements are not worth the tiles. */
static int64_t least_chain(void)
{
    return forced_tile ? forced_tile : CN_TILE_BYTES / 4;
}

/* Marks small element-wise entries that follow from constants and from variables as they begin. They run before all
 * others: as they were recorded, between the links of a chain over large tensors, they would tear it apart. */
static void find_early(const planner *p, bool *early)
{
    for (int i = 0; i < p->tape->count; i++) {
        const cn_entry *entry = p->tape->entry[i];
        const cn_operation *operation = entry->operation;
        early[i] =
            operation == &cn_constant_operation || (operation == &cn_read_operation && entry->output[0]->variable);
        if (!operation->view && (!operation->loop || cn_shape_size(entry->output[0]->shape) >= least_chain()))
            continue;
        early[i] = entry->input_count > 0;
        for (int j = 0; j < entry->input_count; j++)
            early[i] = early[i] && early[entry->input[j]->entry->index];
    }
}

static bool add_entry(planner *p, cn_entry *entry, int *position)
{
    const bool scheduled_here = is_scheduled(entry);
    for (int j = 0; j < entry->output_count; j++) {
        cn_tensor *tensor = entry->output[j];
        if (tensor->base)
            continue;
        if (!scheduled_here) {
            if (!make_leaf_root(p, entry, tensor))
                return false;
            continue;
        }
        root r = {.bytes = bytes_of(tensor), .producer = *position, .last_use = *position, .partial = -1};
        if ((tensor->root = cn_planner_root(p, r)) == CN_NOBODY)
            return false;
    }
    if (scheduled_here) {
        if (entry->operation->flags & CN_CHECKS)
            p->last_check = *position;
        p->merged[*position] = 1;
        p->schedule[(*position)++] = (scheduled){.entry = entry};
    }
    return true;
}

static bool make_schedule(planner *p)
{
    p->schedule = cn_allocate((size_t)p->count + 1, sizeof *p->schedule);
    p->packed = cn_allocate((size_t)p->count + 1, sizeof *p->packed);
    p->merged = cn_allocate((size_t)p->count + 1, sizeof *p->merged);
    bool *early = cn_allocate((size_t)p->tape->count + 1, sizeof *early);
    bool done = p->schedule && p->packed && p->merged && early;
    if (done)
        find_early(p, early);
    int position = 0;
    p->last_check = -1;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < p->tape->count && done; i++) {
            cn_entry *entry = p->tape->entry[i];
            if (early[i] != (turn == 0))
                continue;
            for (int j = 0; j < entry->output_count; j++)
                p->plan->facts.tensor_bytes += (int64_t)bytes_of(entry->output[j]);
            done = !p->live[i] || add_entry(p, entry, &position);
        }
        if (turn == 0 && !p->plan->assigns)
            p->front = position;
    }
    cn_release(early);
    return done;
}

/* Chains and epilogues */

/* Rows and columns of an element-wise entry, if that is all its dimensions come to. */
static bool is_rectangular(const cn_nest *nest, int64_t *columns)
{
    *columns = nest->rank == 2 ? nest->dim[1] : 0;
    return nest->rank <= 2;
}

static bool is_produced_in(const planner *p, cn_tensor *tensor, int from, int to)
{
    int producer = root_of(p, tensor)->producer;
    return producer >= from && producer <= to;
}

/* Whether the entry can run on a rectangle of the group's rows and columns; `columns` is 0 as long as any will do. */
static bool can_join(const planner *p, const cn_entry *entry, int group, int position, int64_t elements,
                     int64_t *columns)
{
    cn_nest nest;
    int64_t own;
    if (!entry->operation->loop || cn_shape_size(entry->output[0]->shape) != elements || !cn_nest_of(entry, &nest) ||
        !is_rectangular(&nest, &own) || (own && *columns && own != *columns))
        return false;
    for (int i = 0; i < entry->input_count; i++)
        if (is_produced_in(p, entry->input[i], group, position - 1) &&
            (!is_whole(p, entry->input[i]) || cn_shape_size(entry->input[i]->shape) != elements))
            return false;
    if (own)
        *columns = own;
    return true;
}

static bool reads_whole(const planner *p, const cn_entry *entry, cn_tensor *tensor)
{
    for (int i = 0; i < entry->input_count; i++)
        if (cn_base(entry->input[i]) == tensor && is_whole(p, entry->input[i]))
            return true;
    return false;
}

/* The pointers of a group must fit into one step of the program. */
enum { LONGEST_GROUP = 256 };

static bool may_grow(const planner *p, int begin, int end)
{
    return end + 1 < p->count && end - begin + 1 < LONGEST_GROUP;
}

static void find_groups(planner *p)
{
    const int64_t least = least_chain();
    for (int i = 0; i < p->count;) {
        const cn_entry *entry = p->schedule[i].entry;
        bool product = entry->operation->flags & CN_PRODUCT;
        int64_t elements = entry->output_count ? cn_shape_size(entry->output[0]->shape) : 0, columns = 0;
        int end = i;
        p->schedule[i].group = i;
        if (product && elements > 0) {
            /* The epilogue works on blocks of the product's last two dimensions, so its columns are given. */
            const cn_shape *shape = &entry->output[0]->shape;
            columns = shape->rank ? shape->dim[shape->rank - 1] : 1;
            if (i + 1 < p->count && reads_whole(p, p->schedule[i + 1].entry, entry->output[0]))
                while (may_grow(p, i, end) && can_join(p, p->schedule[end + 1].entry, i, end + 1, elements, &columns))
                    end++;
            p->schedule[i].epilogue = end > i;
        } else if (elements >= least && elements > 0 && can_join(p, entry, i, i, elements, &columns)) {
            while (may_grow(p, i, end) && can_join(p, p->schedule[end + 1].entry, i, end + 1, elements, &columns))
                end++;
            p->schedule[i].chain = end > i;
        }
        for (int j = i; j <= end; j++)
            p->schedule[j].group = i;
        p->schedule[i].end = end;
        i = end + 1;
    }
}

static bool is_index_by_index(const scheduled *s, int input)
{
    unsigned flags = s->entry->operation->flags;
    return s->entry->operation->loop || (flags & CN_MERGES) || ((flags & CN_IN_PLACE) && input == 0);
}

static void find_uses(planner *p)
{
    for (int i = 0; i < p->count; i++) {
        const scheduled *s = &p->schedule[i];
        const cn_entry *entry = s->entry;
        for (int j = 0; j < entry->input_count; j++) {
            root *r = root_of(p, entry->input[j]);
            r->last_use = i;
            bool whole = is_whole(p, entry->input[j]) && is_index_by_index(s, j) &&
                         cn_shape_size(entry->input[j]->shape) == cn_shape_size(entry->output[0]->shape);
            if (!whole)
                r->partial = s->group;
        }
    }
    for (int i = 0; i < p->front; i++)
        root_of(p, p->schedule[i].entry->output[0])->last_use = FOREVER;
    for (int i = 0; i < p->plan->output_count; i++)
        root_of(p, p->output[i])->last_use = FOREVER;
}

/* Variables */

/* Whether the last value of a variable can be written straight into its storage. */
static bool can_write_in_place(const planner *p, const cn_binding *binding)
{
    cn_tensor *value = binding->value;
    root *r = root_of(p, value);
    if (r->place != IN_BLOCK || r->producer < 0 || r->producer <= p->last_check || r->final || !is_whole(p, value))
        return false;
    const scheduled *producer = &p->schedule[r->producer];
    for (int i = 0; i < binding->read_count; i++) {
        cn_tensor *read = binding->reads[i];
        if (!read->variable || !p->live[read->entry->index])
            continue;
        const root *old = root_of(p, read);
        if (old->last_use > r->producer || old->partial == producer->group)
            return false;
        /* Read by the producer itself: index by index only, by an update only where output i stands for input i. */
        for (int j = 0; old->last_use == r->producer && j < producer->entry->input_count; j++)
            if (root_of(p, producer->entry->input[j]) == old && !producer->entry->operation->loop &&
                j != value->entry->output_count - producer->entry->output_count + cn_base(value)->output)
                return false;
    }
    return true;
}

static bool place_variables(planner *p)
{
    if (!(p->ending = cn_allocate((size_t)p->ending_count + 1, sizeof *p->ending)))
        return false;
    p->ending_count = 0;
    for (int i = 0; i < p->tape->binding_capacity; i++)
        if (p->tape->binding[i].variable && p->tape->binding[i].value)
            root_of(p, p->tape->binding[i].value)->last_use = FOREVER;
    for (int i = 0; i < p->tape->binding_capacity; i++) {
        const cn_binding *binding = &p->tape->binding[i];
        if (!binding->variable || !binding->value)
            continue;
        int variable = binding->index;
        p->plan->variable[variable].assigned = true;
        root *r = root_of(p, binding->value);
        if (can_write_in_place(p, binding)) {
            r->place = IN_VARIABLE;
            r->variable = variable;
        } else if (!(r->place == IN_VARIABLE && r->variable == variable && is_whole(p, binding->value))) {
            p->ending[p->ending_count++] = (struct ending){variable, binding->value, CN_NOBODY};
        }
        r->final = true;
    }
    return true;
}

/* What lies in the storage of a variable that is written at the end must be saved before. */
static bool must_stage(const planner *p, cn_tensor *tensor)
{
    const root *r = root_of(p, tensor);
    for (int i = 0; r->place == IN_VARIABLE && i < p->ending_count; i++)
        if (r->variable == p->ending[i].variable)
            return true;
    return false;
}

static bool stage(planner *p)
{
    root r = {.place = IN_BLOCK, .producer = p->count, .last_use = FOREVER, .partial = -1};
    for (int i = 0; i < p->ending_count; i++) {
        r.bytes = bytes_of(p->ending[i].value);
        if (must_stage(p, p->ending[i].value) && (p->ending[i].staged = cn_planner_root(p, r)) == CN_NOBODY)
            return false;
    }
    for (int i = 0; i < p->plan->output_count; i++) {
        r.bytes = bytes_of(p->output[i]);
        p->output_staged[i] = CN_NOBODY;
        if (must_stage(p, p->output[i]) && (p->output_staged[i] = cn_planner_root(p, r)) == CN_NOBODY)
            return false;
    }
    return true;
}

/* Memory taken over */

/* Values that live and die inside a chain need no more than a tile. */
static void place_tiles(planner *p)
{
    for (int begin = 0; begin < p->count; begin = p->schedule[begin].end + 1) {
        if (!p->schedule[begin].chain)
            continue;
        int free_from[CN_TILE_SLOTS] = {0};
        size_t bytes[CN_TILE_SLOTS] = {0}; /* of the value that lies there last */
        for (int i = begin; i <= p->schedule[begin].end; i++) {
            root *r = root_of(p, p->schedule[i].entry->output[0]);
            if (r->place != IN_BLOCK || r->last_use > p->schedule[begin].end || r->last_use == i)
                continue;
            for (int slot = 0; slot < CN_TILE_SLOTS; slot++) {
                /* The entry that reads it last may write its own result there, index by index. */
                if (free_from[slot] > i || (free_from[slot] == i && bytes[slot] && bytes[slot] != r->bytes))
                    continue;
                r->place = IN_TILE;
                r->slot = slot;
                free_from[slot] = r->last_use;
                bytes[slot] = r->bytes;
                break;
            }
        }
    }
}

/* Lets outputs take over the memory of inputs that are read for the last time, index by index. */
static void place_in_inputs(planner *p)
{
    for (int i = 0; i < p->count; i++) {
        const scheduled *s = &p->schedule[i];
        const cn_entry *entry = s->entry;
        unsigned flags = entry->operation->flags;
        if (!entry->operation->loop && !(flags & (CN_MERGES | CN_IN_PLACE)))
            continue;
        for (int o = 0; o < entry->output_count && (o == 0 || flags & CN_MERGES); o++) {
            int output = entry->output[o]->root;
            for (int j = 0; j < entry->input_count && p->root[output].place == IN_BLOCK; j++) {
                if (!entry->operation->loop && j != o)
                    continue;
                root *in = root_of(p, entry->input[j]);
                int owner = owner_of(p, (int)(in - p->root));
                root *memory = &p->root[owner];
                if (memory->place != IN_BLOCK || in->last_use != i || memory->last_use > i ||
                    memory->bytes != p->root[output].bytes || !is_whole(p, entry->input[j]) ||
                    in->partial == s->group || memory->partial == s->group || owner == output)
                    continue;
                p->root[output].place = IN_ROOT;
                p->root[output].owner = owner;
                p->root[output].offset = 0;
                memory->last_use = p->root[output].last_use;
                if (p->root[output].partial > memory->partial)
                    memory->partial = p->root[output].partial;
            }
        }
    }
}

/* Offsets */

static int64_t group_begin(const planner *p, int position)
{
    return position >= p->count ? position : p->schedule[position].group;
}

static void find_lifetimes(planner *p)
{
    for (int i = 0; i < p->root_count; i++) {
        root *r = &p->root[i];
        /* What the front gives is kept from run to run, feeds are written before it. */
        r->first = r->producer < p->front ? -1 : (int)group_begin(p, r->producer);
        r->last = r->last_use == FOREVER || r->last_use < 0 || r->last_use >= p->count
                      ? r->last_use
                      : p->schedule[p->schedule[r->last_use].group].end;
        if (r->last < r->first)
            r->last = r->first;
    }
    for (int i = 0; i < p->root_count; i++) {
        root *owner = &p->root[owner_of(p, i)];
        if (p->root[i].first < owner->first)
            owner->first = p->root[i].first;
        if (p->root[i].last > owner->last)
            owner->last = p->root[i].last;
    }
}

static int by_first(const void *a, const void *b)
{
    const root *const *x = a, *const *y = b;
    return (*x)->first != (*y)->first ? ((*x)->first < (*y)->first ? -1 : 1) : (*x < *y ? -1 : *x > *y);
}

static int by_size(const void *a, const void *b)
{
    const root *const *x = a, *const *y = b;
    return (*x)->bytes != (*y)->bytes ? ((*x)->bytes > (*y)->bytes ? -1 : 1) : by_first(a, b);
}

/* Outputs that kernels leave out if nobody uses them. */
static bool is_left_out(const planner *p, const root *r)
{
    return r->place == IN_BLOCK && r->producer >= 0 && r->last_use == r->producer &&
           p->schedule[r->producer].entry->operation->flags & CN_OPTIONAL_OUTPUTS && p->workspace != r - p->root &&
           p->packed[r->producer] != r - p->root;
}

/* Large tensors begin at different places of a page: index by index they would fall on the same lines of L1. */
enum { PAGE = 4096, STAGGER = 5 * CN_ALIGNMENT };

/* Gives each root the lowest place that is free for as long as it lives, in the order given, after sorting them so.
 * `placed` has room for them all. The bytes of the block, or SIZE_MAX if that is more than there can be. */
static size_t first_fit(root **order, int count, int (*compare)(const void *, const void *), root **placed)
{
    size_t bytes = 0;
    qsort(order, (size_t)count, sizeof *order, compare);
    for (int i = 0; i < count; i++) {
        root *r = order[i];
        size_t at = 0;
        int slot = 0; /* among those placed, which are in the order of their offsets */
        for (int j = 0; j < i; j++) {
            const root *other = placed[j];
            if (other->last < r->first || other->first > r->last)
                continue;
            if (other->offset >= at + r->bytes + (r->bytes == 0))
                break;
            const size_t end = other->offset + other->bytes + (other->bytes >= PAGE ? STAGGER : 0);
            if (end > at)
                at = (end + CN_ALIGNMENT - 1) / CN_ALIGNMENT * CN_ALIGNMENT;
        }
        if (r->bytes > PTRDIFF_MAX - at - CN_ALIGNMENT)
            return SIZE_MAX;
        r->offset = at;
        while (slot < i && placed[slot]->offset < at)
            slot++;
        memmove(&placed[slot + 1], &placed[slot], (size_t)(i - slot) * sizeof *placed);
        placed[slot] = r;
        bytes = at + r->bytes > bytes ? at + r->bytes : bytes;
    }
    return bytes;
}

/* In the order of first use neighbours in time are neighbours in memory; the largest first often need less of it. */
static bool place_block(planner *p)
{
    root **order = cn_allocate((size_t)p->root_count + 1, sizeof *order);
    root **placed = cn_allocate((size_t)p->root_count + 1, sizeof *placed);
    size_t bytes = SIZE_MAX;
    int count = 0;
    if (order && placed) {
        for (int i = 0; i < p->root_count; i++)
            if (p->root[i].place == IN_BLOCK && !is_left_out(p, &p->root[i]))
                order[count++] = &p->root[i];
        const size_t by_sizes = first_fit(order, count, by_size, placed);
        bytes = first_fit(order, count, by_first, placed);
        if (by_sizes < bytes - bytes / 256)
            bytes = first_fit(order, count, by_size, placed);
        if (bytes == SIZE_MAX)
            cn_fail(CN_MEMORY, "plan: the block is larger than the address space");
        p->plan->block_bytes = bytes;
    }
    cn_release(order);
    cn_release(placed);
    return bytes != SIZE_MAX;
}

/* The program */

static const cn_target nowhere = {IN_ROOT, 0, 0};

/* The targets of an entry: outputs, inputs, workspace, what was packed. */
static int entry_targets(const planner *p, int position, const cn_preparation *preparation, cn_target *targets)
{
    const cn_entry *entry = p->schedule[position].entry;
    int count = 0;
    for (int i = 0; i < entry->output_count; i++) {
        const bool left_out = is_left_out(p, root_of(p, entry->output[i]));
        targets[count++] = left_out ? nowhere : locate_tensor(p, entry->output[i]);
    }
    for (int i = 0; i < entry->input_count; i++)
        targets[count++] = locate_tensor(p, entry->input[i]);
    if (preparation->workspace)
        targets[count++] = locate(p, p->workspace, 0);
    if (preparation->pack)
        targets[count++] = cn_packed_target(p, position, preparation);
    return count;
}

/* Rows are added to all others in one go if they fit a vector, leave no part of one over, or have this many columns;
 * others are repeated (core/chain.c). */
enum { LEAST_ADDED_ROW = 64, LARGEST_VECTOR = 16 };

static bool fits_vector(int64_t columns)
{
    return columns <= cn_kernels_now()->short_rows->most;
}

static bool adds_row(const cn_link *link, int64_t columns)
{
    return link->loop == cn_kernels_now()->elementwise->loop[CN_LOOP_add][CN_F32] &&
           (columns >= LEAST_ADDED_ROW || columns % LARGEST_VECTOR == 0 || fits_vector(columns)) &&
           link->column[1] == 1 && link->row[1] != 0 && link->column[2] == 1 && link->row[2] == 0;
}

/* Whether the entry at `position` gives the relu of what the one before it gives, which is read nowhere else. */
static bool is_only_relu(const planner *p, int position)
{
    const cn_entry *entry = p->schedule[position].entry;
    cn_tensor *x = p->schedule[position - 1].entry->output[0];
    const cn_target from = locate_tensor(p, x), to = locate_tensor(p, entry->output[0]);
    const bool overwritten = from.place == to.place && from.variable == to.variable && from.offset == to.offset;
    return entry->operation->loop == CN_LOOP_relu && cn_base(entry->input[0]) == cn_base(x) &&
           is_whole(p, entry->input[0]) && root_of(p, x)->last_use == position &&
           (overwritten || root_of(p, x)->place == IN_TILE);
}

/* A bias is added to all rows in one go, with the relu that comes next if there is one. */
static void add_rows_at_once(const planner *p, cn_chain *chain, int from, int64_t columns)
{
    const cn_kernels *kernels = cn_kernels_now();
    const bool is_short = fits_vector(columns);
    const int links = chain->count;
    chain->count = 0;
    for (int l = 0; l < links; l++) {
        cn_link *link = &chain->link[chain->count++];
        *link = chain->link[l];
        if (!adds_row(link, columns))
            continue;
        link->all_rows = true;
        link->row_loop = is_short ? kernels->short_rows->add_row : kernels->elementwise->add_row;
        if (l + 1 < links && is_only_relu(p, from + l + 1)) {
            const cn_link *relu = &chain->link[++l];
            link->row_loop = is_short ? kernels->short_rows->relu_of_sum : kernels->elementwise->relu_of_sum;
            link->pointer[0] = relu->pointer[0];
            link->row[0] = relu->row[0];
            link->column[0] = relu->column[0];
        }
    }
}

/* The chain of the entries from `from` to `to`, whose pointers go to `targets`. */
static cn_chain *make_chain(const planner *p, int from, int to, int64_t columns, cn_target *targets, int *target_count)
{
    cn_chain *chain = cn_allocate(1, sizeof *chain + (size_t)(to - from + 1) * sizeof(cn_link));
    if (!chain)
        return NULL;
    int64_t elements = cn_shape_size(p->schedule[from].entry->output[0]->shape);
    int widest = 4;
    for (int i = from; i <= to; i++) {
        const cn_entry *entry = p->schedule[i].entry;
        cn_nest nest;
        cn_link *link = &chain->link[chain->count++];
        cn_nest_of(entry, &nest);
        if (nest.rank == 2)
            columns = nest.dim[1];
        *link = (cn_link){.loop = nest.loop, .operands = nest.operands};
        memcpy(link->scalar, nest.scalar, sizeof nest.scalar);
        for (int o = 0; o < nest.operands; o++) {
            cn_tensor *tensor = o ? entry->input[o - 1] : entry->output[0];
            const root *r = root_of(p, tensor);
            link->element[o] = (int16_t)nest.element[o];
            if (nest.element[o] > widest)
                widest = nest.element[o];
            if (r->place == IN_TILE) {
                link->pointer[o] = (int16_t)(-1 - r->slot);
            } else {
                link->pointer[o] = (int16_t)*target_count;
                targets[(*target_count)++] = locate_tensor(p, tensor);
            }
            link->row[o] = nest.rank == 2 ? nest.stride[o][0] : 0;
            link->column[o] = nest.rank ? nest.stride[o][nest.rank - 1] : 0;
        }
    }
    if (!columns)
        columns = elements < CN_TILE_BYTES / widest ? elements : 1;
    for (int l = 0; l < chain->count; l++) {
        cn_link *link = &chain->link[l];
        link->flat = true;
        for (int o = 0; o < link->operands; o++) {
            const cn_entry *entry = p->schedule[from + l].entry;
            cn_nest nest;
            cn_nest_of(entry, &nest);
            if (nest.rank < 2)
                link->row[o] = link->column[o] * columns;
            link->flat = link->flat && link->row[o] == link->column[o] * columns;
        }
    }
    add_rows_at_once(p, chain, from, columns);
    chain->columns = columns;
    chain->rows = elements / columns;
    chain->tile = CN_TILE_BYTES / widest;
    if (forced_tile && forced_tile < chain->tile)
        chain->tile = forced_tile;
    return chain;
}

/* The memory outside of tiles that the entries of a group read or write, each byte once. */
static double bytes_used(planner *p, int begin, int end)
{
    double bytes = 0;
    for (int i = begin; i <= end; i++) {
        const cn_entry *entry = p->schedule[i].entry;
        for (int o = 0; o < entry->input_count + entry->output_count; o++) {
            cn_tensor *tensor = o < entry->input_count ? entry->input[o] : entry->output[o - entry->input_count];
            root *owner = &p->root[owner_of(p, cn_base(tensor)->root)];
            if (owner->place == IN_TILE || owner->counted == begin + 1)
                continue;
            owner->counted = begin + 1;
            bytes += (double)(bytes_of(tensor) < owner->bytes ? bytes_of(tensor) : owner->bytes);
        }
    }
    return bytes;
}

static bool add_group(planner *p, int begin)
{
    const scheduled *s = &p->schedule[begin];
    const cn_entry *entry = s->entry;
    cn_preparation preparation = {0};
    int room = 8, used = 0;
    for (int i = begin; i <= s->end; i++)
        room += p->schedule[i].entry->input_count + p->schedule[i].entry->output_count;
    cn_target *targets = cn_allocate((size_t)room, sizeof *targets);
    cn_chain *chain = NULL;
    size_t chain_bytes = 0;
    bool done = false;
    if (!targets)
        return false;
    if (!s->chain) {
        const int packed = p->packed[begin];
        if (!cn_prepare(entry, &preparation) ||
            (packed != CN_NOBODY && p->root[packed].last_use != FOREVER && !cn_add_packing(p, begin, &preparation)))
            goto out;
        used = entry_targets(p, begin, &preparation, targets);
        if (p->merged[begin] > 1) {
            const cn_entry *last = p->schedule[begin + p->merged[begin] - 1].entry;
            int64_t span = cn_planner_distance(p, root_of(p, entry->output[0]), root_of(p, last->output[0])) +
                           (int64_t)bytes_of(last->output[0]);
            *(int64_t *)preparation.prepared.bytes = span / (int64_t)cn_dtype_size(entry->output[0]->dtype);
        }
    }
    if (s->chain || s->epilogue) {
        int64_t columns = 0;
        if (s->epilogue) {
            const cn_shape *shape = &entry->output[0]->shape;
            columns = shape->rank ? shape->dim[shape->rank - 1] : 1;
        }
        int pointers = 0;
        chain = make_chain(p, begin + s->epilogue, s->end, columns, targets + used, &pointers);
        if (!chain)
            goto out;
        chain_bytes = sizeof *chain + (size_t)chain->count * sizeof(cn_link);
        if (s->epilogue) {
            cn_epilogue *epilogue = (cn_epilogue *)preparation.prepared.bytes;
            epilogue->chain = (int32_t)((preparation.size + 15) / 16 * 16);
            epilogue->pointer = used;
        }
        used += pointers;
    }
    int end = p->merged[begin] > 1 ? begin + p->merged[begin] - 1 : s->end;
    cn_step_facts facts = {.operation = entry->operation->name,
                           .fused = s->end - begin,
                           .shape = entry->output[0]->shape,
                           .flops = preparation.flops,
                           .bytes = bytes_used(p, begin, end)};
    if (s->epilogue) {
        size_t at = (preparation.size + 15) / 16 * 16;
        unsigned char *both = cn_allocate(at + chain_bytes, 1);
        if (!both)
            goto out;
        memcpy(both, preparation.prepared.bytes, preparation.size);
        memcpy(both + at, chain, chain_bytes);
        done = cn_program_add(p->plan, &facts, preparation.kernel, targets, used, both, at + chain_bytes);
        cn_release(both);
    } else if (s->chain) {
        done = cn_program_add(p->plan, &facts, cn_run_chain, targets, used, chain, chain_bytes);
    } else {
        done = cn_program_add(p->plan, &facts, preparation.kernel, targets, used, preparation.prepared.bytes,
                              preparation.size);
    }
out:
    cn_release(chain);
    cn_release(targets);
    return done;
}

static bool copy_bytes(void *const *pointer, const void *prepared)
{
    memcpy(pointer[0], pointer[1], *(const size_t *)prepared);
    return true;
}

static bool add_copy(planner *p, cn_target to, cn_target from, size_t bytes)
{
    cn_step_facts facts = {.operation = "copy", .bytes = 2 * (double)bytes};
    return cn_program_add(p->plan, &facts, copy_bytes, (cn_target[]){to, from}, 2, &bytes, sizeof bytes);
}

static bool write_program(planner *p)
{
    cn_plan *plan = p->plan;
    if (!(plan->constants = cn_allocate(plan->constant_bytes + 1, 1)))
        return false;
    for (int i = 0; i < p->root_count; i++)
        if (p->root[i].place == IN_CONSTANTS && p->root[i].bytes)
            memcpy(plan->constants + p->root[i].offset, p->root[i].data, p->root[i].bytes);
    for (int i = 0; i < p->front; i++)
        if (!add_group(p, i))
            return false;
    if (!cn_end_front(p))
        return false;
    for (int i = p->front; i < p->count; i = p->schedule[i].end + 1)
        if (p->merged[i] && !add_group(p, i))
            return false;
    for (int i = 0; i < p->ending_count; i++)
        if (p->ending[i].staged != CN_NOBODY &&
            !add_copy(p, locate(p, p->ending[i].staged, 0), locate_tensor(p, p->ending[i].value),
                      bytes_of(p->ending[i].value)))
            return false;
    for (int i = 0; i < plan->output_count; i++) {
        bool staged = p->output_staged[i] != CN_NOBODY;
        plan->output[i] = staged ? locate(p, p->output_staged[i], 0) : locate_tensor(p, p->output[i]);
        plan->output_type[i] = (cn_type){p->output[i]->dtype, p->output[i]->shape};
        if (staged && !add_copy(p, plan->output[i], locate_tensor(p, p->output[i]), bytes_of(p->output[i])))
            return false;
    }
    for (int i = 0; i < p->ending_count; i++) {
        cn_target to = {IN_VARIABLE, p->ending[i].variable, 0};
        cn_target from =
            p->ending[i].staged != CN_NOBODY ? locate(p, p->ending[i].staged, 0) : locate_tensor(p, p->ending[i].value);
        if (!add_copy(p, to, from, bytes_of(p->ending[i].value)))
            return false;
    }
    plan->feed_count = p->tape->feed_count;
    for (int i = 0; i < plan->feed_count; i++) {
        plan->feed[i] = locate_tensor(p, p->tape->feed[i]);
        plan->feed_type[i] = (cn_type){p->tape->feed[i]->dtype, p->tape->feed[i]->shape};
    }
    plan->has_step = p->tape->step && p->live[p->tape->step->entry->index];
    if (plan->has_step)
        plan->step = locate_tensor(p, p->tape->step);
    plan->facts.block_bytes = (int64_t)(plan->block_bytes + plan->constant_bytes);
    return true;
}

static bool make_plan(planner *p)
{
    p->plan->facts.recorded = p->tape->count;
    if (!find_live(p) || !find_variables(p) || !make_schedule(p))
        return false;
    find_groups(p);
    find_uses(p);
    if (!place_variables(p) || !stage(p))
        return false;
    place_tiles(p);
    place_in_inputs(p);
    if (!cn_merge_updates(p) || !cn_find_workspaces(p))
        return false;
    find_lifetimes(p);
    return place_block(p) && write_program(p);
}

static bool check_outputs(cn_tape *tape, const cn_plan_args *args, planner *p)
{
    if (cn_failed())
        return false;
    if (!tape || tape->kind != CN_DEFERRED)
        return cn_fail(CN_TAPE, "plan: needs a deferred tape");
    for (int i = 0; i < CN_MAX_FEEDS && args->outputs[i]; i++) {
        cn_tensor *output = args->outputs[i];
        if (!output->tape && !(output = cn_read(tape, output)))
            return false;
        if (output->tape != tape)
            return cn_fail(CN_TAPE, "plan: output %d is on another tape", i);
        if (!(p->output[i] = cn_dense_copy(output)))
            return false;
        p->plan->output_count = i + 1;
    }
    return true;
}

cn_plan *cn_plan_with(cn_tape *tape, cn_plan_args args)
{
    cn_plan *plan = cn_failed() ? NULL : cn_allocate(1, sizeof *plan);
    if (!plan)
        return NULL;
    pthread_mutex_init(&plan->lock, NULL);
    planner p = {.tape = tape, .plan = plan};
    bool done = check_outputs(tape, &args, &p) && make_plan(&p);
    cn_release(p.live);
    cn_release(p.schedule);
    cn_release(p.root);
    cn_release(p.ending);
    cn_release(p.packed);
    cn_release(p.merged);
    cn_frame *frame = done ? cn_plan_frame(plan) : NULL;
    if (!frame) {
        cn_plan_free(plan);
        return NULL;
    }
    cn_frame_give_back(frame);
    return plan;
}
