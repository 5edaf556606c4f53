// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "host-bridge/name.h"

static int name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

static int ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

void bw_name_from_serial(char out[BW_BOARD_NAME_SIZE], const char *serial, const char *fallback)
{
	const char *s = serial && *serial ? serial : fallback;
	size_t n = 0;

	for (; *s && n < BW_BOARD_NAME_MAX; s++)
		out[n++] = name_char(*s) ? *s : '_';
	if (!n)
		out[n++] = '_';
	out[n] = 0;
	if (out[0] == '.')
		out[0] = '_';
	/* The lock, the log, and SERIAL.bpfd (the text protocol's socket) live in the same directory. */
	if (!strcmp(out, "bridge.lock") || !strcmp(out, "bridge.log") || ends_with(out, BW_NAME_TEXT))
		*strrchr(out, '.') = '_';
}

void bw_name_number(char name[BW_BOARD_NAME_SIZE], unsigned int number)
{
	char suffix[8];
	size_t n = strlen(name), m = (size_t)snprintf(suffix, sizeof(suffix), "-%u", number % 100);

	if (n + m > BW_BOARD_NAME_MAX)
		n = BW_BOARD_NAME_MAX - m;
	memcpy(name + n, suffix, m + 1);
}

char *bw_printable(char *out, size_t size, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len && i + 1 < size; i++)
		out[i] = (unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f ? '?' : text[i];
	out[i] = 0;
	return out;
}
