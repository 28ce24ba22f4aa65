#include "ctls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

// ── contexts ───────────────────────────────────────────────────────────────────────────────────────────────

struct host {
    char *name;
    ctls_context *context;
};

struct psk {
    char *identity;
    unsigned char *key;
    size_t count;
};

enum { TICKET_NAME = 16, TICKET_SECRET = 32 };

struct ticket_key {
    unsigned char name[TICKET_NAME];
    unsigned char cipher[TICKET_SECRET];
    unsigned char mac[TICKET_SECRET];
    time_t made;
};

// The keys that seal session tickets: the newest seals, it and the one before open.
struct ticket_keys {
    atomic_int owners;
    pthread_mutex_t lock;
    time_t seconds;
    struct ticket_key keys[2];
};

struct ctls_context {
    atomic_int owners;
    SSL_CTX *ssl;
    struct host *hosts;
    size_t host_count;
    struct psk *psks;
    size_t psk_count;
    struct ticket_keys *tickets;
    unsigned char *ocsp;
    int ocsp_count;
    int64_t expiry;
};

static int session_index = -1;
static BIO_METHOD *socket_method;
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct ctls_session {
    SSL *ssl;
    ctls_context *context;
    char psk_identity[256];
    char failure_text[256];
    int failure;
    // The last read of the socket took all there was.
    unsigned char is_drained;
    // Reading waits for the socket: to bring bytes, or to take some.
    unsigned char waits_for_input;
    unsigned char waits_for_output;
    unsigned char is_established;
    unsigned char is_broken;
    // Reads of the socket that this call may still make: the library goes on by itself over messages that are none of ours.
    unsigned reads_left;
    unsigned chatter;
};

static int (*read_socket)(BIO *, char *, int);

// As the library's own, but it is known whether the socket has more.
static int read_noting(BIO *bio, char *bytes, int count)
{
    ctls_session *session = BIO_get_ex_data(bio, session_index);
    if (session && session->reads_left == 0) {
        // The socket is asked again when epoll tells of it, in another turn.
        BIO_clear_retry_flags(bio);
        BIO_set_retry_read(bio);
        session->is_drained = 1;
        return -1;
    }
    if (session) session->reads_left--;
    int result = read_socket(bio, bytes, count);
    if (session) session->is_drained = result < count;
    return result;
}

static void prepare(void)
{
    OPENSSL_init_ssl(0, NULL);
    // The library writes with write(2), which knows no MSG_NOSIGNAL.
    signal(SIGPIPE, SIG_IGN);
    session_index = BIO_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    const BIO_METHOD *plain = BIO_s_socket();
    read_socket = BIO_meth_get_read(plain);
    // Its own type number would lose what the library does for sockets alone.
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    if (!method || !read_socket) return;
    BIO_meth_set_write(method, BIO_meth_get_write(plain));
    BIO_meth_set_read(method, read_noting);
    BIO_meth_set_puts(method, BIO_meth_get_puts(plain));
    BIO_meth_set_gets(method, BIO_meth_get_gets(plain));
    BIO_meth_set_ctrl(method, BIO_meth_get_ctrl(plain));
    BIO_meth_set_create(method, BIO_meth_get_create(plain));
    BIO_meth_set_destroy(method, BIO_meth_get_destroy(plain));
    socket_method = method;
}

static const char *library_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    // Errors of the system have no text of the library's.
    if (!text && code && ERR_SYSTEM_ERROR(code)) text = strerror(ERR_GET_REASON(code));
    return text ? text : "no reason given";
}

static void *fail(char *error, size_t capacity, const char *what, const char *value)
{
    if (value)
        snprintf(error, capacity, "%s %s: %s", what, value, library_reason());
    else
        snprintf(error, capacity, "%s: %s", what, library_reason());
    ERR_clear_error();
    return NULL;
}

static int give_password(char *buffer, int size, int is_writing, void *password)
{
    (void) is_writing;
    if (!password) return -1;
    size_t count = strlen(password);
    if (count > (size_t) size) return -1;
    memcpy(buffer, password, count);
    return (int) count;
}

static void ticket_keys_release(struct ticket_keys *keys)
{
    if (!keys || atomic_fetch_sub(&keys->owners, 1) > 1) return;
    pthread_mutex_destroy(&keys->lock);
    OPENSSL_cleanse(keys, sizeof *keys);
    free(keys);
}

void ctls_context_retain(ctls_context *context) { atomic_fetch_add(&context->owners, 1); }

