/* Operations: a table row each. The tape knows no operation by name; a row of the user's own is recorded, planned and
 * differentiated as the built-in ones are. */
#ifndef CN_CORE_OPERATION_H
#define CN_CORE_OPERATION_H
#include "tape.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cn_operation cn_operation;

/* One recorded operation, as the functions of its row see it. */
typedef struct cn_entry {
    const cn_operation *operation;
    const void *attributes; /* a copy of what was given to cn_record */
    int input_count, output_count;
    cn_tensor **input, **output;
    const bool *needed; /* in vjp: which inputs need a gradient */
    int index;          /* on its tape */
} cn_entry;

/* Element type and shape of an output. */
typedef struct cn_type {
    cn_dtype dtype;
    cn_shape shape;
} cn_type;

/* Computes: pointer[] holds the outputs, the inputs, then the workspace if any and what was packed, if any. Returns
 * false after cn_fail only if its row says CN_CHECKS. Runs with float denormals flushed to zero. */
typedef bool cn_kernel(void *const *pointer, const void *prepared);

/* What is worked out once, when an entry is planned (or just before it runs, on an eager tape). */
enum { CN_PREPARED_BYTES = 1024 };
typedef struct cn_preparation {
    cn_kernel *kernel;
    size_t workspace; /* bytes of scratch memory the kernel wants, aligned to 64 */
    /* Unless NULL: brings input number `packs`, weights mostly, into an order of the kernel's own: its pointers are
     * `packed` bytes of memory, aligned to 64, and that input. Plans that assign no variable run it only when a
     * variable has changed. With `if_kept` it is run by them alone, once two runs have found the variables the same;
     * until then, and elsewhere, the kernel is given NULL for what is packed. */
    cn_kernel *pack;
    bool if_kept;
    size_t packed;
    int packs;
    size_t size;  /* bytes of `prepared` in use */
    double flops; /* of its products, 2 for each multiply-add: for profilers alone */
    union {
        unsigned char bytes[CN_PREPARED_BYTES];
        int64_t align_;
        double align_double_;
        void *align_pointer_;
    } prepared; /* sizes, strides, scalars: what the kernel is given; it may be moved, and is read only by the kernel */
} cn_preparation;

enum {
    CN_STRIDED = 1,          /* prepare takes inputs of any strides; else they are made dense first */
    CN_IN_PLACE = 2,         /* the kernel reads input 0 and writes output 0 index by index, so they may be one */
    CN_CHECKS = 4,           /* the kernel looks at values and may refuse them */
    CN_OPTIONAL_OUTPUTS = 8, /* an output that nobody uses may be NULL */
    CN_LEAF = 16,            /* no gradient goes through it */
    CN_MERGES = 32,          /* neighbours in memory may be run as one: see core/plan.c */
    CN_PRODUCT = 64          /* takes an epilogue: its prepared struct begins with a cn_epilogue (core/chain.h) */
};

struct cn_operation {
    const char *name;  /* Keras' name of the operation, for messages, summaries and files */
    size_t attributes; /* bytes of the attributes, plain data without pointers to what may go away */
    unsigned flags;
    /* Element-wise: the index of its inner loop (core/kernels/elementwise.h), else 0; the attributes are the loop's
     * scalars. infer may then be NULL for broadcast inputs and an output of the last input's type. */
    int loop;
    /* Checks the inputs and gives the types of all outputs; false after cn_fail. */
    bool (*infer)(const cn_entry *entry, cn_type *output);
    /* Chooses the kernel and works out what it needs. */
    bool (*prepare)(const cn_entry *entry, cn_preparation *preparation);
    /* A view: gives the strides and the offset (in elements, from the first element of input 0) at which output 0 lies
     * in input 0's memory. False, without an error, if it cannot be had without a copy: then a dense copy is viewed. */
    bool (*view)(const cn_entry *entry, int64_t *stride, int64_t *offset);
    /* Vector-Jacobian product: records the gradient of each needed input, given that of each output (NULL: none). dx[i]
     * left NULL is a zero gradient. NULL: the operation has no gradient. */
    bool (*vjp)(const cn_entry *entry, cn_tensor *const *dy, cn_tensor **dx);
    /* Instead of all this: the operation is written with others, which are recorded in its place; in a model's graph it
     * stays one node. `tape` is where it is being recorded. */
    bool (*expand)(const cn_entry *entry, cn_tape *tape, cn_tensor **output);
};

/* Records an operation on the tape of its inputs, variables being read. NULL or false with the error set on failure,
 * and at once while an error is set or an input is NULL. */
CN_API cn_tensor *cn_record(const cn_operation *operation, const void *attributes, cn_tensor *const *inputs, int count);
CN_API bool cn_record_many(const cn_operation *operation, const void *attributes, cn_tensor *const *inputs, int count,
                           cn_tensor **outputs, int output_count);
/* The same for an operation that may have no input that is on a tape. */
CN_API bool cn_record_on(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                         int count, cn_tensor **outputs, int output_count);

/* In prepare: zeroed room of `size` bytes for what the kernel is to be given; NULL with the error set if it is more
 * than CN_PREPARED_BYTES. */
CN_API void *cn_prepared(cn_preparation *preparation, size_t size);

/* Operations by name: of the built-in ones and of those that user code registered. A registered row must stay valid. */
CN_API bool cn_register_operation(const cn_operation *operation);
CN_API const cn_operation *cn_operation_named(const char *name);

#ifdef __cplusplus
}
#endif
#endif
