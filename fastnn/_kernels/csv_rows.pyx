"""Parse the plain rows of a CSV file; everything unusual is left to the caller.

A row is plain if its fields are decimal numbers and known texts, with or without quotes and with
blanks around them. Numbers are rounded as ``float`` and a cast do.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject

cdef extern from "Python.h":
    double PyOS_string_to_double(const char*, char**, PyObject*) except? -1.0

cdef extern from "<math.h>" nogil:
    bint isfinite(double)

ctypedef const unsigned char* Text

cdef enum:
    C_FEATURE = -1
    C_TEXT = -2
    C_ANY_BLANKS = 0
    EXACT = 22  # the greatest power of ten that is a float64
    LARGEST = 64
FEATURE = C_FEATURE  # roles of columns; those of targets that are numbers count from 0
TEXT = C_TEXT
ANY_BLANKS = C_ANY_BLANKS  # the delimiter of fields between runs of blanks

cdef double[LARGEST + 1] POWERS = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32,
    1e33, 1e34, 1e35, 1e36, 1e37, 1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48,
    1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55, 1e56, 1e57, 1e58, 1e59, 1e60, 1e61, 1e62, 1e63, 1e64,
]

cdef struct Number:
    unsigned long long digits  # the first 19, without the leading zeros
    bint all_digits  # whether there are no others
    int exponent  # of ten
    bint negative


def parse_rows(
    bytes block,
    Py_ssize_t start,
    Py_ssize_t stop,  # just after the end of a line
    int delimiter,  # an ASCII character that is in no number, or ANY_BLANKS
    const int[::1] roles,  # IN  (n_columns,)
    dict codes,  # of the texts that are known, as UTF-8
    float[::1] X,  # OUT features, row by row; room for as many as the block may hold
    double[::1] Y,  # OUT targets, numbers or codes, row by row; likewise, and for one row more
):
    """Return the position after the last row parsed, and the numbers of rows and lines up to it."""
    cdef Py_ssize_t n_columns = roles.shape[0], c
    cdef Py_ssize_t n_rows = 0, n_lines = 0, n_targets = 0
    cdef Text base = <Text> PyBytes_AS_STRING(block)
    cdef Text p = base + start
    cdef Text end = base + stop
    cdef Text row
    cdef float* x = &X[0]
    cdef float* next_x
    cdef double* y = &Y[0]
    cdef float value = 0
    for c in range(n_columns):
        n_targets += roles[c] != C_FEATURE
    while p < end:
        row, next_x = p, x
        if delimiter == C_ANY_BLANKS:
            p = skip_blanks(p, delimiter)
        for c in range(n_columns):
            if p[0] == c"\n" or p[0] == c"\r":
                break
            if roles[c] == C_TEXT:
                p = known_text(p, delimiter, codes, y)
            elif roles[c] == C_FEATURE:
                p = number(p, delimiter, next_x, NULL)
                next_x += 1
            else:
                p = number(p, delimiter, &value, y + roles[c])
            if p == NULL:
                break
            if c < n_columns - 1:
                p = after_delimiter(p, delimiter)
                if p == NULL:
                    break
        else:
            c = n_columns
        if p != NULL:
            p = after_line(p, delimiter)
        if p == NULL or 0 < c < n_columns:
            p = row
            break
        n_lines += 1
        if c:
            n_rows += 1
            x, y = next_x, y + n_targets
    return p - base, n_rows, n_lines


cdef inline bint is_blank(unsigned char character, int delimiter) noexcept nogil:
    """Return whether a character is a blank or a tab, and not the delimiter."""
    return (character == c" " or character == c"\t") and character != delimiter


cdef inline Text skip_blanks(Text p, int delimiter) noexcept nogil:
    while is_blank(p[0], delimiter):
        p += 1
    return p


cdef inline Text after_delimiter(Text p, int delimiter) noexcept nogil:
    """Return where the next field begins, NULL if there is none."""
    if delimiter == C_ANY_BLANKS:
        return skip_blanks(p, delimiter) if is_blank(p[0], delimiter) else NULL
    return p + 1 if p[0] == delimiter else NULL


cdef inline Text after_line(Text p, int delimiter) noexcept nogil:
    """Return where the next line begins, NULL if this one has not ended."""
    if delimiter == C_ANY_BLANKS:
        p = skip_blanks(p, delimiter)
    if p[0] == c"\r":
        return p + 1 + (p[1] == c"\n")
    return p + 1 if p[0] == c"\n" else NULL


cdef inline Text opening_quote(Text p, int delimiter) noexcept nogil:
    """Return where the field's first quote is or would be; as in csv, only spaces precede it."""
    while p[0] == c" " and delimiter != c" ":
        p += 1
    return p


