#define _GNU_SOURCE
#include "address.h"
#include "csystem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static inline int result(int value) { return value < 0 ? -errno : value; }

// ── epoll ──────────────────────────────────────────────────────────────────────────────────────────────────

_Static_assert(EPOLLIN == 0x001 && EPOLLOUT == 0x004, "the header repeats Linux' values");
_Static_assert(EPOLLERR == 0x008 && EPOLLHUP == 0x010, "the header repeats Linux' values");

int csystem_epoll_create(void) { return result(epoll_create1(EPOLL_CLOEXEC)); }

int csystem_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return result(epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event));
}

int csystem_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return result(epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event));
}

int csystem_epoll_remove(int epoll, int descriptor) {
    struct epoll_event unused = {0};
    return result(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &unused));
}

int csystem_epoll_wait(int epoll, void *events, int capacity, int milliseconds) {
    int count = result(epoll_wait(epoll, events, capacity, milliseconds));
    return count == -EINTR ? 0 : count;
}

size_t csystem_epoll_event_size(void) { return sizeof(struct epoll_event); }

uint32_t csystem_epoll_event_flags(const void *events, int index) {
    return ((const struct epoll_event *)events)[index].events;
}

uint64_t csystem_epoll_event_token(const void *events, int index) {
    return ((const struct epoll_event *)events)[index].data.u64;
}

int csystem_eventfd_create(void) { return result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)); }

void csystem_eventfd_signal(int descriptor) {
    uint64_t one = 1;
    ssize_t written;
    do written = write(descriptor, &one, sizeof one);
    while (written < 0 && errno == EINTR);
}

// ── addresses and sockets ──────────────────────────────────────────────────────────────────────────────────

static uint64_t load_big(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | bytes[i];
    return value;
}

static void store_big(uint64_t value, uint8_t *bytes) {
    for (int i = 7; i >= 0; i--, value >>= 8) bytes[i] = (uint8_t)value;
}

int csystem_address_parse(const char *text, struct csystem_address *address) {
    memset(address, 0, sizeof *address);
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1) {
        address->kind = CSYSTEM_IPV4;
        address->low = ntohl(four.s_addr);
        return 1;
    }
    char host[INET6_ADDRSTRLEN + 1];
    const char *zone = strchr(text, '%');
    size_t length = zone ? (size_t)(zone - text) : strlen(text);
    if (length >= sizeof host) return 0;
    memcpy(host, text, length);
    host[length] = 0;
    struct in6_addr six;
    if (inet_pton(AF_INET6, host, &six) != 1) return 0;
    address->kind = CSYSTEM_IPV6;
    address->high = load_big(six.s6_addr);
    address->low = load_big(six.s6_addr + 8);
    if (zone && (address->scope = if_nametoindex(zone + 1)) == 0) return 0;
    return 1;
}

void csystem_address_text(uint64_t high, uint64_t low, char *text, size_t capacity) {
    struct in6_addr six;
    store_big(high, six.s6_addr);
    store_big(low, six.s6_addr + 8);
    if (!inet_ntop(AF_INET6, &six, text, (socklen_t)capacity)) text[0] = 0;
}

socklen_t csystem_address_to_system(const struct csystem_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof *storage);
    switch (address->kind) {
    case CSYSTEM_IPV4: {
        struct sockaddr_in *four = (struct sockaddr_in *)storage;
        four->sin_family = AF_INET;
        four->sin_port = htons(address->port);
        four->sin_addr.s_addr = htonl((uint32_t)address->low);
        return sizeof *four;
    }
    case CSYSTEM_IPV6: {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)storage;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(address->port);
        six->sin6_scope_id = address->scope;
        store_big(address->high, six->sin6_addr.s6_addr);
        store_big(address->low, six->sin6_addr.s6_addr + 8);
        return sizeof *six;
    }
    case CSYSTEM_UNIX: {
        struct sockaddr_un *local = (struct sockaddr_un *)storage;
        local->sun_family = AF_UNIX;
        memcpy(local->sun_path, address->path, sizeof local->sun_path);
        return sizeof *local;
    }
    default: return 0;
    }
}

