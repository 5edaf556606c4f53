/* SPDX-License-Identifier: Apache-2.0 */
/* Reading maps ahead, against a fake board whose hash map holds key i, value 10 * i, and hands out a few entries a batch as a kernel may. */
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <time.h>

#include "protocol/bpfattr.h"
#include "protocol/io.h"
#include "remote/remote.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

#define ENTRIES		600u
#define A_BATCH		256u
#define ASK_COUNT	0xfffffff0u	/* key: its value is how many commands the board has had */
#define ASK_CHANGED	5u		/* key whose value the board says anew each time it is looked up */

/* ---- the fake board ---- */

static uint32_t commands, create_type;

static uint32_t key_of(const struct bw_bpf *m, uint16_t where, bool *given)
{
	uint32_t i, key = 0;

	*given = false;
	for (i = 0; i < m->nbufs; i++)
		if (m->bufs[i].where == where && m->bufs[i].dir == BW_BUF_IN && m->bufs[i].len == 4) {
			memcpy(&key, m->bufs[i].data, 4);
			*given = true;
		}
	return key;
}

static void put_back(struct bw_bpf_reply *p, uint16_t where, uint16_t dir, const void *data, uint32_t len)
{
	p->bufs[p->nbufs++] = (struct bw_bpf_buf){ where, dir, len, data };
}

static int batch(const struct bw_bpf *m, struct bw_bpf_reply *p, uint8_t *attr)
{
	static uint32_t keys[A_BATCH], values[A_BATCH], cursor;
	uint32_t from, i, n;
	bool given;

	if (create_type == BPF_MAP_TYPE_LRU_HASH)
		return -524;
	from = key_of(m, offsetof(union bpf_attr, batch.in_batch), &given);
	n = ENTRIES - from < A_BATCH ? ENTRIES - from : A_BATCH;
	for (i = 0; i < n; i++) {
		keys[i] = from + i;
		values[i] = 10 * keys[i];
	}
	cursor = from + n;
	memcpy(attr + offsetof(union bpf_attr, batch.count), &n, 4);
	put_back(p, offsetof(union bpf_attr, batch.out_batch), BW_BUF_INOUT, &cursor, 4);
	put_back(p, offsetof(union bpf_attr, batch.keys), BW_BUF_OUT, keys, 4 * n);
	put_back(p, offsetof(union bpf_attr, batch.values), BW_BUF_OUT, values, 4 * n);
	return cursor == ENTRIES ? -ENOENT : 0;
}

static int element(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	static uint32_t answer, lookups;
	bool given;
	uint32_t key = key_of(m, offsetof(union bpf_attr, key), &given), i;

	for (i = 0; i < m->nbufs; i++)
		if (m->bufs[i].dir == BW_BUF_BAD)
			return -EFAULT;
	switch (m->cmd) {
	case BPF_MAP_LOOKUP_ELEM:
		answer = key == ASK_COUNT ? commands : key == ASK_CHANGED && create_type == BPF_MAP_TYPE_HASH ? 1000 + ++lookups : 10 * key;
		put_back(p, offsetof(union bpf_attr, value), BW_BUF_OUT, &answer, 4);
		return key < ENTRIES || key == ASK_COUNT ? 0 : -ENOENT;
	case BPF_MAP_GET_NEXT_KEY:
		answer = given && key < ENTRIES ? key + 1 : 0;
		put_back(p, offsetof(union bpf_attr, next_key), BW_BUF_OUT, &answer, 4);
		return answer < ENTRIES ? 0 : -ENOENT;
	}
	return 0;
}

static int handler(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	static uint8_t attr[BW_BPF_ATTR_MAX];
	struct bw_bpf_reply p = { 0 };
	struct bw_bpf m;
	int status;

	if (type != BW_MSG_BPF || bw_get_bpf(r, &m))
		return 0;
	commands++;
	memcpy(attr, m.attr, m.attr_size);
	p.attr = attr;
	p.attr_size = m.attr_size;
	if (m.cmd == BPF_MAP_CREATE) {
		create_type = bw_attr_u32(m.attr, m.attr_size, 0);
		p.object = BW_OBJ_MAP;
		p.handle = commands;
		p.map = (struct bw_map_info){ .type = create_type, .key_size = 4, .value_size = 4, .max_entries = 1000, .id = 100 + commands };
		status = 0;
	} else {
		status = m.cmd == BPF_MAP_LOOKUP_BATCH ? batch(&m, &p, attr) : element(&m, &p);
	}
	bw_put_bpf_reply(out, &p);
	return status;
}

__attribute__((constructor(101))) static void before_all(void)
{
	unsetenv("BPFWIRE_MAIN");
	fake_bridge(handler);
}

/* ---- the tool ---- */

static int map_create(uint32_t type)
{
	union bpf_attr a = { .map_type = type, .key_size = 4, .value_size = 4, .max_entries = 1000 };

	return (int)syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a));
}

static int elem(int cmd, int fd, const uint32_t *key, uint32_t *out)
{
	union bpf_attr a = { .map_fd = (uint32_t)fd, .key = (uintptr_t)key, .value = (uintptr_t)out };

	return (int)syscall(SYS_bpf, cmd, &a, 32);
}

static uint32_t board_commands(int fd)
{
	uint32_t key = ASK_COUNT, n = 0;

	elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &n);
	return n;
}

