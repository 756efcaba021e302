#include "storage/store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum err_code folder_sync(const char *dir, struct err *e)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err_code code = ERR_OK;

    if (fd < 0)
        return err_set_errno(e, ERR_IO, errno, "%s cannot be opened", dir);
    /* file systems that cannot sync a folder say EINVAL */
    if (fsync(fd) != 0 && errno != EINVAL)
        code = err_set_errno(e, ERR_IO, errno, "%s cannot be synced", dir);
    (void)close(fd);
    return code;
}

static enum err_code sync_parent(const char *dir, struct err *e)
{
    char parent[PATH_MAX];
    int n = snprintf(parent, sizeof parent, "%s/..", dir);

    if (n < 0 || (size_t)n >= sizeof parent)
        return err_set(e, ERR_IO, "the folder's path is too long");
    return folder_sync(parent, e);
}

enum err_code folder_make(const char *dir, bool *made, struct err *e)
{
    struct stat st;
    bool is_new = mkdir(dir, 0700) == 0;

    if (made)
        *made = is_new;
    if (is_new)
        return sync_parent(dir, e);
    if (errno != EEXIST)
        return err_set_errno(e, ERR_IO, errno, "the folder %s cannot be made",
                             dir);
    if (stat(dir, &st) != 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "%s is not a folder", dir);
    return ERR_OK;
}
