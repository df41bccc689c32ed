#include "core/engine.h"
#include "core/chain.h"
#include "core/pieces.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Eager tapes of a thread draw by another step each, so that each draws other random numbers. */
static _Thread_local int64_t eager_step;

static bool record_entry(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                         int count, cn_tensor **outputs, int output_count);

static cn_tape *new_tape(cn_tape_kind kind, cn_tape_args args)
{
    cn_tape *tape = cn_failed() ? NULL : cn_allocate(1, sizeof *tape);
    if (!tape)
        return NULL;
    *tape = (cn_tape){.kind = kind,
                      .record = record_entry,
                      .second_order = args.second_order,
                      .training = args.training,
                      .step_value = kind == CN_EAGER ? eager_step++ : 0,
                      .seed = cn_default_seed()};
    return tape;
}

cn_tape *cn_tape_with(cn_tape_args args)
{
    return new_tape(args.deferred ? CN_DEFERRED : CN_EAGER, args);
}

cn_tape *cn_shapes_tape(bool training)
{
    return new_tape(CN_SHAPES_ONLY, (cn_tape_args){.training = training});
}

static void forget_bindings(cn_tape *tape)
{
    for (int i = 0; i < tape->binding_capacity; i++) {
        cn_release(tape->binding[i].reads);
        cn_variable_free(tape->binding[i].variable);
    }
    memset(tape->binding, 0, (size_t)tape->binding_capacity * sizeof *tape->binding);
    tape->binding_count = 0;
}

void cn_tape_reset(cn_tape *tape)
{
    if (!tape)
        return;
    if (tape->binding)
        forget_bindings(tape);
    cn_arena_reset(&tape->records);
    cn_arena_reset(&tape->data);
    tape->count = tape->feed_count = tape->loss_count = tape->random_calls = 0;
    tape->step = NULL;
    if (tape->kind == CN_EAGER)
        tape->step_value = eager_step++;
}

void cn_tape_free(cn_tape *tape)
{
    if (!tape)
        return;
    if (tape->binding)
        forget_bindings(tape);
    cn_release(tape->binding);
    cn_release(tape->entry);
    cn_release(tape->loss);
    cn_arena_free(&tape->records);
    cn_arena_free(&tape->data);
    cn_arena_free(&tape->scratch);
    cn_release(tape);
}

cn_tape *cn_tape_of(const cn_tensor *tensor)
{
    return tensor ? tensor->tape : NULL;
}

/* Variables and their reads */

static cn_binding *find_binding(cn_tape *tape, const cn_tensor *variable)
{
    size_t mask = (size_t)tape->binding_capacity - 1;
    size_t i = ((uintptr_t)variable >> 6) * 0x9E3779B97F4A7C15u >> 32 & mask;
    while (tape->binding[i].variable && tape->binding[i].variable != variable)
        i = (i + 1) & mask;
    return &tape->binding[i];
}

cn_binding *cn_tape_binding(cn_tape *tape, const cn_tensor *variable, bool make)
{
    if (make && tape->binding_count * 2 >= tape->binding_capacity) {
        int old = tape->binding_capacity;
        cn_binding *bindings = tape->binding;
        cn_binding *larger = cn_allocate(old ? (size_t)old * 2 : 16, sizeof *larger);
        if (!larger)
            return NULL;
        tape->binding = larger;
        tape->binding_capacity = old ? old * 2 : 16;
        for (int i = 0; i < old; i++)
            if (bindings[i].variable)
                *find_binding(tape, bindings[i].variable) = bindings[i];
        cn_release(bindings);
    }
    if (!tape->binding)
        return NULL;
    cn_binding *binding = find_binding(tape, variable);
    if (!binding->variable) {
        if (!make)
            return NULL;
        binding->variable = (cn_tensor *)(uintptr_t)variable;
        cn_variable_retain(binding->variable);
        tape->binding_count++;
    }
    return binding;
}

