// SPDX-License-Identifier: Apache-2.0
/* What ls, cat, ps and dmesg are made of: escaping, lines, and many questions at once. (The commands against a real daemon: tests/e2e/45-look.) */
#include "remote/command/command.h"
#include "remote/command/escape.h"
#include "remote/command/kmsg.h"
#include "remote/command/look.h"
#include "remote/command/ls_line.h"
#include "remote/command/process.h"
#include "tests/unit/command/fake.h"

static char printed[16384];
static size_t printed_len;

#define PRINTED(call) ({ FILE *f = fmemopen(printed, sizeof(printed), "w"); call; printed_len = (size_t)ftell(f); fclose(f); printed; })
#define IS(text) ({ int is_ = printed_len == sizeof(text) - 1 && !memcmp(printed, text, sizeof(text) - 1); if (!is_) printf("# printed: %s\n", printed); is_; })

static void escape(FILE *f, const char *s, size_t len) { bw_escape(f, s, len, ""); }
#define ESCAPED(s) PRINTED(escape(f, s, sizeof(s) - 1))

/* ---- escaping ---- */

TEST("every control character is escaped, whatever the locale")
{
	char all[32], *p;
	int i, utf8;

	for (i = 0; i < 32; i++)
		all[i] = (char)i;
	for (utf8 = 0; utf8 < 2; utf8++) {
		setenv("LC_ALL", utf8 ? "C.UTF-8" : "C", 1);
		bw_escape_init();
		p = PRINTED(escape(f, all, 32));
		CHECK_EQ(printed_len, 32 * 4);
		for (i = 0; i < 32 * 4; i++)
			CHECK(p[i] >= 0x20 && p[i] < 0x7f);
		ESCAPED("a\177b \\ \"");
		CHECK(IS("a\\x7fb \\ \""));
	}
}

TEST("UTF-8 passes in a UTF-8 locale and in no other")
{
	setenv("LC_ALL", "C.UTF-8", 1);
	bw_escape_init();
	ESCAPED("\303\251 \342\202\254 \360\237\220\247");
	CHECK(IS("\303\251 \342\202\254 \360\237\220\247"));
	setenv("LC_ALL", "C", 1);
	bw_escape_init();
	ESCAPED("\303\251\233");
	CHECK(IS("\\xc3\\xa9\\x9b"));
}

TEST("UTF-8 that is wrong, controls, or turns the line around is escaped")
{
	setenv("LC_ALL", "C.UTF-8", 1);
	bw_escape_init();
	ESCAPED("\302\233");				/* CSI */
	CHECK(IS("\\xc2\\x9b"));
	ESCAPED("\342\200\256x");			/* right-to-left override */
	CHECK(IS("\\xe2\\x80\\xaex"));
	ESCAPED("\300\233\340\200\233\355\240\200");	/* overlong, surrogate */
	CHECK(IS("\\xc0\\x9b\\xe0\\x80\\x9b\\xed\\xa0\\x80"));
	ESCAPED("\364\220\200\200\370\210\200\200\200\377");	/* too large */
	CHECK(IS("\\xf4\\x90\\x80\\x80\\xf8\\x88\\x80\\x80\\x80\\xff"));
	ESCAPED("\303");				/* cut */
	CHECK(IS("\\xc3"));
	ESCAPED("\303(\251");
	CHECK(IS("\\xc3(\\xa9"));
}

/* ---- ls ---- */

TEST("a mode is shown as ls shows it")
{
	static const struct { uint8_t type; uint16_t perm; const char *mode; } rows[] = {
		{ BW_FT_DIR, 01777, "drwxrwxrwt" }, { BW_FT_REG, 04755, "-rwsr-xr-x" }, { BW_FT_REG, 06644, "-rwSr-Sr--" }, { BW_FT_LNK, 0777, "lrwxrwxrwx" },
		{ BW_FT_DIR, 01770, "drwxrwx--T" }, { BW_FT_CHR, 0600, "crw-------" }, { BW_FT_BLK, 0, "b---------" }, { BW_FT_FIFO, 02775, "prwxrwsr-x" },
		{ BW_FT_SOCK, 0111, "s--x--x--x" }, { 15, 0, "?---------" }, { BW_FT_NONE, 0777, "?\?\?\?\?\?\?\?\?\?" },
	};
	char mode[11];
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bw_ls_mode(&(struct bw_stat) { .type = rows[i].type, .perm = rows[i].perm }, mode);
		CHECK(!strcmp(mode, rows[i].mode));
	}
}

