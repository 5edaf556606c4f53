/* SPDX-License-Identifier: Apache-2.0 */
/* The library: bpf(2) and the descriptors that stand for the board's objects, against a fake board. */
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/unit/check.h"
#include "tests/unit/remote/fake_objects.h"

/* ---- bpf(2) ---- */

static int hash = -1;

TEST("a map becomes a local descriptor, close-on-exec, that says what it is")
{
	struct bw_placeholder *o;

	hash = map_create(BPF_MAP_TYPE_HASH, 8, 4);
	CHECK(hash >= 0);
	CHECK_EQ(fcntl(hash, F_GETFD), FD_CLOEXEC);
	o = bw_placeholder_get(hash);
	CHECK(o && o->map.key_size == 8 && !strcmp(o->ops->name, "anon_inode:bpf-map"));
	bw_placeholder_put(o);
	CHECK_EQ(bw_handle_of(hash), 1);
}

TEST("how long keys and values are is what the tool said when it made the map, and not what the board says")
{
	int fd = map_create(BPF_MAP_TYPE_HASH, 8, LIE);
	struct bw_placeholder *o = bw_placeholder_get(fd);

	CHECK(o && o->map.key_size == 8 && o->map.value_size == 8 && o->map.max_entries == LIE);
	bw_placeholder_put(o);
	close(fd);
}

TEST("values as long as no message holds are not read ahead")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = 1, .value_size = 1u << 31, .max_entries = 100 }, e = { 0 };
	uint32_t key, next;

	e.map_fd = (uint32_t)bpf(BPF_MAP_CREATE, &a);
	e.next_key = (uintptr_t)&next;
	CHECK_EQ(bpf(BPF_MAP_GET_NEXT_KEY, &e), -1);
	close((int)e.map_fd);
	a.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
	a.key_size = 4;
	e.map_fd = (uint32_t)bpf(BPF_MAP_CREATE, &a);
	e.key = (uintptr_t)&key;
	e.value = 8;
	for (key = 0; key < 4; key++)
		bpf(BPF_MAP_LOOKUP_ELEM, &e);		/* in a row: a few would be fetched ahead */
	close((int)e.map_fd);
}

TEST("a lookup sends the key and brings the value; errno is the kernel's; a bad pointer is EFAULT")
{
	uint64_t key = KEY, value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)hash, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	errno = 5;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	CHECK(value == VALUE);
	CHECK_EQ(errno, 5);
	key = 1;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, ENOENT);
	key = KEY;
	a.value = ~0ull;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, EFAULT);
	a.key = ~0ull;
	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, ~0ul, sizeof(a)), -1);
	CHECK_EQ(errno, EFAULT);
}

TEST("an errno that has no name (524) and an unknown command come back exactly")
{
	union bpf_attr a = { 0 };

	CHECK_EQ(bpf(BPF_MAP_FREEZE, &a), -1);
	CHECK_EQ(errno, 524);
	CHECK_EQ(bpf(9999, &a), -1);
	CHECK_EQ(errno, EINVAL);
}

static int load(char *log, uint32_t size)
{
	struct bpf_insn insns[4] = {
		{ .code = BPF_LD | BPF_IMM | BPF_DW, .src_reg = BPF_PSEUDO_MAP_FD, .imm = hash }, { 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_KPROBE, .insn_cnt = 4, .insns = (uintptr_t)insns, .license = (uintptr_t)"GPL",
			     .log_buf = (uintptr_t)log, .log_size = size };

	return bpf(BPF_PROG_LOAD, &a);
}

TEST("descriptors inside instructions become handles; a refused program brings its log")
{
	char log[64] = "";
	int fd = load(NULL, 0);

	CHECK(fd >= 0);
	CHECK_EQ(load(log, sizeof(log)), -1);
	CHECK_EQ(errno, EACCES);
	CHECK(!strcmp(log, "no such helper"));
	if (fd >= 0) {
		uint32_t ids[2] = { 0 };
		struct bpf_prog_info info = { .nr_map_ids = 2, .map_ids = (uintptr_t)ids };
		union bpf_attr a = { .info = { (uint32_t)fd, sizeof(info), (uintptr_t)&info } };

		CHECK_EQ(bpf(BPF_OBJ_GET_INFO_BY_FD, &a), 0);
		CHECK_EQ(info.id, 77);
		CHECK(info.map_ids == (uintptr_t)ids && ids[0] == 7 && ids[1] == 8);
		CHECK(a.info.info == (uintptr_t)&info && a.info.bpf_fd == (uint32_t)fd);
	}
	close(fd);
}

static uint64_t asked(void)
{
	uint64_t key = 2, value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)hash, .key = (uintptr_t)&key, .value = (uintptr_t)&value };

	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	return value;
}

