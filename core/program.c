/* Programs and frames: what a planned run does, and nothing else. */
#include "core/program.h"
#include "core/pieces.h"
#include <string.h>
#include <time.h>

typedef struct step {
    cn_kernel *kernel;
    uint32_t bytes;    /* to the next step */
    uint16_t prepared; /* offset of what the kernel is given */
    uint16_t pointers;
    void *pointer[];
} step;

struct cn_frame {
    cn_frame *next;
    cn_plan *plan;
    unsigned char *program, *block;
    void **storage;   /* of each variable, when the pointers were set */
    int64_t *version; /* and its version when the front of the program ran, if it has */
    bool begun, kept;
    atomic_bool busy;
};

bool cn_program_add(cn_plan *plan, const cn_step_facts *facts, cn_kernel *kernel, const cn_target *targets,
                    int pointers, const void *prepared, size_t prepared_bytes)
{
    size_t begin = offsetof(step, pointer) + (size_t)pointers * sizeof(void *);
    begin = (begin + 15) / 16 * 16;
    size_t bytes = (begin + prepared_bytes + 15) / 16 * 16;
    if (bytes > UINT32_MAX || begin > UINT16_MAX) {
        cn_fail(CN_UNSUPPORTED, "plan: an operation has too many inputs: %d", pointers);
        return false;
    }
    if (!cn_grow((void **)&plan->step_facts, plan->facts.kernels, &plan->step_facts_capacity, sizeof *plan->step_facts))
        return false;
    while (plan->program_bytes + bytes > plan->program_capacity) {
        size_t larger = plan->program_capacity ? plan->program_capacity * 2 : 4096;
        unsigned char *memory = cn_resize(plan->program, plan->program_bytes, larger, 1);
        if (!memory)
            return false;
        plan->program = memory;
        plan->program_capacity = larger;
    }
    for (int i = 0; i < pointers; i++) {
        if (!cn_grow((void **)&plan->target, plan->target_count, &plan->target_capacity, sizeof *plan->target))
            return false;
        plan->target[plan->target_count++] = targets[i];
    }
    step *s = (step *)(plan->program + plan->program_bytes);
    s->kernel = kernel;
    s->bytes = (uint32_t)bytes;
    s->prepared = (uint16_t)begin;
    s->pointers = (uint16_t)pointers;
    memcpy((unsigned char *)s + begin, prepared, prepared_bytes);
    plan->program_bytes += bytes;
    plan->step_facts[plan->facts.kernels++] = *facts;
    return true;
}

static void free_frame(cn_frame *frame)
{
    cn_release(frame->program);
    cn_release(frame->block);
    cn_release(frame->storage);
    cn_release(frame->version);
    cn_release(frame);
}

void cn_plan_free(cn_plan *plan)
{
    if (!plan)
        return;
    for (cn_frame *frame = plan->frames, *next; frame; frame = next) {
        next = frame->next;
        free_frame(frame);
    }
    pthread_mutex_destroy(&plan->lock);
    cn_release(plan->program);
    cn_release(plan->target);
    cn_release(plan->step_facts);
    for (int i = 0; i < plan->variable_count; i++)
        cn_variable_free(plan->variable[i].variable);
    cn_release(plan->variable);
    cn_release(plan->distance);
    cn_release(plan->constants);
    cn_release(plan);
}

cn_plan_facts cn_plan_describe(const cn_plan *plan)
{
    return plan ? plan->facts : (cn_plan_facts){0};
}

static void *address(const cn_frame *frame, cn_target t)
{
    switch (t.place) {
    case IN_BLOCK:
        return frame->block + t.offset;
    case IN_CONSTANTS:
        return frame->plan->constants + t.offset;
    case IN_VARIABLE:
        return (unsigned char *)frame->storage[t.variable] + t.offset;
    case KEPT:
        return frame->kept ? frame->block + t.offset : NULL;
    default:
        return NULL;
    }
}

static int64_t version_of(const cn_plan *plan, int variable)
{
    return plan->variable[variable].variable->variable->version;
}

static void *storage_of(const cn_plan *plan, int variable)
{
    return plan->variable[variable].variable->variable->storage;
}

