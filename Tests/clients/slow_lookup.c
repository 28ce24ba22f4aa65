/* Name servers for a broker, which a test has in its hand. Loaded into the broker with LD_PRELOAD.

   "hangs.test"  is never answered
   "moves.test"  has the address that is written in the file NAME_FILE, now */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(
    const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
    struct addrinfo **restrict found) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
    if (!node) return next(node, service, hints, found);
    while (strcmp(node, "hangs.test") == 0) pause();
    if (strcmp(node, "moves.test") == 0) {
        char address[64] = "";
        FILE *file = fopen(getenv("NAME_FILE"), "re");
        if (!file) return EAI_AGAIN;
        if (fscanf(file, "%63s", address) != 1) address[0] = 0;
        fclose(file);
        return address[0] ? next(address, service, hints, found) : EAI_NONAME;
    }
    return next(node, service, hints, found);
}