static uint64_t element(int fd, uint32_t i)
{
	uint64_t value = 0;
	union bpf_attr a = { .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .value = (uintptr_t)&value };

	CHECK_EQ(bpf(BPF_MAP_LOOKUP_ELEM, &a), 0);
	return value;
}

TEST("an array that is read or cleared in a row costs a few messages, and what is read twice is asked twice")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	int fd = bpf(BPF_MAP_CREATE, &a);
	uint64_t zero = 0, before = asked();
	uint32_t i, next;

	for (i = 0; i < 100; i++)
		CHECK_EQ(element(fd, i), 100 + i);
	CHECK_EQ(asked(), before + 2);
	CHECK_EQ(element(fd, 50), 150);		/* out of the row: asked, and not what was there a moment ago */
	CHECK_EQ(element(fd, 50), 150);
	CHECK_EQ(asked(), before + 4);
	for (i = 0; i < 100; i++) {
		union bpf_attr u = { .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .value = (uintptr_t)&zero };

		CHECK_EQ(bpf(BPF_MAP_UPDATE_ELEM, &u), 0);
	}
	CHECK_EQ(asked(), before + 104);	/* not waited for, but none is missing */
	i = 98;
	a = (union bpf_attr){ .map_fd = (uint32_t)fd, .key = (uintptr_t)&i, .next_key = (uintptr_t)&next };
	CHECK(!bpf(BPF_MAP_GET_NEXT_KEY, &a) && next == 99);
	i = 99;
	CHECK(bpf(BPF_MAP_GET_NEXT_KEY, &a) == -1 && errno == ENOENT);
	i = 4000;
	CHECK(!bpf(BPF_MAP_GET_NEXT_KEY, &a) && next == 0);
	CHECK_EQ(asked(), before + 104);
	close(fd);
}

TEST("arrays that are read side by side cost a few messages each")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	int fds[3] = { bpf(BPF_MAP_CREATE, &a), bpf(BPF_MAP_CREATE, &a), bpf(BPF_MAP_CREATE, &a) };
	uint64_t before = asked();
	uint32_t i, k;

	for (i = 0; i < 100; i++)
		for (k = 0; k < 3; k++)
			CHECK_EQ(element(fds[k], i), 100 + i);
	CHECK_EQ(asked(), before + 6);
	for (k = 0; k < 3; k++)
		close(fds[k]);
}

TEST("what is read ahead of an array is forgotten when the tool writes a batch or runs a program")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100 };
	static const int cmds[] = { BPF_MAP_UPDATE_BATCH, BPF_PROG_TEST_RUN };
	int fd = bpf(BPF_MAP_CREATE, &a);
	uint32_t i;

	for (i = 0; i < 2; i++) {
		uint64_t before;

		element(fd, 10);
		element(fd, 11);
		before = asked();
		memset(&a, 0, sizeof(a));
		bpf(cmds[i], &a);
		CHECK_EQ(element(fd, 12), 112);
		CHECK_EQ(asked(), before + 1);
	}
	close(fd);
}