static bool set_pointers(cn_frame *frame)
{
    const cn_plan *plan = frame->plan;
    for (int i = 0; i < plan->distance_count; i++) {
        const cn_distance *d = &plan->distance[i];
        if ((unsigned char *)storage_of(plan, d->to) - (unsigned char *)storage_of(plan, d->from) != d->bytes)
            return cn_fail(CN_STATE, "run: %s has moved since it was planned",
                           plan->variable[d->to].variable->variable->name);
    }
    for (int i = 0; i < plan->variable_count; i++)
        frame->storage[i] = storage_of(plan, i);
    const cn_target *t = plan->target;
    for (unsigned char *at = frame->program, *end = at + plan->program_bytes; at < end; at += ((step *)at)->bytes) {
        step *s = (step *)at;
        for (int i = 0; i < s->pointers; i++)
            s->pointer[i] = address(frame, *t++);
    }
    return true;
}

static cn_frame *new_frame(cn_plan *plan)
{
    cn_frame *frame = cn_allocate(1, sizeof *frame);
    if (!frame)
        return NULL;
    *frame = (cn_frame){.plan = plan,
                        .program = cn_allocate(plan->program_bytes + 1, 1),
                        .block = cn_allocate(plan->block_bytes + 1, 1),
                        .storage = cn_allocate((size_t)plan->variable_count + 1, sizeof(void *)),
                        .version = cn_allocate((size_t)plan->variable_count + 1, sizeof(int64_t)),
                        .busy = true};
    if (!frame->program || !frame->block || !frame->storage || !frame->version) {
        free_frame(frame);
        return NULL;
    }
    if (plan->program_bytes)
        memcpy(frame->program, plan->program, plan->program_bytes);
    if (!set_pointers(frame)) {
        free_frame(frame);
        return NULL;
    }
    return frame;
}

/* Frames are put in front of the list, and leave it with the plan: it is read without the lock. */
cn_frame *cn_plan_frame(cn_plan *plan)
{
    for (cn_frame *frame = atomic_load(&plan->frames); frame; frame = frame->next)
        if (!atomic_exchange(&frame->busy, true))
            return frame;
    cn_frame *frame = new_frame(plan);
    if (!frame)
        return NULL;
    pthread_mutex_lock(&plan->lock);
    frame->next = atomic_load(&plan->frames);
    atomic_store(&plan->frames, frame);
    pthread_mutex_unlock(&plan->lock);
    return frame;
}

void cn_frame_give_back(cn_frame *frame)
{
    atomic_store_explicit(&frame->busy, false, memory_order_release);
}

void *cn_frame_feed(cn_frame *frame, int index)
{
    return address(frame, frame->plan->feed[index]);
}

void *cn_frame_output(cn_frame *frame, int index)
{
    return address(frame, frame->plan->output[index]);
}

static _Thread_local struct {
    cn_profiler *tell;
    void *context;
} profiler;

