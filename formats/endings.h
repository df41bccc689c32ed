/* Private: the endings of paths that cn_save and cn_save_weights know. */
#ifndef CN_FORMATS_ENDINGS_H
#define CN_FORMATS_ENDINGS_H
#include <stdbool.h>

/* False with the error set, in the name of `who`, if a model, or its weights alone, cannot be saved to that path. */
bool cn_check_ending(const char *who, const char *path, bool weights_only);
#endif