void csystem_address_from_system(
    const struct sockaddr_storage *storage, socklen_t length, struct csystem_address *address) {
    address->high = address->low = 0;
    address->scope = 0;
    address->port = 0;
    address->kind = CSYSTEM_UNKNOWN;
    address->path[0] = 0;
    switch (storage->ss_family) {
    case AF_INET: {
        const struct sockaddr_in *four = (const struct sockaddr_in *)storage;
        address->kind = CSYSTEM_IPV4;
        address->low = ntohl(four->sin_addr.s_addr);
        address->port = ntohs(four->sin_port);
        break;
    }
    case AF_INET6: {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)storage;
        address->kind = CSYSTEM_IPV6;
        address->high = load_big(six->sin6_addr.s6_addr);
        address->low = load_big(six->sin6_addr.s6_addr + 8);
        address->scope = six->sin6_scope_id;
        address->port = ntohs(six->sin6_port);
        break;
    }
    case AF_UNIX: {
        const struct sockaddr_un *local = (const struct sockaddr_un *)storage;
        size_t start = offsetof(struct sockaddr_un, sun_path);
        size_t count = length > start ? length - start : 0;
        address->kind = CSYSTEM_UNIX;
        if (count > sizeof address->path - 1) count = sizeof address->path - 1;
        memcpy(address->path, local->sun_path, count);
        address->path[count] = 0;
        break;
    }
    }
}

static int family(const struct csystem_address *address) {
    return address->kind == CSYSTEM_IPV4 ? AF_INET : address->kind == CSYSTEM_IPV6 ? AF_INET6 : AF_UNIX;
}

