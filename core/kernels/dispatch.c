#include "core/kernels/kernels.h"
#include <stdlib.h>
#include <string.h>

extern const cn_kernels cn_kernels_baseline;
#if defined(CN_X86_KERNELS)
extern const cn_kernels cn_kernels_avx2, cn_kernels_avx512;
#endif

const cn_kernels *cn_kernels_named(const char *name)
{
#if defined(CN_X86_KERNELS)
    if (strcmp(name, "avx512") == 0 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        return &cn_kernels_avx512;
    if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return &cn_kernels_avx2;
#endif
    return strcmp(name, "baseline") == 0 ? &cn_kernels_baseline : NULL;
}

static const cn_kernels *choose(void)
{
    const char *wanted = getenv("CORNET_ISA");
    const cn_kernels *kernels = wanted ? cn_kernels_named(wanted) : NULL;
    if (!kernels)
        kernels = cn_kernels_named("avx512");
    if (!kernels)
        kernels = cn_kernels_named("avx2");
    return kernels ? kernels : &cn_kernels_baseline;
}

const cn_kernels *cn_kernels_now(void)
{
    static const cn_kernels *chosen;
    /* Two threads that come here at once choose the same. */
    const cn_kernels *kernels = __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
    if (!kernels) {
        kernels = choose();
        __atomic_store_n(&chosen, kernels, __ATOMIC_RELEASE);
    }
    return kernels;
}
