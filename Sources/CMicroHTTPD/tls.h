// What the HTTP library's TLS leaves to us: to look at the files before it starts, and at a client's certificate.
#ifndef CMICROHTTPD_TLS_H
#define CMICROHTTPD_TLS_H
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <string.h>

enum CMicroHTTPDTLSPart {
    CMICROHTTPD_CERTIFICATE = 1,
    CMICROHTTPD_KEY = 2,
    CMICROHTTPD_PAIR = 3,  // key and certificate do not belong together
    CMICROHTTPD_AUTHORITY = 4,
};

static inline gnutls_datum_t cmicrohttpd_datum(const char *text)
{
    gnutls_datum_t datum = {(unsigned char *) text, text ? (unsigned int) strlen(text) : 0};
    return datum;
}

// Whether a listener can use these texts. 0, or the TLS library's number of the error and in `part` which text has it.
static inline int cmicrohttpd_check_tls(
    const char *certificate, const char *key, const char *password, const char *authority, int *part)
{
    gnutls_datum_t certificateText = cmicrohttpd_datum(certificate), keyText = cmicrohttpd_datum(key);
    gnutls_x509_crt_t *list = NULL;
    unsigned int count = 0;
    *part = CMICROHTTPD_CERTIFICATE;
    int result = gnutls_x509_crt_list_import2(&list, &count, &certificateText, GNUTLS_X509_FMT_PEM, 0);
    if (result < 0) return result;
    for (unsigned int i = 0; i < count; i++) gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);

    *part = CMICROHTTPD_KEY;
    gnutls_x509_privkey_t privateKey;
    result = gnutls_x509_privkey_init(&privateKey);
    if (result < 0) return result;
    result = gnutls_x509_privkey_import2(privateKey, &keyText, GNUTLS_X509_FMT_PEM, password, 0);
    gnutls_x509_privkey_deinit(privateKey);
    if (result < 0) return result;

    *part = CMICROHTTPD_PAIR;
    gnutls_certificate_credentials_t credentials;
    result = gnutls_certificate_allocate_credentials(&credentials);
    if (result < 0) return result;
    result = gnutls_certificate_set_x509_key_mem2(
        credentials, &certificateText, &keyText, GNUTLS_X509_FMT_PEM, password, 0);
    if (result >= 0 && authority) {
        *part = CMICROHTTPD_AUTHORITY;
        gnutls_datum_t authorityText = cmicrohttpd_datum(authority);
        result = gnutls_certificate_set_x509_trust_mem(credentials, &authorityText, GNUTLS_X509_FMT_PEM);
        if (result == 0) result = GNUTLS_E_NO_CERTIFICATE_FOUND;
    }
    gnutls_certificate_free_credentials(credentials);
    return result < 0 ? result : 0;
}

// 1 when the client has shown a certificate for clients that the listener's authority has signed and that is valid now.
// The library asks for one and looks at none.
static inline int cmicrohttpd_is_certified(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (!info || !info->tls_session) return 0;
    gnutls_session_t session = (gnutls_session_t) info->tls_session;
    unsigned int count = 0, status = 0;
    if (!gnutls_certificate_get_peers(session, &count) || count == 0) return 0;
    gnutls_typed_vdata_st purpose = {
        GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *) GNUTLS_KP_TLS_WWW_CLIENT, 0};
    return gnutls_certificate_verify_peers(session, &purpose, 1, &status) == 0 && status == 0;
}
#endif
