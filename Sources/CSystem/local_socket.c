#define _GNU_SOURCE
#include "csystem.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/// 0 when the path does not fit.
static int fill(struct sockaddr_un *address, const char *path) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) return 0;
    strcpy(address->sun_path, path);
    return 1;
}

int csystem_local_listen(const char *path, uint32_t permissions, int backlog, int *step) {
    struct sockaddr_un address;
    *step = 2;
    if (!fill(&address, path)) return -ENAMETOOLONG;
    *step = 1;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    *step = 2;
    // The file gets the mode of the socket, less the umask's bits; chmod gives those back.
    int failed = fchmod(descriptor, permissions);
    if (failed == 0) failed = bind(descriptor, (struct sockaddr *)&address, sizeof address);
    if (failed == 0) {
        failed = chmod(path, permissions);
        if (failed == 0) {
            *step = 3;
            failed = listen(descriptor, backlog);
        }
        if (failed != 0) {
            int error = errno;
            unlink(path);
            errno = error;
        }
    }
    if (failed == 0) return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}

int csystem_local_probe(const char *path) {
    struct sockaddr_un address;
    if (!fill(&address, path)) return -ENAMETOOLONG;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    int failed = connect(descriptor, (struct sockaddr *)&address, sizeof address);
    int error = errno;
    close(descriptor);
    return failed == 0 ? 0 : -error;
}

int csystem_peer_credentials(int descriptor, uint32_t *user, uint32_t *group, int32_t *process) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -errno;
    *user = credentials.uid;
    *group = credentials.gid;
    *process = credentials.pid;
    return 0;
}

int64_t csystem_bytes_unsent(int descriptor) {
    int count = 0;
    return ioctl(descriptor, SIOCOUTQ, &count) < 0 ? 0 : count;
}

int csystem_has_hung_up(int descriptor) {
    struct pollfd waiting = {.fd = descriptor, .events = POLLRDHUP};
    return poll(&waiting, 1, 0) > 0 && (waiting.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}
