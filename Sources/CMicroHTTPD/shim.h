// libmicrohttpd, and the calls of it that Swift cannot make because they take a variable number of arguments.
#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>

typedef void *(*CMicroHTTPDTargetCallback)(void *context, const char *target, struct MHD_Connection *connection);

// What every callback gets as its context, and the callbacks.
struct CMicroHTTPDCallbacks {
    void *context;
    MHD_AccessHandlerCallback progress;
    CMicroHTTPDTargetCallback target;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

// Serves the listening socket on one thread of the library's own. NULL when that fails; errno may say why. The library's
// own timeout is off: it begins anew with each byte.
static inline struct MHD_Daemon *cmicrohttpd_start(
    int listeningSocket, size_t connectionMemory, unsigned int connections, struct CMicroHTTPDCallbacks callbacks)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0,
        NULL, NULL,
        callbacks.progress, callbacks.context,
        MHD_OPTION_LISTEN_SOCKET, listeningSocket,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, connectionMemory,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_URI_LOG_CALLBACK, callbacks.target, callbacks.context,
        MHD_OPTION_NOTIFY_COMPLETED, callbacks.completed, callbacks.context,
        MHD_OPTION_NOTIFY_CONNECTION, callbacks.connection, callbacks.context,
        MHD_OPTION_END);
}

// The connection's socket; -1 when the library does not tell.
static inline int cmicrohttpd_descriptor(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? (int) info->connect_fd : -1;
}

// Writes the peer's address without its port, 16 bytes; an IPv4 one as IPv6 has it.
static inline void cmicrohttpd_address(struct MHD_Connection *connection, unsigned char address[16])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    for (int i = 0; i < 16; i++) address[i] = 0;
    if (!info || !info->client_addr) return;
    if (info->client_addr->sa_family == AF_INET6) {
        const unsigned char *bytes = ((const struct sockaddr_in6 *) info->client_addr)->sin6_addr.s6_addr;
        for (int i = 0; i < 16; i++) address[i] = bytes[i];
    } else if (info->client_addr->sa_family == AF_INET) {
        const unsigned char *bytes = (const unsigned char *) &((const struct sockaddr_in *) info->client_addr)->sin_addr;
        address[10] = address[11] = 0xFF;
        for (int i = 0; i < 4; i++) address[12 + i] = bytes[i];
    }
}

// The status code of the answer that was queued; 0 when there is none.
static inline unsigned int cmicrohttpd_status(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? info->http_status : 0;
}
#endif
