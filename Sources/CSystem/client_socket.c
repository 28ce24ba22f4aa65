// Connections that the broker opens itself.
#define _GNU_SOURCE
#include "address.h"
#include "csystem.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int csystem_lookup(const char *host, struct csystem_address *addresses, int capacity) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0) return error < 0 ? error : -error;
    int count = 0;
    for (const struct addrinfo *item = found; item && count < capacity; item = item->ai_next) {
        struct sockaddr_storage storage = {0};
        if (item->ai_addrlen > sizeof storage) continue;
        memcpy(&storage, item->ai_addr, item->ai_addrlen);
        csystem_address_from_system(&storage, item->ai_addrlen, &addresses[count]);
        if (addresses[count].kind != CSYSTEM_UNKNOWN) count++;
    }
    freeaddrinfo(found);
    return count > 0 ? count : EAI_NONAME;
}

void csystem_lookup_error_text(int error, char *text, size_t capacity) {
    snprintf(text, capacity, "%s", gai_strerror(error));
}

int csystem_connect(const struct csystem_address *address, unsigned user_timeout_milliseconds, int send_buffer) {
    struct sockaddr_storage storage;
    socklen_t length = csystem_address_to_system(address, &storage);
    int descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    const int on = 1;
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (send_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof send_buffer);
    // A peer that has vanished, or takes nothing, is noticed by what it does not acknowledge in this time.
    setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_milliseconds, sizeof user_timeout_milliseconds);
    if (connect(descriptor, (const struct sockaddr *)&storage, length) == 0 || errno == EINPROGRESS) return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}
