/* failure: why an attempt failed, in classes that every channel shares. The
 * engine keeps the class with the subscription, $status and the metrics tell
 * it; what it means on the wire is the channel's to know.
 * Owns:   nothing.
 * Thread: any; pure.
 * The numbers are kept in the log: they never change. */
#ifndef BELFRY_SERVER_ENGINE_FAILURE_H
#define BELFRY_SERVER_ENGINE_FAILURE_H

enum failure_class {
    FAILURE_NONE = 0,
    FAILURE_NAME = 1,        /* the host name could not be resolved */
    FAILURE_CONNECT = 2,     /* refused or unreachable */
    FAILURE_TIMEOUT = 3,     /* no answer in time */
    FAILURE_CLOSED = 4,      /* the connection ended before an answer */
    FAILURE_TLS = 5,         /* no TLS connection came about */
    FAILURE_CERTIFICATE = 6, /* the endpoint's certificate is not trusted */
    FAILURE_FORBIDDEN = 7,   /* the egress rules refuse the target */
    FAILURE_GARBLED = 8,     /* the answer could not be read */
    FAILURE_LOCAL = 9,       /* our own fault: memory, files, shutdown */
    FAILURE_REDIRECT = 10,   /* sends elsewhere: never followed */
    FAILURE_GONE = 11,       /* wants no more */
    FAILURE_AUTH = 12,       /* the credentials are refused */
    FAILURE_NOT_FOUND = 13,  /* there is nothing at that address */
    FAILURE_CONFIG = 14,     /* refuses this kind of message */
    FAILURE_TOO_LARGE = 15,  /* refuses a message of this size */
    FAILURE_REFUSED = 16,    /* refuses the message for another reason */
    FAILURE_BUSY = 17,       /* asks to be left alone for a while */
    FAILURE_SERVER = 18,     /* says that it failed */
    FAILURE_UNREACHED = 19,  /* never tried: the endpoint was failing */
    FAILURE_GATEWAY = 20,    /* what stands before it cannot reach it */
    FAILURE_CLASSES
};

/* A short name for metrics: "dns", "timeout", ...; "none" for none. */
const char *failure_name(enum failure_class c);

/* The code of http://terminology.hl7.org/CodeSystem/subscription-error that
 * comes nearest; NULL for none. */
const char *failure_code(enum failure_class c);

#endif
