/* scan: several bytes of a JSON string looked at in one step.
 * Owns:   nothing.
 * Thread: any. */
#ifndef BELFRY_FHIR_JSON_SCAN_H
#define BELFRY_FHIR_JSON_SCAN_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define SCAN_EACH_BYTE(x) (0x0101010101010101ULL * (x))

/* The top bit of each byte that is 0. Marks above the lowest one may be wrong:
 * borrows travel up. */
static inline uint64_t scan_zero_bytes(uint64_t word)
{
    return (word - SCAN_EACH_BYTE(1)) & ~word & SCAN_EACH_BYTE(0x80);
}

/* The first quote or backslash from p on, or end. */
static inline const char *scan_to_mark(const char *p, const char *end)
{
    uint64_t word, marks;

#ifdef __SSE2__
    while (end - p >= 16) {
        const __m128i part = _mm_loadu_si128((const __m128i_u *)p);
        const int found = _mm_movemask_epi8(
            _mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8('"')),
                         _mm_cmpeq_epi8(part, _mm_set1_epi8('\\'))));

        if (found)
            return p + __builtin_ctz((unsigned)found);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        memcpy(&word, p, sizeof word);
        word = le64toh(word);
        marks = scan_zero_bytes(word ^ SCAN_EACH_BYTE('"')) |
                scan_zero_bytes(word ^ SCAN_EACH_BYTE('\\'));
        if (marks)
            return p + __builtin_ctzll(marks) / 8;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\')
        p++;
    return p;
}

#endif
