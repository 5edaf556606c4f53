// SPDX-License-Identifier: Apache-2.0
/* Maps: creating them, and every command about their elements. */
#include "bpf-rows.h"

#define ZERO_SEED	(1u << 6)	/* BPF_F_ZERO_SEED: iterations have one order */
#define ROOM		(64 << 10)

static uint8_t key[ROOM], value[ROOM], out[ROOM], more[ROOM];

/* ---- creating ---- */

void maps_section(void)
{
	static const uint32_t sizes[][3] = { { 4, 8, 4 }, { 0, 8, 4 }, { 4, 0, 4 }, { 4, 8, 0 }, { 8, 4, 4 }, { 0, 0, 4096 }, { 300, 8, 2 },
					     { 4, 9, 3 }, { 16, 4, 1 }, { 4, 0x7fffffff, 1 } };
	static const uint32_t flags[] = { 0, 1, 2, 1 << 10, 1 << 3, 1u << 31 };
	union bpf_attr attr;
	char name[64];
	uint32_t type;
	size_t s, f;

	for (type = 0; type <= 37; type++)
		for (s = 0; s < COUNT(sizes); s++)
			for (f = 0; f < (s ? 1 : COUNT(flags)); f++) {
				long fd;

				attr = ATTR(.map_type = type, .key_size = sizes[s][0], .value_size = sizes[s][1], .max_entries = sizes[s][2],
					    .map_flags = flags[f], .map_name = "bw_rows");
				snprintf(name, sizeof(name), "create type %u key %u value %u entries %u flags %#x", type, sizes[s][0], sizes[s][1],
					 sizes[s][2], flags[f]);
				fd = row_fd(name, BPF_MAP_CREATE, &attr, sizeof(attr));
				if (fd >= 0)
					close((int)fd);
			}
	attr = ATTR(.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1, .map_name = "not a name");
	row_fd("create with a bad name", BPF_MAP_CREATE, &attr, sizeof(attr));
	attr = ATTR(.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1, .btf_fd = 9999, .btf_value_type_id = 1);
	row_fd("create with a bad BTF", BPF_MAP_CREATE, &attr, sizeof(attr));
	attr = ATTR(.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1, .numa_node = 77, .map_flags = 4);
	row_fd("create on a node that is not there", BPF_MAP_CREATE, &attr, sizeof(attr));
	attr = ATTR(.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 4, .max_entries = 1, .map_ifindex = 9999);
	row_fd("create on an interface that is not there", BPF_MAP_CREATE, &attr, sizeof(attr));
	attr = ATTR(.map_type = BPF_MAP_TYPE_BLOOM_FILTER, .value_size = 4, .max_entries = 1, .map_extra = 99);
	row_fd("create with a bad map_extra", BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* ---- elements ---- */

struct kind {
	const char *name;
	uint32_t type, key, value, entries, flags;
	uint32_t value_len;		/* as bpf(2) sees it */
};

static long elem(const struct kind *k, const char *what, int cmd, int fd, const void *keyp, void *valuep, uint64_t flags)
{
	union bpf_attr attr = ATTR(.map_fd = (uint32_t)fd, .key = PTR(keyp), .value = PTR(valuep), .flags = flags);
	char name[128];
	long r;

	snprintf(name, sizeof(name), "%s %s", k->name, what);
	r = row(name, cmd, &attr, cmd == BPF_MAP_DELETE_ELEM ? FIELD(value) : FIELD(flags) + 8);
	return r;
}

/* The n-th key and value of a kind: bytes that tell which they are. */
static void *nth_key(const struct kind *k, uint32_t n)
{
	memset(key, 0, sizeof(key));
	memcpy(key, &n, sizeof(n));
	if (k->type == BPF_MAP_TYPE_LPM_TRIE) {
		uint32_t bits = 32;

		memcpy(key, &bits, 4);
		key[4] = (uint8_t)n;
	}
	return key;
}

static void *nth_value(const struct kind *k, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < k->value_len; i++)
		value[i] = (uint8_t)(n * 16 + i % 13);
	return value;
}

static void lookup(const struct kind *k, const char *what, int cmd, int fd, uint32_t n, uint64_t flags)
{
	memset(out, 0xa5, k->value_len + 32);
	elem(k, what, cmd, fd, nth_key(k, n), out, flags);
	dump("value", out, k->value_len + 32);
}

static void iterate(const struct kind *k, int fd)
{
	uint32_t n = 0;

	memset(out, 0xa5, k->key + 16);
	while (n++ < 8 && !elem(k, n == 1 ? "first key" : "next key", BPF_MAP_GET_NEXT_KEY, fd, n == 1 ? NULL : key, out, 0)) {
		dump("key", out, k->key + 16);
		memcpy(key, out, k->key);
		memset(out, 0xa5, k->key + 16);
	}
	dump("key after the last", out, k->key + 16);
	elem(k, "next of a key that is not there", BPF_MAP_GET_NEXT_KEY, fd, nth_key(k, 200), out, 0);
	dump("key", out, k->key + 16);
}

static void bad_pointers(const struct kind *k, int fd)
{
	void *bad = (void *)BAD_PTR;

	elem(k, "lookup with a bad key pointer", BPF_MAP_LOOKUP_ELEM, fd, bad, out, 0);
	elem(k, "lookup without a key", BPF_MAP_LOOKUP_ELEM, fd, NULL, out, 0);
	elem(k, "lookup of what is there with a bad value pointer", BPF_MAP_LOOKUP_ELEM, fd, nth_key(k, 1), bad, 0);
	elem(k, "lookup of what is not there with a bad value pointer", BPF_MAP_LOOKUP_ELEM, fd, nth_key(k, 99), bad, 0);
	elem(k, "update with a bad key pointer", BPF_MAP_UPDATE_ELEM, fd, bad, nth_value(k, 1), 0);
	elem(k, "update with a bad value pointer", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), bad, 0);
	elem(k, "update without a value", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), NULL, 0);
	elem(k, "delete with a bad key pointer", BPF_MAP_DELETE_ELEM, fd, bad, NULL, 0);
	elem(k, "next key with a bad key pointer", BPF_MAP_GET_NEXT_KEY, fd, bad, out, 0);
	elem(k, "next key with a bad result pointer", BPF_MAP_GET_NEXT_KEY, fd, NULL, bad, 0);
}