void ctls_context_release(ctls_context *context)
{
    if (!context || atomic_fetch_sub(&context->owners, 1) > 1) return;
    SSL_CTX_free(context->ssl);
    for (size_t index = 0; index < context->host_count; index++) {
        free(context->hosts[index].name);
        ctls_context_release(context->hosts[index].context);
    }
    free(context->hosts);
    for (size_t index = 0; index < context->psk_count; index++) {
        free(context->psks[index].identity);
        OPENSSL_cleanse(context->psks[index].key, context->psks[index].count);
        free(context->psks[index].key);
    }
    free(context->psks);
    ticket_keys_release(context->tickets);
    OPENSSL_free(context->ocsp);
    free(context);
}

// ── callbacks ──────────────────────────────────────────────────────────────────────────────────────────────

static int matches_host(const char *pattern, const char *host)
{
    if (strcasecmp(pattern, host) == 0) return 1;
    if (pattern[0] != '*' || pattern[1] != '.') return 0;
    // The star stands for one label.
    const char *rest = strchr(host, '.');
    return rest && rest != host && strcasecmp(pattern + 1, rest) == 0;
}

static int choose_host(SSL *ssl, int *alert, void *argument)
{
    (void) alert;
    ctls_context *context = argument;
    const char *host = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!host) return SSL_TLSEXT_ERR_NOACK;
    for (size_t index = 0; index < context->host_count; index++) {
        if (!matches_host(context->hosts[index].name, host)) continue;
        SSL_set_SSL_CTX(ssl, context->hosts[index].context->ssl);
        return SSL_TLSEXT_ERR_OK;
    }
    return context->host_count > 0 ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_OK;
}

static int choose_protocol(
    SSL *ssl, const unsigned char **out, unsigned char *out_count, const unsigned char *in,
    unsigned in_count, void *argument)
{
    // Browsers offer HTTP for WebSocket; a client that offers none is not asked here at all.
    (void) ssl, (void) argument;
    static const unsigned char known[] = "\x04mqtt\x08http/1.1";
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_count, known, sizeof known - 1, in, in_count)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int staple(SSL *ssl, void *argument)
{
    ctls_context *context = argument;
    if (context->ocsp_count == 0) return SSL_TLSEXT_ERR_NOACK;
    unsigned char *copy = OPENSSL_memdup(context->ocsp, (size_t) context->ocsp_count);
    if (!copy) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, context->ocsp_count);
    return SSL_TLSEXT_ERR_OK;
}

static int compare_psk(const void *left, const void *right)
{
    return strcmp(((const struct psk *) left)->identity, ((const struct psk *) right)->identity);
}

static const struct psk *search_psk(SSL *ssl, const char *identity)
{
    ctls_session *session = SSL_get_app_data(ssl);
    // The context of the session, not that of the host that was asked for.
    ctls_context *context = session ? session->context : NULL;
    if (!context || !identity || context->psk_count == 0) return NULL;
    struct psk wanted = {.identity = (char *) identity};
    return bsearch(&wanted, context->psks, context->psk_count, sizeof wanted, compare_psk);
}

// TLS 1.2: the library keeps the identity in the session, and in its ticket.
static unsigned find_psk(SSL *ssl, const char *identity, unsigned char *key, unsigned capacity)
{
    // TLS 1.3 asks here before it knows whether the key is used at all.
    if (SSL_version(ssl) >= TLS1_3_VERSION) return 0;
    const struct psk *found = search_psk(ssl, identity);
    if (!found || found->count > capacity) {
        ctls_session *session = SSL_get_app_data(ssl);
        if (session) session->failure = CTLS_FAILURE_PSK;
        return 0;
    }
    memcpy(key, found->key, found->count);
    return (unsigned) found->count;
}

// TLS 1.3: the identity is in the session that becomes the connection's only when its key was proved.
static int find_psk_session(SSL *ssl, const unsigned char *bytes, size_t count, SSL_SESSION **session)
{
    *session = NULL;
    char identity[256];
    if (count >= sizeof identity || memchr(bytes, 0, count)) return 1;
    memcpy(identity, bytes, count);
    identity[count] = 0;
    const struct psk *found = search_psk(ssl, identity);
    if (!found) return 1;
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, (const unsigned char[]) {0x13, 0x01});
    SSL_SESSION *new = SSL_SESSION_new();
    if (!new || !cipher || SSL_SESSION_set1_master_key(new, found->key, found->count) != 1
        || SSL_SESSION_set_cipher(new, cipher) != 1
        || SSL_SESSION_set_protocol_version(new, TLS1_3_VERSION) != 1
        || SSL_SESSION_set1_ticket_appdata(new, identity, count) != 1) {
        SSL_SESSION_free(new);
        return 0;
    }
    *session = new;
    return 1;
}

