/* What kernels bring into an order of their own. A program begins with its front: what follows from variables alone,
 * small entries and packed weights. While no variable changes, a frame keeps what the front gave. Behind it comes what
 * is worth packing only to be kept: it is left until variables have stayed the same from one run to the next. Plans
 * that assign variables have neither: what is packed there need not outlive its kernel. */
#include "core/planner.h"

/* Whether what a tensor holds follows from variables that the plan leaves alone. */
static bool is_fixed(const planner *p, cn_tensor *tensor)
{
    const root *r = root_of(p, tensor);
    return !p->plan->assigns &&
           (r->place == IN_VARIABLE || r->place == IN_CONSTANTS || (r->producer >= 0 && r->producer < p->front));
}

/* Kernels work one after the other in the same memory: what a thread has worked in last is in its own core's cache,
 * while memory that another core has written may be far away. */
static bool find_workspace(planner *p, int position, size_t bytes)
{
    if (p->workspace == CN_NOBODY)
        p->workspace = cn_planner_root(p, (root){.producer = position, .partial = -1});
    if (p->workspace == CN_NOBODY)
        return false;
    root *r = &p->root[p->workspace];
    r->bytes = r->bytes > bytes ? r->bytes : bytes;
    r->last_use = position;
    return true;
}

bool cn_find_workspaces(planner *p)
{
    p->workspace = CN_NOBODY;
    for (int i = 0; i < p->count; i++) {
        cn_preparation preparation;
        p->packed[i] = CN_NOBODY;
        if (p->schedule[i].entry->operation->loop)
            continue;
        if (!cn_prepare(p->schedule[i].entry, &preparation) ||
            (preparation.workspace && !find_workspace(p, i, preparation.workspace)))
            return false;
        root r = {.bytes = preparation.packed, .producer = i, .last_use = i, .partial = -1};
        bool kept = preparation.pack && is_fixed(p, p->schedule[i].entry->input[preparation.packs]);
        if (kept) {
            r.producer = -1;
            r.last_use = FOREVER;
        }
        if (preparation.pack && (kept || !preparation.if_kept) && (p->packed[i] = cn_planner_root(p, r)) == CN_NOBODY)
            return false;
    }
    return true;
}

cn_target cn_packed_target(const planner *p, int position, const cn_preparation *preparation)
{
    if (p->packed[position] == CN_NOBODY)
        return (cn_target){IN_ROOT, 0, 0};
    cn_target target = locate(p, p->packed[position], 0);
    target.place = preparation->if_kept ? KEPT : target.place;
    return target;
}

bool cn_add_packing(planner *p, int position, const cn_preparation *preparation)
{
    cn_tensor *tensor = p->schedule[position].entry->input[preparation->packs];
    cn_target targets[] = {cn_packed_target(p, position, preparation), locate_tensor(p, tensor)};
    cn_step_facts facts = {
        .operation = "pack", .shape = tensor->shape, .bytes = (double)preparation->packed + (double)bytes_of(tensor)};
    return cn_program_add(p->plan, &facts, preparation->pack, targets, 2, preparation->prepared.bytes,
                          preparation->size);
}

/* The packing, of inputs that follow from variables alone, that is done always or only where it is kept. */
static bool add_fixed_packing(planner *p, bool if_kept)
{
    for (int i = 0; i < p->count; i++) {
        cn_preparation preparation;
        if (p->packed[i] == CN_NOBODY || p->root[p->packed[i]].last_use != FOREVER)
            continue;
        if (!cn_prepare(p->schedule[i].entry, &preparation) ||
            (preparation.if_kept == if_kept && !cn_add_packing(p, i, &preparation)))
            return false;
    }
    return true;
}

bool cn_end_front(planner *p)
{
    cn_plan *plan = p->plan;
    if (!add_fixed_packing(p, false))
        return false;
    const size_t front_bytes = plan->program_bytes;
    const int front_steps = plan->facts.kernels;
    if (!add_fixed_packing(p, true))
        return false;
    if (!plan->assigns) {
        plan->front_bytes = front_bytes;
        plan->front_steps = front_steps;
        plan->kept_bytes = plan->program_bytes;
        plan->kept_steps = plan->facts.kernels - front_steps;
    }
    return true;
}
