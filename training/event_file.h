/* Private: TensorBoard's event files: records of TFRecord, each an Event message of Protocol Buffers (tensorflow/core/
 * util/event.proto, framework/summary.proto). */
#ifndef CN_TRAINING_EVENT_FILE_H
#define CN_TRAINING_EVENT_FILE_H
#include "core/tensor.h"

typedef struct cn_event_file cn_event_file;

/* A new file in that directory, which is made if need be; NULL with the error set. */
cn_event_file *cn_event_file_new(const char *directory);
bool cn_write_scalar(cn_event_file *file, const char *tag, double value, int64_t step);
/* How many of a tensor's values lie in each of 30 intervals of one width; those that are not finite do not count. */
bool cn_write_histogram(cn_event_file *file, const char *tag, const cn_tensor *tensor, int64_t step);
/* What was written is seen by who reads the file. */
bool cn_flush_events(cn_event_file *file);
/* NULL is fine. Errors of the last records were seen by the flush before. */
void cn_event_file_close(cn_event_file *file);
#endif
