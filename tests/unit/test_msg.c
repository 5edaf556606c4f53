// SPDX-License-Identifier: Apache-2.0
/* Every message of the wire, byte by byte. The bytes were made from msg.h by hand and not by our encoder. */
#include <errno.h>

#include "protocol/msg.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

#define S(text) { (text), sizeof(text) - 1 }
#define D(text) (const uint8_t *)(text)

static const char hello_hex[] =
	"0100 0000 01000000 00001000 00000002 0e000000 627066776972656420302e312e30 05000000 6230613464 05000000 4c696e7578 "
	"05000000 626f617264 0d000000 362e312e302d392d61726d3634 06000000 233120534d50 07000000 61617263683634 02 01 00 00 "
	"00100000 03000000 302d33 05000000 302c322d33 06000000 633066666565 06000000 663030642d31 06000000 07000000 "
	"15cd853dfe9c9717 0500000000000000 faffffffffffffff 00000000";

static const char open_hex[] =
	"92100000 e8030000 09000000 6f70656e736e6f6f70 00001000";

static const char bpf_hex[] =
	"02000000 08000000 0001020304050607 04000000 0800 0100 04000000 6b657921 1000 0200 40000000 1010 0300 02000000 a5a6 "
	"1800 0400 00000000";

static const char bpf_reply_hex[] =
	"feffffff 01000000 03000000 05000000 04000000 08000000 00040000 40000000 4d000000 04000000 09080706 02000000 "
	"1000 0200 08000000 76616c7565212121 1810 0300 00000000";

static const char perf_open_hex[] =
	"ffffffff 03000000 ffffffff 0800000000000000 08000000 0100000070000000 01 0e000000 646f5f7379735f6f70656e617432";

static const char handle_reply_hex[] =
	"06000000 09000000";

static const char ioctl_hex[] =
	"09000000 07000000 8877665544332211 10000000 636f6d6d6f6e5f70696420213d203100";

static const char ioctl_reply_hex[] =
	"ffffffffffffffff 08000000 0102030405060708";

static const char handle_read_hex[] =
	"05000000 ffffffffffffffff 00000100";

static const char handle_write_hex[] =
	"05000000 0002000000000000 0c000000 703a7820646f5f657869740a";

static const char ring_map_hex[] =
	"04000000 02000000 00000400";

static const char ring_map_reply_hex[] =
	"00200000";

static const char ring_credit_hex[] =
	"04000000 00100000";

static const char ring_data_hex[] =
	"04000000 01000000 08000000 0900000000000800";

static const char file_hex[] =
	"11020000 80010000 1a000000 2f7379732f6b65726e656c2f74726163696e672f6576656e7473";

static const char file_change_hex[] =
	"04000000 ed010000 0d000000 2f7379732f66732f6270662f61 0d000000 2f7379732f66732f6270662f62";

static const char stat_hex[] =
	"08 a401 08000000 01000000 00000000 05000000 5544332211000000 0100000000000000 0010000000000000 0800000000000000 "
	"e8030000 e9030000 00100000 00f1536500000000 01000000 feffffffffffffff ffc99a3b 02f1536500000000 03000000";

static const char dirent_hex[] =
	"08 a401 08000000 01000000 00000000 05000000 5544332211000000 0100000000000000 0110000000000000 0800000000000000 "
	"e8030000 e9030000 00100000 00f1536500000000 01000000 feffffffffffffff ffc99a3b 02f1536500000000 03000000 "
	"08000000 7375622f6e616d65";

static const char statfs_hex[] =
	"114afeca00000000 0010000000000000 0300000000000000 0200000000000000 0100000000000000 0a00000000000000 "
	"0900000000000000 ff00000000000000 0010000000000000 2000000000000000";

static const char clocks_hex[] =
	"01002a36fe9c9717 0200000000000000 0300000000000000 fcffffffffffffff";

static const char opened_hex[] = "d2040000";
static const char kill_hex[] = "d2040000 0f000000";

static const char check_hex[] =
	"02 07000000 6b70726f626573 09000000 6e6f6e652068657265 10000000 434f4e4649475f4b50524f4245533d79 "
	"0e000000 74726163696e672e636f6e666967";