TEST("the columns of a long listing are as wide as their widest entry, and a device's numbers stand where sizes do")
{
	char a[] = "a", b[] = "b\033", c[] = "c", to[] = "to\n";
	struct bw_ls_entry e[] = {
		{ a, { .type = BW_FT_REG, .perm = 0644, .nlink = 1, .uid = 1000, .gid = 7, .size = 1234567 }, NULL },
		{ b, { .type = BW_FT_CHR, .perm = 0600, .nlink = 12, .rdev_major = 5, .rdev_minor = 128 }, NULL },
		{ c, { .type = BW_FT_LNK, .perm = 0777, .nlink = 1, .size = 3 }, to },
	};
	struct bw_ls_widths w = { 0 };
	int i;

	setenv("TZ", "UTC", 1);
	for (i = 0; i < 3; i++)
		bw_ls_measure(&w, &e[i].st);
	PRINTED(for (i = 0; i < 3; i++) bw_ls_print(f, &e[i], &w, 1));
	CHECK(IS("-rw-r--r--  1 1000 7 1234567 1970-01-01 00:00 a\n"
		 "crw------- 12    0 0  5, 128 1970-01-01 00:00 b\\x1b\n"
		 "lrwxrwxrwx  1    0 0       3 1970-01-01 00:00 c -> to\\x0a\n"));
	PRINTED(bw_ls_print(f, &e[1], NULL, 0));
	CHECK(IS("b\033\n"));
}

/* ---- ps ---- */

static void parse_and_print(FILE *f, const char *stat, const char *cmdline, size_t len)
{
	struct bw_process p;

	if (bw_process_parse(&p, stat, strlen(stat))) {
		fputs("refused", f);
		return;
	}
	p.uid = 33;
	p.cmdline = cmdline;
	p.cmdline_len = len;
	bw_process_print(f, &p, 16384);
}

TEST("a process is one line, whatever its name holds")
{
	PRINTED(parse_and_print(f, "42 (a) R 9 (b\n) S 7 42 42 0 -1 4194560 1 2 3 4 360000 8640000 0 0 20 0 1 0 99 1000 25 18446744073709551615 1 1", "", 0));
	CHECK(IS("     42       7      33 S       400  1-01:00:00 [a) R 9 (b\\x0a]\n"));
	PRINTED(parse_and_print(f, "1 (init) Z 0 1 1 0 -1 4194560 1 2 3 4 100 0 0 0 20 0 1 0 99 0 0 1", "", 0));
	CHECK(IS("      1       0      33 Z         0    00:00:01 [init] <defunct>\n"));
	PRINTED(parse_and_print(f, "1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 0 0 0 0 20 0 1 0 99 0 1 1", "sh\0-c\0\0a \033[2J\0\0", 14));
	CHECK(IS("      1       0      33 S        16    00:00:00 sh -c  a \\x1b[2J\n"));
}

TEST("what is no /proc/PID/stat is refused")
{
	static const char *const bad[] = { "", "1", "1 (x", "1 x) S 2", "(x) S 2", "x (y) S 2", "1 (x) S", "1 (x) S 2 3 4 5 6 7 8", ")1 (", "1 2 (x) S 0 1" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		PRINTED(parse_and_print(f, bad[i], "", 0));
		CHECK(IS("refused"));
	}
}

/* ---- dmesg ---- */

static void kmsg(FILE *f, const char *record, bool decode)
{
	struct bw_kmsg k;

	if (bw_kmsg_parse(&k, record, strlen(record)))
		fputs("refused", f);
	else
		bw_kmsg_print(f, &k, decode);
}

