// libmicrohttpd, and the calls of it that Swift cannot make because they take a variable number of arguments.
#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include "tls.h"

typedef void *(*CMicroHTTPDTargetCallback)(void *context, const char *target, struct MHD_Connection *connection);

// What every callback gets as its context, and the callbacks.
struct CMicroHTTPDCallbacks {
    void *context;
    MHD_AccessHandlerCallback progress;
    CMicroHTTPDTargetCallback target;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

// Texts in PEM; the library reads them while it starts. `certificate` NULL: no TLS. The others may be NULL too.
struct CMicroHTTPDTLS {
    const char *certificate;
    const char *key;
    const char *keyPassword;
    const char *authority;
};

// Serves the listening socket on one thread of the library's own. NULL when that fails; errno may say why. The library's
// own timeout is off: it begins anew with each byte.
static inline struct MHD_Daemon *cmicrohttpd_start(
    int listeningSocket, size_t connectionMemory, unsigned int connections, struct CMicroHTTPDTLS tls,
    struct CMicroHTTPDCallbacks callbacks)
{
    struct MHD_OptionItem more[6];
    int count = 0;
    if (tls.certificate) {
        more[count++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) tls.certificate};
        more[count++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) tls.key};
        more[count++] = (struct MHD_OptionItem) {
            MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"};
        if (tls.keyPassword)
            more[count++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_KEY_PASSWORD, 0, (void *) tls.keyPassword};
        if (tls.authority)
            more[count++] = (struct MHD_OptionItem) {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *) tls.authority};
    }
    more[count] = (struct MHD_OptionItem) {MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | (tls.certificate ? MHD_USE_TLS : 0), 0,
        NULL, NULL,
        callbacks.progress, callbacks.context,
        MHD_OPTION_LISTEN_SOCKET, listeningSocket,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, connectionMemory,
        MHD_OPTION_CONNECTION_LIMIT, connections,
        MHD_OPTION_CONNECTION_TIMEOUT, 0u,
        MHD_OPTION_URI_LOG_CALLBACK, callbacks.target, callbacks.context,
        MHD_OPTION_NOTIFY_COMPLETED, callbacks.completed, callbacks.context,
        MHD_OPTION_NOTIFY_CONNECTION, callbacks.connection, callbacks.context,
        MHD_OPTION_ARRAY, more,
        MHD_OPTION_END);
}

// Connections that the library has not closed yet.
static inline unsigned int cmicrohttpd_connections(struct MHD_Daemon *daemon)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
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

// An answer without chunks that ends its connection: after HEAD the library would send the end of the chunks.
static inline void cmicrohttpd_without_chunks(struct MHD_Response *response)
{
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

// Writes the peer's address as text, an IPv4 one without IPv6's words before it. Returns the port; 0 when there is none.
static inline unsigned short cmicrohttpd_peer(struct MHD_Connection *connection, char text[INET6_ADDRSTRLEN])
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    unsigned char address[16];
    cmicrohttpd_address(connection, address);
    if (memcmp(address, mapped, sizeof mapped) == 0)
        inet_ntop(AF_INET, address + 12, text, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return 0;
    if (info->client_addr->sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *) info->client_addr)->sin6_port);
    if (info->client_addr->sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *) info->client_addr)->sin_port);
    return 0;
}

// The status code of the answer that was queued; 0 when there is none.
static inline unsigned int cmicrohttpd_status(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? info->http_status : 0;
}
#endif
