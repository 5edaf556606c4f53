// SPDX-License-Identifier: Apache-2.0
/* Against the kernel of the machine that runs the tests. */
#include <sched.h>

#include "daemon/facts.h"
#include "tests/unit/daemon/bpf_client.h"

static struct client c;

#define MAP_INFO_SIZE	80u

static void start(void)
{
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
}

static int map_info(int64_t handle, struct bpf_map_info *info)
{
	struct bw_bpf_buf b = { offsetof(union bpf_attr, info.info), BW_BUF_INOUT, MAP_INFO_SIZE, (uint8_t *)info };
	const struct bw_bpf_buf *out;
	union bpf_attr a;
	int r;

	memset(info, 0, sizeof(*info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)handle;
	a.info.info_len = MAP_INFO_SIZE;
	r = bpf(&c, 1, BPF_OBJ_GET_INFO_BY_FD, &a, 16, &b, 1);
	out = got_buf(offsetof(union bpf_attr, info.info));
	if (!r && out)
		memcpy(info, out->data, out->len < sizeof(*info) ? out->len : sizeof(*info));
	return r;
}

TEST("a map keeps what is put into it, and says what it is")
{
	uint32_t key = 7, value = 0x12345678;
	const uint8_t *v;
	int64_t map;

	start();
	map = map_create(&c, 1, BPF_MAP_TYPE_HASH, 4, 4, 16);
	CHECK_EQ(map, 1);
	CHECK(got.map.type == BPF_MAP_TYPE_HASH && got.map.key_size == 4 && got.map.value_size == 4 && got.map.max_entries == 16);
	CHECK(got.map.id != 0);
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &value, 4), 0);
	v = map_lookup(&c, 1, map, &key, 4, 4);
	CHECK(v && !memcmp(v, &value, 4));
	key = 8;
	CHECK(!map_lookup(&c, 1, map, &key, 4, 4));
	CHECK_EQ(c.status, -ENOENT);
	daemon_stop(&c);
}

TEST("no pointer and no descriptor of the board comes back")
{
	static const uint8_t zeros[32];
	uint32_t key = 7, value = 1;
	int64_t map;

	start();
	map = map_create(&c, 1, BPF_MAP_TYPE_HASH, 4, 4, 16);
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &value, 4), 0);
	CHECK_EQ(got.attr_size, 32);
	CHECK(!memcmp(got.attr, zeros, 32));
	daemon_stop(&c);
}

TEST("a per-CPU map's value is one for each possible CPU")
{
	uint32_t cpus = bw_cpus_possible(), key = 0;
	uint64_t values[256] = { 0 };
	const uint8_t *v;
	int64_t map;

	start();
	map = map_create(&c, 1, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 1);
	for (uint32_t i = 0; i < cpus && i < 256; i++)
		values[i] = i + 100;
	CHECK_EQ(map_update(&c, 1, map, &key, 4, values, 8 * cpus), 0);
	v = map_lookup(&c, 1, map, &key, 4, 8 * cpus);
	CHECK(v && !memcmp(v, values, 8 * cpus));
	CHECK_EQ(map_update(&c, 1, map, &key, 4, values, 4), -EINVAL);
	daemon_stop(&c);
}

TEST("a length that is not what the map says never reaches the kernel")
{
	uint32_t key = 7, value = 1;
	int64_t map;

	start();
	map = map_create(&c, 1, BPF_MAP_TYPE_HASH, 4, 64, 16);
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &value, 4), -EINVAL);
	CHECK(!map_lookup(&c, 1, map, &key, 4, 4));
	CHECK_EQ(c.status, -EINVAL);
	daemon_stop(&c);
}

TEST("a pointer without a buffer is NULL to the kernel, a bad one is bad")
{
	struct bw_bpf_buf bufs[2] = {
		{ offsetof(union bpf_attr, key), BW_BUF_IN, 4, (const uint8_t *)"\1\0\0\0" }, { offsetof(union bpf_attr, value), BW_BUF_BAD, 0, NULL },
	};
	union bpf_attr a;

	start();
	memset(&a, 0, sizeof(a));
	a.map_fd = (uint32_t)map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 4, 16);
	CHECK_EQ(bpf(&c, 1, BPF_MAP_LOOKUP_ELEM, &a, 32, bufs, 2), -EFAULT);
	/* Here the attr brings a pointer of its own, which must not survive. */
	a.value = 0x7fff12345678;
	CHECK_EQ(bpf(&c, 1, BPF_MAP_LOOKUP_ELEM, &a, 32, bufs, 1), -EFAULT);
	daemon_stop(&c);
}