TEST("a message of the kernel is shown with its time, and with its level when asked")
{
	PRINTED(kmsg(f, "6,339,5140900,-;NET: Registered\n SUBSYSTEM=net\n", false));
	CHECK(IS("[    5.140900] NET: Registered\n"));
	PRINTED(kmsg(f, "30,339,123456000007,c,caller=T1;hello", true));
	CHECK(IS("daemon:info  : [123456.000007] hello\n"));
	PRINTED(kmsg(f, "820,1,0,-;x\n", true));
	CHECK(IS("102   :warn  : [    0.000000] x\n"));
}

TEST("the kernel's escapes are undone, and none of them reaches the terminal")
{
	setenv("LC_ALL", "C.UTF-8", 1);
	bw_escape_init();
	PRINTED(kmsg(f, "4,1,1,-;a\\x5cb \\x1b[31m \\xc3\\xa9\\x09. \\x5cx1b \\xZZ \\x1\n", false));
	CHECK(IS("[    0.000001] a\\b \\x1b[31m \303\251\t. \\x1b \\xZZ \\x1\n"));
	PRINTED(kmsg(f, "4,1,1,-;one\\x0atwo\033\n", false));
	CHECK(IS("[    0.000001] one\n               two\\x1b\n"));
}

TEST("what is no record is refused")
{
	static const char *const bad[] = { "", "6,1,2", ";", "x,1,2,-;text", "6,1;text", "6;x" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		PRINTED(kmsg(f, bad[i], false));
		CHECK(IS("refused"));
	}
}

TEST("levels are named one by one")
{
	CHECK_EQ(bw_kmsg_levels("emerg"), 1);
	CHECK_EQ(bw_kmsg_levels("err,warn,debug"), 1 << 3 | 1 << 4 | 1 << 7);
	CHECK_EQ(bw_kmsg_levels(""), 0);
	CHECK_EQ(bw_kmsg_levels("err,"), 0);
	CHECK_EQ(bw_kmsg_levels("err,erro"), 0);
}

/* ---- many questions ---- */

struct far_end {
	size_t together;		/* it answers when it has so many, and then backwards */
	int patience;			/* ours, in seconds; 0: long */
	const char *reply;
	size_t len;
};

/* Sends the answer in two frames. */
static void answer(int fd, uint32_t id, const struct far_end *e)
{
	struct bw_frame head = { .type = BW_MSG_FILE_STAT, .flags = BW_F_REPLY, .request = id };
	struct bw_buf b = { 0 };

	bw_frame_put_msg(&b, &head, e->reply, e->len / 2);
	b.data[6] |= BW_F_MORE;
	head.status = id % 2 ? 0 : bw_errno_to_wire(-ENOENT);
	bw_frame_put_msg(&b, &head, e->reply + e->len / 2, e->len - e->len / 2);
	(void)!bw_write_full(fd, b.data, b.len);
	bw_buf_free(&b);
}

static void serve(int fd, const struct far_end *e)
{
	uint32_t ids[256];
	struct bw_stream s;
	struct bw_frame q;
	size_t n = 0, room;
	ssize_t got;

	alarm(20);
	bw_stream_init(&s);
	for (;;) {
		uint8_t *at = bw_stream_room(&s, &room);

		got = read(fd, at, room);
		if (got <= 0)
			_exit(0);
		bw_stream_fed(&s, (size_t)got);
		while (bw_stream_next(&s, &q) > 0) {
			if (q.type == BW_MSG_FILE_STAT)
				ids[n++] = q.request;
			if (n < e->together)
				continue;
			while (n)
				answer(fd, ids[--n], e);
		}
	}
}

