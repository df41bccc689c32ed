/* Private: the progress bar of Keras 2.9 to 2.12. */
#ifndef CN_TRAINING_PROGRESS_TEXT_H
#define CN_TRAINING_PROGRESS_TEXT_H
#include "core/text.h"
#include "training/training.h"

/* What one update shows. Times are in seconds. */
typedef struct cn_progress_state {
    int64_t step;     /* steps done */
    int64_t steps;    /* of so many; 0: unknown */
    double elapsed;   /* since the first step began */
    double step_time; /* estimate */
    const cn_logged *logs;
    int log_count;
    bool final; /* the last update: the total time is shown instead of what is left, and the line ends */
} cn_progress_state;

/* Adds the bar and what stands behind it, as verbose=1 shows it, without control characters. Returns its width. */
size_t cn_progress_bar(cn_text *text, const cn_progress_state *state);
/* Adds the line of an epoch, as verbose=2 shows it; steps is known. */
void cn_progress_line(cn_text *text, const cn_progress_state *state);

/* A bar with its clock. `now` is any clock's time in seconds. On a terminal each update draws over the one before;
 * anywhere else only the last one is written, so that a log file has one line an epoch. */
typedef struct cn_progress {
    int verbose; /* 0: nothing, 1: the bar, 2: one line an epoch */
    bool terminal;
    cn_write write;
    void *context;
    /* Of the epoch, set by the functions: */
    int64_t steps;
    size_t width;
    double start, last_update, after_first_step;
    bool drawn, first_step_seen;
} cn_progress;

/* Begins an epoch of so many steps (0: unknown). `epoch` counts from 0; with epochs > 1 its number is written. */
void cn_progress_begin(cn_progress *progress, int64_t epoch, int64_t epochs, int64_t steps, double now);
/* `step` steps are done. Draws unless the last drawing is less than 0.05 s old. */
void cn_progress_update(cn_progress *progress, int64_t step, const cn_logged *logs, int log_count, double now);
/* The epoch is over after `step` steps. */
void cn_progress_end(cn_progress *progress, int64_t step, const cn_logged *logs, int log_count, double now);
#endif
