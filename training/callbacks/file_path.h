/* Private: paths with values in them, "{epoch:02d}-{val_loss:.2f}.keras". */
#ifndef CN_TRAINING_CALLBACKS_FILE_PATH_H
#define CN_TRAINING_CALLBACKS_FILE_PATH_H
#include "core/text.h"
#include "training/callback.h"

/* Adds the path that Python's str.format makes of the template with epoch, batch (none if it is below 0) and the logs.
 * Of formats it knows a width, zeros before the number, and .2f, .2e, .2g with any number, or d for epoch and batch;
 * others are refused. */
bool cn_format_path(cn_text *path, const char *pattern, int epoch, int64_t batch, const cn_logs *logs);
#endif
