/* Private: what the parts of the planner work on (plan.c, merge_updates.c, packing.c). */
#ifndef CN_CORE_PLANNER_H
#define CN_CORE_PLANNER_H
#include "core/program.h"

/* The memory of a tensor that is not a view. */
typedef struct root {
    cn_place place;
    size_t bytes;
    int producer;    /* position, -1 for leaves */
    int last_use;    /* position of the last entry that reads it; FOREVER for outputs */
    int partial;     /* the last group that reads it other than index by index */
    int first, last; /* lifetime in the block, from positions of groups */
    int owner;       /* IN_ROOT */
    int slot;        /* IN_TILE */
    int variable;    /* IN_VARIABLE: index into the plan's */
    size_t offset;   /* in the owner, the block or the constants */
    const void *data;
    int counted; /* 1 + the position of the last group among whose bytes it was counted */
    int claim;   /* the last run of updates that wants to lay it */
    bool final;  /* the last value of an assigned variable */
} root;

enum { FOREVER = INT32_MAX };

/* An entry of the schedule: live, and not a leaf or a view. */
typedef struct scheduled {
    cn_entry *entry;
    int group; /* position of the first entry of its group */
    int end;   /* of a group's first entry: position of the last */
    bool chain, epilogue;
} scheduled;

typedef struct planner {
    cn_tape *tape;
    cn_plan *plan;
    cn_tensor *output[CN_MAX_FEEDS];
    bool *live;
    scheduled *schedule;
    int count;
    root *root;
    int root_count, root_capacity;
    int last_check;
    struct ending {
        int variable;
        cn_tensor *value;
        int staged; /* a root that the value is copied to first, or CN_NOBODY */
    } * ending;
    int ending_count;
    int output_staged[CN_MAX_FEEDS];
    int workspace; /* root of what kernels work in, or CN_NOBODY */
    int *packed;   /* root of what each entry packs, or CN_NOBODY */
    int front;     /* the first entries, which follow from variables that the plan leaves alone */
    int *merged;   /* number of entries that the update at a position runs for; 0 where an earlier one does */
} planner;

/* Adds a root; its index, or CN_NOBODY. */
int cn_planner_root(planner *p, root r);

/* Updates in a row whose operands lie at the same distances become one; gradients are placed so that they do. */
bool cn_merge_updates(planner *p);
/* How many bytes lie between the storages of the variables that two roots lie in. */
int64_t cn_planner_distance(const planner *p, const root *from, const root *to);

/* Lists what kernels want as workspace and what they pack. */
bool cn_find_workspaces(planner *p);
/* Where what the entry at a position packs lies; nowhere if it is not packed for it. */
cn_target cn_packed_target(const planner *p, int position, const cn_preparation *preparation);
/* Adds the step that packs an input of the entry at a position. */
bool cn_add_packing(planner *p, int position, const cn_preparation *preparation);
/* Ends the front of the program with the packing of inputs that follow from variables alone. */
bool cn_end_front(planner *p);

static inline size_t bytes_of(const cn_tensor *tensor)
{
    return (size_t)cn_shape_size(tensor->shape) * cn_dtype_size(tensor->dtype);
}

static inline root *root_of(const planner *p, cn_tensor *tensor)
{
    return &p->root[cn_base(tensor)->root];
}

/* The root whose memory a root lies in. */
static inline int owner_of(const planner *p, int index)
{
    while (p->root[index].place == IN_ROOT)
        index = p->root[index].owner;
    return index;
}

/* The whole of its root, in row-major order: element i of the tensor is element i of the memory. */
static inline bool is_whole(const planner *p, cn_tensor *tensor)
{
    return tensor->dense && tensor->offset == 0 && bytes_of(tensor) == root_of(p, tensor)->bytes;
}

/* Where a root's byte number `extra` lies. */
static inline cn_target locate(const planner *p, int index, int64_t extra)
{
    size_t offset = (size_t)extra;
    while (p->root[index].place == IN_ROOT) {
        offset += p->root[index].offset;
        index = p->root[index].owner;
    }
    const root *r = &p->root[index];
    return (cn_target){r->place, r->variable, r->place == IN_VARIABLE ? offset : offset + r->offset};
}

static inline cn_target locate_tensor(const planner *p, cn_tensor *tensor)
{
    return locate(p, cn_base(tensor)->root, tensor->offset * (int64_t)cn_dtype_size(tensor->dtype));
}
#endif
