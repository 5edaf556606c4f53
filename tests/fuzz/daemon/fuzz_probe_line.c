// SPDX-License-Identifier: Apache-2.0
/* What a host writes to kprobe_events and its like: whatever the line is, the name that is kept is one that can be given back to the kernel. */
#include <stdlib.h>
#include <string.h>

#include "daemon/probe_line.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = { "/sys/kernel/tracing/kprobe_events", "/sys/kernel/debug/tracing/uprobe_events",
					     "/sys/kernel/tracing/dynamic_events" };
	struct bw_probe_line p;
	enum bw_probe_kind kind;
	char *line;

	if (!size)
		return 0;
	line = memcpy(malloc(size), data + 1, size - 1);	/* of its size and one, which is not to be read */
	line = realloc(line, size - 1 ? size - 1 : 1);
	kind = bw_probe_parse(line, size - 1, paths[data[0] % 3], &p);
	REQUIRE(kind == BW_PROBE_NONE || kind == BW_PROBE_NEW || kind == BW_PROBE_REMOVE);
	if (kind != BW_PROBE_NONE) {
		REQUIRE(memchr(p.name, 0, sizeof(p.name)) && *p.name);
		REQUIRE(!strpbrk(p.name, "\n\t "));
	}
	free(line);
	return 0;
}