int csystem_listen(
    const struct csystem_address *address, const struct csystem_listen_options *options, int *step) {
    const int on = 1;
    *step = 1;
    int descriptor = socket(family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    if (address->kind != CSYSTEM_UNIX) {
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (options->reuse_port) setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        // Accepted sockets inherit it, which saves a call for each of them.
        setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (address->kind == CSYSTEM_IPV6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (options->send_buffer > 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &options->send_buffer, sizeof options->send_buffer);
    if (options->receive_buffer > 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_RCVBUF, &options->receive_buffer, sizeof options->receive_buffer);

    struct sockaddr_storage storage;
    socklen_t length = csystem_address_to_system(address, &storage);
    *step = 2;
    int failed = bind(descriptor, (struct sockaddr *)&storage, length);
    if (failed == 0) {
        *step = 3;
        failed = listen(descriptor, options->backlog);
    }
    if (failed == 0) return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}

int csystem_accept(int listener, struct csystem_address *peer) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    int descriptor = accept4(listener, (struct sockaddr *)&storage, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return -errno;
    csystem_address_from_system(&storage, length, peer);
    return descriptor;
}

int csystem_local_address(int descriptor, struct csystem_address *address) {
    struct sockaddr_storage storage;
    socklen_t length = sizeof storage;
    if (getsockname(descriptor, (struct sockaddr *)&storage, &length) < 0) return -errno;
    csystem_address_from_system(&storage, length, address);
    return 0;
}

int csystem_connect_probe(const struct csystem_address *address) {
    int descriptor = socket(family(address), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    struct sockaddr_storage storage;
    socklen_t length = csystem_address_to_system(address, &storage);
    int answer = result(connect(descriptor, (struct sockaddr *)&storage, length));
    close(descriptor);
    return answer;
}

int csystem_socket_error(int descriptor) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

int csystem_is_socket_file(const char *path) {
    struct stat status;
    if (lstat(path, &status) < 0) return -errno;
    return S_ISSOCK(status.st_mode);
}

ssize_t csystem_read(int descriptor, void *bytes, size_t count) {
    ssize_t done;
    do done = read(descriptor, bytes, count);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

ssize_t csystem_peek(int descriptor, void *bytes, size_t count) {
    ssize_t done;
    do done = recv(descriptor, bytes, count, MSG_PEEK);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

ssize_t csystem_send(int descriptor, const void *bytes, size_t count) {
    ssize_t done;
    do done = send(descriptor, bytes, count, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

ssize_t csystem_send_vectors(int descriptor, const struct iovec *vectors, int count) {
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t done;
    do done = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    return done < 0 ? -errno : done;
}

int csystem_shutdown_writing(int descriptor) { return result(shutdown(descriptor, SHUT_WR)); }

int csystem_open_null(void) { return result(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

int csystem_duplicate(int descriptor) { return result(fcntl(descriptor, F_DUPFD_CLOEXEC, 0)); }

// ── threads and errors ─────────────────────────────────────────────────────────────────────────────────────

void csystem_block_signals(void) {
    sigset_t all;
    sigfillset(&all);
    // These are about the thread itself; blocked, a crash would leave no report.
    const int own[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT};
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
}

void csystem_name_thread(const char *name) {
    char short_name[16];
    snprintf(short_name, sizeof short_name, "%s", name);
    pthread_setname_np(pthread_self(), short_name);
}

void csystem_error_text(int error, char *text, size_t capacity) {
    char scratch[128];
    snprintf(text, capacity, "%s", strerror_r(error, scratch, sizeof scratch));
}

// ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────

void csystem_trim_memory(void) { malloc_trim(0); }

static const size_t mapped_block_size = 256 * 1024;

static size_t whole_pages(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *csystem_block_resize(void *block, size_t capacity, size_t size, size_t kept)
{
    bool was_mapped = block && capacity >= mapped_block_size;
    bool is_mapped = size >= mapped_block_size;
    void *new;
    if (was_mapped && is_mapped) {
        new = mremap(block, whole_pages(capacity), whole_pages(size), MREMAP_MAYMOVE);
        if (new == MAP_FAILED) abort();
        return new;
    }
    if (is_mapped) {
        new = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (new == MAP_FAILED) abort();
    } else {
        new = malloc(size);
        if (!new) abort();
    }
    if (kept > 0) memcpy(new, block, kept);
    csystem_block_free(block, capacity);
    return new;
}

void csystem_block_free(void *block, size_t capacity)
{
    if (!block) return;
    if (capacity >= mapped_block_size)
        munmap(block, whole_pages(capacity));
    else
        free(block);
}

// ── sums ───────────────────────────────────────────────────────────────────────────────────────────────────

static uint32_t crc32c_table[256];

__attribute__((constructor)) static void make_crc32c_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t sum = i;
        for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0x82F63B78u : sum >> 1;
        crc32c_table[i] = sum;
    }
}

static uint32_t crc32c_by_table(uint32_t sum, const uint8_t *bytes, size_t count) {
    while (count--) sum = sum >> 8 ^ crc32c_table[(sum ^ *bytes++) & 0xFF];
    return sum;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t crc32c_by_processor(
    uint32_t sum, const uint8_t *bytes, size_t count) {
    uint64_t wide = sum;
    for (; count >= 8; count -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        wide = _mm_crc32_u64(wide, word);
    }
    sum = (uint32_t)wide;
    while (count--) sum = _mm_crc32_u8(sum, *bytes++);
    return sum;
}
#endif

uint32_t csystem_crc32c(uint32_t sum, const void *bytes, size_t count) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return ~crc32c_by_processor(~sum, bytes, count);
#endif
    return ~crc32c_by_table(~sum, bytes, count);
}

int csystem_inherit_listener(int descriptor, struct csystem_address *address) {
    int listens = 0, type = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return -errno;
    size = sizeof type;
    if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return -errno;
    if (!listens || type != SOCK_STREAM) return -EINVAL;
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
    if (fcntl(descriptor, F_SETFD, FD_CLOEXEC) < 0) return -errno;
    return csystem_local_address(descriptor, address);
}

int csystem_notify(const char *path, const char *text) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t count = strlen(path);
    if (count == 0 || count >= sizeof address.sun_path) return -EINVAL;
    memcpy(address.sun_path, path, count);
    if (path[0] == '@') address.sun_path[0] = 0;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -errno;
    socklen_t size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + count);
    ssize_t sent = sendto(
        descriptor, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *) &address, size);
    int result = sent < 0 ? -errno : 0;
    close(descriptor);
    return result;
}
