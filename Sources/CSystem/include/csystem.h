// The parts of Linux that Swift cannot import or would need errno, unions or variadic calls for. Every
// function that can fail returns a negative errno value, so no caller reads `errno` after the fact.
#ifndef CSYSTEM_H
#define CSYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

// ── epoll ──────────────────────────────────────────────────────────────────────────────────────────────────

static const uint32_t CSYSTEM_READABLE = 0x001;  // EPOLLIN
static const uint32_t CSYSTEM_WRITABLE = 0x004;  // EPOLLOUT
static const uint32_t CSYSTEM_ERROR = 0x008;     // EPOLLERR, always reported
static const uint32_t CSYSTEM_HANGUP = 0x010;    // EPOLLHUP, always reported
/// EPOLLEXCLUSIVE: of several loops that wait for one socket, few are woken. Only with `csystem_epoll_add`.
static const uint32_t CSYSTEM_EXCLUSIVE = 1u << 28;
/// EPOLLET: report changes only.
static const uint32_t CSYSTEM_EDGE = 1u << 31;

int csystem_epoll_create(void);
int csystem_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t token);
int csystem_epoll_modify(int epoll, int descriptor, uint32_t events, uint64_t token);
int csystem_epoll_remove(int epoll, int descriptor);
/// Waits for at most `capacity` events. `milliseconds` -1 = for ever. A signal ends the wait with 0 events.
int csystem_epoll_wait(int epoll, void *events, int capacity, int milliseconds);
/// The memory that one event takes in the array given to `csystem_epoll_wait`.
size_t csystem_epoll_event_size(void);
uint32_t csystem_epoll_event_flags(const void *events, int index);
uint64_t csystem_epoll_event_token(const void *events, int index);

int csystem_eventfd_create(void);
/// Makes the descriptor readable. Never blocks.
void csystem_eventfd_signal(int descriptor);

// ── addresses and sockets ──────────────────────────────────────────────────────────────────────────────────

enum { CSYSTEM_UNKNOWN = 0, CSYSTEM_UNIX = 1, CSYSTEM_IPV4 = 4, CSYSTEM_IPV6 = 6 };

/// An address without a union. `high` and `low` hold the 16 bytes of an IPv6 address, most significant first;
/// IPv4 lies in `low`.
struct csystem_address {
    uint64_t high;
    uint64_t low;
    uint32_t scope;
    uint16_t port;
    uint8_t kind;
    char path[108];
};

/// 1 when `text` is an IPv4 or IPv6 address (`fe80::1%eth0` too), else 0.
int csystem_address_parse(const char *text, struct csystem_address *address);
/// The text of an IPv6 address, ended by 0.
void csystem_address_text(uint64_t high, uint64_t low, char *text, size_t capacity);

struct csystem_listen_options {
    int backlog;
    int reuse_port;      // SO_REUSEPORT
    int send_buffer;     // SO_SNDBUF, 0 = the system's
    int receive_buffer;  // SO_RCVBUF, 0 = the system's
};
/// A non-blocking listening socket. `step` tells which call failed: 1 socket, 2 bind, 3 listen.
int csystem_listen(
    const struct csystem_address *address, const struct csystem_listen_options *options, int *step);
/// A non-blocking connected socket and where it comes from.
int csystem_accept(int listener, struct csystem_address *peer);
int csystem_local_address(int descriptor, struct csystem_address *address);
/// 0 when somebody accepts connections at `address`.
int csystem_connect_probe(const struct csystem_address *address);
/// The socket's pending error (0 = none), which it clears.
int csystem_socket_error(int descriptor);
/// 1 when `path` is a socket, 0 when not, negative when it cannot be looked at.
int csystem_is_socket_file(const char *path);

