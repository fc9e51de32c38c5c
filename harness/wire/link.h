/* Link types by their LINKTYPE_ numbers, as capture files name them. */
#ifndef PINHOLE_WIRE_LINK_H
#define PINHOLE_WIRE_LINK_H

enum link_type {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_LINUX_SLL = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_LINUX_SLL2 = 276
};

#endif
