// In a file of its own: the kernel's header and the C library's both define struct tcp_info, and only the kernel's is whole.
#include "csystem.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

// The state of a listening socket in the kernel's net/tcp_states.h.
enum { LISTENING = 10 };

uint64_t csystem_bytes_received(int descriptor) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return 0;
    return info.tcpi_bytes_received;
}

uint32_t csystem_waiting_clients(int descriptor) {
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_state != LISTENING) return 0;
    return info.tcpi_unacked;  // for a listening socket the length of its backlog, net/ipv4/tcp.c
}
