// SPDX-License-Identifier: Apache-2.0
#include "protocol/endless.h"

#include <stddef.h>
#include <string.h>

bool bw_path_is_endless(const char *path)
{
	static const char *const names[] = { "trace_pipe", "trace_pipe_raw", "kmsg" };
	const char *base = strrchr(path, '/');
	size_t i;

	base = base ? base + 1 : path;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(base, names[i]))
			return true;
	return false;
}