TEST("handles that are none are answered as the kernel answers bad descriptors")
{
	uint32_t key = 7;

	start();
	CHECK_EQ(map_update(&c, 1, BW_HANDLE_BAD, NULL, 0, NULL, 0), -EBADF);
	CHECK_EQ(map_update(&c, 1, 99, NULL, 0, NULL, 0), -EBADF);
	CHECK_EQ(map_update(&c, 1, 0, NULL, 0, NULL, 0), -EINVAL);
	(void)key;
	daemon_stop(&c);
}

TEST("unknown commands and unknown fields are refused as an older kernel would")
{
	uint8_t a[1024] = { 0 };

	start();
	CHECK_EQ(bpf(&c, 1, 9999, a, 16, NULL, 0), -EINVAL);
	a[100] = 1;
	CHECK_EQ(bpf(&c, 1, BPF_MAP_CREATE, a, sizeof(a), NULL, 0), -EINVAL);
	a[100] = 0;
	a[500] = 1;	/* further than the kernel's own attr reaches */
	CHECK_EQ(bpf(&c, 1, BPF_MAP_CREATE, a, sizeof(a), NULL, 0), -E2BIG);
	daemon_stop(&c);
}

TEST("a program uses a map by its handle, and runs")
{
	uint32_t key = 0;
	uint64_t value = 5;
	const uint8_t *v;
	int64_t map, prog;

	start();
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 1);	/* so that handle and descriptor differ */
	map = map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &value, 8), 0);
	{
		const struct bpf_insn insns[] = {
			ST_W(BPF_REG_10, -4, 0), MOV_REG(BPF_REG_2, BPF_REG_10), ADD_IMM(BPF_REG_2, -4), LD_MAP(BPF_REG_1, map),
			CALL(map_lookup_elem), INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, 0), MOV_IMM(BPF_REG_0, 0), EXIT(),
			ST_DW(BPF_REG_0, 0, 42), MOV_IMM(BPF_REG_0, 0), EXIT(),
		};

		prog = PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, insns);
	}
	CHECK_EQ(prog, 3);
	CHECK_EQ(run_raw_tp(&c, 1, prog), 0);
	v = map_lookup(&c, 1, map, &key, 4, 8);
	value = 42;
	CHECK(v && !memcmp(v, &value, 8));
	daemon_stop(&c);
}

TEST("the verifier's log comes back with its error, up to its end")
{
	const struct bpf_insn insns[] = { MOV_REG(BPF_REG_0, BPF_REG_5), EXIT() };
	const struct bw_bpf_buf *log;

	start();
	CHECK_EQ(prog_load(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, insns, 2, 65536), -EACCES);
	log = got_buf(offsetof(union bpf_attr, log_buf));
	CHECK(log && log->len > 10 && log->len < 4096 && memmem(log->data, log->len, "R5 !read_ok", 11));
	daemon_stop(&c);
}

