/* SPDX-License-Identifier: Apache-2.0 */
/* Loads that ask for helpers one after the other, against a fake board: each gets its own answer, and nothing stays of those that nobody asked for. */
#include <linux/bpf.h>
#include <sys/syscall.h>

#include "protocol/bpfattr.h"
#include "remote/bpf.h"
#include "tests/unit/check.h"
#include "tests/unit/remote/fake_bridge.h"

/* ---- the fake board: takes every third helper, and a program type's own errno for the others ---- */

static uint32_t loads, programs;

static int load(const struct bw_bpf *m, struct bw_bpf_reply *p)
{
	uint32_t type = bw_attr_u32(m->attr, m->attr_size, offsetof(union bpf_attr, prog_type)), i;
	struct bpf_insn insns[2] = { 0 };

	for (i = 0; i < m->nbufs; i++)
		if (m->bufs[i].where == offsetof(union bpf_attr, insns) && m->bufs[i].len == sizeof(insns))
			memcpy(insns, m->bufs[i].data, sizeof(insns));
	loads++;
	if (insns[0].imm % 3)
		return type == BPF_PROG_TYPE_KPROBE ? -EINVAL : -EACCES;
	p->object = BW_OBJ_PROG;
	p->handle = ++programs;
	return 0;
}

static int handler(uint16_t type, struct bw_reader *r, struct bw_buf *out)
{
	static uint8_t attr[BW_BPF_ATTR_MAX];
	struct bw_bpf_reply p = { .attr = attr };
	struct bw_bpf m;
	int status = 0;

	if (type == BW_MSG_HANDLE_CLOSE)
		programs--;
	if (type != BW_MSG_BPF || bw_get_bpf(r, &m))
		return 0;
	memcpy(attr, m.attr, m.attr_size);
	p.attr_size = m.attr_size;
	if (m.cmd == BPF_PROG_LOAD)
		status = load(&m, &p);
	else	/* "how many": loads and programs as the next id after this one */
		memcpy(attr + offsetof(union bpf_attr, next_id), bw_attr_u32(m.attr, m.attr_size, 0) ? &loads : &programs, 4);
	bw_put_bpf_reply(out, &p);
	return status;
}

__attribute__((constructor(101))) static void before_all(void)
{
	unsetenv("BPFWIRE_MAIN");
	fake_bridge(handler);
}

/* ---- the tool ---- */

static int probe(uint32_t type, int32_t helper)
{
	struct bpf_insn insns[2] = { { .code = BPF_JMP | BPF_CALL, .imm = helper }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr a = { .prog_type = type, .insn_cnt = 2, .insns = (uintptr_t)insns, .license = (uintptr_t)"GPL" };
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a));

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static uint32_t how_many(bool of_loads)
{
	union bpf_attr a = { .start_id = of_loads };

	return syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &a, 12) ? ~0u : a.next_id;
}

static int wrong_answers(uint32_t type, int32_t from, int32_t to)
{
	int other = type == BPF_PROG_TYPE_KPROBE ? -EINVAL : -EACCES, wrong = 0;

	for (; from < to; from++)
		wrong += probe(type, from) != (from % 3 ? other : 0);
	return wrong;
}

TEST("each load gets its own answer, in whatever order it is asked for")
{
	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_KPROBE, 1, 60), 0);
	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_KPROBE, 20, 30), 0);
	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_XDP, 30, 50), 0);
	CHECK_EQ(probe(BPF_PROG_TYPE_XDP, 50), -EACCES);
	CHECK_EQ(probe(BPF_PROG_TYPE_KPROBE, 51), 0);
	CHECK_EQ(probe(BPF_PROG_TYPE_XDP, 51), 0);
	CHECK_EQ(probe(BPF_PROG_TYPE_XDP, 50), -EACCES);
}

TEST("of the loads that nobody asked for nothing is left at the next call")
{
	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_KPROBE, 100, 110), 0);
	CHECK_EQ(how_many(false), 0);
}

TEST("two loads alike are no row, and a program that does more is not loaded ahead")
{
	uint32_t before = how_many(true);

	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_KPROBE, 200, 202), 0);
	CHECK_EQ(how_many(true) - before, 2);
	CHECK_EQ(wrong_answers(BPF_PROG_TYPE_KPROBE, 300, 310), 0);
	CHECK(how_many(true) - before > 12);
}

int main(void)
{
	return check_done();
}