/// These go on after a signal.
ssize_t csystem_read(int descriptor, void *bytes, size_t count);
/// Reads what stays in the socket.
ssize_t csystem_peek(int descriptor, void *bytes, size_t count);
ssize_t csystem_send(int descriptor, const void *bytes, size_t count);
ssize_t csystem_send_vectors(int descriptor, const struct iovec *vectors, int count);
/// Tells the peer that nothing more will come; what was sent still arrives.
int csystem_shutdown_writing(int descriptor);
/// Bytes that have come in on a TCP socket since it was opened, those included that nobody has read; 0 when unknown.
uint64_t csystem_bytes_received(int descriptor);

// Clients that wait in the backlog of a listening socket; 0 for any other.
uint32_t csystem_waiting_clients(int descriptor);
/// Bytes that were written to a socket and that the peer has not acknowledged, or read on a Unix socket; 0 when unknown.
int64_t csystem_bytes_unsent(int descriptor);
/// 1 when the peer sends no more, or has gone. Takes nothing from the socket and does not wait.
int csystem_has_hung_up(int descriptor);
/// A non-blocking listening Unix socket whose file has just these permissions from its first moment. `step` as for
/// csystem_listen. What could not listen leaves no file.
int csystem_local_listen(const char *path, uint32_t permissions, int backlog, int *step);
/// 0 when somebody accepts connections on the Unix socket at `path`, -ECONNREFUSED when nobody does any more.
int csystem_local_probe(const char *path);
/// Who opened the connection of a Unix socket.
int csystem_peer_credentials(int descriptor, uint32_t *user, uint32_t *group, int32_t *process);
/// Looks up the addresses of a host, a name or an address, for TCP; their ports are 0. Waits for name servers: not for
/// a thread that others wait for. Returns how many of them `addresses` got, or a negative value of getaddrinfo.
int csystem_lookup(const char *host, struct csystem_address *addresses, int capacity);
/// What such a value means.
void csystem_lookup_error_text(int error, char *text, size_t capacity);
/// A non-blocking socket that is connecting; it is writable when it is known what came of it. The connection ends when
/// the peer has not acknowledged what was sent for `user_timeout_milliseconds`; 0 = the system's time. `send_buffer` is
/// SO_SNDBUF, of which the kernel makes twice as much; 0 = the system's.
int csystem_connect(const struct csystem_address *address, unsigned user_timeout_milliseconds, int send_buffer);
/// Makes an inherited descriptor the process's own: not blocking, closed at exec. 0, and where it listens, when it is a
/// stream socket that listens.
int csystem_inherit_listener(int descriptor, struct csystem_address *address);
/// Sends a datagram to the Unix socket at `path`; a leading @ stands for the kernel's own name space. Never waits.
int csystem_notify(const char *path, const char *text);
int csystem_open_null(void);
int csystem_duplicate(int descriptor);

// ── threads and errors ─────────────────────────────────────────────────────────────────────────────────────

/// Leaves signals to the other threads.
void csystem_block_signals(void);
/// Names the calling thread, as `top -H` shows it; 15 bytes count.
void csystem_name_thread(const char *name);
/// The text of an errno value, ended by 0.
void csystem_error_text(int error, char *text, size_t capacity);

// ── memory ─────────────────────────────────────────────────────────────────────────────────────────────────

/// A block of `size` bytes, at least 1, that begins with the first `kept` bytes of `block`, which is gone then. From 256 KiB on a
/// block has pages of its own: the system moves them without copying, and gets them back at once.
///
/// `capacity`: the size that `block` was made with; `block` may be NULL. Ends the process when there is no memory.
void *csystem_block_resize(void *block, size_t capacity, size_t size, size_t kept);

/// Frees a block of `csystem_block_resize` that was made with the size `capacity`.
void csystem_block_free(void *block, size_t capacity);

/// Gives free pages of all heaps back to the system. Each heap is locked while it is looked through.
void csystem_trim_memory(void);

// ── sums ───────────────────────────────────────────────────────────────────────────────────────────────────

/// CRC-32C (Castagnoli) of `count` bytes after those that gave `sum`; 0 to begin. By the processor where it can.
uint32_t csystem_crc32c(uint32_t sum, const void *bytes, size_t count);

#endif