void cn_set_profiler(cn_profiler *tell, void *context)
{
    profiler.tell = tell;
    profiler.context = context;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool run_profiled(const cn_plan *plan, int index, step *s)
{
    const cn_step_facts *facts = &plan->step_facts[index];
    double begin = now();
    bool done = s->kernel(s->pointer, (unsigned char *)s + s->prepared);
    profiler.tell(profiler.context, &(cn_kernel_run){.plan = plan,
                                                     .index = index,
                                                     .operation = facts->operation,
                                                     .fused = facts->fused,
                                                     .shape = facts->shape,
                                                     .flops = facts->flops,
                                                     .bytes = facts->bytes,
                                                     .seconds = now() - begin});
    return done;
}

/* Runs the steps from `at` on, the first of which has this index. */
static bool run_steps(const cn_plan *plan, unsigned char *at, const unsigned char *end, int index)
{
    const bool profiled = profiler.tell != NULL;
    bool done = true;
    for (; at < end && done; at += ((step *)at)->bytes)
        done = profiled ? run_profiled(plan, index++, (step *)at)
                        : ((step *)at)->kernel(((step *)at)->pointer, at + ((step *)at)->prepared);
    return done;
}

/* The front of the program, if a variable has changed since it ran; what is kept only if none has: it is worth its time
 * where weights stay, not between steps that train them. */
static bool run_front(cn_frame *frame)
{
    const cn_plan *plan = frame->plan;
    bool same = frame->begun;
    for (int i = 0; i < plan->variable_count; i++) {
        same = same && frame->version[i] == version_of(plan, i);
        frame->version[i] = version_of(plan, i);
    }
    if (!same) {
        const bool kept = frame->kept;
        frame->kept = false;
        return (!kept || set_pointers(frame)) &&
               (frame->begun = run_steps(plan, frame->program, frame->program + plan->front_bytes, 0));
    }
    if (frame->kept || plan->kept_bytes == plan->front_bytes)
        return true;
    frame->kept = true;
    frame->begun = set_pointers(frame) && run_steps(plan, frame->program + plan->front_bytes,
                                                    frame->program + plan->kept_bytes, plan->front_steps);
    return frame->begun;
}

bool cn_frame_run(cn_frame *frame, int64_t step_value)
{
    const cn_plan *plan = frame->plan;
    for (int i = 0; i < plan->variable_count; i++)
        if (frame->storage[i] != storage_of(plan, i) && !set_pointers(frame))
            return false;
    if (plan->has_step)
        *(int32_t *)address(frame, plan->step) = (int32_t)step_value;
    unsigned mode = cn_float_mode_flush();
    bool done = (!plan->kept_bytes || run_front(frame)) &&
                run_steps(plan, frame->program + plan->kept_bytes, frame->program + plan->program_bytes,
                          plan->front_steps + plan->kept_steps);
    cn_float_mode_restore(mode);
    for (int i = 0; done && i < plan->variable_count; i++)
        if (plan->variable[i].assigned)
            plan->variable[i].variable->variable->version++;
    return done;
}

static bool run_frame(cn_plan *plan, cn_frame *frame, const cn_run_args *args)
{
    if (plan->feed_count < CN_MAX_FEEDS && args->in[plan->feed_count].data)
        return cn_fail(CN_ARGUMENT, "run: more arrays are given than the plan has feeds, %d", plan->feed_count);
    if (plan->output_count < CN_MAX_FEEDS && args->out[plan->output_count].data)
        return cn_fail(CN_ARGUMENT, "run: more arrays are given than the plan has outputs, %d", plan->output_count);
    for (int i = 0; i < plan->feed_count; i++)
        if (!cn_check_view("run", &args->in[i], plan->feed_type[i].shape) ||
            !cn_convert(cn_frame_feed(frame, i), cn_array_type_of(plan->feed_type[i].dtype), args->in[i].data,
                        args->in[i].type, cn_shape_size(plan->feed_type[i].shape)))
            return false;
    for (int i = 0; i < plan->output_count; i++) {
        if (args->out[i].data && !args->out[i].writable)
            return cn_fail(CN_ARGUMENT, "run: the array for output %d is const", i);
        /* The conversion of no elements fails where that of any would, before a variable has changed. */
        if (args->out[i].data && (!cn_check_view("run", &args->out[i], plan->output_type[i].shape) ||
                                  !cn_convert((void *)(uintptr_t)args->out[i].data, args->out[i].type, NULL,
                                              cn_array_type_of(plan->output_type[i].dtype), 0)))
            return false;
    }
    int64_t run = atomic_fetch_add(&plan->runs, 1);
    if (!cn_frame_run(frame, args->step >= 0 ? args->step : run))
        return false;
    for (int i = 0; i < plan->output_count; i++)
        if (args->out[i].data &&
            !cn_convert((void *)(uintptr_t)args->out[i].data, args->out[i].type, cn_frame_output(frame, i),
                        cn_array_type_of(plan->output_type[i].dtype), cn_shape_size(plan->output_type[i].shape)))
            return false;
    return true;
}

bool cn_run_with(cn_plan *plan, cn_run_args args)
{
    if (cn_failed())
        return false;
    if (!plan)
        return cn_fail(CN_ARGUMENT, "run: the plan is NULL");
    cn_frame *frame = cn_plan_frame(plan);
    if (!frame)
        return false;
    bool done = run_frame(plan, frame, &args);
    cn_frame_give_back(frame);
    return done;
}
