/* The groups `optimizers` and `optimizers_last` (without the steps before the last): an optimizer, and schedules. */
#include "formats/config_training.h"
#include "golden.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VARIABLES = 8, MAX_STEPS = 64 };

/* What one variable goes through: gradients in, values after each step out, both steps x size. */
typedef struct track {
    cn_tensor *variable;
    double *gradients, *values;
    cn_shape shape, steps_shape;
} track;

static bool start_track(golden_case *c, track *t, int index, const char *name)
{
    cn_tensor *w = golden_input(c, "w", index), *g = golden_input(c, "g", index);
    if (!w || !g)
        return false;
    t->shape = cn_shape_of(w);
    t->steps_shape = cn_shape_of(g);
    size_t count = (size_t)cn_shape_size(t->steps_shape) + 1;
    t->gradients = calloc(count, sizeof(double));
    t->values = calloc(count, sizeof(double));
    t->variable = cn_variable_new(t->shape, .name = name);
    return t->gradients && t->values && t->variable && cn_assign(t->variable, w) &&
           cn_values(g, cn_array_with(t->gradients, CN_ARRAY_F64, true, t->steps_shape));
}

static void end_track(track *t)
{
    cn_variable_free(t->variable);
    free(t->gradients);
    free(t->values);
}

/* What a scale of the loss goes through. */
typedef struct scale_track {
    int steps;
    int32_t finite[MAX_STEPS]; /* 0: the first gradient of this step is infinite */
    double scale[MAX_STEPS];   /* after each step */
} scale_track;

static bool start_scale(golden_case *c, scale_track *s)
{
    cn_tensor *finite = golden_input(c, "finite", 0);
    s->steps = finite ? (int)cn_shape_size(cn_shape_of(finite)) : 0;
    return s->steps <= MAX_STEPS && (!finite || cn_values(finite, cn_array(s->finite, s->steps)));
}

static bool make_step(golden_case *c, cn_updater *updater, track *tracks, int count, scale_track *s, int step)
{
    cn_tensor *gradients[MAX_VARIABLES];
    for (int i = 0; i < count; i++) {
        double *from = tracks[i].gradients + step * cn_shape_size(tracks[i].shape);
        if (i == 0 && step < s->steps && !s->finite[step])
            *from = HUGE_VAL;
        gradients[i] = cn_constant_as(c->tape, cn_array_with(from, CN_ARRAY_F64, false, tracks[i].shape), c->dtype);
    }
    if (!cn_apply_gradients(updater, gradients))
        return false;
    for (int i = 0; i < count; i++) {
        double *to = tracks[i].values + step * cn_shape_size(tracks[i].shape);
        if (!cn_values(tracks[i].variable, cn_array_with(to, CN_ARRAY_F64, true, tracks[i].shape)))
            return false;
    }
    if (step < s->steps)
        s->scale[step] = cn_item(cn_read(c->tape, cn_updater_variable(updater, 1)));
    return true;
}

static void compare_tracks(golden_case *c, const cn_updater *updater, bool has_schedule, const track *tracks, int count)
{
    for (int i = 0; i < count; i++) {
        char name[32];
        cn_view values = cn_array_with(tracks[i].values, CN_ARRAY_F64, false, tracks[i].steps_shape);
        snprintf(name, sizeof name, "w%d_steps", i);
        golden_compare(c, name, 0, cn_constant_as(c->tape, values, c->dtype));
        snprintf(name, sizeof name, "w%d_ema", i);
        golden_compare(c, name, 0, cn_updater_variable(updater, (has_schedule ? 1 : 2) + i));
        snprintf(name, sizeof name, "w%d_out", i);
        golden_compare(c, name, 0, cn_read(c->tape, tracks[i].variable));
    }
}

static bool run_steps(golden_case *c, json_t *config)
{
    cn_optimizer optimizer;
    track tracks[MAX_VARIABLES] = {{0}};
    scale_track scale;
    cn_tensor *variables[MAX_VARIABLES];
    int count = golden_count(c, "w");
    const char *text = golden_metadata(c, "names");
    json_t *names = text ? json_loads(text, 0, NULL) : NULL;
    bool understood = count <= MAX_VARIABLES && start_scale(c, &scale) && cn_optimizer_from_config(config, &optimizer);
    for (int i = 0; understood && i < count; i++) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        understood = start_track(c, &tracks[i], i, name ? name : "w");
        variables[i] = tracks[i].variable;
    }
    cn_updater *updater = understood ? cn_updater_new(optimizer, variables, count) : NULL;
    bool fine = updater != NULL;
    for (int step = 0; fine && step < tracks[0].steps_shape.dim[0]; step++)
        fine = make_step(c, updater, tracks, count, &scale, step);
    if (fine)
        compare_tracks(c, updater, optimizer.schedule.name, tracks, count);
    if (fine && scale.steps)
        golden_compare(c, "scale", 0, cn_constant_as(c->tape, cn_array(scale.scale, scale.steps), c->dtype));
    cn_updater_free(updater);
    for (int i = 0; i < count && i < MAX_VARIABLES; i++)
        end_track(&tracks[i]);
    json_decref(names);
    return understood;
}

static bool run_schedule(golden_case *c, json_t *config)
{
    cn_schedule schedule;
    cn_tensor *step = golden_input(c, "step", 0);
    int32_t steps[MAX_STEPS];
    double values[MAX_STEPS];
    int count = step ? (int)cn_shape_of(step).dim[0] : 0;
    if (count < 1 || count > MAX_STEPS || !cn_schedule_from_config(config, &schedule) ||
        !cn_values(step, cn_array(steps, count)))
        return false;
    for (int i = 0; i < count; i++)
        values[i] = cn_schedule_value(&schedule, steps[i]);
    return golden_compare(c, "y", 0, cn_constant_as(c->tape, cn_array(values, count), c->dtype));
}

bool golden_run_optimizer(golden_case *c)
{
    const char *kind = golden_metadata(c, "kind");
    json_t *config = json_pack("{sssO}", "class_name", c->layer, "config", c->config);
    bool understood = kind && !strcmp(kind, "schedule") ? run_schedule(c, config) : run_steps(c, config);
    json_decref(config);
    return understood;
}
