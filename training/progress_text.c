#include "training/progress_text.h"
#include <math.h>

enum { BAR_WIDTH = 30 };

static const double interval = 0.05;

static int digits_of(int64_t number)
{
    int digits = 1;
    while (number /= 10)
        digits++;
    return digits;
}

/* " 12ms/step" */
static void add_time_per(cn_text *text, double seconds, const char *unit)
{
    bool whole = seconds >= 1 || seconds == 0, milli = seconds >= 1e-3;
    cn_text_add(text, " ");
    cn_text_number(text, 'f', 0, whole ? seconds : milli ? seconds * 1e3 : seconds * 1e6);
    cn_text_format(text, "%s/%s", whole ? "s" : milli ? "ms" : "us", unit);
}

static void add_elapsed(cn_text *text, double seconds)
{
    cn_text_add(text, " - ");
    cn_text_number(text, 'f', 0, seconds);
    cn_text_add(text, "s");
}

static void add_time_left(cn_text *text, double seconds)
{
    /* A clock that was set back, or an endless step, must not leave the range of an integer. */
    long long left = seconds > 0 ? (long long)fmin(seconds, 1e15) : 0;
    cn_text_add(text, " - ETA: ");
    if (seconds > 3600)
        cn_text_format(text, "%lld:%02lld:%02lld", left / 3600, left / 60 % 60, left % 60);
    else if (seconds > 60)
        cn_text_format(text, "%lld:%02lld", left / 60, left % 60);
    else
        cn_text_format(text, "%llds", left);
}

static void add_log(cn_text *text, const cn_logged *log, double compared)
{
    cn_text_format(text, " - %s: ", log->name);
    cn_text_number(text, compared > 1e-3 ? 'f' : 'e', 4, log->value);
}

size_t cn_progress_bar(cn_text *text, const cn_progress_state *state)
{
    size_t begin = text->size;
    int64_t step = state->step, steps = state->steps;
    if (steps > 0) {
        cn_text_format(text, "%*lld/%lld [", digits_of(steps), (long long)step, (long long)steps);
        double part = (double)step / (double)steps;
        int cells = part >= 1 ? BAR_WIDTH : (int)(BAR_WIDTH * part);
        cn_text_fill(text, '=', cells - 1);
        if (cells > 0)
            cn_text_add(text, step < steps ? ">" : "=");
        cn_text_fill(text, '.', BAR_WIDTH - cells);
        cn_text_add(text, "]");
    } else {
        cn_text_format(text, "%7lld/Unknown", (long long)step);
    }
    if (state->final || steps <= 0) {
        add_elapsed(text, state->elapsed);
        add_time_per(text, state->step_time, "step");
    } else {
        add_time_left(text, state->step_time * (double)(steps - step));
    }
    for (int i = 0; i < state->log_count; i++)
        add_log(text, &state->logs[i], fabs(state->logs[i].value));
    return text->failed ? 0 : cn_code_points(text->data + begin, text->size - begin);
}

void cn_progress_line(cn_text *text, const cn_progress_state *state)
{
    cn_text_format(text, "%*lld/%lld", digits_of(state->steps), (long long)state->step, (long long)state->steps);
    add_elapsed(text, state->elapsed);
    for (int i = 0; i < state->log_count; i++)
        add_log(text, &state->logs[i], state->logs[i].value);
    cn_text_add(text, " -");
    add_time_per(text, state->elapsed, "epoch");
    cn_text_add(text, " -");
    add_time_per(text, state->elapsed / (double)state->steps, "step");
    cn_text_add(text, "\n");
}

static void write_text(const cn_progress *progress, cn_text *text)
{
    if (text->size && !text->failed)
        progress->write(progress->context, text->data, text->size);
    cn_text_free(text);
}

void cn_progress_begin(cn_progress *progress, int64_t epoch, int64_t epochs, int64_t steps, double now)
{
    progress->steps = steps;
    progress->width = 0;
    progress->start = progress->last_update = now;
    progress->drawn = progress->first_step_seen = false;
    if (progress->verbose && epochs > 1) {
        cn_text text = {0};
        cn_text_format(&text, "Epoch %lld/%lld\n", (long long)epoch + 1, (long long)epochs);
        write_text(progress, &text);
    }
}

/* The first step is left out once there are others: it is slow, as it prepares what they use. */
static double step_time(cn_progress *progress, int64_t step, double now)
{
    if (step <= 0)
        return 0;
    double time = progress->first_step_seen && step > 1 ? (now - progress->after_first_step) / (double)(step - 1)
                                                        : (now - progress->start) / (double)step;
    if (step == 1) {
        progress->after_first_step = now;
        progress->first_step_seen = true;
    }
    return time;
}

static void show(cn_progress *progress, const cn_progress_state *state)
{
    cn_text text = {0};
    if (progress->verbose == 2) {
        cn_progress_line(&text, state);
    } else {
        if (progress->terminal) {
            cn_text_fill(&text, '\b', (int64_t)progress->width);
            cn_text_add(&text, "\r");
        }
        size_t width = cn_progress_bar(&text, state);
        if (progress->terminal)
            cn_text_fill(&text, ' ', (int64_t)progress->width - (int64_t)width);
        progress->width = width;
        cn_text_add(&text, state->final ? "\n" : "");
    }
    write_text(progress, &text);
}

void cn_progress_update(cn_progress *progress, int64_t step, const cn_logged *logs, int log_count, double now)
{
    if (progress->verbose != 1 || (progress->drawn && now - progress->last_update < interval))
        return;
    cn_progress_state state = {.step = step,
                               .steps = progress->steps,
                               .elapsed = now - progress->start,
                               .step_time = step_time(progress, step, now),
                               .logs = logs,
                               .log_count = log_count};
    if (progress->terminal)
        show(progress, &state);
    progress->drawn = true;
    progress->last_update = now;
}

void cn_progress_end(cn_progress *progress, int64_t step, const cn_logged *logs, int log_count, double now)
{
    if (progress->verbose != 1 && progress->verbose != 2)
        return;
    cn_progress_state state = {.step = step,
                               .steps = step, /* known by now */
                               .elapsed = now - progress->start,
                               .step_time = step_time(progress, step, now),
                               .logs = logs,
                               .log_count = log_count,
                               .final = true};
    if (progress->steps > 0)
        state.steps = progress->steps;
    show(progress, &state);
}
