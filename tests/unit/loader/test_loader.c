// SPDX-License-Identifier: Apache-2.0
/* The loader's command line, and where things are pinned. What it loads: tests/e2e/59-load. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "loader/loader.h"
#include "tests/unit/check.h"

static struct bw_load_options o;
static char err[256];

/* The line is kept: options point into it. */
static int parse(const char *line, bool serial)
{
	static char *argv[16], kept[256];
	char *save = NULL;
	int argc = 0;

	snprintf(kept, sizeof(kept), "%s", line);
	for (char *w = strtok_r(kept, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	err[0] = 0;
	return bw_load_options_parse(argc, argv, serial, &o, err, sizeof(err));
}

TEST("every option of load is taken, before and behind the file")
{
	CHECK_EQ(parse("load --pin there --attach x.bpf.o --stay --btf types -vv", false), 0);
	CHECK(!o.unload && o.attach && o.stay && o.verbose == 2 && o.n == 1);
	CHECK(!strcmp(o.pin, "there") && !strcmp(o.btf, "types") && !strcmp(o.what[0], "x.bpf.o"));
	CHECK_EQ(parse("load x.bpf.o", false), 0);
	CHECK(!o.pin && !o.btf && !o.attach && !o.stay && !o.verbose);
}

TEST("only bpfwire has boards to choose from, and only bpfwired a help of its own")
{
	CHECK_EQ(parse("load -s BOARD x", true), 0);
	CHECK(o.serial && !strcmp(o.serial, "BOARD"));
	CHECK_EQ(parse("load -s BOARD x", false), -EINVAL);
	CHECK_EQ(parse("load --help", false), 0);
	CHECK(o.help);
	CHECK_EQ(parse("load --help", true), -EINVAL);
}

TEST("unload takes several names and none of load's options")
{
	CHECK_EQ(parse("unload a b c", false), 0);
	CHECK(o.unload && o.n == 3 && !strcmp(o.what[2], "c"));
	CHECK_EQ(parse("unload --attach a", false), -EINVAL);
	CHECK(strstr(err, "--attach"));
	CHECK_EQ(parse("unload", false), -EINVAL);
}

TEST("a wrong line is refused with what is wrong")
{
	CHECK_EQ(parse("load", false), -EINVAL);
	CHECK(strstr(err, "which file"));
	CHECK_EQ(parse("load a b", false), -EINVAL);
	CHECK(strstr(err, "'b'"));
	CHECK_EQ(parse("load a --pin", false), -EINVAL);
	CHECK(strstr(err, "--pin") && strstr(err, "value"));
	CHECK_EQ(parse("load --nonsense a", false), -EINVAL);
	CHECK(strstr(err, "--nonsense"));
}

TEST("an object is called as its file is, up to the first dot")
{
	char name[NAME_MAX + 1];

	bw_pins_name("/etc/bpfwire/load.d/count.bpf.o", name, sizeof(name));
	CHECK(!strcmp(name, "count"));
	bw_pins_name("a.b/count", name, sizeof(name));
	CHECK(!strcmp(name, "count"));
}

TEST("a name is a directory of the BPF file system, and a path is itself")
{
	char dir[PATH_MAX];

	CHECK_EQ(bw_pins_dir("count", dir), 0);
	CHECK(!strcmp(dir, "/sys/fs/bpf/count"));
	CHECK_EQ(bw_pins_dir("/sys/fs/bpf/a/b///", dir), 0);
	CHECK(!strcmp(dir, "/sys/fs/bpf/a/b"));
}

TEST("a relative path, nothing, and what is too long are no place")
{
	char dir[PATH_MAX], *longer = malloc(PATH_MAX + 10);

	CHECK_EQ(bw_pins_dir("a/b", dir), -EINVAL);
	CHECK_EQ(bw_pins_dir("", dir), -EINVAL);
	memset(longer, 'x', PATH_MAX + 9);
	longer[PATH_MAX + 9] = 0;
	CHECK_EQ(bw_pins_dir(longer, dir), -EINVAL);
	free(longer);
}

TEST("a directory that is on no BPF file system is never made")
{
	char dir[] = "/tmp/bw-pins-XXXXXX", below[64];
	struct bw_pins p;

	CHECK(mkdtemp(dir) != NULL);
	snprintf(below, sizeof(below), "%s/x", dir);
	CHECK_EQ(bw_pins_init(&p, below), -EINVAL);
	bw_pins_fini(&p, false);
	CHECK_EQ(rmdir(below), -1);
	CHECK_EQ(rmdir(dir), 0);
}

int main(void)
{
	return check_done();
}
