/* Private: training curves as a picture. */
#ifndef CN_TRAINING_PLOT_H
#define CN_TRAINING_PLOT_H
#include "core/text.h"

/* One value an epoch. */
typedef struct cn_plot_series {
    const char *name; /* as in a history; "val_..." is of the validation data */
    const double *values;
    int64_t count;
} cn_plot_series;

/* Writes the curves to an SVG file: losses ("loss", "..._loss") in one panel, what else there is in another, lines of
 * validation data dashed; a value that is not finite leaves a gap. The first value is that of epoch `first_epoch`.
 * CN_ARGUMENT if there is no value at all, CN_FILE if the file cannot be written. */
bool cn_plot(const char *path, const cn_plot_series *series, int count, int64_t first_epoch);
#endif
