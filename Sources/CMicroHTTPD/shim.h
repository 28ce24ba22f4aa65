// libmicrohttpd, and the calls of it that Swift cannot make because they take a variable number of arguments.
#ifndef CMICROHTTPD_SHIM_H
#define CMICROHTTPD_SHIM_H
#include <microhttpd.h>

typedef void *(*CMicroHTTPDTargetCallback)(void *context, const char *target, struct MHD_Connection *connection);

// What every callback gets as its context, and the callbacks.
struct CMicroHTTPDCallbacks {
    void *context;
    MHD_AcceptPolicyCallback accept;
    MHD_AccessHandlerCallback progress;
    CMicroHTTPDTargetCallback target;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
};

struct CMicroHTTPDLimits {
    size_t connectionMemory;
    unsigned int connections;
    unsigned int idleSeconds;
    unsigned int threads;
};

// Serves the listening socket on threads of the library's own. NULL when that fails; errno may say why.
static inline struct MHD_Daemon *cmicrohttpd_start(
    int listeningSocket, struct CMicroHTTPDLimits limits, struct CMicroHTTPDCallbacks callbacks)
{
    struct MHD_OptionItem pool[] = {
        // One thread is the default; asking for a pool of one is an error.
        { limits.threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t) limits.threads, NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0,
        callbacks.accept, callbacks.context,
        callbacks.progress, callbacks.context,
        MHD_OPTION_LISTEN_SOCKET, listeningSocket,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.connectionMemory,
        MHD_OPTION_CONNECTION_LIMIT, limits.connections,
        MHD_OPTION_CONNECTION_TIMEOUT, limits.idleSeconds,
        MHD_OPTION_URI_LOG_CALLBACK, callbacks.target, callbacks.context,
        MHD_OPTION_NOTIFY_COMPLETED, callbacks.completed, callbacks.context,
        MHD_OPTION_NOTIFY_CONNECTION, callbacks.connection, callbacks.context,
        MHD_OPTION_ARRAY, pool,
        MHD_OPTION_END);
}

// The connection's socket; -1 when the library does not tell.
static inline int cmicrohttpd_descriptor(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? (int) info->connect_fd : -1;
}

// The status code of the answer that was queued; 0 when there is none.
static inline unsigned int cmicrohttpd_status(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? info->http_status : 0;
}
#endif