static int make_ticket_key(struct ticket_key *key)
{
    key->made = time(NULL);
    return RAND_bytes(key->name, sizeof key->name) == 1
        && RAND_priv_bytes(key->cipher, sizeof key->cipher) == 1
        && RAND_priv_bytes(key->mac, sizeof key->mac) == 1;
}

static int use_ticket_key(
    const struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int is_sealing)
{
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *) key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return 0;
    return is_sealing ? EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv)
                      : EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv);
}

static int seal_ticket(
    SSL *ssl, unsigned char name[TICKET_NAME], unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
    int is_sealing)
{
    ctls_session *session = SSL_get_app_data(ssl);
    struct ticket_keys *keys = session ? session->context->tickets : NULL;
    if (!keys) return 0;
    time_t now = time(NULL);
    int result = 0;
    pthread_mutex_lock(&keys->lock);
    time_t age = now - keys->keys[0].made;
    if (age < 0 || age >= keys->seconds) {
        struct ticket_key before = keys->keys[0];
        if (make_ticket_key(&keys->keys[0])) {
            keys->keys[1] = before;
        } else {
            keys->keys[0] = before;
        }
        OPENSSL_cleanse(&before, sizeof before);
    }
    if (is_sealing) {
        memcpy(name, keys->keys[0].name, TICKET_NAME);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1
            && use_ticket_key(&keys->keys[0], iv, cipher, mac, 1))
            result = 1;
    } else {
        for (int index = 0; index < 2 && result == 0; index++) {
            const struct ticket_key *key = &keys->keys[index];
            time_t old = now - key->made;
            if (memcmp(name, key->name, TICKET_NAME) != 0 || old < 0 || old >= 2 * keys->seconds) continue;
            // 2: good, but the client gets a new one.
            if (use_ticket_key(key, iv, cipher, mac, 0))
                result = index == 0 && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
        }
    }
    pthread_mutex_unlock(&keys->lock);
    return result;
}

// Looks at each certificate of a client's chain once more.
static int verify_certificate(int is_fine, X509_STORE_CTX *store)
{
    if (!is_fine) {
        // A list says who is revoked; that there is none of an authority, or an old one, says nothing of its clients.
        int error = X509_STORE_CTX_get_error(store);
        if (error != X509_V_ERR_UNABLE_TO_GET_CRL && error != X509_V_ERR_CRL_HAS_EXPIRED) return 0;
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    // A certificate that signed itself proves nothing, even when somebody put it among the authorities.
    if (X509_STORE_CTX_get_error_depth(store) != 0) return 1;
    X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    if (certificate && X509_get_extension_flags(certificate) & EXFLAG_SS) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
        return 0;
    }
    return 1;
}

// ── making a context ───────────────────────────────────────────────────────────────────────────────────────

// A ticket keeps no certificate alive.
static SSL_TICKET_RETURN look_at_ticket(
    SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t count, SSL_TICKET_STATUS status, void *argument)
{
    (void) ssl, (void) name, (void) count, (void) argument;
    X509 *certificate = session ? SSL_SESSION_get0_peer(session) : NULL;
    if (certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    switch (status) {
    case SSL_TICKET_SUCCESS: return SSL_TICKET_RETURN_USE;
    case SSL_TICKET_SUCCESS_RENEW: return SSL_TICKET_RETURN_USE_RENEW;
    default: return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
}

static int load_crls(SSL_CTX *ssl, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file) return 0;
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);
    int count = 0;
    X509_CRL *crl;
    while ((crl = PEM_read_bio_X509_CRL(file, NULL, give_password, NULL))) {
        if (X509_STORE_add_crl(store, crl) != 1) {
            X509_CRL_free(crl);
            BIO_free(file);
            return 0;
        }
        X509_CRL_free(crl);
        count++;
    }
    BIO_free(file);
    if (count == 0) return 0;
    ERR_clear_error();
    // The leaf alone: authorities rarely publish lists for those above them.
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return 1;
}

static int load_ocsp(ctls_context *context, const char *path)
{
    BIO *file = BIO_new_file(path, "rb");
    if (!file) return 0;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE_bio(file, NULL);
    BIO_free(file);
    if (!response) return 0;
    context->ocsp_count = i2d_OCSP_RESPONSE(response, &context->ocsp);
    OCSP_RESPONSE_free(response);
    return context->ocsp_count > 0;
}

