// SPDX-License-Identifier: Apache-2.0
#include "remote/command/escape.h"

#include <langinfo.h>
#include <locale.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool is_utf8;

void bw_escape_init(void)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
}

/* C1 controls; marks, embeddings, overrides and isolates of bidirectional text; separators of lines; what is no character. */
static bool is_unsafe(uint32_t c)
{
	return c < 0xa0 || c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       (c >= 0xd800 && c <= 0xdfff) || c == 0xfeff || (c & 0xfffe) == 0xfffe || c > 0x10ffff;
}

/* Bytes of the character of two or more bytes at s, 0: none that may be shown. */
static size_t safe_length(const unsigned char *s, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t i, n = *s >= 0xf0 && *s < 0xf8 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc0 ? 2 : 0;
	uint32_t c;

	if (!is_utf8 || !n || *s >= 0xf8 || n > left)
		return 0;
	c = *s & (0x7fu >> n);
	for (i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || is_unsafe(c) ? 0 : n;
}

void bw_escape(FILE *out, const char *text, size_t len, const char *keep)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n;

	for (; len; s += n, len -= n) {
		n = *s < 0x80 ? *s >= 0x20 && *s != 0x7f : safe_length(s, len);
		if (!n && *s && strchr(keep, *s))
			n = 1;
		if (n)
			fwrite(s, 1, n, out);
		else
			n = (size_t)(fprintf(out, "\\x%02x", *s) > 0);
		if (!n)
			return;		/* the caller looks at ferror */
	}
}