TEST("a map with BPF_F_MMAPABLE is mapped with the board's contents, at a fixed place too; another is refused")
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 100, .map_flags = 1u << 10 };
	size_t page = (size_t)getpagesize();
	int fd = bpf(BPF_MAP_CREATE, &a), plain;
	char *place = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *got = mmap(place, page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);

	CHECK(got == (void *)place && got[0] == 100 && got[99] == 199 && got[100] == 0);
	CHECK(mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EINVAL);
	munmap(place, page);
	close(fd);
	a.map_flags = 0;
	plain = bpf(BPF_MAP_CREATE, &a);
	CHECK(mmap(NULL, page, PROT_READ, MAP_SHARED, plain, 0) == MAP_FAILED && errno == EINVAL);
	close(plain);
}

/* ---- descriptors ---- */

TEST("duplicates are the same object; the last close, and no other, closes the handle")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), a = dup(fd), b = fcntl(fd, F_DUPFD_CLOEXEC, 50), c = dup2(fd, 60);
	uint32_t h = bw_handle_of(fd);
	int64_t before = counts().realtime;

	CHECK(a >= 0 && b >= 50 && c == 60);
	CHECK(bw_handle_of(a) == h && bw_handle_of(b) == h && bw_handle_of(c) == h);
	close(fd);
	close(a);
	close(b);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(dup2(1, 60), 60);		/* replaced */
	CHECK_EQ(counts().realtime, before + 1);
	CHECK_EQ(counts().monotonic, h);
	CHECK_EQ(bw_handle_of(60), BW_HANDLE_BAD);
	close(60);
}

TEST("a child's closes never reach the board, nor does its exit")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), status = 0;
	uint32_t h = bw_handle_of(fd);
	int64_t before = counts().realtime;
	pid_t pid = vfork();

	if (!pid) {
		close(fd);
		close_range(3, ~0u, 0);
		_exit(7);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
	pid = fork();
	if (!pid) {
		int bad = bw_handle_of(fd) != BW_HANDLE_BAD || bw_is_owner();

		close(fd);
		_exit(bad);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 0);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(bw_handle_of(fd), h);
	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
}

TEST("closing everything leaves the connection open")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), conn = atomic_load(&bw_conn.fd), moved;
	int64_t before = counts().realtime;

	hash = -1;
	CHECK_EQ(close(conn), -1);
	CHECK_EQ(errno, EBADF);
	CHECK_EQ(dup(conn) >= 0 ? 0 : -1, 0);		/* harmless: a copy */
	CHECK_EQ(close_range(3, ~0u, 0), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), -1);
	CHECK_EQ(counts().realtime, before + 2);	/* this one and the hash */
	CHECK_EQ(dup2(1, conn), conn);
	moved = atomic_load(&bw_conn.fd);
	CHECK(moved != conn);
	CHECK_EQ(counts().realtime, before + 2);
	CHECK_EQ(close(conn), 0);
	closefrom(3);
	CHECK_EQ(counts().realtime, before + 2);
}

TEST("a number that was taken over behind our back is no placeholder any more")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);

	bw_sys(SYS_dup3, 1L, (long)fd, 0L);
	CHECK_EQ(bw_handle_of(fd), BW_HANDLE_BAD);
	close(fd);
}

TEST("a number that is used again is what it is now, and closing that closes nothing on the board")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), file;
	int64_t before = counts().realtime;
	uint64_t v = 0;

	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
	file = open("/dev/zero", O_RDWR | O_CLOEXEC);
	CHECK_EQ(file, fd);
	CHECK_EQ(bw_handle_of(file), BW_HANDLE_BAD);
	CHECK_EQ(write(file, &v, sizeof(v)), sizeof(v));
	close(file);
	CHECK_EQ(counts().realtime, before + 1);
	fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);		/* and again the board's */
	CHECK_EQ(fd, file);
	CHECK(bw_handle_of(fd) != BW_HANDLE_BAD);
	close(fd);
	CHECK_EQ(counts().realtime, before + 2);
}

