/* Private: the program that a plan is: steps, and where their pointers point. core/plan.c makes it, core/program.c runs
 * it. */
#ifndef CN_CORE_PROGRAM_H
#define CN_CORE_PROGRAM_H
#include <pthread.h>
#include <stdatomic.h>
#include "core/plan.h"

/* Whose memory something lies in: that of a run, of another tensor, of a tile, the constants, a variable. What is kept
 * lies in that of a run too, but a pointer to it is NULL until it has been made. */
typedef enum cn_place { IN_BLOCK, IN_ROOT, IN_TILE, IN_CONSTANTS, IN_VARIABLE, KEPT } cn_place;

/* Where a pointer of a step points. */
typedef struct cn_target {
    cn_place place;
    int variable;
    size_t offset;
} cn_target;

enum { CN_NOBODY = -1 };

/* A variable that a plan reads or writes. */
typedef struct cn_variable_use {
    cn_tensor *variable; /* counted */
    bool assigned;       /* by a run */
} cn_variable_use;

/* How far two variables lie apart whose updates are merged. */
typedef struct cn_distance {
    int from, to; /* indices of plan's variables */
    int64_t bytes;
} cn_distance;

/* What a profiler is told of a step. */
typedef struct cn_step_facts {
    const char *operation;
    int fused;
    cn_shape shape;
    double flops, bytes;
} cn_step_facts;

struct cn_plan {
    unsigned char *program; /* the steps, without addresses */
    size_t program_bytes, program_capacity;
    size_t front_bytes; /* the first steps, which follow from variables alone: run when one has changed, */
    size_t kept_bytes;  /* and those up to here when they are found unchanged for the first time */
    int front_steps, kept_steps;
    cn_target *target; /* of every pointer of every step, in order */
    int target_count, target_capacity;
    cn_step_facts *step_facts; /* of facts.kernels steps */
    int step_facts_capacity;
    cn_variable_use *variable;
    int variable_count, variable_capacity;
    cn_distance *distance;
    int distance_count, distance_capacity;
    unsigned char *constants;
    size_t constant_bytes, block_bytes;
    int feed_count, output_count;
    cn_target feed[CN_MAX_FEEDS], output[CN_MAX_FEEDS];
    cn_type feed_type[CN_MAX_FEEDS], output_type[CN_MAX_FEEDS];
    cn_target step;
    bool has_step, assigns;
    atomic_int_least64_t runs;
    cn_plan_facts facts;
    pthread_mutex_t lock; /* of those who add frames */
    _Atomic(cn_frame *) frames;
};

/* Appends a step with these pointers and a copy of what its kernel is given. */
bool cn_program_add(cn_plan *plan, const cn_step_facts *facts, cn_kernel *kernel, const cn_target *targets,
                    int pointers, const void *prepared, size_t prepared_bytes);
#endif
