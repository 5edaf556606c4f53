// SPDX-License-Identifier: Apache-2.0
#include "gadget/serial.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "gadget/fail.h"
#include "protocol/io.h"

static bool is_fit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/* Keeps what is fit of text; returns the length, 0 if nothing was. */
static size_t sanitise(const char *text, char serial[BW_SERIAL_MAX + 1])
{
	size_t n = 0;

	for (; *text && n < BW_SERIAL_MAX; text++) {
		/* A leading '.' would hide the host's socket, or make it a directory's name. */
		if (is_fit(*text) && (n || *text != '.'))
			serial[n++] = *text;
	}
	serial[n] = '\0';
	return n;
}

int bw_serial_find(const char *root, const char *given, char serial[BW_SERIAL_MAX + 1], char *err, size_t errlen)
{
	static const char *const files[] = { "/proc/device-tree/serial-number", "/etc/machine-id" };
	char path[PATH_MAX], text[256];

	if (given) {
		if (sanitise(given, serial))
			return 0;
		return bw_fail(err, errlen, -EINVAL, "serial number '%s': no letter or digit in it; give another one by --serial", given);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (snprintf(path, sizeof(path), "%s%s", root, files[i]) >= (int)sizeof(path))
			return bw_fail(err, errlen, -ENAMETOOLONG, "%s: path too long", root);
		/* -ENOSPC: cut, which is as good a name. The device tree's string carries its NUL. */
		ssize_t n = bw_read_line(path, text, sizeof(text));
		if ((n >= 0 || n == -ENOSPC) && sanitise(text, serial))
			return 0;
	}
	return bw_fail(err, errlen, -ENODATA, "this board has no serial number (neither %s nor %s); give it one by --serial NAME",
		       files[0], files[1]);
}

int bw_gadget_serial(const char *given, char serial[BW_SERIAL_MAX + 1], char *err, size_t errlen)
{
	return bw_serial_find("", given, serial, err, errlen);
}