static long batch(const struct kind *k, const char *what, int cmd, int fd, const void *in, void *cursor, void *keys, void *values, uint32_t count,
		  uint64_t elem_flags, uint64_t flags)
{
	union bpf_attr attr = { .batch = { .map_fd = (uint32_t)fd, .in_batch = PTR(in), .out_batch = PTR(cursor), .keys = PTR(keys),
					   .values = PTR(values), .count = count, .elem_flags = elem_flags, .flags = flags } };
	char name[128];
	long r;

	snprintf(name, sizeof(name), "%s %s of %u", k->name, what, count);
	r = row(name, cmd, &attr, sizeof(attr.batch));
	return r;
}

static void batches(const struct kind *k, int fd)
{
	uint8_t cursor[1024];
	uint32_t i, n = 3;

	for (i = 0; i < n; i++) {
		memcpy(more + i * k->key, nth_key(k, i), k->key);
		memcpy(out + i * k->value_len, nth_value(k, i + 5), k->value_len);
	}
	memcpy(value, out, n * k->value_len);
	memcpy(key, more, n * k->key);
	batch(k, "update batch", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, key, value, n, 0, 0);
	memset(cursor, 0xa5, sizeof(cursor));
	memset(out, 0xa5, 16 * k->value_len);
	memset(more, 0xa5, 16 * k->key);
	batch(k, "lookup batch", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, more, out, 2, 0, 0);
	dump("cursor", cursor, k->key + 16);
	dump("keys", more, 16 * k->key);
	dump("values", out, 4 * k->value_len);
	memset(out, 0xa5, 16 * k->value_len);
	memset(more, 0xa5, 16 * k->key);
	batch(k, "lookup batch, going on", BPF_MAP_LOOKUP_BATCH, fd, cursor, cursor, more, out, 16, 0, 0);
	dump("cursor", cursor, k->key + 16);
	dump("keys", more, 16 * k->key);
	dump("values", out, 16 * k->value_len);
	batch(k, "lookup batch", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, more, out, 0, 0, 0);
	batch(k, "lookup batch with flags", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, more, out, 2, 0, 7);
	batch(k, "lookup batch with element flags", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, more, out, 2, 1 << 9, 0);
	batch(k, "lookup batch with bad keys", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, (void *)BAD_PTR, out, 2, 0, 0);
	batch(k, "lookup batch with bad values", BPF_MAP_LOOKUP_BATCH, fd, NULL, cursor, more, (void *)BAD_PTR, 2, 0, 0);
	batch(k, "lookup batch with a bad cursor", BPF_MAP_LOOKUP_BATCH, fd, (void *)BAD_PTR, cursor, more, out, 2, 0, 0);
	batch(k, "lookup batch without a cursor", BPF_MAP_LOOKUP_BATCH, fd, NULL, NULL, more, out, 2, 0, 0);
	memset(out, 0xa5, 16 * k->value_len);
	memset(more, 0xa5, 16 * k->key);
	batch(k, "lookup and delete batch", BPF_MAP_LOOKUP_AND_DELETE_BATCH, fd, NULL, cursor, more, out, 16, 0, 0);
	dump("keys", more, 16 * k->key);
	dump("values", out, 16 * k->value_len);
	batch(k, "update batch with bad values", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, key, (void *)BAD_PTR, n, 0, 0);
	batch(k, "update batch with bad keys", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, (void *)BAD_PTR, value, n, 0, 0);
	batch(k, "update batch", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, key, value, n, 0, 0);
	batch(k, "delete batch", BPF_MAP_DELETE_BATCH, fd, NULL, NULL, key, NULL, 2, 0, 0);
	batch(k, "delete batch, of some that are gone", BPF_MAP_DELETE_BATCH, fd, NULL, NULL, key, NULL, 3, 0, 0);
	batch(k, "delete batch", BPF_MAP_DELETE_BATCH, fd, NULL, NULL, key, NULL, 0, 0, 0);
}

