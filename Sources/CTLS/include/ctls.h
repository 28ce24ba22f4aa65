// TLS for the server's side of a connection, by OpenSSL, on a non-blocking socket. Everything that OpenSSL offers as a
// macro or wants as a callback is here, so that Swift sees plain functions and opaque pointers.
//
// A context is shared by threads and counts its owners; a session is used by one thread at a time. Functions that fail say
// why in a text, which never holds a password or a key.
#ifndef CTLS_H
#define CTLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct ctls_context ctls_context;
typedef struct ctls_session ctls_session;

/// Bits of `ctls_settings.versions`.
enum { CTLS_VERSION_1_0 = 1, CTLS_VERSION_1_1 = 2, CTLS_VERSION_1_2 = 4, CTLS_VERSION_1_3 = 8 };

/// Whether a client is asked for its certificate: not at all, without being refused for having none, or with.
enum { CTLS_VERIFY_NONE = 0, CTLS_VERIFY_REQUEST = 1, CTLS_VERIFY_REQUIRE = 2 };

/// What a context is made of. Texts may be NULL: nothing is set then.
struct ctls_settings {
    const char *certificate_file;  // PEM: the server's certificate, then those that lead to its authority
    const char *key_file;          // PEM
    const char *key_password;
    const char *ca_file;  // PEM: authorities of clients
    const char *ca_path;  // a directory of them, by hash
    const char *crl_file;  // PEM: certificates that are revoked
    const char *dh_file;   // PEM: parameters; NULL = no Diffie-Hellman in finite fields
    const char *ocsp_file;  // DER: the answer that is stapled
    const char *ciphers;    // OpenSSL's names with colons, of TLS 1.2 and before, and of 1.3 mixed
    const char *curves;     // OpenSSL's names with colons
    const char *session_context;  // sessions of contexts with another text are not resumed
    const char *psk_hint;
    unsigned versions;
    int depth;   // certificates between a client's and its authority's
    int verify;  // CTLS_VERIFY_…
    int uses_psk;
    int uses_kernel;  // let the kernel encrypt where it can
};

/// Makes a context. NULL: it cannot be made, and `error` says why.
ctls_context *ctls_context_new(const struct ctls_settings *settings, char *error, size_t capacity);
void ctls_context_retain(ctls_context *context);
void ctls_context_release(ctls_context *context);
/// Clients that ask for `host` get `other` instead of `context`. `host` may begin with `*.`. Not while the context is used.
int ctls_context_add_host(ctls_context *context, const char *host, ctls_context *other);
/// Adds a pre-shared key. Not while the context is used. 0: no memory, or too long.
int ctls_context_add_psk(
    ctls_context *context, const char *identity, const unsigned char *key, size_t count);
/// The last step before the context is used. Session tickets are sealed with keys that are changed every `seconds`, and
/// accepted for as long again. `from`: another context whose keys are taken over, so that its clients' tickets stay good;
/// NULL = new keys.
int ctls_context_finish(ctls_context *context, const ctls_context *from, unsigned seconds);
/// When the certificate ends, in seconds since 1970; 0 = there is none.
int64_t ctls_context_expiry(const ctls_context *context);

/// The server's side of a connection on `descriptor`, which stays the caller's. NULL: no memory.
ctls_session *ctls_session_new(ctls_context *context, int descriptor);
void ctls_session_free(ctls_session *session);

/// What `ctls_handshake` found.
enum { CTLS_DONE = 0, CTLS_WANTS_READING = 1, CTLS_WANTS_WRITING = 2, CTLS_FAILED = 3 };
int ctls_handshake(ctls_session *session);

/// Reads decrypted bytes: as many as there are, at most `count`.
///
/// > 0: bytes. 0: the peer has ended its side. -EAGAIN: none now; see `ctls_wants_writing`. -EPROTO: the stream is broken,
/// and `ctls_failure` says how. Else a negative errno.
ssize_t ctls_read(ctls_session *session, void *bytes, size_t count);
/// 1 when bytes are in the library that the socket will not announce.
int ctls_has_input(const ctls_session *session);
/// 1 when the read that could not go on waits for the socket to take bytes.
int ctls_wants_writing(const ctls_session *session);
/// Encrypts and sends. > 0: bytes that were taken. -EAGAIN: none; offer at least the same bytes again. Else a negative errno.
ssize_t ctls_write(ctls_session *session, const void *bytes, size_t count);
/// Tells the peer that nothing more comes.
void ctls_close(ctls_session *session);

/// Why a handshake or a stream failed.
enum ctls_failure {
    CTLS_FAILURE_NONE = 0,
    CTLS_FAILURE_CLOSED,           // the peer ended the connection
    CTLS_FAILURE_IO,               // the connection broke
    CTLS_FAILURE_NOT_TLS,          // what came is not TLS
    CTLS_FAILURE_VERSION,          // no version that both speak
    CTLS_FAILURE_CIPHER,           // no cipher, curve or signature that both know
    CTLS_FAILURE_NO_CERTIFICATE,   // the client has none
    CTLS_FAILURE_EXPIRED,          // its certificate has ended
    CTLS_FAILURE_NOT_YET_VALID,    // or not begun
    CTLS_FAILURE_REVOKED,
    CTLS_FAILURE_UNKNOWN_CA,       // nobody trusted signed it
    CTLS_FAILURE_SELF_SIGNED,
    CTLS_FAILURE_CHAIN,            // too long a way to its authority
    CTLS_FAILURE_CERTIFICATE,      // it is bad in another way, or not for clients
    CTLS_FAILURE_PSK,              // unknown identity, or another key
    CTLS_FAILURE_ALERT,            // the client did not like ours
    CTLS_FAILURE_ALPN,             // it speaks another protocol
    CTLS_FAILURE_PROTOCOL          // anything else
};
int ctls_failure(const ctls_session *session);
/// OpenSSL's words for it; never NULL.
const char *ctls_failure_text(const ctls_session *session);

// What is known after the handshake. Texts are the session's; never NULL.
const char *ctls_version(const ctls_session *session);  // "TLSv1.3"
const char *ctls_cipher(const ctls_session *session);
const char *ctls_server_name(const ctls_session *session);
const char *ctls_psk_identity(const ctls_session *session);
int ctls_was_resumed(const ctls_session *session);
/// 1: encrypted by the kernel, for sending.
int ctls_uses_kernel(const ctls_session *session);
/// 1 when the peer has shown a certificate that was verified.
int ctls_has_certificate(const ctls_session *session);
/// The first common name of the peer's certificate, as UTF-8: its length, or -1 when there is none or it does not fit.
int ctls_common_name(const ctls_session *session, char *text, size_t capacity);
/// The peer's certificate as DER: its length, or -1; `bytes` NULL asks for the length alone.
int ctls_certificate(const ctls_session *session, unsigned char *bytes, size_t capacity);

#endif