static int ask(struct bw_question *q, size_t n, const struct far_end *e)
{
	struct bw_session s = { 0 };
	struct timeval limit = { .tv_sec = e->patience ? e->patience : 20 };
	int fds[2], err;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		abort();
	pid = fork();
	if (!pid) {
		close(fds[0]);
		serve(fds[1], e);
	}
	close(fds[1]);
	s.fd = fds[0];
	setsockopt(s.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	bw_window_init(&s.in, BW_WINDOW);
	bw_stream_init(&s.stream);
	err = bw_questions_ask(&s, q, n);
	bw_session_close(&s);
	waitpid(pid, NULL, 0);
	return err;
}

TEST("64 questions are under way at once, and answers in any order find theirs")
{
	struct far_end e = { .together = 64, .reply = "answer", .len = 6 };
	struct bw_question q[128];
	size_t i, found = 0;

	for (i = 0; i < 128; i++)
		q[i] = (struct bw_question) { .type = BW_MSG_FILE_STAT, .path = "/x" };
	CHECK_EQ(ask(q, 128, &e), 0);
	for (i = 0; i < 128; i++)
		found += q[i].status == ((i + 1) % 2 ? 0 : -ENOENT) && q[i].reply.len == 6 && !memcmp(q[i].reply.data, "answer", 6);
	CHECK_EQ(found, 128);
	bw_questions_free(q, 128);
}

TEST("questions with the longest of paths do not overrun the board's window")
{
	static char path[BW_PATH_MAX + 2];
	struct far_end e = { .together = 15, .reply = "", .len = 0 };
	struct bw_question q[60];
	size_t i;

	/* 16 would be more than 64 KiB, which is what may be under way: a far end that waits for the 16th waits in vain. */
	memset(path, '/', BW_PATH_MAX);
	for (i = 0; i < 60; i++)
		q[i] = (struct bw_question) { .type = BW_MSG_FILE_STAT, .path = path };
	CHECK_EQ(ask(q, 60, &e), 0);
	bw_questions_free(q, 60);
	e.together = 16;
	e.patience = 2;
	CHECK_EQ(ask(q, 60, &e), -ETIMEDOUT);
	bw_questions_free(q, 60);
}

TEST("an answer longer than asked for is cut, and a path that is too long is not sent")
{
	static char path[BW_PATH_MAX + 2];
	struct far_end e = { .together = 1, .reply = "answer", .len = 6 };
	struct bw_question q[] = {
		{ .type = BW_MSG_FILE_STAT, .path = "x", .max = 4 }, { .type = BW_MSG_FILE_STAT, .path = path }, { .type = BW_MSG_FILE_STAT, .path = "x", .max = 6 },
	};

	memset(path, 'x', BW_PATH_MAX);	/* with the slash that it needs one too many */
	CHECK_EQ(ask(q, 3, &e), 0);
	CHECK(q[0].status == -EMSGSIZE && q[0].reply.len == 4);
	CHECK(q[1].status == -ENAMETOOLONG && !q[1].reply.len);
	CHECK(q[2].status == -ENOENT && q[2].reply.len == 6);
	bw_questions_free(q, 3);
}

/* ---- the commands ---- */

TEST("wrong arguments are exit 2, before any board is looked for")
{
	fake_begin_empty();
	run_command("cat", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("cat: which file?"));
	run_command("ps", "x", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("ps takes no argument 'x'"));
	run_command("ls", "--frobnicate", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("there is no option '--frobnicate'"));
	run_command("dmesg", "-l", "loud", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("'loud' is no list of levels"));
	run_command("dmesg", "--level", NULL);
	CHECK(got_status == BW_EXIT_USAGE && one_line_with("needs a value"));
	fake_end();
}

TEST("a board that goes away meanwhile is exit 75 and one line")
{
	static const char *const commands[] = { "ps", "ls", "dmesg", "cat" };
	struct fake_board b = { .serial = "A", .manner = FAKE_GREETS };
	size_t i;

	fake_begin(&b, 1);
	for (i = 0; i < 4; i++) {
		run_command(commands[i], i == 3 ? "/etc/passwd" : NULL, NULL);
		CHECK_EQ(got_status, BW_EXIT_LOST);
		CHECK(!*got_out && !strcmp(got_err, "bpfwire: board A disconnected\n"));
	}
	fake_end();
}

int main(void)
{
	return check_done();
}
