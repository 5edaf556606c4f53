/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of boards. A serial number comes from the other side of the cable and becomes the name of a socket here, so it is made harmless
 * first: 1 to 64 characters of [A-Za-z0-9._-], not starting with '.', and not a name that the directory needs for itself.
 */
#ifndef BW_HOST_BRIDGE_NAME_H
#define BW_HOST_BRIDGE_NAME_H

#include <stddef.h>

#define BW_BOARD_NAME_MAX	64
#define BW_NAME_TEXT		".bpfd"	/* behind a board's name: the socket of the text protocol */
#define BW_BOARD_NAME_SIZE	(BW_BOARD_NAME_MAX + 4)		/* with a suffix such as "-12" and the NUL */

/* The name for this serial number; where that is empty (or NULL), for this fallback. */
void bw_name_from_serial(char out[BW_BOARD_NAME_SIZE], const char *serial, const char *fallback);
/* Make it differ from one that is taken: NAME-2 .. NAME-99, cut so that it stays within the limit. */
void bw_name_number(char name[BW_BOARD_NAME_SIZE], unsigned int number);
/* Copy of text for a message: bytes that a terminal could obey become '?'. Returns out. Always ended. */
char *bw_printable(char *out, size_t size, const char *text, size_t len);

#endif