static const struct bw_hello hello = {
	.major = 1, .minor = 0, .caps = BW_CAP_AUTH, .window = BW_WINDOW, .msg_max = BW_MSG_MAX, .role_version = S("bpfwired 0.1.0"),
	.serial = S("b0a4d"), .sysname = S("Linux"), .nodename = S("board"), .release = S("6.1.0-9-arm64"), .version = S("#1 SMP"),
	.machine = S("aarch64"), .arch = BW_ARCH_ARM64, .lockdown = BW_LOCKDOWN_NONE, .page_size = 4096, .cpus_possible = S("0-3"),
	.cpus_online = S("0,2-3"), .build_id = S("c0ffee"), .boot_id = S("f00d-1"), .pmu_kprobe = 6, .pmu_uprobe = 7,
	.clock_realtime = 1700000000123456789, .clock_monotonic = 5, .clock_boottime = -6, .reason = S(""),
};
static const struct bw_open open_ = { .pid = 4242, .uid = 1000, .comm = S("opensnoop"), .window = BW_WINDOW };
static const struct bw_bpf bpf = {
	.cmd = 2, .attr_size = 8, .attr = D("\0\1\2\3\4\5\6\7"), .nbufs = 4, .bufs = {
		{ .where = 8, .dir = BW_BUF_IN, .len = 4, .data = D("key!") },
		{ .where = 16, .dir = BW_BUF_OUT, .len = 64 },
		{ .where = BW_BUF_INFO + 16, .dir = BW_BUF_INOUT, .len = 2, .data = D("\xa5\xa6") },
		{ .where = 24, .dir = BW_BUF_BAD },
	},
};
static const struct bw_bpf_reply bpf_reply = {
	.value = -2, .object = BW_OBJ_MAP, .handle = 3, .map = { 5, 4, 8, 1024, 0x40, 77 }, .attr_size = 4, .attr = D("\x09\x08\x07\x06"),
	.nbufs = 2, .bufs = {
		{ .where = 16, .dir = BW_BUF_OUT, .len = 8, .data = D("value!!!") },
		{ .where = BW_BUF_INFO + 24, .dir = BW_BUF_INOUT, .len = 0, .data = D("") },
	},
};
static const struct bw_perf_open perf_open = {
	.pid = -1, .cpu = 3, .group = BW_HANDLE_BAD, .flags = 8, .attr_size = 8, .attr = D("\1\0\0\0\x70\0\0\0"),
	.has_target = 1, .target = S("do_sys_openat2"),
};
static const struct bw_handle_reply handle_reply = { .object = BW_OBJ_PERF, .handle = 9 };
static const struct bw_ioctl ioctl_ = {
	.handle = 9, .code = BW_IOC_PERF_SET_FILTER, .value = 0x1122334455667788, .len = 16, .data = D("common_pid != 1\0"),
};
static const struct bw_ioctl_reply ioctl_reply = { .value = -1, .len = 8, .data = D("\1\2\3\4\5\6\7\10") };
static const struct bw_handle_read handle_read = { .handle = 5, .offset = BW_OFFSET_CURRENT, .len = 65536 };
static const struct bw_handle_write handle_write = { .handle = 5, .offset = 512, .len = 12, .data = D("p:x do_exit\n") };
static const struct bw_ring_map ring_map = { .handle = 4, .kind = BW_RING_BPF, .size = 1 << 18 };
static const struct bw_ring_map_reply ring_map_reply = { .size = 8192 };
static const struct bw_ring_credit ring_credit = { .handle = 4, .bytes = 4096 };
static const struct bw_ring_data ring_data = { .handle = 4, .flags = BW_RING_WAKE, .len = 8, .data = D("\x09\0\0\0\0\0\x08\0") };
static const struct bw_file file = { .flags = BW_O_WRONLY | BW_O_CREAT | BW_O_DIRECTORY, .mode = 0600, .path = S("/sys/kernel/tracing/events") };
static const struct bw_file_change file_change = {
	.what = BW_CHANGE_RENAME, .mode = 0755, .path = S("/sys/fs/bpf/a"), .path2 = S("/sys/fs/bpf/b"),
};
#define STAT(bytes) { \
	.type = BW_FT_REG, .perm = 0644, .dev_major = 8, .dev_minor = 1, .rdev_major = 0, .rdev_minor = 5, .ino = 0x1122334455, .nlink = 1, \
	.size = (bytes), .blocks = 8, .uid = 1000, .gid = 1001, .blksize = 4096, .atime = { 1700000000, 1 }, .mtime = { -2, 999999999 }, \
	.ctime = { 1700000002, 3 } }
static const struct bw_stat stat_ = STAT(4096);
static const struct bw_dirent dirent_ = { .st = STAT(4097), .name = S("sub/name") };
static const struct bw_statfs statfs_ = { 0xcafe4a11, 4096, 3, 2, 1, 10, 9, 255, 4096, 0x20 };
static const struct bw_clocks clocks = { 1700000000000000001, 2, 3, -4 };
static const struct bw_opened opened = { 1234 };
static const struct bw_kill kill_ = { 1234, 15 };
static const struct bw_check check_ = {
	.verdict = BW_CHECK_FAIL, .item = S("kprobes"), .text = S("none here"), .kconfig = S("CONFIG_KPROBES=y"), .snippet = S("tracing.config"),
};