static void elements(struct kind *k)
{
	int fd = make_map(k->type, k->key, k->value, k->entries, k->flags);
	union bpf_attr attr;
	uint32_t n;

	k->value_len = k->value;
	if (strstr(k->name, "per-CPU"))
		k->value_len = (k->value + 7) / 8 * 8 * ncpus;
	printf("-- %s\n", k->name);
	NEED(fd);
	lookup(k, "lookup of nothing", BPF_MAP_LOOKUP_ELEM, fd, 1, 0);
	for (n = 0; n < 5; n++)
		elem(k, "update", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, n), nth_value(k, n), BPF_ANY);
	elem(k, "update, not there", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), nth_value(k, 7), BPF_NOEXIST);
	elem(k, "update, there", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), nth_value(k, 8), BPF_EXIST);
	elem(k, "update, what is not there", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 99), nth_value(k, 8), BPF_EXIST);
	elem(k, "update with bad flags", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), nth_value(k, 8), 1 << 20);
	elem(k, "update with a lock", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 1), nth_value(k, 8), BPF_F_LOCK);
	elem(k, "update of one CPU", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 2), nth_value(k, 9), 8 | 1ull << 32);
	elem(k, "update of all CPUs", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 3), nth_value(k, 10), 16);
	for (n = 0; n < 5; n++)
		lookup(k, "lookup", BPF_MAP_LOOKUP_ELEM, fd, n, 0);
	lookup(k, "lookup with bad flags", BPF_MAP_LOOKUP_ELEM, fd, 1, 1 << 20);
	lookup(k, "lookup of one CPU", BPF_MAP_LOOKUP_ELEM, fd, 1, 8 | 1ull << 32);
	iterate(k, fd);
	bad_pointers(k, fd);
	lookup(k, "lookup and delete", BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, 2, 0);
	lookup(k, "lookup and delete of what is not there", BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, 98, 0);
	elem(k, "delete", BPF_MAP_DELETE_ELEM, fd, nth_key(k, 1), NULL, 0);
	elem(k, "delete again", BPF_MAP_DELETE_ELEM, fd, nth_key(k, 1), NULL, 0);
	iterate(k, fd);
	batches(k, fd);
	attr = ATTR(.map_fd = (uint32_t)fd);
	row("freeze", BPF_MAP_FREEZE, &attr, FIELD(map_fd) + 4);
	row("freeze again", BPF_MAP_FREEZE, &attr, FIELD(map_fd) + 4);
	elem(k, "update of a frozen map", BPF_MAP_UPDATE_ELEM, fd, nth_key(k, 0), nth_value(k, 1), 0);
	elem(k, "delete from a frozen map", BPF_MAP_DELETE_ELEM, fd, nth_key(k, 0), NULL, 0);
	lookup(k, "lookup in a frozen map", BPF_MAP_LOOKUP_ELEM, fd, 0, 0);
	close(fd);
}

