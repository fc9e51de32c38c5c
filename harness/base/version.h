/* The version that every program of this project tells. */
#ifndef PINHOLE_BASE_VERSION_H
#define PINHOLE_BASE_VERSION_H

#define PINHOLE_VERSION "0.1.0"

#endif
