/* Private: one source, several instruction sets.
 *
 * Every kernel file is compiled once per instruction set, with CN_ISA defined as baseline, avx2 or avx512 and the flags
 * that go with it (meson.build). Names get the instruction set's name appended by CN_ISA_NAME; a family's functions
 * meet in a table of pointers, cn_kernels, one per instruction set, and cn_kernels_now() gives the best that this
 * machine runs.
 *
 * A kernel takes pointers, sizes and strides and nothing else: no tensor, no tape, no allocation. Within one
 * instruction set an element's bits may not depend on where it stands: a vector's tail, another tile or another
 * thread's piece must give the same bits, and no kernel branches on an address. Contraction of a*b+c is off
 * (-ffp-contract=off); where a fused multiply-add is wanted, CN_FMA says so for vector and scalar code alike. */
#ifndef CN_CORE_KERNELS_ISA_H
#define CN_CORE_KERNELS_ISA_H

#define CN_ISA_JOIN_(name, isa) name##_##isa
#define CN_ISA_JOIN(name, isa) CN_ISA_JOIN_(name, isa)
#define CN_ISA_NAME(name) CN_ISA_JOIN(name, CN_ISA)

/* Kernels for double stop at AVX2, and machines with AVX-512 run these, but for products and what elementwise.c,
 * reduce.c and the like have for all types at once: double checks gradients more than it trains, and a third set would
 * be 6 % of the library. CN_ISA_F64_NAME is the name of the set that an instruction set has for double. */
#if defined(__AVX512F__)
#define CN_ISA_F64_NAME(name) CN_ISA_JOIN(name, avx2)
#else
#define CN_ISA_HAS_F64
#define CN_ISA_F64_NAME(name) CN_ISA_NAME(name)
#endif

#if defined(__FMA__)
#define CN_FMA(a, b, c) _Generic((a), float : __builtin_fmaf, double : __builtin_fma)((a), (b), (c))
#else
#define CN_FMA(a, b, c) ((a) * (b) + (c))
#endif

/* CN_INDEPENDENT: the loop that follows reads and writes index by index only, so that it may work in place.
 * CN_UNROLLED: it has a small constant count and is to become straight code. */
#if defined(__clang__)
#define CN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define CN_UNROLLED _Pragma("clang loop unroll(full)")
/* Loops over calls of libm stay as they are. */
#pragma clang diagnostic ignored "-Wpass-failed"
#elif defined(__GNUC__)
#define CN_INDEPENDENT _Pragma("GCC ivdep")
#define CN_UNROLLED _Pragma("GCC unroll 32")
#else
#define CN_INDEPENDENT
#define CN_UNROLLED
#endif

#endif
