/* What the kernels need of C and Cython cannot say: the bits of floats, vectors, and the CPU's
 * treatment of subnormal numbers. */
#ifndef FASTNN_FLOATS_H
#define FASTNN_FLOATS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t fastnn_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float fastnn_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Vectors, with GCC's and Clang's arithmetic on them: compilers keep a matrix of such variables in
 * registers, which they do not of elements of an array that they would have to vectorise first.
 * A tile of so many rows and vectors leaves registers for what is added to it. */
#if defined(__AVX512F__)
#define FASTNN_VECTOR 64
#define FASTNN_TILE_ROWS 8
#define FASTNN_TILE_VECTORS 1
#else
#if defined(__AVX__)
#define FASTNN_VECTOR 32
#else
#define FASTNN_VECTOR 16
#endif
#define FASTNN_TILE_ROWS 6
#define FASTNN_TILE_VECTORS 2
#endif
typedef float fastnn_floats __attribute__((vector_size(FASTNN_VECTOR), may_alias));
typedef double fastnn_doubles __attribute__((vector_size(FASTNN_VECTOR), may_alias));

#define FASTNN_INLINED __attribute__((always_inline))

#if defined(__GNUC__)
#define fastnn_prefetch(address) __builtin_prefetch(address, 1)
#else
#define fastnn_prefetch(address) ((void)(address))
#endif

/* Subnormal operands cost a hundred cycles and more each on most CPUs, and deltas of saturated
 * neurons end there: the kernels treat them as zero, in the calling thread, for as long as they run.
 * The control word returned must be handed to fastnn_restore_subnormals. */
#if defined(__SSE2__)
#include <xmmintrin.h>
typedef unsigned int fastnn_control;
static inline fastnn_control fastnn_flush_subnormals(void) {
    const fastnn_control saved = _mm_getcsr();
    _mm_setcsr(saved | 0x8040); /* flush to zero, denormals are zero */
    return saved;
}
static inline void fastnn_restore_subnormals(fastnn_control saved) { _mm_setcsr(saved); }
#elif defined(__aarch64__)
typedef uint64_t fastnn_control;
static inline fastnn_control fastnn_flush_subnormals(void) {
    fastnn_control saved;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(saved));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved | (1u << 24)) : "memory"); /* FZ */
    return saved;
}
static inline void fastnn_restore_subnormals(fastnn_control saved) {
    __asm__ __volatile__("msr fpcr, %0" : : "r"(saved) : "memory");
}
#else
typedef int fastnn_control;
static inline fastnn_control fastnn_flush_subnormals(void) { return 0; }
static inline void fastnn_restore_subnormals(fastnn_control saved) { (void)saved; }
#endif

#endif
