// Bytes at the border of TLS: what is no record, what is cut anywhere, and whether what a client encrypts comes out as it went in.
//
// The first byte of an input chooses. Even: the rest goes to the server as it is, in pieces. Odd: a client of the library shakes
// hands with a pre-shared key, and what goes to the server is cut into pieces as the input says; with bit 1 a byte of the stream
// is flipped on its way.
#include "ctls.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ctls_context *server_context;
static SSL_CTX *client_context;

static void require(int holds, const char *promise)
{
    if (holds) return;
    fprintf(stderr, "broken promise: %s\n", promise);
    abort();
}

static unsigned give_key(
    SSL *ssl, const char *hint, char *identity, unsigned capacity, unsigned char *key, unsigned key_capacity)
{
    (void) ssl, (void) hint, (void) key_capacity;
    snprintf(identity, capacity, "device");
    memcpy(key, "0123456789abcdef", 16);
    return 16;
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void) count, (void) arguments;
    char error[512] = "";
    struct ctls_settings settings = {
        .versions = CTLS_VERSION_1_2 | CTLS_VERSION_1_3, .uses_psk = 1, .session_context = "fuzz"};
    server_context = ctls_context_new(&settings, error, sizeof error);
    require(server_context != NULL, error);
    require(
        ctls_context_add_psk(server_context, "device", (const unsigned char *) "0123456789abcdef", 16) == 1
            && ctls_context_finish(server_context, NULL, 3600) == 1,
        "a context with a pre-shared key is made");
    client_context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_psk_client_callback(client_context, give_key);
    return 0;
}

struct input {
    const uint8_t *bytes;
    size_t count, offset;
};

static uint8_t next(struct input *input)
{
    return input->offset < input->count ? input->bytes[input->offset++] : 0;
}

// What the server has read so far.
static uint8_t got[1 << 16];

struct server {
    ctls_session *session;
    int is_open, has_ended;
    size_t count;
};

// One turn of the server, as a loop has them.
static void turn(struct server *server)
{
    if (server->has_ended) return;
    if (!server->is_open) {
        int step = ctls_handshake(server->session);
        if (step == CTLS_FAILED) {
            require(ctls_failure(server->session) != CTLS_FAILURE_NONE, "a failure has a reason");
            server->has_ended = 1;
            return;
        }
        if (step != CTLS_DONE) return;
        server->is_open = 1;
    }
    for (int round = 0; round < 1000; round++) {
        size_t room = sizeof got - server->count;
        if (room > 777) room = 777;  // no record ends there
        if (room == 0) return;
        ssize_t taken = ctls_read(server->session, got + server->count, room);
        if (taken == -EAGAIN) {
            require(!ctls_has_input(server->session), "what waits for the socket has nothing to be read");
            return;
        }
        if (taken <= 0) {
            server->has_ended = 1;
            return;
        }
        server->count += (size_t) taken;
        if (!ctls_has_input(server->session)) return;
    }
    require(0, "reading comes to an end");
}

static void shovel(SSL *client, int descriptor, BIO *in, BIO *out, struct input *input, struct server *server, long flip)
{
    static long sent;
    if (flip < 0) sent = 0;
    (void) client;
    for (int round = 0; round < 64; round++) {
        uint8_t piece[256];
        int wanted = next(input) + 1;
        if (input->offset >= input->count) wanted = sizeof piece;
        int count = BIO_read(out, piece, wanted);
        if (count > 0) {
            if (flip > 0 && flip >= sent && flip < sent + count) piece[flip - sent] ^= 0x20;
            sent += count;
            if (send(descriptor, piece, (size_t) count, MSG_NOSIGNAL) != count) return;
        }
        turn(server);
        uint8_t back[4096];
        ssize_t answer;
        while ((answer = recv(descriptor, back, sizeof back, MSG_DONTWAIT)) > 0)
            BIO_write(in, back, (int) answer);
        if (count <= 0 && BIO_ctrl_pending(in) == 0) return;
        if (BIO_ctrl_pending(in) > 0) return;
    }
}

static void shake_hands(struct input *input, int descriptor, struct server *server, int is_flipped)
{
    SSL *client = SSL_new(client_context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    SSL_set_bio(client, in, out);
    SSL_set_connect_state(client);
    long flip = is_flipped ? 1 + (next(input) << 4 | (next(input) & 15)) : 0;
    shovel(client, descriptor, in, out, input, server, -1);
    int is_done = 0;
    for (int round = 0; round < 40 && !is_done; round++) {
        is_done = SSL_do_handshake(client) == 1;
        shovel(client, descriptor, in, out, input, server, flip);
    }
    if (is_done) {
        const uint8_t *bytes = input->bytes;
        size_t count = input->count, sent = 0;
        while (sent < count) {
            size_t size = (size_t) next(input) * 40 + 1;
            if (size > count - sent) size = count - sent;
            if (SSL_write(client, bytes + sent, (int) size) != (int) size) break;
            sent += size;
            shovel(client, descriptor, in, out, input, server, flip);
        }
        for (int round = 0; round < 2000 && BIO_ctrl_pending(out) > 0; round++)
            shovel(client, descriptor, in, out, input, server, flip);
        turn(server);
        if (!is_flipped) {
            require(server->is_open && server->count == sent, "all that a client encrypts comes out");
        }
        require(server->count <= sent && memcmp(got, bytes, server->count) == 0, "and as it went in");
    }
    SSL_free(client);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    if (count == 0 || count > 8192) return 0;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0) return 0;
    struct server server = {ctls_session_new(server_context, pair[0]), 0, 0, 0};
    struct input input = {bytes, count, 1};
    if (bytes[0] & 1) {
        shake_hands(&input, pair[1], &server, bytes[0] & 2);
    } else {
        while (input.offset < count && !server.has_ended) {
            size_t size = (size_t) next(&input) + 1;
            if (size > count - input.offset) size = count - input.offset;
            if (size == 0 || send(pair[1], bytes + input.offset, size, MSG_NOSIGNAL) < 0) break;
            input.offset += size;
            turn(&server);
            uint8_t back[4096];
            while (recv(pair[1], back, sizeof back, MSG_DONTWAIT) > 0) {}
        }
    }
    ctls_close(server.session);
    ctls_session_free(server.session);
    close(pair[0]);
    close(pair[1]);
    return 0;
}
