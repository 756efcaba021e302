#include "storage/base/huge.h"

#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>

/* Takes more than is needed and gives back what lies around the whole pages. */
void *huge_lazy(size_t bytes)
{
    char *p = mmap(NULL, bytes + HUGE_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t before;

    assert(bytes % HUGE_BYTES == 0);
    if (p == MAP_FAILED)
        return NULL;
    before = (HUGE_BYTES - (uintptr_t)p % HUGE_BYTES) % HUGE_BYTES;
    if (before > 0)
        (void)munmap(p, before);
    (void)munmap(p + before + bytes, HUGE_BYTES - before);
    return p + before;
}

void *huge_alloc(size_t bytes)
{
    void *p = huge_lazy(bytes);

    /* without huge pages it is ordinary memory */
    if (p)
        (void)madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void huge_free(void *p, size_t bytes)
{
    if (p)
        (void)munmap(p, bytes);
}