/* Reads the map as tools do; how many entries were right. */
static uint32_t dump(int fd, bool with_values, bool deleting)
{
	uint32_t key, next, value, n = 0;
	int r = elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &next);

	for (; !r && n < 2 * ENTRIES; r = elem(BPF_MAP_GET_NEXT_KEY, fd, &key, &next)) {
		key = next;
		if (key == n && (!with_values || (!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value == 10 * key)))
			n++;
		if (deleting)
			elem(BPF_MAP_DELETE_ELEM, fd, &key, NULL);
	}
	return r == -1 && errno == ENOENT ? n : UINT32_MAX;
}

/* Iterates until this key is given. */
static void go_to(int fd, uint32_t key)
{
	uint32_t at = 0, next = 0;

	CHECK_EQ(elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &next), 0);
	for (; next != key && next < ENTRIES; at = next)
		CHECK_EQ(elem(BPF_MAP_GET_NEXT_KEY, fd, &at, &next), 0);
}

/* The board's commands were as many as these since `begun` (ms), and no more than what time makes old of what was read ahead: 100 ms at a time. */
static bool about(uint32_t got, uint32_t want, int64_t begun)
{
	uint32_t late = (uint32_t)((bw_now_ms() - begun) / 100);

	if (got < want || got > want + 3 * late)
		printf("# %u commands, not %u, in %u tenths of a second\n", got, want, late);
	return got >= want && got <= want + 3 * late;
}

TEST("a dump of a hash map is whole and takes a question a batch, not two an entry")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t before = board_commands(fd);
	int64_t begun = bw_now_ms();

	CHECK_EQ(dump(fd, true, false), ENTRIES);
	CHECK(about(board_commands(fd) - before, 1 + (ENTRIES + A_BATCH - 1) / A_BATCH, begun));
	close(fd);
}

TEST("a value is given once from what was read ahead, then asked for")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t key = ASK_CHANGED, value = 0;

	go_to(fd, key);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value == 10 * ASK_CHANGED);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value == 1001);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value == 1002);
	close(fd);
}

TEST("the value of another key than the iteration gave last is asked for")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t key = ASK_CHANGED, value = 0;

	go_to(fd, ASK_CHANGED - 1);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value > 1000);
	go_to(fd, ASK_CHANGED + 1);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value > 1000);
	close(fd);
}

TEST("a value that the tool changed is asked for")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t key = ASK_CHANGED, value = 1;

	go_to(fd, key);
	CHECK_EQ(elem(BPF_MAP_UPDATE_ELEM, fd, &key, &value), 0);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value > 1000);
	close(fd);
}

TEST("a value that is a tenth of a second old is asked for, and the rest of the batch is read again")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	struct timespec pause = { 0, 120000000 };
	uint32_t key = ASK_CHANGED, next, value = 0, before;

	go_to(fd, key);
	nanosleep(&pause, NULL);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &key, &value) && value > 1000);
	before = board_commands(fd);
	CHECK(!elem(BPF_MAP_GET_NEXT_KEY, fd, &key, &next) && next == key + 1);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, fd, &next, &value) && value == 10 * next);
	CHECK_EQ(board_commands(fd) - before, 1 + 1);
	close(fd);
}

TEST("deleting while iterating reaches every entry")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t before = board_commands(fd);
	int64_t begun = bw_now_ms();

	CHECK_EQ(dump(fd, true, true), ENTRIES);
	CHECK(about(board_commands(fd) - before, 1 + ENTRIES + (ENTRIES + A_BATCH - 1) / A_BATCH, begun));
	close(fd);
}

TEST("two maps read in turns do not mix")
{
	int a = map_create(BPF_MAP_TYPE_HASH), b = map_create(BPF_MAP_TYPE_HASH);
	uint32_t next, key = 0, value = 0;

	CHECK_EQ(elem(BPF_MAP_GET_NEXT_KEY, a, NULL, &next), 0);
	CHECK_EQ(elem(BPF_MAP_GET_NEXT_KEY, b, NULL, &next), 0);
	CHECK(!elem(BPF_MAP_GET_NEXT_KEY, a, &key, &next) && next == 1);
	CHECK(!elem(BPF_MAP_LOOKUP_ELEM, a, &next, &value) && value == 10);
	CHECK(!elem(BPF_MAP_GET_NEXT_KEY, b, &key, &next) && next == 1);
	close(a);
	close(b);
}

TEST("bad pointers are EFAULT in the middle of a dump as well")
{
	int fd = map_create(BPF_MAP_TYPE_HASH);
	uint32_t next;

	CHECK_EQ(elem(BPF_MAP_GET_NEXT_KEY, fd, NULL, &next), 0);
	CHECK(elem(BPF_MAP_LOOKUP_ELEM, fd, &next, (void *)~0xfull) == -1 && errno == EFAULT);
	CHECK(elem(BPF_MAP_GET_NEXT_KEY, fd, &next, (void *)~0xfull) == -1 && errno == EFAULT);
	close(fd);
}

TEST("where a map has no batches each question is asked")
{
	int fd = map_create(BPF_MAP_TYPE_LRU_HASH);
	uint32_t before = board_commands(fd);

	CHECK_EQ(dump(fd, true, false), ENTRIES);
	CHECK_EQ(board_commands(fd) - before, 2 + 2 * ENTRIES + 1);	/* and once the batch that was refused */
	close(fd);
}

int main(void)
{
	return check_done();
}