TEST("what is in an info structure's arrays comes back too")
{
	struct bpf_prog_info info = { .nr_map_ids = 4 };
	struct bw_bpf_buf bufs[2] = {
		{ offsetof(union bpf_attr, info.info), BW_BUF_INOUT, sizeof(info), (uint8_t *)&info },
		{ BW_BUF_INFO + offsetof(struct bpf_prog_info, map_ids), BW_BUF_OUT, 16, NULL },
	};
	const struct bw_bpf_buf *ids, *out;
	union bpf_attr a;
	int64_t map, prog;
	uint32_t map_id;

	start();
	map = map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	map_id = got.map.id;
	{
		const struct bpf_insn insns[] = { LD_MAP(BPF_REG_1, map), MOV_IMM(BPF_REG_0, 0), EXIT() };

		prog = PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, insns);
	}
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)prog;
	a.info.info_len = sizeof(info);
	CHECK_EQ(bpf(&c, 1, BPF_OBJ_GET_INFO_BY_FD, &a, 16, bufs, 2), 0);
	out = got_buf(offsetof(union bpf_attr, info.info));
	ids = got_buf(BW_BUF_INFO + offsetof(struct bpf_prog_info, map_ids));
	CHECK(ids && ids->len == 4 && !memcmp(ids->data, &map_id, 4));
	CHECK(out && out->len >= offsetof(struct bpf_prog_info, map_ids) + 8);
	memcpy(&info, out->data, out->len < sizeof(info) ? out->len : sizeof(info));
	CHECK_EQ(info.map_ids, 0);
	CHECK_EQ(info.nr_map_ids, 1);
	CHECK_EQ(info.type, BPF_PROG_TYPE_RAW_TRACEPOINT);
	daemon_stop(&c);
}

TEST("objects are gone when their session is, and what is pinned stays")
{
	char path[96];
	struct bw_bpf_buf name = { offsetof(union bpf_attr, pathname), BW_BUF_IN, 0, (const uint8_t *)path };
	uint32_t gone, pinned;
	union bpf_attr a;
	int64_t map;

	start();
	CHECK_EQ(session_open(&c, 2), 0);
	snprintf(path, sizeof(path), "/sys/fs/bpf/bw-test-%d", getpid());
	name.len = (uint32_t)strlen(path) + 1;
	map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	gone = got.map.id;
	map = map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	pinned = got.map.id;
	memset(&a, 0, sizeof(a));
	a.bpf_fd = (uint32_t)map;
	CHECK_EQ(bpf(&c, 1, BPF_OBJ_PIN, &a, 12, &name, 1), 0);
	CHECK(id_exists(BPF_MAP_GET_FD_BY_ID, gone));
	session_close(&c, 1);
	CHECK(WAIT_UNTIL(!id_exists(BPF_MAP_GET_FD_BY_ID, gone)));
	CHECK(id_exists(BPF_MAP_GET_FD_BY_ID, pinned));
	memset(&a, 0, sizeof(a));
	CHECK_EQ(bpf(&c, 2, BPF_OBJ_GET, &a, 12, &name, 1), 0);
	CHECK_EQ(got.object, BW_OBJ_MAP);
	CHECK_EQ(got.map.id, pinned);
	CHECK_EQ(got.map.value_size, 8);
	unlink(path);
	daemon_stop(&c);
	CHECK(WAIT_UNTIL(!id_exists(BPF_MAP_GET_FD_BY_ID, pinned)));
}

TEST("a killed worker's objects are gone")
{
	pid_t pids[2];
	uint32_t id;

	start();
	map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	id = got.map.id;
	CHECK_EQ(child_pids(c.daemon, pids, 2), 1);
	kill(pids[0], SIGKILL);
	CHECK(WAIT_FOR(&c, c.closed == 1));
	CHECK(WAIT_UNTIL(!id_exists(BPF_MAP_GET_FD_BY_ID, id)));
	daemon_stop(&c);
}

TEST("maps of maps and program arrays take handles for values")
{
	uint32_t key = 0, inner;
	union bpf_attr a;
	int64_t map, outer;
	const uint8_t *v;

	start();
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 1);
	map = map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	inner = got.map.id;
	memset(&a, 0, sizeof(a));
	a.map_type = BPF_MAP_TYPE_ARRAY_OF_MAPS;
	a.key_size = a.value_size = 4;
	a.max_entries = 2;
	a.inner_map_fd = (uint32_t)map;
	CHECK_EQ(bpf(&c, 1, BPF_MAP_CREATE, &a, 72, NULL, 0), 0);
	outer = got.handle;
	CHECK_EQ(map_update(&c, 1, outer, &key, 4, &map, 4), 0);
	v = map_lookup(&c, 1, outer, &key, 4, 4);
	CHECK(v && !memcmp(v, &inner, 4));
	daemon_stop(&c);
}

