/* The options of initializers, regularizers and constraints, as configs name them. */
#ifndef CN_LAYERS_OPTION_H
#define CN_LAYERS_OPTION_H
#include "../core/shape.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One of the numbers in `option` of a value. */
typedef struct cn_option {
    const char *name;           /* Keras' name of the argument; NULL past the last */
    const char *const *choices; /* if it is one of several words: their list, NULL-terminated, indexed by the number */
} cn_option;
enum { CN_MAX_OPTIONS = 4 };

/* Whether a name given in a config is a class' name: "GlorotUniform" or "glorot_uniform". */
CN_API bool cn_names_class(const char *given, const char *class_name);

#ifdef __cplusplus
}
#endif
#endif
