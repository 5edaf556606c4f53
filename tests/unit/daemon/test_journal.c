// SPDX-License-Identifier: Apache-2.0
/* What no descriptor owns: with the kernel's own uprobe_events where it has them, and with plain files for the rest. */
#include "daemon/journal.h"
#include "daemon/probe_line.h"
#include "tests/unit/daemon/client.h"

#define EVENTS	"/sys/kernel/tracing/uprobe_events"

static struct client c;

static const char *parse(const char *line, const char *path, enum bw_probe_kind want)
{
	static struct bw_probe_line p;

	memset(&p, 0, sizeof(p));
	CHECK_EQ(bw_probe_parse(line, strlen(line), path, &p), want);
	return p.name;
}

TEST("the event that a line makes is known before it is written")
{
	const char *k = "/sys/kernel/tracing/kprobe_events", *u = EVENTS;

	CHECK(!strcmp(parse("p:kprobes/p_vfs_read_bcc_12 vfs_read\n", k, BW_PROBE_NEW), "kprobes/p_vfs_read_bcc_12"));
	CHECK(!strcmp(parse("p:mine vfs_read+4", k, BW_PROBE_NEW), "kprobes/mine"));
	CHECK(!strcmp(parse("r100:g/e vfs_read", k, BW_PROBE_NEW), "g/e"));
	CHECK(!strcmp(parse("p vfs_read+8 %x0", k, BW_PROBE_NEW), "kprobes/p_vfs_read_8"));
	CHECK(!strcmp(parse("r vfs_read", k, BW_PROBE_NEW), "kprobes/r_vfs_read_0"));
	CHECK(!strcmp(parse("p mod:func", k, BW_PROBE_NEW), "kprobes/p_mod_func_0"));
	CHECK(!strcmp(parse("p:g/ vfs_read", k, BW_PROBE_NEW), "g/p_vfs_read_0"));
	CHECK(!strcmp(parse("p /usr/lib/libc.so.6:0x1234", u, BW_PROBE_NEW), "uprobes/p_libc_0x1234"));
	CHECK(!strcmp(parse("-:g/e", k, BW_PROBE_REMOVE), "g/e"));
	CHECK(!strcmp(parse("-:e\n", u, BW_PROBE_REMOVE), "uprobes/e"));
	parse("# p:x y", k, BW_PROBE_NONE);
	parse("", k, BW_PROBE_NONE);
	parse("\n", k, BW_PROBE_NONE);
	parse("p:x", k, BW_PROBE_NONE);
	parse("z:x y", k, BW_PROBE_NONE);
	parse("p:../../../etc/x y", k, BW_PROBE_NONE);
}

TEST("only probe files are journalled")
{
	CHECK(bw_journal_watches("/sys/kernel/tracing/kprobe_events"));
	CHECK(bw_journal_watches("/sys/kernel/debug/tracing/uprobe_events"));
	CHECK(!bw_journal_watches("/sys/kernel/tracing/trace_marker"));
	CHECK(!bw_journal_watches("/tmp/kprobe_events.txt"));
}

static char *contents(const char *path)
{
	static char buf[4096];
	char *text = NULL;
	size_t len;

	buf[0] = 0;
	if (!bw_read_file(path, sizeof(buf) - 1, &text, &len))
		strcpy(buf, text);
	free(text);
	return buf;
}

TEST("a journal undoes what is left, newest first, and nothing else")
{
	char dir[] = "/tmp/bpfwired-journal-XXXXXX", file[64], events[64];
	const char *lines = "p:g/one f\np:g/two f\n-:g/one\n# comment\np:g/three f";
	struct bw_journal j;
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(file, sizeof(file), "%s/1-1", dir);
	snprintf(events, sizeof(events), "%s/kprobe_events", dir);
	fd = open(events, O_WRONLY | O_CREAT | O_APPEND, 0600);
	CHECK_EQ(bw_journal_init(&j, file), 0);
	CHECK_EQ(bw_journal_write(&j, fd, events, lines, strlen(lines)), strlen(lines));
	CHECK(!strcmp(contents(events), lines));
	bw_journal_fini(&j);
	CHECK_EQ(ftruncate(fd, 0), 0);
	/* A last line that was cut off when its writer died was never acted upon. */
	{
		int jfd = open(file, O_WRONLY | O_APPEND);

		CHECK_EQ(bw_write_full(jfd, "+/tmp/kprobe_events\t-:g/fo", 26), 0);
		close(jfd);
	}
	bw_journal_undo(file);
	CHECK(!strcmp(contents(events), "-:g/three-:g/two"));
	CHECK_EQ(access(file, F_OK), -1);
	close(fd);
	unlink(events);
	rmdir(dir);
}