/* One row a message: how to encode the struct above, and how to decode bytes and encode what came out. */
struct golden {
	const char *name, *hex;
	void (*encode)(struct bw_buf *b);
	int (*again)(struct bw_reader *r, struct bw_buf *b);
	bool part;	/* of a message: what follows is not looked at */
};

#define CODEC(name, value) \
	static void encode_##name(struct bw_buf *b) { bw_put_##name(b, &(value)); } \
	static int again_##name(struct bw_reader *r, struct bw_buf *b) \
	{ \
		struct bw_##name m; \
		int err; \
		memset(&m, 0x5a, sizeof(m)); \
		err = bw_get_##name(r, &m); \
		if (!err && b) \
			bw_put_##name(b, &m); \
		return err; \
	}
#define ROW(name) { #name, name##_hex, encode_##name, again_##name, false }
#define PART(name) { #name, name##_hex, encode_##name, again_##name, true }

CODEC(hello, hello)
CODEC(open, open_)
CODEC(bpf, bpf)
CODEC(bpf_reply, bpf_reply)
CODEC(perf_open, perf_open)
CODEC(handle_reply, handle_reply)
CODEC(ioctl, ioctl_)
CODEC(ioctl_reply, ioctl_reply)
CODEC(handle_read, handle_read)
CODEC(handle_write, handle_write)
CODEC(ring_map, ring_map)
CODEC(ring_map_reply, ring_map_reply)
CODEC(ring_credit, ring_credit)
CODEC(ring_data, ring_data)
CODEC(file, file)
CODEC(file_change, file_change)
CODEC(statfs, statfs_)
CODEC(clocks, clocks)
CODEC(opened, opened)
CODEC(kill, kill_)
CODEC(stat, stat_)
CODEC(dirent, dirent_)
CODEC(check, check_)

static const struct golden goldens[] = {
	ROW(hello), ROW(open), ROW(bpf), ROW(bpf_reply), ROW(perf_open), ROW(handle_reply), ROW(ioctl), ROW(ioctl_reply), ROW(handle_read),
	ROW(handle_write), ROW(ring_map), ROW(ring_map_reply), ROW(ring_credit), ROW(ring_data), ROW(file), ROW(file_change), ROW(statfs),
	ROW(clocks), ROW(opened), ROW(kill), PART(stat), PART(dirent), PART(check),
};
#define EACH(g) (const struct golden *g = goldens; g < goldens + sizeof(goldens) / sizeof(goldens[0]); g++)

static bool same(const char *name, const struct bw_buf *b, const uint8_t *want, size_t len)
{
	if (!b->err && b->len == len && !memcmp(b->data, want, len))
		return true;
	printf("# %s\n", name);
	hex_print("got ", b->data, b->len);
	hex_print("want", want, len);
	return false;
}

/* Decode len bytes from memory of exactly that size. */
static int decode(const struct golden *g, const uint8_t *p, size_t len, struct bw_buf *b)
{
	uint8_t *copy = exact_copy(p, len);
	struct bw_reader r;
	int err;

	bw_reader_init(&r, copy, len);
	err = g->again(&r, b);
	free(copy);
	return err;
}

TEST("every message is encoded to its golden bytes")
{
	for EACH(g) {
		struct bw_buf b = { 0 };
		size_t len;
		uint8_t *want = hex_bytes(g->hex, &len);

		g->encode(&b);
		CHECK(same(g->name, &b, want, len));
		bw_buf_free(&b);
		free(want);
	}
}

TEST("every message decoded from its golden bytes gives all its fields back")
{
	for EACH(g) {
		struct bw_buf b = { 0 };
		size_t len;
		uint8_t *bytes = hex_bytes(g->hex, &len);

		CHECK_EQ(decode(g, bytes, len, &b), 0);
		CHECK(same(g->name, &b, bytes, len));
		bw_buf_free(&b);
		free(bytes);
	}
}

TEST("a message cut at any length is refused")
{
	for EACH(g) {
		size_t len;
		uint8_t *bytes = hex_bytes(g->hex, &len);

		for (size_t cut = 0; cut < len; cut++)
			if (decode(g, bytes, cut, NULL) != -EPROTO) {
				printf("# %s cut at %zu of %zu\n", g->name, cut, len);
				CHECK(!"refused");
			}
		free(bytes);
	}
}