static int load_dh(SSL_CTX *ssl, const char *path)
{
    BIO *file = BIO_new_file(path, "r");
    if (!file) return 0;
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *decoder = OSSL_DECODER_CTX_new_for_pkey(
        &key, "PEM", NULL, "DH", OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, NULL, NULL);
    int is_read = decoder && OSSL_DECODER_from_bio(decoder, file) == 1 && key;
    OSSL_DECODER_CTX_free(decoder);
    BIO_free(file);
    if (!is_read) return 0;
    if (SSL_CTX_set0_tmp_dh_pkey(ssl, key) == 1) return 1;
    EVP_PKEY_free(key);
    return 0;
}

// Names of TLS 1.3 have a list of their own in the library, and users have one setting.
static int set_ciphers(SSL_CTX *ssl, const char *names)
{
    size_t count = strlen(names);
    char *old = calloc(2, count + 2), *copy = strdup(names), *rest = NULL;
    if (!old || !copy) {
        free(old), free(copy);
        return 0;
    }
    char *new = old + count + 2;
    for (char *name = strtok_r(copy, ": ,", &rest); name; name = strtok_r(NULL, ": ,", &rest)) {
        char *list = strncmp(name, "TLS_", 4) == 0 ? new : old;
        if (*list) strcat(list, ":");
        strcat(list, name);
    }
    int is_set = (!*old || SSL_CTX_set_cipher_list(ssl, old) == 1)
        && (!*new || SSL_CTX_set_ciphersuites(ssl, new) == 1);
    free(old), free(copy);
    return is_set;
}