TEST("a batch gives keys, values and a count, also at the end of the map")
{
	uint32_t keys[3] = { 1, 2, 3 }, zero = 0;
	uint64_t values[3] = { 10, 20, 30 };
	struct bw_bpf_buf in[2] = {
		{ offsetof(union bpf_attr, batch.keys), BW_BUF_IN, sizeof(keys), (uint8_t *)keys },
		{ offsetof(union bpf_attr, batch.values), BW_BUF_IN, sizeof(values), (uint8_t *)values },
	};
	struct bw_bpf_buf out[3] = {
		{ offsetof(union bpf_attr, batch.out_batch), BW_BUF_INOUT, 4, (uint8_t *)&zero },
		{ offsetof(union bpf_attr, batch.keys), BW_BUF_OUT, 4 * 8, NULL },
		{ offsetof(union bpf_attr, batch.values), BW_BUF_OUT, 8 * 8, NULL },
	};
	const struct bw_bpf_buf *k, *v;
	union bpf_attr a;

	start();
	memset(&a, 0, sizeof(a));
	a.batch.map_fd = (uint32_t)map_create(&c, 1, BPF_MAP_TYPE_HASH, 4, 8, 8);
	a.batch.count = 3;
	CHECK_EQ(bpf(&c, 1, BPF_MAP_UPDATE_BATCH, &a, 56, in, 2), 0);
	a.batch.count = 8;
	CHECK_EQ(bpf(&c, 1, BPF_MAP_LOOKUP_BATCH, &a, 56, out, 3), -ENOENT);
	k = got_buf(offsetof(union bpf_attr, batch.keys));
	v = got_buf(offsetof(union bpf_attr, batch.values));
	CHECK(k && k->len == 12);
	CHECK(v && v->len == 24);
	memcpy(&a, got.attr, 56);
	CHECK_EQ(a.batch.count, 3);
	daemon_stop(&c);
}

TEST("a ring buffer that no kernel takes is refused as by all of them, one of the least page is the tool's size whatever the board's page is")
{
	struct bpf_map_info info;
	int64_t map;

	start();
	CHECK_EQ(map_create(&c, 1, BPF_MAP_TYPE_RINGBUF, 0, 0, 1024), -EINVAL);
	map = map_create(&c, 1, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
	CHECK(map > 0);
	CHECK_EQ(got.map.max_entries, 4096);
	CHECK_EQ(map_info(map, &info), 0);
	CHECK_EQ(info.max_entries, 4096);
	CHECK_EQ(ring_map(&c, 1, (uint32_t)map, BW_RING_BPF, 4096), sysconf(_SC_PAGESIZE));
	daemon_stop(&c);
}

TEST("perf ioctls do what they say on perf events, and nothing on anything else")
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr), .config = PERF_COUNT_SW_CPU_CLOCK, .disabled = 1 };
	struct bw_ioctl_reply reply;
	struct bw_reader r;
	int64_t h;

	start();
	h = perf_open(&c, 1, &attr, -1, 0);
	CHECK_EQ(h, 1);
	CHECK_EQ(do_ioctl(&c, 1, 1, BW_IOC_PERF_ENABLE, 0, NULL, 0), 0);
	CHECK_EQ(do_ioctl(&c, 1, 1, BW_IOC_PERF_ID, 0, NULL, 0), 0);
	bw_reader_init(&r, c.reply.data, c.reply.len);
	CHECK(!bw_get_ioctl_reply(&r, &reply) && reply.len == 8 && memcmp(reply.data, "\0\0\0\0\0\0\0", 8));
	CHECK_EQ(file_read(&c, 1, 1, BW_OFFSET_CURRENT, 8), 0);
	CHECK_EQ(c.reply.len, 8);
	CHECK_EQ(do_ioctl(&c, 1, 1, 999, 0, NULL, 0), -ENOTTY);
	CHECK_EQ(do_ioctl(&c, 1, 5, BW_IOC_PERF_ENABLE, 0, NULL, 0), -EBADF);
	CHECK_EQ(file_open(&c, 1, BW_O_RDONLY, "/proc/uptime"), 2);
	CHECK_EQ(do_ioctl(&c, 1, 2, BW_IOC_PERF_ENABLE, 0, NULL, 0), -ENOTTY);
	daemon_stop(&c);
}

