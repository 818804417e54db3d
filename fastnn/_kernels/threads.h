/* A barrier for the threads of a call, which run without Python's GIL, and signals. */
#ifndef FASTNN_THREADS_H
#define FASTNN_THREADS_H

#include <Python.h>

#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#else
#include <pthread.h>
#include <sched.h>
#endif

#if defined(__x86_64__)
#define fastnn_pause() __builtin_ia32_pause()
#else
#define fastnn_pause() ((void)0)
#endif

typedef struct {
    int n;         /* threads */
    int arrived;
    int meeting;   /* number of the next meeting */
    int asleep;
    int abandoned; /* a thread will not come: no thread waits any more */
} fastnn_barrier;

/* Sleep until the meeting has ended, or for a short time.  The system wakes a sleeping thread on an
 * idle core, but a thread that only yields may keep sharing a core with the thread it waits for. */
static inline void fastnn_sleep(fastnn_barrier *barrier, int meeting) {
#if defined(__linux__)
    __atomic_add_fetch(&barrier->asleep, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &barrier->meeting, FUTEX_WAIT_PRIVATE, meeting, NULL, NULL, 0);
    __atomic_sub_fetch(&barrier->asleep, 1, __ATOMIC_SEQ_CST);
#else
    sched_yield();
#endif
}

/* End this meeting: wake the threads that sleep; those about to sleep see the new number. */
static inline void fastnn_begin_next(fastnn_barrier *barrier) {
    __atomic_add_fetch(&barrier->meeting, 1, __ATOMIC_SEQ_CST);
#if defined(__linux__)
    if (__atomic_load_n(&barrier->asleep, __ATOMIC_SEQ_CST))
        syscall(SYS_futex, &barrier->meeting, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#endif
}

/* Wait for the other threads; return 0 if the barrier is abandoned. */
static inline int fastnn_meet(fastnn_barrier *barrier) {
    const int meeting = __atomic_load_n(&barrier->meeting, __ATOMIC_ACQUIRE);
    if (__atomic_load_n(&barrier->abandoned, __ATOMIC_ACQUIRE)) return 0;
    if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_ACQ_REL) == barrier->n) {
        __atomic_store_n(&barrier->arrived, 0, __ATOMIC_RELAXED);
        fastnn_begin_next(barrier);
        return 1;
    }
    /* The others arrive within microseconds, unless there are more threads than idle cores. */
    for (int i = 0; __atomic_load_n(&barrier->meeting, __ATOMIC_ACQUIRE) == meeting; i++) {
        if (i < 2000)
            fastnn_pause();
        else
            fastnn_sleep(barrier, meeting);
    }
    return !__atomic_load_n(&barrier->abandoned, __ATOMIC_ACQUIRE);
}

static inline int fastnn_is_abandoned(fastnn_barrier *barrier) {
    return __atomic_load_n(&barrier->abandoned, __ATOMIC_RELAXED);
}

static inline void fastnn_abandon(fastnn_barrier *barrier) {
    __atomic_store_n(&barrier->abandoned, 1, __ATOMIC_RELEASE);
    fastnn_begin_next(barrier);
}

/* Return whether signal handlers may run in this thread: it is the first of the process.  A program
 * that embeds Python may have started it in another thread; then signals are not checked. */
static inline int fastnn_is_main_thread(void) {
#if defined(__linux__)
    return getpid() == (pid_t)syscall(SYS_gettid);
#else
    return pthread_main_np();
#endif
}

/* Run the handlers of pending signals; called in the main thread, without the GIL.  Return whether
 * one raised an error, which stays set: no Python code may run before fastnn_raise. */
static int fastnn_handle_signals(void) {
    PyGILState_STATE state = PyGILState_Ensure();
    int raised = PyErr_CheckSignals() != 0;
    PyGILState_Release(state);
    return raised;
}

/* Return -1 if an error is set, so that Cython raises it, else 0. */
static inline int fastnn_raise(void) { return PyErr_Occurred() ? -1 : 0; }

#endif