static void set_versions(SSL_CTX *ssl, unsigned versions)
{
    static const struct { unsigned bit; int version; uint64_t off; } all[] = {
        {CTLS_VERSION_1_0, TLS1_VERSION, SSL_OP_NO_TLSv1},
        {CTLS_VERSION_1_1, TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
        {CTLS_VERSION_1_2, TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
        {CTLS_VERSION_1_3, TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
    };
    int least = 0, most = 0;
    for (size_t index = 0; index < sizeof all / sizeof *all; index++) {
        if (versions & all[index].bit) {
            if (!least) least = all[index].version;
            most = all[index].version;
        } else {
            SSL_CTX_set_options(ssl, all[index].off);
        }
    }
    SSL_CTX_set_min_proto_version(ssl, least);
    SSL_CTX_set_max_proto_version(ssl, most);
    // SHA-1, which both need, is below the library's usual level.
    if (versions & (CTLS_VERSION_1_0 | CTLS_VERSION_1_1)) SSL_CTX_set_security_level(ssl, 0);
}

static const char psk_ciphers[] =
    "ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES256-GCM-SHA384:PSK-AES256-GCM-SHA384:PSK-AES256-CBC-SHA:"
    "DHE-PSK-AES128-GCM-SHA256:PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA";
static const char default_ciphers[] =
    "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:ECDHE+AES:DHE+AES:RSA+AESGCM:RSA+AES:"
    "!aNULL:!eNULL:!MD5:!DSS:!CAMELLIA:!ARIA:!AESCCM:!PSK";

ctls_context *ctls_context_new(const struct ctls_settings *settings, char *error, size_t capacity)
{
    pthread_once(&once, prepare);
    ERR_clear_error();
    ctls_context *context = calloc(1, sizeof *context);
    SSL_CTX *ssl = SSL_CTX_new(TLS_server_method());
    if (!context || !ssl || !socket_method) {
        free(context);
        SSL_CTX_free(ssl);
        return fail(error, capacity, "TLS", NULL);
    }
    atomic_init(&context->owners, 1);
    context->ssl = ssl;

#define REFUSE(what, value)                             \
    do {                                                \
        fail(error, capacity, what, value);             \
        ctls_context_release(context);                  \
        return NULL;                                    \
    } while (0)

    set_versions(ssl, settings->versions);
    SSL_CTX_set_options(
        ssl,
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE
            | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_PRIORITIZE_CHACHA);
    if (settings->uses_kernel) SSL_CTX_set_options(ssl, SSL_OP_ENABLE_KTLS);
    SSL_CTX_set_mode(
        ssl,
        SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    // Several records come with one read of the socket.
    SSL_CTX_set_read_ahead(ssl, 1);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 1);
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET);
    const char *name = settings->session_context ? settings->session_context : "mqtt";
    size_t count = strlen(name);
    SSL_CTX_set_session_id_context(
        ssl, (const unsigned char *) name,
        (unsigned) (count < SSL_MAX_SSL_SESSION_ID_LENGTH ? count : SSL_MAX_SSL_SESSION_ID_LENGTH));

    const char *ciphers = settings->ciphers && *settings->ciphers ? settings->ciphers
        : settings->uses_psk && !settings->certificate_file ? psk_ciphers
                                                            : default_ciphers;
    if (!set_ciphers(ssl, ciphers)) REFUSE("ciphers", ciphers);
    if (settings->uses_psk && settings->certificate_file && !(settings->ciphers && *settings->ciphers)) {
        char both[sizeof psk_ciphers + sizeof default_ciphers + 2];
        snprintf(both, sizeof both, "%s:%.*s", psk_ciphers,
            (int) (strstr(default_ciphers, ":!PSK") - default_ciphers), default_ciphers);
        if (!set_ciphers(ssl, both)) REFUSE("ciphers", both);
    }
    // Without the groups of Diffie-Hellman in finite fields: one handshake with the largest takes a tenth of a second.
    const char *curves =
        settings->curves && *settings->curves ? settings->curves : "X25519:P-256:P-384:P-521:X448";
    if (SSL_CTX_set1_groups_list(ssl, curves) != 1) REFUSE("eccs", curves);
    if (settings->dh_file && !load_dh(ssl, settings->dh_file)) REFUSE("dhfile", settings->dh_file);

    SSL_CTX_set_default_passwd_cb(ssl, give_password);
    SSL_CTX_set_default_passwd_cb_userdata(ssl, (void *) settings->key_password);
    if (settings->certificate_file) {
        if (SSL_CTX_use_certificate_chain_file(ssl, settings->certificate_file) != 1)
            REFUSE("certfile", settings->certificate_file);
        if (!settings->key_file || SSL_CTX_use_PrivateKey_file(ssl, settings->key_file, SSL_FILETYPE_PEM) != 1)
            REFUSE("keyfile", settings->key_file);
        if (SSL_CTX_check_private_key(ssl) != 1) REFUSE("keyfile", settings->key_file);
        struct tm parts;
        const X509 *certificate = SSL_CTX_get0_certificate(ssl);
        if (certificate && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) == 1)
            context->expiry = (int64_t) timegm(&parts);
    }
    SSL_CTX_set_default_passwd_cb_userdata(ssl, NULL);

    if (settings->verify != CTLS_VERIFY_NONE) {
        if (settings->ca_file) {
            if (SSL_CTX_load_verify_file(ssl, settings->ca_file) != 1) REFUSE("cafile", settings->ca_file);
            STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(settings->ca_file);
            if (names) SSL_CTX_set_client_CA_list(ssl, names);
        }
        if (settings->ca_path && SSL_CTX_load_verify_dir(ssl, settings->ca_path) != 1)
            REFUSE("capath", settings->ca_path);
        if (settings->crl_file && !load_crls(ssl, settings->crl_file)) REFUSE("crlfile", settings->crl_file);
        // What the library calls depth counts certificates between the two ends, as we do.
        SSL_CTX_set_verify_depth(ssl, settings->depth);
        SSL_CTX_set_verify(
            ssl,
            SSL_VERIFY_PEER
                | (settings->verify == CTLS_VERIFY_REQUIRE ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
            verify_certificate);
    }
    if (settings->uses_psk) {
        // A pre-shared key of TLS 1.3 goes with SHA-256: a suite with another sum would be chosen before it otherwise.
        if (!(settings->ciphers && *settings->ciphers)
            && SSL_CTX_set_ciphersuites(
                   ssl, "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384")
                != 1)
            REFUSE("ciphers", NULL);
        SSL_CTX_set_psk_server_callback(ssl, find_psk);
        SSL_CTX_set_psk_find_session_callback(ssl, find_psk_session);
        if (settings->psk_hint && SSL_CTX_use_psk_identity_hint(ssl, settings->psk_hint) != 1)
            REFUSE("psk_identity_hint", settings->psk_hint);
    }
    if (settings->ocsp_file) {
        if (!load_ocsp(context, settings->ocsp_file)) REFUSE("ocsp_staple_file", settings->ocsp_file);
        SSL_CTX_set_tlsext_status_cb(ssl, staple);
        SSL_CTX_set_tlsext_status_arg(ssl, context);
    }
    SSL_CTX_set_alpn_select_cb(ssl, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, choose_host);
    SSL_CTX_set_tlsext_servername_arg(ssl, context);
#undef REFUSE
    ERR_clear_error();
    return context;
}

int ctls_context_add_host(ctls_context *context, const char *host, ctls_context *other)
{
    struct host *hosts = realloc(context->hosts, (context->host_count + 1) * sizeof *hosts);
    if (!hosts) return 0;
    context->hosts = hosts;
    char *name = strdup(host);
    if (!name) return 0;
    ctls_context_retain(other);
    hosts[context->host_count++] = (struct host){name, other};
    return 1;
}

int ctls_context_add_psk(
    ctls_context *context, const char *identity, const unsigned char *key, size_t count)
{
    if (strlen(identity) >= sizeof ((ctls_session *) 0)->psk_identity || count == 0
        || count > PSK_MAX_PSK_LEN)
        return 0;
    if ((context->psk_count & (context->psk_count - 1)) == 0) {
        size_t capacity = context->psk_count ? 2 * context->psk_count : 1;
        struct psk *psks = realloc(context->psks, capacity * sizeof *psks);
        if (!psks) return 0;
        context->psks = psks;
    }
    struct psk new = {strdup(identity), malloc(count), count};
    if (!new.identity || !new.key) {
        free(new.identity), free(new.key);
        return 0;
    }
    memcpy(new.key, key, count);
    context->psks[context->psk_count++] = new;
    return 1;
}

int ctls_context_finish(ctls_context *context, const ctls_context *from, unsigned seconds)
{
    if (context->psk_count > 1) qsort(context->psks, context->psk_count, sizeof *context->psks, compare_psk);
    struct ticket_keys *keys = from ? from->tickets : NULL;
    if (keys) {
        atomic_fetch_add(&keys->owners, 1);
    } else {
        keys = calloc(1, sizeof *keys);
        if (!keys) return 0;
        atomic_init(&keys->owners, 1);
        pthread_mutex_init(&keys->lock, NULL);
        keys->seconds = seconds > 0 ? (time_t) seconds : 1;
        if (!make_ticket_key(&keys->keys[0])) {
            ticket_keys_release(keys);
            return 0;
        }
    }
    context->tickets = keys;
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_timeout(context->ssl, (long) keys->seconds);
    return SSL_CTX_set_session_ticket_cb(context->ssl, NULL, look_at_ticket, NULL) == 1
        && SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl, seal_ticket) == 1;
}

int64_t ctls_context_expiry(const ctls_context *context) { return context->expiry; }

// ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────

// Key updates and renegotiations cost us as much as the peer, or more: nobody needs many.
static void count_chatter(
    int is_ours, int version, int type, const void *bytes, size_t count, SSL *ssl, void *argument)
{
    (void) is_ours, (void) version, (void) bytes, (void) count, (void) argument;
    ctls_session *session = SSL_get_app_data(ssl);
    if (!session || !session->is_established || (type != SSL3_RT_HANDSHAKE && type != SSL3_RT_ALERT)) return;
    if (++session->chatter > 64) session->reads_left = 0;
}

ctls_session *ctls_session_new(ctls_context *context, int descriptor)
{
    ctls_session *session = calloc(1, sizeof *session);
    SSL *ssl = session ? SSL_new(context->ssl) : NULL;
    BIO *bio = ssl ? BIO_new(socket_method) : NULL;
    if (!bio) {
        SSL_free(ssl);
        free(session);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_fd(bio, descriptor, BIO_NOCLOSE);
    BIO_set_ex_data(bio, session_index, session);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_app_data(ssl, session);
    SSL_set_accept_state(ssl);
    SSL_set_msg_callback(ssl, count_chatter);
    session->ssl = ssl;
    ctls_context_retain(context);
    session->context = context;
    return session;
}

void ctls_session_free(ctls_session *session)
{
    if (!session) return;
    SSL_free(session->ssl);
    ctls_context_release(session->context);
    ERR_clear_error();
    free(session);
}

static int verification_failure(long result)
{
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED: return CTLS_FAILURE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID: return CTLS_FAILURE_NOT_YET_VALID;
    case X509_V_ERR_CERT_REVOKED: return CTLS_FAILURE_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED: return CTLS_FAILURE_UNKNOWN_CA;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return CTLS_FAILURE_SELF_SIGNED;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG: return CTLS_FAILURE_CHAIN;
    case X509_V_OK: return CTLS_FAILURE_NONE;
    default: return CTLS_FAILURE_CERTIFICATE;
    }
}

static int library_failure(unsigned long code)
{
    if (ERR_GET_LIB(code) != ERR_LIB_SSL) return CTLS_FAILURE_PROTOCOL;
    switch (ERR_GET_REASON(code)) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: return CTLS_FAILURE_NO_CERTIFICATE;
    case SSL_R_CERTIFICATE_VERIFY_FAILED: return CTLS_FAILURE_CERTIFICATE;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_INAPPROPRIATE_FALLBACK:
    case SSL_R_VERSION_TOO_LOW: return CTLS_FAILURE_VERSION;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
    case SSL_R_BAD_RECORD_TYPE: return CTLS_FAILURE_NOT_TLS;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS: return CTLS_FAILURE_CIPHER;
    case SSL_R_NO_APPLICATION_PROTOCOL: return CTLS_FAILURE_ALPN;
    case SSL_R_PSK_IDENTITY_NOT_FOUND:
    case SSL_R_PSK_NO_SERVER_CB:
    case SSL_R_BINDER_DOES_NOT_VERIFY: return CTLS_FAILURE_PSK;
    default:
        // Alerts of the peer have reasons from here on.
        return ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET && ERR_GET_REASON(code) < SSL_AD_REASON_OFFSET + 256
            ? CTLS_FAILURE_ALERT : CTLS_FAILURE_PROTOCOL;
    }
}

