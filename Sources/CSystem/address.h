// Addresses as the kernel has them; for the other files here.
#ifndef CSYSTEM_ADDRESS_H
#define CSYSTEM_ADDRESS_H

#include "csystem.h"

#include <sys/socket.h>

/// The length of what it wrote; 0 when the address is of no kind.
socklen_t csystem_address_to_system(const struct csystem_address *address, struct sockaddr_storage *storage);
void csystem_address_from_system(
    const struct sockaddr_storage *storage, socklen_t length, struct csystem_address *address);

#endif
