#include "core/blas.h"
#include <pthread.h>

static cn_blas blas;
static bool usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void)
{
    static const char *const names[] = {CN_BLAS(CN_LIBRARY_NAME) NULL};
    usable = cn_find_library(CN_OPENBLAS_LIBRARY, names, &blas) && blas.openblas_get_parallel() != OPENBLAS_SEQUENTIAL;
}

const cn_blas *cn_blas_at_hand(void)
{
    pthread_once(&once, load);
    return usable ? &blas : NULL;
}
