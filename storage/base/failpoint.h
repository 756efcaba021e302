/* failpoint: places at which a test lets the program die, as by kill -9. Built
 * in by the option BELFRY_FAILPOINTS, for tests only; else they are nothing.
 * Owns:   how often the chosen one was reached.
 * Thread: any. */
#ifndef BELFRY_STORAGE_BASE_FAILPOINT_H
#define BELFRY_STORAGE_BASE_FAILPOINT_H

/* Does not return when the environment's FAILPOINT is "NAME" or "NAME:COUNT"
 * and the place is reached for the COUNT-th time. */
void failpoint_reach(const char *name);

#ifdef BELFRY_FAILPOINTS
#define FAILPOINT(name) failpoint_reach(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

#endif