TEST("a tail of zeros is a newer minor version's and accepted, any other is refused")
{
	for EACH(g) {
		size_t len;
		uint8_t *bytes = hex_bytes(g->hex, &len), *longer = calloc(1, len + 9);

		memcpy(longer, bytes, len);
		CHECK_EQ(decode(g, longer, len + 9, NULL), 0);
		for (size_t i = len; i < len + 9; i++) {
			bool known = g->part || (!strcmp(g->name, "open") && i == len);		/* a service, which not every OPEN has */

			longer[i] = 1;
			CHECK_EQ(decode(g, longer, len + 9, NULL), known ? 0 : -EPROTO);
			longer[i] = 0;
		}
		free(bytes);
		free(longer);
	}
}

TEST("a length or count of 0xffffffff anywhere is refused or harmless, never read past the end")
{
	for EACH(g) {
		size_t len;
		uint8_t *bytes = hex_bytes(g->hex, &len);

		for (size_t i = 0; i + 4 <= len; i++) {
			uint8_t saved[4];
			struct bw_buf b = { 0 };

			memcpy(saved, bytes + i, 4);
			memset(bytes + i, 0xff, 4);
			if (!decode(g, bytes, len, &b))
				CHECK(b.len <= len);
			memcpy(bytes + i, saved, 4);
			bw_buf_free(&b);
		}
		free(bytes);
	}
}

TEST("struct bw_stat takes BW_STAT_SIZE bytes")
{
	struct bw_buf b = { 0 };

	bw_put_stat(&b, &stat_);
	CHECK_EQ(b.len, BW_STAT_SIZE);
	bw_buf_free(&b);
}

/* Encode m, decode it: is it refused? */
#define REFUSED(name, m) ({ \
	struct bw_buf b_ = { 0 }; struct bw_reader r_; struct bw_##name out_; int err_; \
	bw_put_##name(&b_, &(m)); \
	bw_reader_init(&r_, b_.data, b_.len); \
	err_ = bw_get_##name(&r_, &out_); \
	bw_buf_free(&b_); \
	err_ == -EPROTO; })

TEST("a path of BW_PATH_MAX bytes passes, one more is refused, and so is one with a NUL inside")
{
	char path[BW_PATH_MAX + 1];
	struct bw_file m = { .path = { path, BW_PATH_MAX } };

	memset(path, 'x', sizeof(path));
	CHECK(!REFUSED(file, m));
	m.path.len++;
	CHECK(REFUSED(file, m));
	m.path = (struct bw_str)S("/etc/pass\0wd");
	CHECK(REFUSED(file, m));
}

TEST("a BPF request with a place named twice, out of range, or of unknown direction is refused")
{
	struct bw_bpf m = bpf;

	CHECK(!REFUSED(bpf, m));
	m.bufs[1].where = m.bufs[0].where;
	CHECK(REFUSED(bpf, m));
	m = bpf;
	m.bufs[1].where = BW_BPF_ATTR_MAX;
	CHECK(REFUSED(bpf, m));
	m.bufs[1].where = BW_BUF_INFO + BW_BPF_ATTR_MAX;
	CHECK(REFUSED(bpf, m));
	m = bpf;
	m.bufs[3].dir = 5;
	CHECK(REFUSED(bpf, m));
	m.bufs[3].dir = 0;
	CHECK(REFUSED(bpf, m));
}

TEST("a BPF request asks for at most BW_MSG_MAX bytes of room, BW_BPF_BUFS_MAX buffers and BW_BPF_ATTR_MAX bytes of attr")
{
	static uint8_t attr[BW_BPF_ATTR_MAX + 1];
	struct bw_bpf m = { .cmd = 1, .attr = attr, .attr_size = BW_BPF_ATTR_MAX, .nbufs = BW_BPF_BUFS_MAX };
	struct bw_buf b = { 0 };
	struct bw_reader r;

	for (uint32_t i = 0; i < BW_BPF_BUFS_MAX; i++)
		m.bufs[i] = (struct bw_bpf_buf){ .where = (uint16_t)(i * 8), .dir = BW_BUF_OUT, .len = BW_MSG_MAX };
	CHECK(!REFUSED(bpf, m));
	m.bufs[2].len++;
	CHECK(REFUSED(bpf, m));
	m.bufs[2].len--;
	m.attr_size++;
	CHECK(REFUSED(bpf, m));
	m.attr_size--;
	bw_put_bpf(&b, &m);
	b.data[4 + 4 + BW_BPF_ATTR_MAX] = BW_BPF_BUFS_MAX + 1;
	bw_put_bytes(&b, "\xf8\0\2\0\0\0\0\0", 8);
	bw_reader_init(&r, b.data, b.len);
	CHECK_EQ(bw_get_bpf(&r, &m), -EPROTO);
	bw_buf_free(&b);
}

