/* What holds for every layer class there is: its gradients to the second order, that a plan gives the eager bits, that
 * an input of the wrong rank makes no weights, and that running out of memory anywhere leaves nothing behind. */
#include "core/plan.h"
#include "counting_allocator.h"
#include "layer_samples.h"
#include "layers/classes.h"
#include <criterion/criterion.h>
#include <limits.h>
#include <string.h>

/* The layer's outputs for the same numbers on a tape, in that type. */
static cn_tensors call(const sample *s, cn_layer *layer, cn_tape *tape, cn_dtype dtype)
{
    cn_call_args args = {.first_ = 0};
    for (int i = 0; i < inputs_of(s); i++)
        args.inputs[i] =
            cn_constant_as(tape, cn_array_with(numbers() + 31 * i, CN_ARRAY_F64, false, s->input[i]), dtype);
    return cn_call_layer_many(layer, args);
}

TestSuite(all_layers, .fini = cn_clear_session);

Test(all_layers, every_class_has_a_sample)
{
    const cn_layer_class *type;
    for (int i = 0; (type = cn_builtin_layer_class(i)); i++) {
        bool found = strcmp(type->name, "InputLayer") == 0; /* is no layer to be called */
        for (int j = 0; j < SAMPLE_COUNT && !found; j++)
            found = strcmp(samples[j].class_name, type->name) == 0;
        cr_expect(found, "%s", type->name);
    }
}

/* One whose call in training overwrites a weight, through which no gradient flows. */
static bool overwrites_in_training(const sample *s)
{
    return strcmp(s->class_name, "SpectralNormalization") == 0;
}

Test(all_layers, gradients_of_the_first_and_second_order_are_right)
{
    cn_set_default_dtype(CN_F64); /* of the layers inside */
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        if (strcmp(s->class_name, "TernaryDense") == 0) /* has, on purpose, the gradient of another function */
            continue;
        cn_gradient_check_args args = {CN_GRADIENT_CHECK_DEFAULTS, .input_count = inputs_of(s)};
        for (int j = 0; j < args.input_count; j++) {
            args.inputs[j] = s->input[j];
            args.intervals[j] = (cn_interval){0.1, 0.9};
        }
        for (int training = 0; training < 2 - overwrites_in_training(s); training++) {
            args.training = training;
            cr_expect(cn_gradient_check_layer_with(NULL, s->make(), args), "%s: %s", s->class_name, cn_error_message());
            cn_error_clear();
            cn_clear_session();
        }
    }
    cn_set_default_dtype(CN_F32);
}

Test(all_layers, a_plan_gives_the_eager_bits)
{
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        cn_layer *layer = s->make();
        cn_tape *eager = cn_tape_new(), *deferred = cn_tape_new(.deferred = true);
        cn_tensors expected = call(s, layer, eager, CN_F32), got = call(s, layer, deferred, CN_F32);
        cr_assert(expected.count > 0 && got.count == expected.count, "%s: %s", s->class_name, cn_error_message());
        for (int j = 0; j < got.count; j++) {
            static float a[MOST_OUTPUTS], b[MOST_OUTPUTS];
            cn_shape shape = cn_shape_of(got.item[j]);
            int64_t size = cn_shape_size(shape);
            cr_assert_leq(size, MOST_OUTPUTS);
            cn_plan *plan = cn_plan_new(deferred, {got.item[j]});
            cr_assert(cn_run(plan, {{.data = NULL}}, {cn_array_with(a, CN_ARRAY_F32, true, shape)}) &&
                          cn_values(expected.item[j], cn_array_with(b, CN_ARRAY_F32, true, shape)),
                      "%s: %s", s->class_name, cn_error_message());
            cr_expect(memcmp(a, b, (size_t)size * sizeof *a) == 0, "%s, output %d", s->class_name, j);
            cn_plan_free(plan);
        }
        cn_tape_free(deferred);
        cn_tape_free(eager);
        cn_clear_session();
    }
}

Test(all_layers, an_input_of_the_wrong_rank_makes_no_weights)
{
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        const sample *s = &samples[i];
        const cn_layer_class *type = cn_layer_class_named(s->class_name);
        sample wrong = *s;
        if (!type->rank && type->min_rank < 2)
            continue;
        for (int j = 0; j < inputs_of(s); j++)
            wrong.input[j].rank--;
        cn_layer *layer = s->make();
        cn_tape *tape = cn_tape_new();
        cr_expect_eq(call(&wrong, layer, tape, CN_F32).count, 0, "%s", s->class_name);
        cr_expect_eq(cn_error_code(), CN_SHAPES, "%s: %s", s->class_name, cn_error_message());
        cr_expect(strstr(cn_error_message(), cn_layer_name(layer)), "%s", cn_error_message());
        cr_expect_eq(cn_weight_count(layer), 0, "%s", s->class_name);
        cn_error_clear();
        cn_tape_free(tape);
        cn_clear_session();
    }
}

static bool make_and_call(const sample *s)
{
    cn_tape *tape = cn_tape_new(.training = true);
    bool done = call(s, s->make(), tape, CN_F32).count > 0;
    cn_tape_free(tape);
    return done;
}

Test(all_layers, running_out_of_memory_anywhere_leaves_nothing_behind)
{
    cn_clear_session();
    for (int i = 0; i < SAMPLE_COUNT; i++) {
        bool done = false;
        for (long limit = 0; !done && limit < 4000; limit++) {
            counting_start(limit);
            done = make_and_call(&samples[i]);
            cr_assert(done || cn_error_code() == CN_MEMORY, "%s: %s", samples[i].class_name, cn_error_message());
            cn_error_clear();
            cn_clear_session();
            cr_assert_eq(counting.live, 0, "%s: %ld blocks are left after %ld", samples[i].class_name, counting.live,
                         limit);
            cn_set_allocator((cn_allocator){NULL, NULL});
        }
        cr_expect(done, "%s: never enough", samples[i].class_name);
    }
}