TEST("a journal that is held by a living session is left alone, another is undone at the start")
{
	char dir[] = "/tmp/bpfwired-journal-XXXXXX", file[2][64], events[64];
	struct bw_journal j[2];
	int fd;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(events, sizeof(events), "%s/kprobe_events", dir);
	fd = open(events, O_WRONLY | O_CREAT | O_APPEND, 0600);
	for (int i = 0; i < 2; i++) {
		char line[32];

		snprintf(line, sizeof(line), "p:g/n%d f\n", i);
		snprintf(file[i], sizeof(file[i]), "%s/%d-1", dir, i + 1);
		CHECK_EQ(bw_journal_init(&j[i], file[i]), 0);
		CHECK(bw_journal_write(&j[i], fd, events, line, strlen(line)) > 0);
	}
	CHECK_EQ(ftruncate(fd, 0), 0);
	bw_journal_fini(&j[0]);
	CHECK_EQ(bw_journal_recover(dir), 0);
	CHECK(!strcmp(contents(events), "-:g/n0"));
	CHECK_EQ(access(file[0], F_OK), -1);
	CHECK_EQ(access(file[1], F_OK), 0);
	bw_journal_fini(&j[1]);
	close(fd);
	unlink(file[1]);
	unlink(events);
	rmdir(dir);
}

TEST("a journal that cannot be kept lets nothing be written")
{
	char events[] = "/tmp/bpfwired-events-XXXXXX";
	int fd = mkstemp(events);
	struct bw_journal j;

	bw_log_init("test", BW_LOG_ERROR);
	CHECK_EQ(bw_journal_init(&j, "/nonexistent/dir/1-1"), 0);
	CHECK_EQ(bw_journal_write(&j, fd, "/sys/kernel/tracing/kprobe_events", "p:g/n f\n", 8), -ENOENT);
	CHECK(!*contents(events));
	bw_journal_fini(&j);
	close(fd);
	unlink(events);
}

/* ---- with the kernel ---- */

static bool event_exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/tracing/events/%s", name);
	return !access(path, F_OK);
}

static bool start(void)
{
	if (access(EVENTS, W_OK)) {
		printf("# skipped: no %s\n", EVENTS);
		return false;
	}
	daemon_start(&c);
	CHECK_EQ(session_open(&c, 1), 0);
	CHECK_EQ(file_open(&c, 1, BW_O_WRONLY | BW_O_APPEND, EVENTS), 1);
	return true;
}

TEST("a session's probe is gone when the session is, another's stays")
{
	if (!start())
		return;
	CHECK_EQ(session_open(&c, 2), 0);
	CHECK_EQ(file_open(&c, 2, BW_O_WRONLY | BW_O_APPEND, EVENTS), 1);
	CHECK_EQ(file_write(&c, 1, 1, "p:bwtest/one /bin/true:0x1000\n"), 0);
	CHECK_EQ(file_write(&c, 2, 1, "p:bwtest/two /bin/true:0x1000\n"), 0);
	CHECK(event_exists("bwtest/one") && event_exists("bwtest/two"));
	session_close(&c, 1);
	CHECK(WAIT_UNTIL(!event_exists("bwtest/one")));
	CHECK(event_exists("bwtest/two"));
	CHECK_EQ(file_write(&c, 2, 1, "-:bwtest/two\n"), 0);
	CHECK(!event_exists("bwtest/two"));
	CHECK_EQ(file_write(&c, 2, 1, "-:bwtest/none\n"), -ENOENT);
	CHECK_EQ(file_write(&c, 2, 1, "p:bwtest/bad /no/such/file:0\n"), -ENOENT);
	daemon_stop(&c);
}

TEST("a killed worker's probe is gone")
{
	pid_t pids[2];

	if (!start())
		return;
	CHECK_EQ(file_write(&c, 1, 1, "p:bwtest/killed /bin/true:0x1000\n"), 0);
	CHECK(event_exists("bwtest/killed"));
	CHECK_EQ(child_pids(c.daemon, pids, 2), 1);
	kill(pids[0], SIGKILL);
	CHECK(WAIT_FOR(&c, c.closed == 1));
	CHECK(WAIT_UNTIL(!event_exists("bwtest/killed")));
	daemon_stop(&c);
}

TEST("a killed daemon's probes are undone by the next one that starts")
{
	char name[64], line[128];

	if (!start())
		return;
	/* Of this run alone: one that was interrupted here has left its own. */
	snprintf(name, sizeof(name), "bwtest/crash%d", (int)getpid());
	snprintf(line, sizeof(line), "p:%s /bin/true:0x1000\n", name);
	CHECK_EQ(file_write(&c, 1, 1, line), 0);
	kill(c.daemon, SIGKILL);
	daemon_stop(&c);
	usleep(50000);
	CHECK(event_exists(name));
	daemon_start(&c);
	CHECK(!event_exists(name));
	daemon_stop(&c);
}

int main(void)
{
	rmdir(run_dir);
	return check_done();
}