cdef inline Text number(Text p, int delimiter, float* single, double* double_) except? NULL:
    """Parse a field that is a number, finite in float32, and return its end, else NULL."""
    cdef Number parsed
    cdef bint quoted
    cdef Text first
    cdef double value
    p = opening_quote(p, delimiter)
    quoted = p[0] == c'"'
    first = p = skip_blanks(p + quoted, delimiter)
    p = scan(p, &parsed)
    if p == NULL:
        return NULL
    if double_ != NULL:
        value = double_[0] = to_double(&parsed, first)
        single[0] = <float> value
    else:
        single[0] = to_float(&parsed, first)
    if not isfinite(single[0]):
        return NULL
    if quoted or delimiter != C_ANY_BLANKS:
        p = skip_blanks(p, delimiter)
    if quoted:
        return p + 1 if p[0] == c'"' else NULL
    return p


cdef Text scan(Text p, Number* parsed) noexcept nogil:
    """Read ``[+-]digits[.digits][e[+-]digits]`` and return its end; NULL if it is not there."""
    cdef unsigned long long digits = 0
    cdef int exponent = 0, written = 0
    cdef Py_ssize_t n_digits = 0
    cdef bint all_digits = True, below_one = False, less
    parsed.negative = p[0] == c"-"
    p += p[0] == c"-" or p[0] == c"+"
    while True:
        if c"0" <= p[0] <= c"9":
            n_digits += 1
            if digits < 1000000000000000000ULL:  # ten times that, and nine, is still in range
                digits = 10 * digits + (p[0] - c"0")
                exponent -= below_one
            else:
                all_digits = False
                exponent += not below_one
        elif p[0] == c"." and not below_one:
            below_one = True
        else:
            break
        p += 1
    if not n_digits:
        return NULL
    if p[0] == c"e" or p[0] == c"E":
        p += 1
        less = p[0] == c"-"
        p += p[0] == c"-" or p[0] == c"+"
        if not c"0" <= p[0] <= c"9":
            return NULL
        while c"0" <= p[0] <= c"9":
            if written < 1000000:
                written = 10 * written + (p[0] - c"0")
            p += 1
        exponent += -written if less else written
    parsed.digits, parsed.exponent, parsed.all_digits = digits, exponent, all_digits
    return p


cdef inline double scaled(const Number* n) noexcept nogil:
    """Return the number, correctly rounded if `is_exact`, else to within two units of 2**-52."""
    cdef double value = <double> n.digits
    if n.exponent > 0:
        value *= POWERS[n.exponent]
    elif n.exponent < 0:
        value /= POWERS[-n.exponent]
    return -value if n.negative else value


cdef inline bint is_exact(const Number* n) noexcept nogil:
    """Tell whether the digits and the power of ten are float64: then `scaled` rounds once."""
    return n.all_digits and n.digits >> 53 == 0 and -EXACT <= n.exponent <= EXACT


cdef inline double to_double(const Number* n, Text first) except? -1.0:
    if is_exact(n):
        return scaled(n)
    return PyOS_string_to_double(<const char*> first, <char**> &first, NULL)


cdef inline float to_float(const Number* n, Text first) except? -1.0:
    cdef double value
    cdef float below, above
    if is_exact(n):
        return <float> scaled(n)
    if n.digits and -LARGEST <= n.exponent <= LARGEST:
        value = scaled(n)
        # What the float64 next to the number is rounded to lies between these two.
        below, above = <float> (value * (1 - 2.0**-50)), <float> (value * (1 + 2.0**-50))
        if below == above:
            return below
    return <float> to_double(n, first)


cdef Text known_text(Text p, int delimiter, dict codes, double* code) except? NULL:
    """Look up a field of text, without the blanks around it, and return its end, else NULL."""
    cdef Text first, last
    cdef bint quoted
    p = opening_quote(p, delimiter)
    quoted = p[0] == c'"'
    first = p = skip_blanks(p + quoted, delimiter)
    while p[0] != c'"' and p[0] != c"\n" and p[0] != c"\r":
        if not quoted and (
            p[0] == delimiter or (delimiter == C_ANY_BLANKS and is_blank(p[0], delimiter))
        ):
            break
        p += 1
    if quoted != (p[0] == c'"'):
        return NULL
    last = p
    while last > first and is_blank((last - 1)[0], delimiter):
        last -= 1
    found = codes.get(PyBytes_FromStringAndSize(<const char*> first, last - first))
    if found is None:
        return NULL
    code[0] = found
    return p + quoted
