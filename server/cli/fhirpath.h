/* fhirpath: `belfry fhirpath [--previous FILE] EXPRESSION [FILE|-]`.
 * Owns:   nothing.
 * Thread: main.
 * Bounds: FHIRPATH_FILE_BYTES a file. */
#ifndef BELFRY_SERVER_CLI_FHIRPATH_H
#define BELFRY_SERVER_CLI_FHIRPATH_H

#define FHIRPATH_FILE_BYTES ((size_t)64 << 20)

/* Prints what the expression yields as one JSON array. The exit status: 0; 1
 * a file could not be read; 2 the expression was refused, or wrong usage; 3
 * the evaluation failed. */
int cli_fhirpath(int argc, char **argv);

#endif