void elements_section(void)
{
	static struct kind kinds[] = {
		{ "hash", BPF_MAP_TYPE_HASH, 16, 20, 4, ZERO_SEED, 0 }, { "small hash", BPF_MAP_TYPE_HASH, 4, 8, 4, ZERO_SEED | 1, 0 },
		{ "array", BPF_MAP_TYPE_ARRAY, 4, 13, 4, 0, 0 }, { "mapped array", BPF_MAP_TYPE_ARRAY, 4, 12, 4, 1 << 10, 0 },
		{ "per-CPU hash", BPF_MAP_TYPE_PERCPU_HASH, 8, 12, 4, ZERO_SEED, 0 }, { "per-CPU array", BPF_MAP_TYPE_PERCPU_ARRAY, 4, 5, 4, 0, 0 },
		{ "lru hash", BPF_MAP_TYPE_LRU_HASH, 4, 8, 2048, ZERO_SEED, 0 },
		{ "lru per-CPU hash", BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 2048, ZERO_SEED, 0 },
		{ "trie", BPF_MAP_TYPE_LPM_TRIE, 8, 8, 4, 1, 0 }, { "queue", BPF_MAP_TYPE_QUEUE, 0, 12, 4, 0, 0 },
		{ "stack", BPF_MAP_TYPE_STACK, 0, 12, 4, 0, 0 }, { "bloom filter", BPF_MAP_TYPE_BLOOM_FILTER, 0, 12, 4, ZERO_SEED, 0 },
		{ "stack traces", BPF_MAP_TYPE_STACK_TRACE, 4, 16, 4, 0, 0 }, { "ring buffer", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, 0 },
		{ "user ring buffer", 31, 0, 0, 4096, 0, 0 }, { "long keys", BPF_MAP_TYPE_HASH, 300, 40, 4, ZERO_SEED, 0 },
		{ "devmap", BPF_MAP_TYPE_DEVMAP, 4, 4, 4, 0, 0 }, { "devmap hash", BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4, 0, 0 },
		{ "cpumap", BPF_MAP_TYPE_CPUMAP, 4, 8, 4, 0, 0 }, { "cgroup storage", BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0, 0 },
		{ "growing hash", 35, 4, 8, 4, 1, 0 },
	};
	size_t i;

	for (i = 0; i < COUNT(kinds); i++)
		elements(&kinds[i]);
}

/* ---- maps that hold objects ---- */

static void hold(const char *name, uint32_t type, uint32_t inner, int good, int other)
{
	union bpf_attr attr = ATTR(.map_type = type, .key_size = 4, .value_size = 4, .max_entries = 4, .inner_map_fd = inner);
	struct kind k = { name, type, 4, 4, 4, 0, 4 };
	uint32_t zero = 0, v, i;
	uint32_t fds[2] = { (uint32_t)good, (uint32_t)good }, keys[2] = { 1, 2 };
	int fd;

	printf("-- %s\n", name);
	fd = (int)row_fd("create", BPF_MAP_CREATE, &attr, sizeof(attr));
	NEED(fd);
	v = (uint32_t)good;
	elem(&k, "update with a good one", BPF_MAP_UPDATE_ELEM, fd, &zero, &v, 0);
	v = (uint32_t)other;
	elem(&k, "update with one of another kind", BPF_MAP_UPDATE_ELEM, fd, &zero, &v, 0);
	v = 9999;
	elem(&k, "update with a bad one", BPF_MAP_UPDATE_ELEM, fd, &zero, &v, 0);
	v = (uint32_t)-1;
	elem(&k, "update with -1", BPF_MAP_UPDATE_ELEM, fd, &zero, &v, 0);
	for (i = 0; i < 2; i++) {
		v = 0;
		if (!elem(&k, "lookup", BPF_MAP_LOOKUP_ELEM, fd, &i, &v, 0))
			printf("  %s\n", v ? "an id" : "0");
	}
	batch(&k, "update batch", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, fds, 2, 0, 0);
	fds[1] = 9999;
	batch(&k, "update batch with a bad one", BPF_MAP_UPDATE_BATCH, fd, NULL, NULL, keys, fds, 2, 0, 0);
	batch(&k, "delete batch", BPF_MAP_DELETE_BATCH, fd, NULL, NULL, keys, NULL, 2, 0, 0);
	elem(&k, "delete", BPF_MAP_DELETE_ELEM, fd, &zero, NULL, 0);
	elem(&k, "delete again", BPF_MAP_DELETE_ELEM, fd, &zero, NULL, 0);
	close(fd);
}