static cn_entry *new_entry(cn_tape *tape, const cn_operation *operation, const void *attributes,
                           cn_tensor *const *inputs, int count, int output_count)
{
    if (!cn_grow((void **)&tape->entry, tape->count, &tape->capacity, sizeof(cn_entry *)))
        return NULL;
    size_t pointers = (size_t)(count + output_count) * sizeof(cn_tensor *);
    size_t aligned = (operation->attributes + 15) / 16 * 16;
    cn_entry *entry = cn_arena_record(&tape->records, sizeof *entry + aligned + pointers + 16);
    if (!entry)
        return NULL;
    unsigned char *room = (unsigned char *)(((uintptr_t)(entry + 1) + 15) / 16 * 16);
    *entry = (cn_entry){.operation = operation,
                        .attributes = attributes ? memcpy(room, attributes, operation->attributes) : NULL,
                        .input_count = count,
                        .output_count = output_count,
                        .input = (cn_tensor **)(room + aligned)};
    entry->output = entry->input + count;
    if (count)
        memcpy(entry->input, inputs, (size_t)count * sizeof *inputs);
    return entry;
}

static void append_entry(cn_tape *tape, cn_entry *entry)
{
    for (int i = 0; i < entry->output_count; i++) {
        entry->output[i]->entry = entry;
        entry->output[i]->output = i;
    }
    entry->index = tape->count;
    tape->entry[tape->count++] = entry;
}

cn_tensor *cn_tape_tensor(cn_tape *tape, cn_type type)
{
    cn_tensor *tensor = cn_arena_record(&tape->records, sizeof *tensor);
    if (!tensor)
        return NULL;
    tensor->tape = tape;
    tensor->dtype = type.dtype;
    tensor->shape = type.shape;
    cn_set_dense(tensor);
    return tensor;
}

/* A leaf: an entry without inputs, or one whose input is only where its memory lies. */
static cn_tensor *new_leaf(cn_tape *tape, const cn_operation *operation, cn_type type, cn_tensor *alias)
{
    if (!cn_is_dtype(type.dtype)) {
        cn_fail(CN_TYPE, "%s: %d is not an element type", operation->name, (int)type.dtype);
        return NULL;
    }
    cn_entry *entry = new_entry(tape, operation, NULL, &alias, alias ? 1 : 0, 1);
    cn_tensor *tensor = entry ? cn_tape_tensor(tape, type) : NULL;
    if (!tensor)
        return NULL;
    entry->output[0] = tensor;
    append_entry(tape, entry);
    return tensor;
}

static bool allocate_data(cn_tape *tape, cn_tensor *tensor)
{
    tensor->data = cn_arena_allocate(&tape->data, (size_t)cn_shape_size(tensor->shape) * cn_dtype_size(tensor->dtype));
    return tensor->data != NULL;
}

cn_tensor *cn_read(cn_tape *tape, cn_tensor *variable)
{
    if (cn_failed())
        return NULL;
    if (!tape || !variable || variable->tape) {
        cn_fail(CN_ARGUMENT, "read: needs a tape and a variable");
        return NULL;
    }
    if (tape->kind == CN_SYMBOLIC) {
        cn_tensor *read = NULL;
        return tape->record(tape, &cn_read_operation, NULL, &variable, 1, &read, 1) ? read : NULL;
    }
    cn_binding *binding = cn_tape_binding(tape, variable, true);
    if (!binding ||
        !cn_grow((void **)&binding->reads, binding->read_count, &binding->read_capacity, sizeof(cn_tensor *)))
        return NULL;
    if (binding->current && (tape->kind != CN_EAGER || binding->current->version == variable->variable->version))
        return binding->current;
    cn_tensor *value = binding->value;
    cn_tensor *read = new_leaf(tape, &cn_read_operation, (cn_type){variable->dtype, variable->shape}, value);
    if (!read)
        return NULL;
    if (value) {
        read->base = cn_base(value);
        read->offset = value->offset;
    } else {
        read->variable = variable->variable;
        read->version = variable->variable->version;
    }
    binding->reads[binding->read_count++] = read;
    return binding->current = read;
}

/* Gives the tape's reads of a variable memory of their own, before the variable changes. */
static bool keep_old_value(cn_tape *tape, cn_binding *binding, const cn_tensor *variable)
{
    void *copy = NULL;
    for (int i = binding->read_count - 1; i >= 0 && binding->reads[i]->variable; i--) {
        cn_tensor *read = binding->reads[i];
        if (read->version != variable->variable->version)
            break;
        if (!copy) {
            if (!allocate_data(tape, read))
                return false;
            copy = memcpy(read->data, variable->variable->storage,
                          (size_t)cn_shape_size(read->shape) * cn_dtype_size(read->dtype));
        }
        read->data = copy;
        read->variable = NULL;
    }
    return true;
}