TEST("a BPF reply holds only what the kernel wrote: a buffer of direction IN or BAD is refused")
{
	struct bw_bpf_reply m = bpf_reply;

	CHECK(!REFUSED(bpf_reply, m));
	m.bufs[0].dir = BW_BUF_IN;
	CHECK(REFUSED(bpf_reply, m));
	m.bufs[0].dir = BW_BUF_BAD;
	CHECK(REFUSED(bpf_reply, m));
}

TEST("a service travels behind OPEN's window, and only if there is one")
{
	static const char hex[] = "92100000 e8030000 09000000 6f70656e736e6f6f70 00001000 01000000";
	struct bw_open m = open_, got;
	struct bw_buf b = { 0 };
	struct bw_reader r;
	size_t len;
	uint8_t *want = hex_bytes(hex, &len);

	m.service = BW_SERVICE_TEXT;
	bw_put_open(&b, &m);
	CHECK(same("open", &b, want, len));
	for (size_t cut = 1; cut < 5; cut++) {
		uint8_t *copy = exact_copy(want, len - cut);

		bw_reader_init(&r, copy, len - cut);
		CHECK_EQ(bw_get_open(&r, &got), cut == 4 ? 0 : -EPROTO);
		CHECK(cut != 4 || got.service == BW_SERVICE_MESSAGES);
		free(copy);
	}
	bw_reader_init(&r, want, len);
	CHECK(!bw_get_open(&r, &got) && got.service == BW_SERVICE_TEXT);
	m.service++;
	CHECK(REFUSED(open, m));
	bw_buf_free(&b);
	free(want);
}

TEST("a session's window is between BW_WINDOW_MIN and BW_WINDOW_MAX")
{
	struct bw_open m = open_;

	m.window = BW_WINDOW_MIN - 1;
	CHECK(REFUSED(open, m));
	m.window = BW_WINDOW_MAX;
	CHECK(!REFUSED(open, m));
	m.window++;
	CHECK(REFUSED(open, m));
}

TEST("a ring is of a known kind and a power of two")
{
	struct bw_ring_map m = ring_map;

	m.size = 0;
	CHECK(REFUSED(ring_map, m));
	m.size = 12288;
	CHECK(REFUSED(ring_map, m));
	m.size = 1;
	CHECK(!REFUSED(ring_map, m));
	m.kind = 3;
	CHECK(REFUSED(ring_map, m));
}

TEST("a stat with nanoseconds of a second and more, permissions over 07777, or a type over 15 is refused")
{
	struct bw_stat m = stat_;

	m.mtime.nsec = 1000000000;
	CHECK(REFUSED(stat, m));
	m = stat_;
	m.perm = 010000;
	CHECK(REFUSED(stat, m));
	m = stat_;
	m.type = 16;
	CHECK(REFUSED(stat, m));
}

TEST("a probe's target without has_target is refused, a target of no length is not")
{
	struct bw_perf_open m = perf_open;

	m.has_target = 0;
	CHECK(REFUSED(perf_open, m));
	m.target.len = 0;
	CHECK(!REFUSED(perf_open, m));
	m.has_target = 2;
	CHECK(REFUSED(perf_open, m));
}

TEST("a read of more than BW_MSG_MAX is refused")
{
	struct bw_handle_read m = handle_read;

	m.len = BW_MSG_MAX;
	CHECK(!REFUSED(handle_read, m));
	m.len++;
	CHECK(REFUSED(handle_read, m));
}

TEST("a listing is its entries one after another up to the end of the message")
{
	struct bw_buf b = { 0 };
	struct bw_reader r;
	struct bw_dirent d;
	int n = 0;

	bw_put_dirent(&b, &dirent_);
	bw_put_dirent(&b, &dirent_);
	bw_reader_init(&r, b.data, b.len);
	for (; r.left && !bw_get_dirent(&r, &d); n++)
		CHECK(bw_str_eq(d.name, "sub/name"));
	CHECK_EQ(n, 2);
	CHECK_EQ(r.err, 0);
	bw_buf_free(&b);
}

TEST("an encoder without memory says so once, at the end")
{
	struct bw_buf b = { .err = -ENOMEM };

	for EACH(g)
		g->encode(&b);
	CHECK_EQ(b.err, -ENOMEM);
	CHECK_EQ(b.len, 0);
	bw_buf_free(&b);
}

int main(void)
{
	return check_done();
}
