"""Ask what this CPU and operating system support; compiled for any x86-64, run before dispatch."""

cdef extern from *:
    """
    typedef struct { const char *name; int usable; } fastnn_feature;

    #if defined(__x86_64__)
    /* GCC's and Clang's builtin takes literals only, and also asks the OS (XGETBV) whether it saves
     * the registers. */
    #define FASTNN_FEATURE(name) { name, __builtin_cpu_supports(name) != 0 }
    static size_t fastnn_features(fastnn_feature features[16]) {
        const fastnn_feature known[] = {
            FASTNN_FEATURE("sse3"), FASTNN_FEATURE("ssse3"), FASTNN_FEATURE("sse4.1"),
            FASTNN_FEATURE("sse4.2"), FASTNN_FEATURE("popcnt"), FASTNN_FEATURE("avx"),
            FASTNN_FEATURE("avx2"), FASTNN_FEATURE("fma"), FASTNN_FEATURE("avx512f"),
            FASTNN_FEATURE("avx512vl"), FASTNN_FEATURE("avx512bw"), FASTNN_FEATURE("avx512dq"),
        };
        memcpy(features, known, sizeof known);
        return sizeof known / sizeof known[0];
    }
    #else
    static size_t fastnn_features(fastnn_feature features[16]) { (void)features; return 0; }
    #endif
    """
    ctypedef struct fastnn_feature:
        const char* name
        bint usable
    size_t fastnn_features(fastnn_feature* features)


def features():
    """Instruction-set extensions by name, and whether they can be used; empty off x86-64."""
    cdef fastnn_feature known[16]
    cdef size_t n = fastnn_features(known), i
    return {known[i].name.decode(): bool(known[i].usable) for i in range(n)}
