/* Private: what tensors and tapes are made of. */
#ifndef CN_CORE_ENGINE_H
#define CN_CORE_ENGINE_H
#include "core/arena.h"
#include "core/operation.h"
#include "core/random.h"

/* The storage of a variable. It may move (into the block of a model) while the variable's handle stays. */
typedef struct cn_variable {
    void *storage;
    void *owned;     /* the storage, if the variable has memory of its own */
    int64_t version; /* counts assignments */
    int references;
    char *name;
    void (*forget_block)(void *block); /* gives back a reference to the block that holds the storage */
    void *block;
} cn_variable;

struct cn_tensor {
    cn_tape *tape; /* NULL: a variable */
    cn_dtype dtype;
    bool dense; /* row-major without gaps */
    bool weak;  /* a cn_scalar, which takes the float type of what it meets */
    cn_shape shape;
    int64_t stride[CN_MAX_RANK]; /* in elements; 0 where broadcast */
    cn_tensor *base;             /* of a view: the tensor whose memory it lies in, never itself a view */
    int64_t offset;              /* of a view: its first element in the base's memory */
    void *data;                  /* of what is not a view: its memory, if it has some now */
    cn_variable *variable;       /* of a variable, and of a read of one while it lies in the variable's storage */
    int64_t version;             /* of a read: which version of the variable it is */
    cn_entry *entry;             /* what produced it */
    int output;                  /* as which of the entry's outputs */
    cn_tensor *mask;             /* Keras' mask of a sequence, I32, or NULL */
    /* Scratch of the walks over a tape, valid while `pass` is the tape's. */
    uint64_t pass;
    bool marked;
    cn_tensor *adjoint;
    int root;
    struct cn_node *node; /* of a symbolic tensor: what gives it (layers/graph.h), */
    const char *name;     /* and what that is called */
};

/* How a tape stands to a variable. */
typedef struct cn_binding {
    cn_tensor *variable; /* counted: the tape may outlive its owner */
    cn_tensor *current;  /* the last read, still the value now; else NULL */
    cn_tensor *value;    /* deferred: what was last assigned, or NULL */
    cn_tensor **reads;   /* all reads of it, for gradients */
    int read_count, read_capacity;
    int index; /* of the planner at work: among the plan's variables */
} cn_binding;

typedef enum cn_tape_kind { CN_EAGER, CN_DEFERRED, CN_SHAPES_ONLY, CN_SYMBOLIC } cn_tape_kind;

typedef bool cn_recorder(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                         int count, cn_tensor **outputs, int output_count);

struct cn_tape {
    cn_tape_kind kind;
    cn_recorder *record; /* of a symbolic tape: makes a node of a model's graph instead of an entry */
    bool second_order, training;
    cn_arena records, data, scratch;
    cn_entry **entry;
    int count, capacity;
    cn_binding *binding; /* a hash table by variable */
    int binding_count, binding_capacity;
    cn_tensor *feed[CN_MAX_FEEDS];
    int feed_count;
    cn_tensor *step; /* I32, what random operations draw by; made when first asked for */
    int64_t step_value;
    uint64_t seed;    /* of random operations that name none */
    uint64_t stream;  /* set by the call of a layer: a hash of its name within its model */
    int random_calls; /* so far */
    uint64_t pass;    /* the number of the last walk */
    cn_tensor **loss; /* extra losses of layers */
    int loss_count, loss_capacity;
};

static inline cn_tensor *cn_base(cn_tensor *tensor)
{
    return tensor->base ? tensor->base : tensor;
}

/* The first element of a tensor that has a value now, else NULL. */
void *cn_pointer(cn_tensor *tensor);

/* cn_operation.infer of element-wise operations: the inputs broadcast, the type of the last one. */
bool cn_broadcast_types(const cn_entry *entry, cn_type *output);
/* Records an element-wise operation of one operand, which becomes a float if the operation has no form for integers. */
cn_tensor *cn_record_unary(const cn_operation *operation, const void *attributes, cn_tensor *x);

/* A tensor of the tape's that is not the output of an entry yet. */
cn_tensor *cn_tape_tensor(cn_tape *tape, cn_type type);
/* Sets the strides of a dense row-major tensor. */
void cn_set_dense(cn_tensor *tensor);
bool cn_strides_are_dense(const cn_shape *shape, const int64_t *stride);
/* The tensor itself if it is dense, else a dense copy. */
cn_tensor *cn_dense_copy(cn_tensor *tensor);
/* How an operation names itself and the shapes of its inputs in messages: "matmul: inner sizes differ: (2, 3) x (4,
 * 5)". */
bool cn_entry_fail(const cn_entry *entry, cn_code code, const char *format, ...) CN_FORMAT_(3, 4);
/* That a read of a variable still is what the tape read; false with the error set if the variable has been assigned on
 * another tape, or set, since. */
bool cn_check_read(const cn_tensor *tensor);
/* The step of a tape as a tensor of shape (), I32: an input of every random operation. */
cn_tensor *cn_tape_step(cn_tape *tape);
/* A tape that carries shapes only: for finding out the shapes of a model. */
cn_tape *cn_shapes_tape(bool training);
/* cn_scalar of a given type. */
cn_tensor *cn_scalar_typed(cn_tape *tape, double value, cn_dtype dtype);
/* Replaces the variables among operands by what they hold, read on the tape that another operand is on, so that it can
 * be converted. False if one is NULL or none is on a tape: recording the operation then says so. */
bool cn_read_operands(cn_tensor **operand, int count);
/* The binding of a variable on a tape, or NULL if there is none (made if `make` is set; NULL is then an error). */
cn_binding *cn_tape_binding(cn_tape *tape, const cn_tensor *variable, bool make);
/* An extra loss, a scalar, kept on the tape for the step of a model. */
bool cn_tape_add_loss(cn_tape *tape, cn_tensor *loss);

/* Prepares an entry; false with the error set. */
bool cn_prepare(const cn_entry *entry, cn_preparation *preparation);

/* Copies and converts between element types; `from` and `to` are dense. False, with the error set, for a conversion
 * that could lose more than precision (float to integer). */
bool cn_is_dtype(cn_dtype dtype);
/* Whether an element can have the value: an int32 only whole numbers in its range. */
bool cn_can_hold(cn_dtype dtype, double value);
bool cn_convert(void *to, cn_array_type to_type, const void *from, cn_array_type from_type, int64_t count);
cn_array_type cn_array_type_of(cn_dtype dtype);
size_t cn_array_type_size(cn_array_type type);
bool cn_check_view(const char *what, const cn_view *view, cn_shape shape);

void cn_variable_retain(cn_tensor *variable);
/* A new variable, whose values are what lies at `storage`, part of a block that the caller keeps. */
cn_tensor *cn_variable_within(cn_variable_args args, void *storage, void *block);
/* Moves a variable into a block that the caller keeps; its values are copied. `forget` is called when it leaves. */
void cn_variable_move(cn_tensor *variable, void *storage, void *block, void (*forget)(void *block));

extern const cn_operation cn_read_operation, cn_copy_operation, cn_constant_operation, cn_scalar_operation,
    cn_feed_operation, cn_step_operation;
#endif
