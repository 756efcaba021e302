#!/usr/bin/env bash
# Checks what the compiler does not: includes go downwards only (the rooms of
# server/README.md), a source includes its own header first, files keep their
# size, and banned functions and unfinished marks stay out.
# usage: arrows.sh [top of the tree]; prints file:line: what is wrong.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"

# Room of a path, and what that room may include besides itself.
room_rules() {
    cat <<'RULES'
storage/base/     storage/base/
storage/          storage/
fhir/             fhir/ storage/base/ profiles/r4/
server/base/      storage/base/
server/security/  server/base/ storage/base/
server/engine/    server/security/ server/base/ fhir/ storage/
server/http/      server/security/ server/base/ storage/base/
server/rest/      server/engine/ server/http/message.h server/security/ server/base/ fhir/ storage/base/
server/delivery/  server/engine/ server/security/ server/base/ fhir/ storage/base/
server/cli/       server/ fhir/ storage/
server/main.c     server/cli/
tests/            tests/ server/ fhir/ storage/ profiles/r4/
RULES
}

# Library headers that only some rooms may include.
library_rules() {
    cat <<'RULES'
lmdb\.h             ^(storage/|server/cli/version\.c|tests/)
microhttpd\.h       ^(server/http/|server/cli/version\.c|tests/)
pthread\.h          ^(server/|storage/|tests/)
threads\.h          ^(server/|storage/|tests/)
stdatomic\.h        ^(server/|storage/|tests/)
unistd\.h           ^(server/|storage/|tests/)
fcntl\.h            ^(server/|storage/|tests/)
time\.h             ^(server/|storage/|tests/)
sys/(socket|time|stat)\.h  ^(server/|storage/|tests/)
(netinet|arpa)/.*   ^(server/|tests/)
RULES
}

list_sources() {
    find storage fhir server tests -type f -name '*.[ch]' \
        -not -path '*/node_modules/*' | sort
}

check_files() {
    awk -v rooms="$(room_rules)" -v libraries="$(library_rules)" '
    function fail(line, text) {
        printf "%s:%d: %s\n", FILENAME, line, text
        wrong = 1
    }
    function size_limit() {
        if (FILENAME ~ /^tests\//)
            return 0
        return FILENAME ~ /\.h$/ ? 150 : 800
    }
    function check_size() {
        if (last && limit && length_of > limit) {
            printf "%s:%d: longer than %d lines\n", last, length_of, limit
            wrong = 1
        }
    }
    function find_room(i) {
        for (i = 1; i <= room_count; i++)
            if (index(FILENAME, room[i]) == 1)
                return i
        return 0
    }
    function may_include(path, i, n, parts) {
        if (index(path, room[here]) == 1)
            return 1
        n = split(allowed[here], parts, " ")
        for (i = 1; i <= n; i++)
            if (index(path, parts[i]) == 1)
                return 1
        return 0
    }
    function check_project(path) {
        if (!may_include(path))
            fail(FNR, room[here] " may not include " path)
        if ((getline ignored < path) < 0)
            fail(FNR, "no file " path " at the top of the tree")
        close(path)
    }
    function check_library(path, i) {
        for (i = 1; i <= library_count; i++)
            if (path ~ "^" library[i] "$" && FILENAME !~ where[i])
                fail(FNR, room[here] " may not include <" path ">")
    }
    BEGIN {
        n = split(rooms, lines, "\n")
        for (i = 1; i <= n; i++) {
            split(lines[i], words, " ")
            room[++room_count] = words[1]
            allowed[room_count] = substr(lines[i], length(words[1]) + 1)
        }
        n = split(libraries, lines, "\n")
        for (i = 1; i <= n; i++) {
            split(lines[i], words, " ")
            library[++library_count] = words[1]
            where[library_count] = words[2]
        }
        banned = "(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|strncpy|strtok|" \
                 "atoi|atol|gmtime|localtime|strerror|rand)[ \t]*\\("
        marks = "(^|[^A-Za-z])(TODO|FIXME|XXX|HACK|for now|placeholder)([^A-Za-z]|$)"
    }
    FNR == 1 {
        check_size()
        last = FILENAME
        limit = size_limit()
        here = find_room()
        includes = 0
        own = FILENAME
        sub(/\.c$/, ".h", own)
        has_own = 0
        if (own != FILENAME) {
            has_own = (getline ignored < own) >= 0
            close(own)
        }
        if (!here)
            fail(1, "stands in no room")
    }
    { length_of = FNR }
    /^[ \t]*#[ \t]*include[ \t]*["<]/ {
        path = $0
        sub(/^[^"<]*["<]/, "", path)
        sub(/[">].*$/, "", path)
        includes++
        if (has_own && includes == 1 && path != own)
            fail(FNR, "its own header " own " does not come first")
        if ($0 ~ /include[ \t]*"/)
            check_project(path)
        else
            check_library(path)
    }
    $0 ~ banned { fail(FNR, "a banned function") }
    $0 ~ marks { fail(FNR, "an unfinished mark") }
    END {
        check_size()
        exit wrong
    }' "$@"
}

failed=0
mapfile -t sources < <(list_sources)
check_files "${sources[@]}" || failed=1
if ! grep -qi '^|.*thread' server/README.md 2>/dev/null; then
    echo "server/README.md:1: has no table of the threads"
    failed=1
fi
[ "$failed" -eq 0 ] && echo "arrows: ${#sources[@]} files in order"
exit "$failed"
