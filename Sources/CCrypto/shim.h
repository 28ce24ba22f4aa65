// OpenSSL's libcrypto: SHA-512, random bytes, comparison in constant time, what a certificate says.
#ifndef CCRYPTO_SHIM_H
#define CCRYPTO_SHIM_H
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <time.h>

// SHA-512 over `first` and then `second`. 1 when `digest` was written, 0 when the library has no memory.
static inline int ccrypto_sha512(
    const void *first, size_t firstCount, const void *second, size_t secondCount, unsigned char digest[64])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context) return 0;
    int ok = EVP_DigestInit_ex(context, EVP_sha512(), NULL) == 1
        && EVP_DigestUpdate(context, first, firstCount) == 1
        && EVP_DigestUpdate(context, second, secondCount) == 1
        && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    return ok;
}

// What is shown of a certificate. Texts are UTF-8 without control characters, alive until ccrypto_free_certificate.
typedef struct {
    int64_t notBefore; // seconds since 1970
    int64_t notAfter;
    const char *commonName;
    const char *issuer;
    const char *alternativeNames; // `DNS:localhost, IP:127.0.0.1`
    BIO *texts;
} CCryptoCertificate;

enum { CCRYPTO_TEXT_FLAGS = ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT };

// OpenSSL would ask on the terminal for the password of an encrypted block.
static inline int ccrypto_no_password(char *buffer, int size, int isWriting, void *context)
{
    (void) buffer, (void) size, (void) isWriting, (void) context;
    return -1;
}

static inline int64_t ccrypto_seconds(const ASN1_TIME *time)
{
    struct tm parts;
    return ASN1_TIME_to_tm(time, &parts) == 1 ? (int64_t) timegm(&parts) : 0;
}

// The common name, or the whole name where it has none.
static inline void ccrypto_write_name(BIO *out, const X509_NAME *name)
{
    int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (index >= 0)
        ASN1_STRING_print_ex(
            out, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)), CCRYPTO_TEXT_FLAGS);
    else
        X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static inline void ccrypto_write_alternative_name(BIO *out, const GENERAL_NAME *name)
{
    int type = 0;
    const ASN1_STRING *value = (const ASN1_STRING *) GENERAL_NAME_get0_value(name, &type);
    const char *kind = type == GEN_DNS ? "DNS:" : type == GEN_EMAIL ? "email:" : type == GEN_URI ? "URI:" : NULL;
    if (kind) {
        BIO_puts(out, kind);
        ASN1_STRING_print_ex(out, value, CCRYPTO_TEXT_FLAGS);
    } else if (type == GEN_IPADD) {
        int count = ASN1_STRING_length(value);
        char text[INET6_ADDRSTRLEN];
        int family = count == 4 ? AF_INET : AF_INET6;
        int isAddress = (count == 4 || count == 16)
            && inet_ntop(family, ASN1_STRING_get0_data(value), text, sizeof text);
        BIO_puts(out, "IP:");
        BIO_puts(out, isAddress ? text : "?");
    } else {
        BIO_puts(out, "other");
    }
}

static inline void ccrypto_write_alternative_names(BIO *out, X509 *certificate)
{
    GENERAL_NAMES *names =
        (GENERAL_NAMES *) X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int index = 0; names && index < sk_GENERAL_NAME_num(names); index++) {
        if (index > 0) BIO_puts(out, ", ");
        ccrypto_write_alternative_name(out, sk_GENERAL_NAME_value(names, index));
    }
    GENERAL_NAMES_free(names);
}

static inline void ccrypto_free_certificate(CCryptoCertificate *certificate) { BIO_free(certificate->texts); }

// Reads the next certificate of a PEM text; blocks of other kinds are passed over.
//
// 1 when there was one, which the caller frees; 0 at the end, at a block that is no certificate, or without memory.
static inline int ccrypto_next_certificate(BIO *pem, CCryptoCertificate *out)
{
    X509 *certificate = PEM_read_bio_X509(pem, NULL, ccrypto_no_password, NULL);
    BIO *texts = certificate ? BIO_new(BIO_s_mem()) : NULL;
    if (texts) {
        ccrypto_write_name(texts, X509_get_subject_name(certificate));
        BIO_write(texts, "", 1);
        size_t issuer = BIO_ctrl_pending(texts);
        ccrypto_write_name(texts, X509_get_issuer_name(certificate));
        BIO_write(texts, "", 1);
        size_t names = BIO_ctrl_pending(texts);
        ccrypto_write_alternative_names(texts, certificate);
        // It closes the last text, and the others too should there have been no memory to close them.
        int isWhole = BIO_write(texts, "", 1) == 1 && BIO_ctrl_pending(texts) > names;
        char *text = NULL;
        BIO_get_mem_data(texts, &text);
        if (isWhole && text) {
            out->notBefore = ccrypto_seconds(X509_get0_notBefore(certificate));
            out->notAfter = ccrypto_seconds(X509_get0_notAfter(certificate));
            out->commonName = text;
            out->issuer = text + issuer;
            out->alternativeNames = text + names;
            out->texts = texts;
        } else {
            BIO_free(texts);
            texts = NULL;
        }
    }
    X509_free(certificate);
    ERR_clear_error();
    return texts != NULL;
}
#endif
