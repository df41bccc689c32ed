/* The limits of the machine, measured. */
#ifndef CORNET_BENCH_MACHINE_H
#define CORNET_BENCH_MACHINE_H

typedef struct machine {
    const char *isa; /* of the vectors that gave `flops` */
    double flops;    /* fused multiply-adds in float32, two operations each, a second: all in registers */
    double bytes;    /* read and written a second by a copy of more than the caches hold */
} machine;

/* With so many threads: the best of several short tries. */
machine measure_machine(int threads);
#endif
