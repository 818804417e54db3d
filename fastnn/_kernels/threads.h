/* Threads of Python that work on one thing meet here, without its GIL. */
#ifndef FASTNN_THREADS_H
#define FASTNN_THREADS_H

#include <sched.h>

#if defined(__x86_64__)
#define fastnn_pause() __builtin_ia32_pause()
#else
#define fastnn_pause() ((void)0)
#endif

typedef struct {
    int n;         /* threads */
    int arrived;
    int meeting;   /* number of the next one */
    int abandoned; /* some thread will not come: nobody waits any more */
} fastnn_barrier;

/* Wait for the others; 0 if they will not all come. */
static inline int fastnn_meet(fastnn_barrier *barrier) {
    if (__atomic_load_n(&barrier->abandoned, __ATOMIC_ACQUIRE)) return 0;
    const int meeting = __atomic_load_n(&barrier->meeting, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&barrier->meeting, meeting + 1, __ATOMIC_RELEASE);
        return 1;
    }
    /* They come within microseconds, unless there are more threads than cores. */
    for (int i = 0; __atomic_load_n(&barrier->meeting, __ATOMIC_ACQUIRE) == meeting; i++) {
        if (__atomic_load_n(&barrier->abandoned, __ATOMIC_ACQUIRE)) return 0;
        if (i < 2000)
            fastnn_pause();
        else
            sched_yield();
    }
    return 1;
}

static inline void fastnn_abandon(fastnn_barrier *barrier) {
    __atomic_store_n(&barrier->abandoned, 1, __ATOMIC_RELEASE);
}

#endif
