/* Private: running plans from inside the library. */
#ifndef CN_CORE_PLAN_H
#define CN_CORE_PLAN_H
#include "core/engine.h"

/* A frame is one run's memory: the plan's buffers and a program whose pointers point at them. Each concurrent run has
 * one of its own. */
typedef struct cn_frame cn_frame;

/* A free frame, made if all are in use; NULL with the error set. Give it back after use. */
cn_frame *cn_plan_frame(cn_plan *plan);
void cn_frame_give_back(cn_frame *frame);
/* Where the values of feed i, or of output i, lie: dense, in the tensor's type. Feeds must be written before every run;
 * outputs are good until the next. */
void *cn_frame_feed(cn_frame *frame, int index);
void *cn_frame_output(cn_frame *frame, int index);
/* Runs the program; false with the error set if a check fails, and then no variable has changed. */
bool cn_frame_run(cn_frame *frame, int64_t step);

/* For tests: the number of elements from which element-wise entries are chained, and of a tile; 0 is the default. */
void cn_plan_set_tile(int64_t elements);
#endif