/* A cpumap's and a devmap's value: a number, and behind it a program's descriptor. */
static void hold_program(const char *name, uint32_t type, uint32_t first, int prog)
{
	struct kind k = { name, type, 4, 8, 4, 0, 8 };
	uint32_t v[2] = { first, (uint32_t)prog }, zero = 0, got[2] = { 0 };
	int fd = make_map(type, 4, 8, 4, 0);

	printf("-- %s\n", name);
	NEED(fd);
	elem(&k, "update with a program", BPF_MAP_UPDATE_ELEM, fd, &zero, v, 0);
	if (!elem(&k, "lookup", BPF_MAP_LOOKUP_ELEM, fd, &zero, got, 0))
		printf("  %u and %s\n", got[0], got[1] ? "an id" : "0");
	v[1] = 0;
	elem(&k, "update with none", BPF_MAP_UPDATE_ELEM, fd, &zero, v, 0);
	v[1] = (uint32_t)-1;
	elem(&k, "update with -1", BPF_MAP_UPDATE_ELEM, fd, &zero, v, 0);
	v[1] = 9999;
	elem(&k, "update with a bad one", BPF_MAP_UPDATE_ELEM, fd, &zero, v, 0);
	close(fd);
}

void containers_section(void)
{
	int inner = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0), unlike = make_map(BPF_MAP_TYPE_HASH, 4, 4, 2, 0);
	int prog = LOAD(BPF_PROG_TYPE_SOCKET_FILTER, 0, MOV_IMM(0, 0), EXIT), dir = open(access("/sys/fs/cgroup/unified", F_OK) ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified", O_RDONLY | O_DIRECTORY);
	int cpu_prog = LOAD(BPF_PROG_TYPE_XDP, BPF_XDP_CPUMAP, MOV_IMM(0, 2), EXIT), dev_prog = LOAD(BPF_PROG_TYPE_XDP, BPF_XDP_DEVMAP, MOV_IMM(0, 2), EXIT);
	struct perf_event_attr pe = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(pe), .config = PERF_COUNT_SW_BPF_OUTPUT,
				      .sample_type = PERF_SAMPLE_RAW, .sample_period = 1 };
	int event = (int)syscall(__NR_perf_event_open, &pe, -1, 0, -1, 0);

	hold("array of maps", BPF_MAP_TYPE_ARRAY_OF_MAPS, (uint32_t)inner, inner, prog);
	hold("array of maps of another type", BPF_MAP_TYPE_ARRAY_OF_MAPS, (uint32_t)inner, unlike, prog);
	hold("array of maps without a map", BPF_MAP_TYPE_ARRAY_OF_MAPS, 9999, inner, prog);
	hold("array of maps of programs", BPF_MAP_TYPE_ARRAY_OF_MAPS, (uint32_t)prog, inner, prog);
	hold("hash of maps", BPF_MAP_TYPE_HASH_OF_MAPS, (uint32_t)inner, inner, prog);
	hold("array of programs", BPF_MAP_TYPE_PROG_ARRAY, 0, prog, inner);
	hold("array of events", BPF_MAP_TYPE_PERF_EVENT_ARRAY, 0, event, inner);
	hold("array of cgroups", BPF_MAP_TYPE_CGROUP_ARRAY, 0, dir, inner);
	hold("array of reuseport sockets", BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 0, inner, prog);
	hold("map of sockets", BPF_MAP_TYPE_SOCKMAP, 0, inner, prog);
	hold("hash of sockets", BPF_MAP_TYPE_SOCKHASH, 0, inner, prog);
	hold("map of AF_XDP sockets", BPF_MAP_TYPE_XSKMAP, 0, inner, prog);
	hold_program("cpumap", BPF_MAP_TYPE_CPUMAP, 128, cpu_prog);
	hold_program("devmap", BPF_MAP_TYPE_DEVMAP, 1, dev_prog);
	hold_program("devmap hash", BPF_MAP_TYPE_DEVMAP_HASH, 1, dev_prog);
	close(inner); close(unlike); close(prog); close(dir); close(cpu_prog); close(dev_prog); close(event);
}
