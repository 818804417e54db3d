"""Ask what this CPU and operating system support; compiled for any x86-64, run before dispatch."""

cdef extern from *:
    """
    typedef struct { const char *name; int usable; } fastnn_feature;

    #if defined(__x86_64__)
    /* GCC's and Clang's builtin takes literals only, and also asks the OS (XGETBV) whether it saves
     * the registers. */
    #define FASTNN_FEATURE(name) { name, __builtin_cpu_supports(name) != 0 }
    #else
    #define FASTNN_FEATURE(name) { name, 0 }
    #endif

    /* setup.py defines FASTNN_FEATURES, all that the table in isa.py names; NULL ends the list. */
    static const fastnn_feature *fastnn_features(void) {
        const fastnn_feature known[] = { FASTNN_FEATURES { NULL, 0 } };
        static fastnn_feature features[sizeof known / sizeof known[0]];
        memcpy(features, known, sizeof known);
        return features;
    }
    """
    ctypedef struct fastnn_feature:
        const char* name
        bint usable
    const fastnn_feature* fastnn_features()


def features():
    """Return whether each feature that a variant needs can be used, by its name."""
    cdef const fastnn_feature* feature = fastnn_features()
    found = {}
    while feature.name != NULL:
        found[feature.name.decode()] = bool(feature.usable)
        feature += 1
    return found
