// libcurl, and the calls of it that Swift cannot make because they take a variable number of arguments.
#ifndef CCURL_SHIM_H
#define CCURL_SHIM_H
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <string.h>

// One request. Texts are copied by the library, the list and the buffer are not: they must live as long as the handle.
struct CCurlRequest {
    const char *url;
    const char *socketPath;  // NULL: the host of the URL
    const char *user;        // for basic authentication; NULL: none
    const char *authorities; // a file of certificates to trust; NULL: those of the system
    const char *userAgent;
    struct curl_slist *headers;
    int isPost;              // with an empty body
    long connectMilliseconds;
    char *errorText;         // of CURL_ERROR_SIZE bytes
};

// Prepares a handle for the request. Certificates are verified, redirects are not followed, and signals are left alone.
static inline CURLcode ccurl_prepare(
    CURL *handle, const struct CCurlRequest *request, curl_write_callback receive, void *context)
{
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, request->url);
#define CCURL_SET(option, value) if (code == CURLE_OK) code = curl_easy_setopt(handle, option, value)
    CCURL_SET(CURLOPT_ERRORBUFFER, request->errorText);
    CCURL_SET(CURLOPT_NOSIGNAL, 1L);
    CCURL_SET(CURLOPT_PROTOCOLS_STR, "http,https");
    CCURL_SET(CURLOPT_USERAGENT, request->userAgent);
    CCURL_SET(CURLOPT_HTTPHEADER, request->headers);
    CCURL_SET(CURLOPT_CONNECTTIMEOUT_MS, request->connectMilliseconds);
    CCURL_SET(CURLOPT_WRITEFUNCTION, receive);
    CCURL_SET(CURLOPT_WRITEDATA, context);
    if (request->socketPath) {
        CCURL_SET(CURLOPT_UNIX_SOCKET_PATH, request->socketPath);
        CCURL_SET(CURLOPT_PROXY, "");
    }
    if (request->user) {
        CCURL_SET(CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
        CCURL_SET(CURLOPT_USERNAME, request->user);
        CCURL_SET(CURLOPT_PASSWORD, "");
    }
    if (request->authorities) CCURL_SET(CURLOPT_CAINFO, request->authorities);
    if (request->isPost) {
        CCURL_SET(CURLOPT_POST, 1L);
        CCURL_SET(CURLOPT_POSTFIELDS, "");
        CCURL_SET(CURLOPT_POSTFIELDSIZE, 0L);
    }
#undef CCURL_SET
    return code;
}

// A body to be posted and how its answer is taken. Texts are copied by the library; headers, body and buffer are not: they
// must live as long as the transfer.
struct CCurlPost {
    const char *url;
    const char *authorities; // a file of certificates to trust; NULL: those of the system
    const char *userAgent;
    struct curl_slist *headers;
    const void *body;
    size_t bodySize;
    long connectMilliseconds;
    long totalMilliseconds;  // for all of it
    char *errorText;         // of CURL_ERROR_SIZE bytes
};

// Prepares a handle, maybe used before, for a post over HTTP/1.1. Certificates are verified, redirects are not followed,
// and signals are left alone. `receive` gets the body, `receiveHeader` each line of the head, with the same context.
static inline CURLcode ccurl_prepare_post(
    CURL *handle, const struct CCurlPost *post, curl_write_callback receive, curl_write_callback receiveHeader,
    void *context)
{
    curl_easy_reset(handle);
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, post->url);
#define CCURL_SET(option, value) if (code == CURLE_OK) code = curl_easy_setopt(handle, option, value)
    CCURL_SET(CURLOPT_ERRORBUFFER, post->errorText);
    CCURL_SET(CURLOPT_NOSIGNAL, 1L);
    CCURL_SET(CURLOPT_PROTOCOLS_STR, "http,https");
    CCURL_SET(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    CCURL_SET(CURLOPT_USERAGENT, post->userAgent);
    CCURL_SET(CURLOPT_HTTPHEADER, post->headers);
    CCURL_SET(CURLOPT_CONNECTTIMEOUT_MS, post->connectMilliseconds);
    CCURL_SET(CURLOPT_TIMEOUT_MS, post->totalMilliseconds);
    CCURL_SET(CURLOPT_WRITEFUNCTION, receive);
    CCURL_SET(CURLOPT_WRITEDATA, context);
    CCURL_SET(CURLOPT_HEADERFUNCTION, receiveHeader);
    CCURL_SET(CURLOPT_HEADERDATA, context);
    CCURL_SET(CURLOPT_POST, 1L);
    CCURL_SET(CURLOPT_POSTFIELDS, post->body);
    CCURL_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) post->bodySize);
    if (post->authorities) CCURL_SET(CURLOPT_CAINFO, post->authorities);
#if CURL_AT_LEAST_VERSION(7, 87, 0)
    // A lookup that takes long holds up neither the end of the transfer nor that of the process.
    CCURL_SET(CURLOPT_QUICK_EXIT, 1L);
#endif
#undef CCURL_SET
    return code;
}

// One connection is kept for the next transfer.
static inline void ccurl_keep_one_connection(CURLM *set)
{
    curl_multi_setopt(set, CURLMOPT_MAXCONNECTS, 1L);
}

// Whether the name of the host was still being looked up.
static inline int ccurl_is_looking_up(CURL *handle)
{
    curl_off_t microseconds = 0;
    return curl_easy_getinfo(handle, CURLINFO_NAMELOOKUP_TIME_T, &microseconds) == CURLE_OK && microseconds == 0;
}

// Seconds that the server asks to wait, whether it names them or a date; 0 when it does not ask.
static inline long long ccurl_retry_after(CURL *handle)
{
    curl_off_t seconds = 0;
    return curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK ? (long long) seconds : 0;
}

// The status of the answer so far; 0 when there is none.
static inline long ccurl_status(CURL *handle)
{
    long status = 0;
    return curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

// The content type of the answer; NULL when it has none. Valid until the handle is used again.
static inline const char *ccurl_content_type(CURL *handle)
{
    char *type = NULL;
    return curl_easy_getinfo(handle, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK ? type : NULL;
}

// Whether a transfer of the set has ended, and how.
static inline int ccurl_ended(CURLM *set, CURLcode *code)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(set, &left))) {
        if (message->msg != CURLMSG_DONE) continue;
        *code = message->data.result;
        return 1;
    }
    return 0;
}
#endif