// Notes what went wrong, once. `error` is SSL_get_error's.
static int note_failure(ctls_session *session, int error, int system_error)
{
    session->is_broken = 1;
    unsigned long code = ERR_peek_error();
    int failure = session->failure;
    if (error == SSL_ERROR_ZERO_RETURN) {
        failure = CTLS_FAILURE_CLOSED;
    } else if (error == SSL_ERROR_SYSCALL || (error == SSL_ERROR_SSL && code == 0)) {
        failure = system_error ? CTLS_FAILURE_IO : CTLS_FAILURE_CLOSED;
    } else if (failure == CTLS_FAILURE_NONE) {
        failure = library_failure(code);
        if (failure == CTLS_FAILURE_CERTIFICATE) {
            int found = verification_failure(SSL_get_verify_result(session->ssl));
            if (found != CTLS_FAILURE_NONE) failure = found;
        }
    }
    session->failure = failure;
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    if (failure == CTLS_FAILURE_IO) text = strerror(system_error);
    if (code && ERR_GET_LIB(code) == ERR_LIB_SSL
        && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        text = X509_verify_cert_error_string(SSL_get_verify_result(session->ssl));
    snprintf(
        session->failure_text, sizeof session->failure_text, "%s", text ? text : "the connection was ended");
    ERR_clear_error();
    return CTLS_FAILED;
}

// Whose key was proved in this handshake, or in the one whose session it goes on with.
static void note_psk(ctls_session *session)
{
    SSL_SESSION *found = SSL_get_session(session->ssl);
    const char *identity = SSL_get_psk_identity(session->ssl);
    size_t count = identity ? strlen(identity) : 0;
    void *data = NULL;
    if (!identity && found && SSL_SESSION_get0_ticket_appdata(found, &data, &count) == 1) identity = data;
    if (!identity || count >= sizeof session->psk_identity) return;
    memcpy(session->psk_identity, identity, count);
    session->psk_identity[count] = 0;
}

int ctls_handshake(ctls_session *session)
{
    if (session->is_broken) return CTLS_FAILED;
    session->waits_for_output = 0;
    ERR_clear_error();
    errno = 0;
    session->reads_left = 16;
    int result = SSL_do_handshake(session->ssl);
    if (result == 1) {
        session->is_established = 1;
        session->failure = CTLS_FAILURE_NONE;
        note_psk(session);
        return CTLS_DONE;
    }
    int system_error = errno;
    int error = SSL_get_error(session->ssl, result);
    if (error == SSL_ERROR_WANT_READ) return CTLS_WANTS_READING;
    if (error == SSL_ERROR_WANT_WRITE) {
        session->waits_for_output = 1;
        return CTLS_WANTS_WRITING;
    }
    return note_failure(session, error, system_error);
}

ssize_t ctls_read(ctls_session *session, void *bytes, size_t count)
{
    if (session->is_broken) return -EPROTO;
    size_t total = 0;
    session->waits_for_input = 0;
    session->waits_for_output = 0;
    while (total < count) {
        size_t taken = 0;
        ERR_clear_error();
        errno = 0;
        session->reads_left = session->chatter > 64 ? 0 : 2;
        int result = SSL_read_ex(session->ssl, (char *) bytes + total, count - total, &taken);
        if (result == 1) {
            total += taken;
            // What is left is not worth a look at the socket, which is known to be empty.
            if (session->is_drained && SSL_has_pending(session->ssl) == 0) {
                session->waits_for_input = 1;
                break;
            }
            continue;
        }
        int system_error = errno;
        int error = SSL_get_error(session->ssl, result);
        if (error == SSL_ERROR_WANT_READ && session->chatter > 64) {
            note_failure(session, SSL_ERROR_SSL, EPROTO);
            session->failure = CTLS_FAILURE_PROTOCOL;
            return total > 0 ? (ssize_t) total : -EPROTO;
        }
        if (error == SSL_ERROR_WANT_READ) {
            session->waits_for_input = 1;
            break;
        }
        if (error == SSL_ERROR_WANT_WRITE) {
            session->waits_for_output = 1;
            break;
        }
        if (error == SSL_ERROR_ZERO_RETURN) return total > 0 ? (ssize_t) total : 0;
        note_failure(session, error, system_error);
        if (total > 0) return (ssize_t) total;
        if (session->failure == CTLS_FAILURE_CLOSED) return 0;
        return session->failure == CTLS_FAILURE_IO ? -system_error : -EPROTO;
    }
    return total > 0 ? (ssize_t) total : -EAGAIN;
}

int ctls_has_input(const ctls_session *session)
{
    return session->is_established && !session->waits_for_input && !session->waits_for_output;
}

int ctls_wants_writing(const ctls_session *session) { return session->waits_for_output; }

ssize_t ctls_write(ctls_session *session, const void *bytes, size_t count)
{
    if (session->is_broken) return -EPIPE;
    size_t taken = 0;
    ERR_clear_error();
    errno = 0;
    int result = SSL_write_ex(session->ssl, bytes, count, &taken);
    if (result == 1) return (ssize_t) taken;
    int system_error = errno;
    int error = SSL_get_error(session->ssl, result);
    if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return -EAGAIN;
    note_failure(session, error, system_error);
    return session->failure == CTLS_FAILURE_IO ? -system_error : -EPIPE;
}

void ctls_close(ctls_session *session)
{
    if (session->is_broken || !session->is_established) return;
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

int ctls_failure(const ctls_session *session) { return session->failure; }
const char *ctls_failure_text(const ctls_session *session) { return session->failure_text; }
const char *ctls_version(const ctls_session *session) { return SSL_get_version(session->ssl); }

const char *ctls_cipher(const ctls_session *session)
{
    const char *name = SSL_get_cipher_name(session->ssl);
    return name ? name : "";
}

const char *ctls_server_name(const ctls_session *session)
{
    const char *name = SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name);
    return name ? name : "";
}

const char *ctls_psk_identity(const ctls_session *session) { return session->psk_identity; }
int ctls_was_resumed(const ctls_session *session) { return SSL_session_reused(session->ssl); }

int ctls_uses_kernel(const ctls_session *session)
{
    return BIO_get_ktls_send(SSL_get_wbio(session->ssl)) ? 1 : 0;
}

int ctls_has_certificate(const ctls_session *session)
{
    return SSL_get0_peer_certificate(session->ssl) != NULL
        && SSL_get_verify_result(session->ssl) == X509_V_OK
        && (SSL_get_verify_mode(session->ssl) & SSL_VERIFY_PEER);
}

int ctls_common_name(const ctls_session *session, char *text, size_t capacity)
{
    if (!ctls_has_certificate(session)) return -1;
    const X509_NAME *name = X509_get_subject_name(SSL_get0_peer_certificate(session->ssl));
    int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (index < 0) return -1;
    unsigned char *utf8 = NULL;
    int count = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
    int fits = count >= 0 && (size_t) count <= capacity;
    if (fits) memcpy(text, utf8, (size_t) count);
    OPENSSL_free(utf8);
    return fits ? count : -1;
}

int ctls_certificate(const ctls_session *session, unsigned char *bytes, size_t capacity)
{
    if (!ctls_has_certificate(session)) return -1;
    const X509 *certificate = SSL_get0_peer_certificate(session->ssl);
    int count = i2d_X509(certificate, NULL);
    if (count < 0 || !bytes) return count;
    if ((size_t) count > capacity) return -1;
    return i2d_X509(certificate, &bytes);
}