TEST("close_range closes what is in its range and no other, and only marks with CLOSE_RANGE_CLOEXEC")
{
	int fds[3], i;
	int64_t before;

	for (i = 0; i < 3; i++)
		fds[i] = fcntl(map_create(BPF_MAP_TYPE_ARRAY, 8, 1), F_DUPFD, 70 + i);
	closefrom(73);
	close_range(3, 69, 0);		/* the originals: a duplicate is left of each */
	before = counts().realtime;
	CHECK_EQ(close_range(70, 72, 1u << 2 /* CLOSE_RANGE_CLOEXEC */), 0);
	CHECK_EQ(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(close_range(71, 71, 0), 0);
	CHECK_EQ(counts().realtime, before + 1);
	CHECK(bw_handle_of(70) != BW_HANDLE_BAD && bw_handle_of(72) != BW_HANDLE_BAD);
	CHECK_EQ(bw_handle_of(71), BW_HANDLE_BAD);
	CHECK_EQ(syscall(SYS_close_range, 70u, 72u, 0u), 0);	/* as Python does it */
	CHECK_EQ(counts().realtime, before + 3);
}

TEST("a vfork child that puts its pipes over descriptors, as a subprocess does, changes nothing of its parent's")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1), status = 0;
	int64_t before = counts().realtime;
	uint32_t h = bw_handle_of(fd);
	pid_t pid = vfork();

	if (!pid) {
		dup2(1, fd);
		dup3(1, fd, O_CLOEXEC);
		fcntl(fd, F_SETFD, 0);
		close(dup(fd));
		closefrom(3);
		execl("/bin/true", "true", (char *)NULL);
		_exit(9);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_EQ(counts().realtime, before);
	CHECK_EQ(bw_handle_of(fd), h);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	CHECK_EQ(counts().realtime, before + 1);
	CHECK_EQ(counts().monotonic, h);
}

TEST("read and write on a map are refused and not done on its placeholder")
{
	int fd = map_create(BPF_MAP_TYPE_ARRAY, 8, 1);
	uint64_t v = 1;

	CHECK_EQ(write(fd, &v, sizeof(v)), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(read(fd, &v, sizeof(v)), -1);
	CHECK_EQ(errno, EINVAL);
	close(fd);
}

TEST("dlsym on libc gives our wrappers, RTLD_NEXT libc's own")
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);

#ifndef __SANITIZE_THREAD__	/* whose own close is what our wrapper calls */
	CHECK(dlsym(libc, "close") == (void *)close);
#endif
	CHECK(dlsym(libc, "syscall") == (void *)syscall);
	CHECK(dlsym(libc, "clock_gettime") != (void *)bw_real.clock_gettime);
	CHECK(dlsym(libc, "strlen") != NULL);
	CHECK(dlsym(RTLD_NEXT, "close") == (void *)bw_real.close);
	CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol_here") == NULL);
}

TEST("a reply that is too long is an error of that request, and the next one is answered")
{
	struct bw_reply reply;

	CHECK_EQ(bw_call(BW_MSG_FILE_REALPATH, NULL, &reply), -EMSGSIZE);
	CHECK(reply.len <= BW_REPLY_MAX);
	bw_reply_free(&reply);
	CHECK(counts().realtime >= 0);
}

TEST("memory that the tool names badly is EFAULT also where process_vm_readv is refused")
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), text[16];

	mprotect(page + 4096, 4096, PROT_NONE);
	strcpy(page + 4090, "end");
	CHECK_EQ(bw_copy_in_string(text, page + 4090, sizeof(text)), 4);
	memset(page + 4090, 'x', 6);
	CHECK_EQ(bw_copy_in_string(text, page + 4090, sizeof(text)), -EFAULT);
	CHECK_EQ(bw_copy_in_string(text, page, 4), 1);
	CHECK_EQ(bw_copy_out(page + 4090, text, 12), -EFAULT);
	CHECK_EQ(bw_copy_in(text, page + 4090, 6), 0);
	munmap(page, 8192);
}

int main(void) { return check_done(); }