TEST("a program is attached to a tracepoint by perf event and by raw tracepoint, and detached with its session")
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = 0, .sample_period = 1, .wakeup_events = 1 };
	const char *id_path = "/sys/kernel/tracing/events/sched/sched_switch/id";
	struct bw_bpf_buf name = { offsetof(union bpf_attr, raw_tracepoint.name), BW_BUF_IN, 13, (const uint8_t *)"sched_switch" };
	const uint8_t *v;
	uint32_t key = 0, id;
	uint64_t zero = 0, count = 0;
	int64_t map, prog, raw, h;
	char line[32];
	union bpf_attr a;

	start();
	if (bw_read_line(id_path, line, sizeof(line)) <= 0) {
		printf("# skipped: no tracefs\n");
		daemon_stop(&c);
		return;
	}
	attr.config = (uint64_t)atoi(line);
	map = map_create(&c, 1, BPF_MAP_TYPE_ARRAY, 4, 8, 1);
	{
		const struct bpf_insn insns[] = {
			ST_W(BPF_REG_10, -4, 0), MOV_REG(BPF_REG_2, BPF_REG_10), ADD_IMM(BPF_REG_2, -4), LD_MAP(BPF_REG_1, map),
			CALL(map_lookup_elem), INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 2, 0), MOV_IMM(BPF_REG_0, 0), EXIT(),
			MOV_IMM(BPF_REG_1, 1), INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD), MOV_IMM(BPF_REG_0, 0), EXIT(),
		};

		prog = PROG_LOAD(&c, 1, BPF_PROG_TYPE_TRACEPOINT, insns);
		raw = PROG_LOAD(&c, 1, BPF_PROG_TYPE_RAW_TRACEPOINT, insns);
	}
	h = perf_open(&c, 1, &attr, -1, 0);
	CHECK(prog > 0 && raw > 0 && h > 0);
	CHECK_EQ(do_ioctl(&c, 1, (uint32_t)h, BW_IOC_PERF_SET_BPF, (uint64_t)prog, NULL, 0), 0);
	CHECK_EQ(do_ioctl(&c, 1, (uint32_t)h, BW_IOC_PERF_ENABLE, 0, NULL, 0), 0);
	CHECK_EQ(do_ioctl(&c, 1, (uint32_t)h, BW_IOC_PERF_QUERY_BPF, 4, NULL, 0), 0);
	usleep(50000);
	v = map_lookup(&c, 1, map, &key, 4, 8);
	CHECK(v && memcmp(v, &zero, 8));
	CHECK_EQ(do_ioctl(&c, 1, (uint32_t)h, BW_IOC_PERF_DISABLE, 0, NULL, 0), 0);
	memset(&a, 0, sizeof(a));
	a.raw_tracepoint.prog_fd = (uint32_t)raw;
	CHECK_EQ(map_update(&c, 1, map, &key, 4, &zero, 8), 0);
	CHECK_EQ(bpf(&c, 1, BPF_RAW_TRACEPOINT_OPEN, &a, 16, &name, 1), 0);
	CHECK_EQ(got.object, BW_OBJ_LINK);
	usleep(50000);
	v = map_lookup(&c, 1, map, &key, 4, 8);
	if (v)
		memcpy(&count, v, 8);
	CHECK(count > 0);
	{
		struct bpf_prog_info info = { 0 };
		struct bw_bpf_buf b = { offsetof(union bpf_attr, info.info), BW_BUF_INOUT, sizeof(info), (uint8_t *)&info };

		memset(&a, 0, sizeof(a));
		a.info.bpf_fd = (uint32_t)raw;
		a.info.info_len = sizeof(info);
		CHECK_EQ(bpf(&c, 1, BPF_OBJ_GET_INFO_BY_FD, &a, 16, &b, 1), 0);
		memcpy(&id, got_buf(8)->data + offsetof(struct bpf_prog_info, id), 4);
	}
	CHECK(id_exists(BPF_PROG_GET_FD_BY_ID, id));
	session_close(&c, 1);
	CHECK(WAIT_UNTIL(!id_exists(BPF_PROG_GET_FD_BY_ID, id)));
	daemon_stop(&c);
}

int main(void)
{
	rmdir(run_dir);
	return check_done();
}
