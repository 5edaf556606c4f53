/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A board's text on this machine's terminal: names, command lines and kernel messages may hold anything, also what moves the cursor, answers as if it
 * were typed, or turns the line around.
 */
#ifndef BW_COMMAND_ESCAPE_H
#define BW_COMMAND_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes s with every byte that is no printable character as "\xNN". UTF-8 passes where the locale is UTF-8, but for control characters and those that
 * change the direction of text. keep: control characters that pass all the same, or "".
 */
void bw_escape(FILE *out, const char *s, size_t len, const char *keep);
/* What the locale says of UTF-8, from now on. */
void bw_escape_init(void);

#endif
