// SPDX-License-Identifier: Apache-2.0
#include "protocol/base64.h"

#include <errno.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t bw_base64_len(const char *text, size_t len)
{
	size_t pad = 0;

	if (len % 4)
		return -EINVAL;
	while (pad < 2 && len && text[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len - pad; i++)
		if (value_of(text[i]) < 0)
			return -EINVAL;
	/* Bits behind the last byte would be dropped in silence. */
	if (pad && value_of(text[len - 1 - pad]) & (pad == 2 ? 15 : 3))
		return -EINVAL;
	return (ssize_t)(len / 4 * 3 - pad);
}

void bw_base64_decode(const char *text, size_t len, void *out)
{
	uint32_t bits = 0;
	uint8_t *p = out;
	int have = 0;

	for (size_t i = 0; i < len && text[i] != '='; i++) {
		bits = bits << 6 | (uint32_t)value_of(text[i]);
		have += 6;
		if (have >= 8) {
			have -= 8;
			*p++ = (uint8_t)(bits >> have);
		}
	}
}

void bw_base64_put(struct bw_buf *b, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint8_t *to = bw_put_room(b, (len + 2) / 3 * 4);

	if (!to)
		return;
	for (; len >= 3; len -= 3, p += 3) {
		*to++ = (uint8_t)letters[p[0] >> 2];
		*to++ = (uint8_t)letters[(p[0] & 3) << 4 | p[1] >> 4];
		*to++ = (uint8_t)letters[(p[1] & 15) << 2 | p[2] >> 6];
		*to++ = (uint8_t)letters[p[2] & 63];
	}
	if (!len)
		return;
	*to++ = (uint8_t)letters[p[0] >> 2];
	*to++ = (uint8_t)letters[(p[0] & 3) << 4 | (len == 2 ? p[1] >> 4 : 0)];
	*to++ = len == 2 ? (uint8_t)letters[(p[1] & 15) << 2] : '=';
	*to = '=';
}
