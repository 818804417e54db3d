/* C that Cython cannot express: bits of floats, vectors, prefetches, the gathering of nonzeros, and
 * the treatment of subnormals by the CPU. */
#ifndef FASTNN_FLOATS_H
#define FASTNN_FLOATS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t fastnn_bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float fastnn_float_with_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t fastnn_bits_of_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double fastnn_double_with_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Vectors, with GCC's and Clang's arithmetic on them: compilers keep a matrix of such variables in
 * registers, but not a matrix of numbers that they have to vectorize first.  A tile of
 * FASTNN_TILE_ROWS x FASTNN_TILE_VECTORS leaves registers for the terms that are added to it. */
#if defined(__AVX512F__)
#define FASTNN_VECTOR 64
#define FASTNN_TILE_ROWS 8
#define FASTNN_TILE_VECTORS 2
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

/* Prefetch the cache line of p into the second-level cache; p may be any address.  Functions that
 * only prefetch must be FASTNN_INLINED: GCC 12 takes them for pure, and drops their calls. */
static inline void fastnn_prefetch(const void *p) { __builtin_prefetch(p, 0, 2); }

/* Append the nonzeros of x (n,), at most 64 bytes, to `values`, and their positions plus `first` to
 * `index`; return the number of nonzeros.  Up to 64 bytes of the lists are overwritten. */
#define FASTNN_APPEND_NONZEROS(name, real)                                                      \
    static inline int name(const real *x, int n, int32_t first, int32_t *index, real *values) { \
        int found = 0;                                                                          \
        for (int i = 0; i < n; i++) found += x[i] != 0;                                         \
        if (found == 0) return 0; /* often all numbers are 0 */                                \
        found = 0;                                                                              \
        for (int i = 0; i < n; i++) {                                                           \
            index[found] = first + i;                                                           \
            values[found] = x[i];                                                               \
            found += x[i] != 0;                                                                 \
        }                                                                                       \
        return found;                                                                           \
    }
#if defined(__AVX512F__) && defined(__AVX512VL__)
#include <immintrin.h>
static inline int fastnn_append_nonzero_floats(const float *x, int n, int32_t first,
                                               int32_t *index, float *values) {
    const __m512 all = _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x);
    const __mmask16 found = _mm512_cmp_ps_mask(all, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i numbers = _mm512_add_epi32(places, _mm512_set1_epi32(first));
    _mm512_storeu_ps(values, _mm512_maskz_compress_ps(found, all));
    _mm512_storeu_si512(index, _mm512_maskz_compress_epi32(found, numbers));
    return __builtin_popcount(found);
}
static inline int fastnn_append_nonzero_doubles(const double *x, int n, int32_t first,
                                                int32_t *index, double *values) {
    const __m512d all = _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), x);
    const __mmask8 found = _mm512_cmp_pd_mask(all, _mm512_setzero_pd(), _CMP_NEQ_UQ);
    const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i numbers = _mm256_add_epi32(places, _mm256_set1_epi32(first));
    _mm512_storeu_pd(values, _mm512_maskz_compress_pd(found, all));
    _mm256_storeu_si256((__m256i *)index, _mm256_maskz_compress_epi32(found, numbers));
    return __builtin_popcount(found);
}
#else
FASTNN_APPEND_NONZEROS(fastnn_append_nonzero_floats, float)
FASTNN_APPEND_NONZEROS(fastnn_append_nonzero_doubles, double)
#endif

/* Treat subnormals as 0 in the calling thread until fastnn_restore_subnormals is called with the
 * control word returned.  On most CPUs an operation on a subnormal costs a hundred cycles or more,
 * and the deltas of saturated units become subnormal. */
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
