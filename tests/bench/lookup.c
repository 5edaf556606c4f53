// SPDX-License-Identifier: Apache-2.0
/* Round trips of one client, one at a time: of a map lookup, and of a PING that the bridge answers itself, which is the part of the way on the host. */
#include <string.h>

#include "tests/bench/procs.h"
#include "tests/bench/session.h"

#define ENTRIES	1024
#define WARM_UP	20

struct target {
	const char *name;
	uint32_t type;
};

static double *times;

static int64_t make_map(struct client *c, uint32_t type)
{
	int64_t map = map_create(c, 0, type, 4, 8, ENTRIES);
	uint32_t key = 7;
	uint64_t value = 0x1122334455667788;

	MUST(map > 0);
	MUST(!map_update(c, 0, map, &key, sizeof(key), &value, sizeof(value)));
	return map;
}

static void lookup(struct client *c, int64_t map)
{
	const uint64_t want = 0x1122334455667788;
	const uint32_t key = 7;
	const uint8_t *value = map_lookup(c, 0, map, &key, sizeof(key), sizeof(want));

	MUST(value && !memcmp(value, &want, sizeof(want)));
}

static void bridge_ping(struct client *c, int64_t map)
{
	struct bw_buf nothing = { 0 };

	(void)map;
	MUST(!call(c, 0, BW_MSG_PING, &nothing));
}

static void measure(struct client *c, void (*once)(struct client *c, int64_t map), int64_t map, const char *prefix, int count)
{
	struct procs before, after;

	for (int i = 0; i < WARM_UP; i++)
		once(c, map);
	procs_before(&before);
	for (int i = 0; i < count; i++) {
		int64_t start = now_ns();

		once(c, map);
		times[i] = (double)(now_ns() - start) / 1000;
	}
	procs_after(&after);
	report(percentile(times, count, 50), "us", "%s", prefix);
	report(percentile(times, count, 99), "us", "%s.p99", prefix);
	procs_report(&before, &after, prefix, count);
}

/* lookup NAME SOCKET COUNT: the figures' names begin with NAME */
int bench_lookup(int argc, char **argv)
{
	static const struct target targets[] = { { "array", BPF_MAP_TYPE_ARRAY }, { "hash", BPF_MAP_TYPE_HASH } };
	char prefix[64];
	struct client c;
	int count;

	if (argc != 4)
		return 2;
	count = atoi(argv[3]);
	times = calloc((size_t)count, sizeof(*times));
	MUST(times && count > 0);
	session_open(&c, argv[2]);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		snprintf(prefix, sizeof(prefix), "%s.lookup.%s", argv[1], targets[i].name);
		measure(&c, lookup, make_map(&c, targets[i].type), prefix, count);
	}
	snprintf(prefix, sizeof(prefix), "%s.bridge-ping", argv[1]);
	measure(&c, bridge_ping, 0, prefix, count);
	client_close(&c);
	return 0;
}

/* ---- how many transfers a lookup is, by the kernel's count ---- */

#define TRACING	"/sys/kernel/tracing/"
#define GIVEN	TRACING "events/gadget/usb_gadget_giveback_request/enable"

static void trace(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		DIE("write %s", file);
}

struct transfers {
	int out, in;
	uint64_t out_bytes, in_bytes;
};

/* "... usb_gadget_giveback_request: ep1out: req ... length 99/16384 sgs ... status 0 --> 0" */
static void count_line(struct transfers *t, const char *line)
{
	const char *at = strstr(line, "usb_gadget_giveback_request: "), *length = strstr(line, " length ");
	char name[32];
	int actual;

	if (!at || !length || sscanf(at, "%*s %31[^:]", name) != 1 || sscanf(length, " length %d/", &actual) != 1 || !strcmp(name, "ep0"))
		return;
	if (strstr(name, "in")) {
		t->in++;
		t->in_bytes += (uint64_t)actual;
	} else {
		t->out++;
		t->out_bytes += (uint64_t)actual;
	}
}

static struct transfers read_trace(void)
{
	struct transfers t = { 0 };
	char line[512];
	FILE *f = fopen(TRACING "trace", "r");

	MUST(f);
	while (fgets(line, sizeof(line), f))
		count_line(&t, line);
	fclose(f);
	return t;
}

/* transfers SOCKET COUNT: requests that the gadget's controller gave back while COUNT lookups were made */
int bench_transfers(int argc, char **argv)
{
	struct transfers t;
	struct client c;
	int64_t map;
	int count;

	if (argc != 3)
		return 2;
	count = atoi(argv[2]);
	session_open(&c, argv[1]);
	map = make_map(&c, BPF_MAP_TYPE_ARRAY);
	lookup(&c, map);
	trace(TRACING "trace", "");
	trace(GIVEN, "1");
	for (int i = 0; i < count; i++)
		lookup(&c, map);
	trace(GIVEN, "0");
	t = read_trace();
	client_close(&c);
	report((double)t.out / count, "transfers", "usb.lookup.transfers.out");
	report((double)t.in / count, "transfers", "usb.lookup.transfers.in");
	report((double)t.out_bytes / count, "bytes", "usb.lookup.bytes.out");
	report((double)t.in_bytes / count, "bytes", "usb.lookup.bytes.in");
	return 0;
}