bool cn_assign(cn_tensor *variable, cn_tensor *value)
{
    if (cn_failed())
        return false;
    if (!variable || !value || variable->tape || !variable->variable)
        return cn_fail(CN_ARGUMENT, "assign: needs a variable and a value");
    if (!cn_check_read(value))
        return false;
    cn_tape *tape = value->tape;
    if (!tape || tape->kind == CN_SYMBOLIC)
        return cn_fail(CN_TAPE, "assign: the value of %s is not on a tape", variable->variable->name);
    if (value->dtype != variable->dtype || !cn_shape_equal(value->shape, variable->shape)) {
        char from[CN_SHAPE_TEXT], to[CN_SHAPE_TEXT];
        return cn_fail(CN_SHAPES, "assign: %s of shape %s is given to %s, %s of shape %s", cn_dtype_name(value->dtype),
                       cn_shape_text(value->shape, from, sizeof from), variable->variable->name,
                       cn_dtype_name(variable->dtype), cn_shape_text(variable->shape, to, sizeof to));
    }
    if (!value->dense && !(value = cn_dense_copy(value)))
        return false;
    cn_binding *binding = cn_tape_binding(tape, variable, true);
    if (!binding)
        return false;
    if (tape->kind == CN_EAGER) {
        const void *from = cn_pointer(value);
        if (from != variable->variable->storage) {
            if (!keep_old_value(tape, binding, variable))
                return false;
            memcpy(variable->variable->storage, from,
                   (size_t)cn_shape_size(value->shape) * cn_dtype_size(value->dtype));
            variable->variable->version++;
        }
    } else {
        binding->value = value;
    }
    binding->current = NULL;
    return true;
}

/* Recording */

bool cn_entry_fail(const cn_entry *entry, cn_code code, const char *format, ...)
{
    if (cn_failed())
        return false;
    char reason[256], shapes[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    size_t used = 0;
    shapes[0] = '\0';
    for (int i = 0; i < entry->input_count && i < 4; i++) {
        char text[CN_SHAPE_TEXT];
        if (entry->input[i]) {
            int wrote = snprintf(shapes + used, sizeof shapes - used, "%s%s", i ? " x " : ": ",
                                 cn_shape_text(entry->input[i]->shape, text, sizeof text));
            used += wrote > 0 && (size_t)wrote < sizeof shapes - used ? (size_t)wrote : 0;
        }
    }
    return cn_fail(code, "%s: %s%s", entry->operation->name, reason, shapes);
}

bool cn_prepare(const cn_entry *entry, cn_preparation *preparation)
{
    const cn_operation *operation = entry->operation;
    preparation->kernel = preparation->pack = NULL;
    preparation->if_kept = false;
    preparation->workspace = preparation->size = 0;
    bool prepared = operation->loop ? cn_prepare_elementwise(entry, preparation)
                                    : operation->prepare && operation->prepare(entry, preparation);
    if (!prepared || !preparation->kernel)
        return cn_entry_fail(entry, CN_UNSUPPORTED, "has no kernel for %s",
                             cn_dtype_name(entry->output_count ? entry->output[0]->dtype : CN_F32));
    return true;
}

void *cn_prepared(cn_preparation *preparation, size_t size)
{
    if (size > CN_PREPARED_BYTES) {
        cn_fail(CN_ARGUMENT, "prepared: %zu bytes are more than %d", size, CN_PREPARED_BYTES);
        return NULL;
    }
    preparation->size = size;
    return memset(preparation->prepared.bytes, 0, size);
}

enum { MANY_POINTERS = 64 };

static bool run_now(cn_tape *tape, const cn_entry *entry)
{
    cn_preparation preparation;
    void *few[MANY_POINTERS], **pointer = few;
    int count = entry->output_count + entry->input_count + 2;
    if (!cn_prepare(entry, &preparation))
        return false;
    cn_arena_reset(&tape->scratch);
    if (count > MANY_POINTERS && !(pointer = cn_arena_allocate(&tape->scratch, (size_t)count * sizeof *pointer)))
        return false;
    int used = 0;
    for (int i = 0; i < entry->output_count; i++)
        pointer[used++] = entry->output[i]->data;
    for (int i = 0; i < entry->input_count; i++)
        pointer[used++] = cn_pointer(entry->input[i]);
    if (preparation.workspace && !(pointer[used++] = cn_arena_allocate(&tape->scratch, preparation.workspace)))
        return false;
    bool packs = preparation.pack && !preparation.if_kept;
    pointer[used] = NULL;
    if (packs && !(pointer[used] = cn_arena_allocate(&tape->scratch, preparation.packed)))
        return false;
    unsigned mode = cn_float_mode_flush();
    bool done = !packs || preparation.pack((void *[]){pointer[used], pointer[entry->output_count + preparation.packs]},
                                           preparation.prepared.bytes);
    done = done && preparation.kernel(pointer, preparation.prepared.bytes);
    cn_float_mode_restore(mode);
    return done;
}

static bool is_view(const cn_operation *operation)
{
    return operation->view != NULL;
}

/* Places output 0 of a view in the memory of input 0, of a dense copy of it if need be. */
static bool place_view(cn_entry *entry)
{
    cn_tensor *output = entry->output[0];
    for (int attempt = 0; attempt < 2; attempt++) {
        cn_tensor *input = entry->input[0];
        int64_t offset = 0;
        if (entry->operation->view(entry, output->stride, &offset)) {
            output->base = cn_base(input);
            output->offset = input->offset + offset;
            output->dense = cn_strides_are_dense(&output->shape, output->stride);
            return true;
        }
        if (cn_failed() || !(entry->input[0] = cn_dense_copy(input)))
            return false;
    }
    return cn_entry_fail(entry, CN_UNSUPPORTED, "cannot view a dense tensor");
}

bool cn_broadcast_types(const cn_entry *entry, cn_type *output)
{
    cn_shape shape = {.rank = 0};
    for (int i = 0; i < entry->input_count; i++) {
        const cn_shape *in = &entry->input[i]->shape;
        int rank = in->rank > shape.rank ? in->rank : shape.rank;
        cn_shape joined = {.rank = rank};
        for (int d = 0; d < rank; d++) {
            int64_t a = d < rank - shape.rank ? 1 : shape.dim[d - (rank - shape.rank)];
            int64_t b = d < rank - in->rank ? 1 : in->dim[d - (rank - in->rank)];
            if (a != b && a != 1 && b != 1)
                return cn_entry_fail(entry, CN_SHAPES, "shapes cannot be broadcast together");
            joined.dim[d] = a == 1 ? b : a;
        }
        shape = joined;
    }
    *output = (cn_type){entry->input[entry->input_count - 1]->dtype, shape};
    return true;
}

bool cn_check_read(const cn_tensor *tensor)
{
    const cn_tensor *base = tensor->base ? tensor->base : tensor;
    if (tensor->tape && base->variable && base->version != base->variable->version && tensor->tape->kind == CN_EAGER)
        return cn_fail(CN_STATE, "%s has been assigned since this tape read it", base->variable->name);
    return true;
}

static bool record_entry(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                         int count, cn_tensor **outputs, int output_count)
{
    if (operation->expand) {
        cn_entry entry = {.operation = operation,
                          .attributes = attributes,
                          .input_count = count,
                          .output_count = output_count,
                          .input = (cn_tensor **)(uintptr_t)inputs,
                          .output = outputs,
                          .index = -1};
        return operation->expand(&entry, tape, outputs) && !cn_failed();
    }
    cn_entry *entry = new_entry(tape, operation, attributes, inputs, count, output_count);
    if (!entry)
        return false;
    cn_type few[8], *type = few;
    if (output_count > 8 && !(type = cn_arena_record(&tape->records, (size_t)output_count * sizeof *type)))
        return false;
    if (!(operation->infer ? operation->infer(entry, type) : cn_broadcast_types(entry, type)))
        return false;
    for (int i = 0; i < output_count; i++)
        if (!cn_is_dtype(type[i].dtype))
            return cn_entry_fail(entry, CN_TYPE, "%d is not an element type", (int)type[i].dtype);
    bool runs = tape->kind == CN_EAGER && !is_view(operation);
    if (!(operation->flags & CN_STRIDED) && !operation->loop && !is_view(operation))
        for (int i = 0; i < count; i++)
            if (!(entry->input[i] = cn_dense_copy(entry->input[i])))
                return false;
    for (int i = 0; i < output_count; i++) {
        if (cn_shape_size(type[i].shape) < 0)
            return cn_entry_fail(entry, CN_SHAPES, "the result is too large");
        if (!(entry->output[i] = cn_tape_tensor(tape, type[i])) || (runs && !allocate_data(tape, entry->output[i])))
            return false;
    }
    if (is_view(operation) ? !place_view(entry) : runs && !run_now(tape, entry))
        return false;
    if (!cn_grow((void **)&tape->entry, tape->count, &tape->capacity, sizeof(cn_entry *)))
        return false;
    append_entry(tape, entry);
    memcpy(outputs, entry->output, (size_t)output_count * sizeof *outputs);
    return true;
}

enum { FEW_INPUTS = 16 };

static bool record_inputs(cn_tape *tape, const cn_operation *operation, const void *attributes,
                          cn_tensor *const *inputs, int count, cn_tensor **outputs, int output_count, cn_tensor **read)
{
    for (int i = 0; i < count; i++) {
        if (!inputs[i])
            return cn_fail(CN_ARGUMENT, "%s: input %d is NULL", operation->name, i);
        if (!inputs[i]->tape)
            continue;
        if (tape && inputs[i]->tape != tape)
            return cn_fail(CN_TAPE, "%s: its inputs are on different tapes", operation->name);
        tape = inputs[i]->tape;
    }
    if (!tape)
        return cn_fail(CN_TAPE, "%s: no input is on a tape; cn_read puts a variable on one", operation->name);
    for (int i = 0; i < count; i++)
        if (!(read[i] = inputs[i]->tape ? inputs[i] : cn_read(tape, inputs[i])) || !cn_check_read(read[i]))
            return false;
    return tape->record(tape, operation, attributes, read, count, outputs, output_count);
}

bool cn_record_on(cn_tape *tape, const cn_operation *operation, const void *attributes, cn_tensor *const *inputs,
                  int count, cn_tensor **outputs, int output_count)
{
    memset(outputs, 0, (size_t)output_count * sizeof *outputs);
    if (cn_failed())
        return false;
    cn_tensor *few[FEW_INPUTS], **read = few;
    if (count > FEW_INPUTS && !(read = cn_allocate((size_t)count, sizeof *read)))
        return false;
    bool done = record_inputs(tape, operation, attributes, inputs, count, outputs, output_count, read);
    if (!done)
        memset(outputs, 0, (size_t)output_count * sizeof *outputs);
    if (read != few)
        cn_release(read);
    return done;
}

bool cn_record_many(const cn_operation *operation, const void *attributes, cn_tensor *const *inputs, int count,
                    cn_tensor **outputs, int output_count)
{
    return cn_record_on(NULL, operation, attributes, inputs, count, outputs, output_count);
}

cn_tensor *cn_record(const cn_operation *operation, const void *attributes, cn_tensor *const *inputs, int count)
{
    cn_tensor *output = NULL;
    return cn_record_on(NULL, operation, attributes, inputs, count, &output, 1) ? output : NULL;
}

bool cn_read_operands(cn_tensor **operand, int count)
{
    cn_tape *tape = NULL;
    bool complete = !cn_failed();
    for (int i = 0; complete && i < count; i++) {
        complete = operand[i] != NULL;
        if (complete && !tape)
            tape = operand[i]->tape;
    }
    complete = complete && tape;
    for (int i = 0; complete && i < count; i++)
        if (!operand[i]->tape)
            complete = (operand[i] = cn_read(tape, operand[i])) != NULL;
    return complete;
}

cn_tensor *cn_dense_copy(cn_tensor *tensor)
{
    return tensor->dense ? tensor : cn_record(&cn_copy_operation, NULL, &tensor, 1);
}

/* Leaves */

cn_tensor *cn_constant_as(cn_tape *tape, cn_view values, cn_dtype dtype)
{
    if (cn_failed())
        return NULL;
    if (!tape || tape->kind == CN_SYMBOLIC) {
        cn_fail(CN_TAPE, "constant: needs a tape");
        return NULL;
    }
    if (!cn_check_view("constant", &values, values.shape))
        return NULL;
    cn_tensor *tensor = new_leaf(tape, &cn_constant_operation, (cn_type){dtype, values.shape}, NULL);
    if (!tensor || tape->kind == CN_SHAPES_ONLY)
        return tensor;
    return allocate_data(tape, tensor) && cn_convert(tensor->data, cn_array_type_of(dtype), values.data, values.type,
                                                     cn_shape_size(values.shape))
               ? tensor
               : NULL;
}

cn_tensor *cn_constant_with(cn_tape *tape, cn_view values)
{
    return cn_constant_as(tape, values, values.type <= CN_ARRAY_F64 ? cn_default_dtype() : CN_I32);
}

typedef struct scalar_attributes {
    double value;
    cn_dtype dtype;
} scalar_attributes;

cn_tensor *cn_scalar_typed(cn_tape *tape, double value, cn_dtype dtype)
{
    cn_tensor *tensor = NULL;
    if (cn_failed())
        return NULL;
    if (tape && tape->kind == CN_SYMBOLIC) {
        scalar_attributes attributes = {value, dtype};
        tape->record(tape, &cn_scalar_operation, &attributes, NULL, 0, &tensor, 1);
    } else {
        if (!cn_can_hold(dtype, value)) {
            cn_fail(CN_TYPE, "scalar: %g is no int32", value);
            return NULL;
        }
        int32_t integer = dtype == CN_I32 ? (int32_t)value : 0;
        const void *number = dtype == CN_I32 ? (const void *)&integer : &value;
        cn_array_type type = dtype == CN_I32 ? CN_ARRAY_I32 : CN_ARRAY_F64;
        tensor = cn_constant_as(tape, cn_array_with(number, type, false, (cn_shape){0}), dtype);
    }
    if (tensor)
        tensor->weak = true;
    return tensor;
}

cn_tensor *cn_scalar_on(cn_tape *tape, double value)
{
    return cn_scalar_typed(tape, value, cn_default_dtype());
}

cn_tensor *cn_scalar_beside(cn_tensor *tensor, double value)
{
    if (!tensor || !tensor->tape) {
        cn_fail(CN_TAPE, "scalar: the tensor beside it is not on a tape");
        return NULL;
    }
    return cn_scalar_typed(tensor->tape, value, tensor->dtype == CN_I32 ? cn_default_dtype() : tensor->dtype);
}

static bool expand_scalar(const cn_entry *entry, cn_tape *tape, cn_tensor **output)
{
    const scalar_attributes *attributes = entry->attributes;
    return (*output = cn_scalar_typed(tape, attributes->value, attributes->dtype)) != NULL;
}

cn_tensor *cn_feed_with(cn_tape *tape, cn_feed_args args)
{
    if (cn_failed())
        return NULL;
    char text[CN_SHAPE_TEXT];
    if (!tape || tape->kind == CN_EAGER || tape->kind == CN_SYMBOLIC)
        cn_fail(CN_TAPE, "feed: needs a deferred tape");
    else if (cn_shape_size(args.shape) < 0)
        cn_fail(CN_SHAPES, "feed: %s is not a shape", cn_shape_text(args.shape, text, sizeof text));
    else if (tape->feed_count == CN_MAX_FEEDS)
        cn_fail(CN_ARGUMENT, "feed: a tape has at most %d feeds", CN_MAX_FEEDS);
    if (cn_failed())
        return NULL;
    cn_tensor *tensor = new_leaf(tape, &cn_feed_operation, (cn_type){args.dtype, args.shape}, NULL);
    if (tensor)
        tape->feed[tape->feed_count++] = tensor;
    return tensor;
}

cn_tensor *cn_tape_step(cn_tape *tape)
{
    if (tape->step || cn_failed())
        return tape->step;
    tape->step = new_leaf(tape, &cn_step_operation, (cn_type){CN_I32, {.rank = 0}}, NULL);
    if (tape->step && tape->kind == CN_EAGER) {
        if (!allocate_data(tape, tape->step))
            return NULL;
        *(int32_t *)tape->step->data = (int32_t)tape->step_value;
    }
    return tape->step;
}

bool cn_tape_add_loss(cn_tape *tape, cn_tensor *loss)
{
    if (cn_failed() || !cn_grow((void **)&tape->loss, tape->loss_count, &tape->loss_capacity, sizeof *tape->loss))
        return false;
    tape->loss[tape->loss_count++] = loss;
    return true;
}

const cn_operation cn_read_operation = {.name = "read", .flags = CN_LEAF};
const cn_operation cn_constant_operation = {.name = "constant", .flags = CN_LEAF};
const cn_operation cn_feed_operation = {.name = "feed", .flags = CN_LEAF};
const cn_operation cn_step_operation = {.name = "step", .flags = CN_LEAF};
const cn_operation cn_scalar_operation = {
    .name = "scalar", .attributes = sizeof(scalar_attributes), .expand = expand_scalar};
