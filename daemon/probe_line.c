// SPDX-License-Identifier: Apache-2.0
#include "daemon/probe_line.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_	4096

static const char *default_group(const char *path, char type)
{
	const char *base = strrchr(path, '/');

	base = base ? base + 1 : path;
	if (!strcmp(base, "uprobe_events"))
		return "uprobes";
	if (type == 'e')
		return "eprobes";
	return "kprobes";
}

/* kernel/trace/trace_uprobe.c: the file's name up to its first of these, and the offset; 'p' for return probes too. */
static void default_uprobe(char *target, char *out, size_t size)
{
	char *colon = strrchr(target, ':'), *base = strrchr(target, '/');
	unsigned long long offset = 0;

	if (colon) {
		*colon = 0;
		sscanf(colon + 1, "%lli", (long long *)&offset);
	}
	base = base ? base + 1 : target;
	base[strcspn(base, ".-_")] = 0;
	snprintf(out, size, "p_%.48s_0x%llx", base, offset);
}

/* kernel/trace/trace_kprobe.c: p_SYMBOL_OFFSET; an address' name is made of a hashed pointer, which nobody can know before. */
static void default_kprobe(char type, char *target, char *out, size_t size)
{
	char *ret = strstr(target, "%return"), *plus;
	unsigned long offset = 0;

	if (ret)
		*ret = 0;
	plus = strrchr(target, '+');
	if (plus) {
		*plus = 0;
		sscanf(plus + 1, "%li", (long *)&offset);
	}
	snprintf(out, size, "%c_%.200s_%lu", ret ? 'r' : type, target, offset);
	for (char *c = out; *c; c++)
		if (*c == ':' || *c == '.')
			*c = '_';
}

/* text is "GROUP/EVENT", "GROUP.EVENT" (newer kernels), "EVENT" or "GROUP/". */
static bool make_name(const char *text, const char *group, const char *event, struct bw_probe_line *p)
{
	size_t split = strcspn(text, "/.");
	int n;

	if (!text[split])
		n = snprintf(p->name, sizeof(p->name), "%s/%s", group, *text ? text : event);
	else
		n = snprintf(p->name, sizeof(p->name), "%.*s/%s", (int)split, text, text[split + 1] ? text + split + 1 : event);
	return n > 0 && (size_t)n < sizeof(p->name) && !strstr(p->name, "..");
}

/* The first words of the line: "p[MAXACTIVE][:NAME]" and the target. */
static enum bw_probe_kind parse(char *line, const char *path, struct bw_probe_line *p)
{
	char *save = NULL, *word = strtok_r(line, " \t\r\n", &save), *target = strtok_r(NULL, " \t\r\n", &save);
	char event[256] = "", *colon;

	if (!word || !strchr("pre-", word[0]))	/* probe, return probe, event probe, removal */
		return BW_PROBE_NONE;
	colon = strchr(word, ':');
	if (word[0] == '-')
		return colon && make_name(colon + 1, default_group(path, 'p'), "", p) ? BW_PROBE_REMOVE : BW_PROBE_NONE;
	if (!target)
		return BW_PROBE_NONE;
	if (strstr(path, "uprobe"))
		default_uprobe(target, event, sizeof(event));
	else
		default_kprobe(word[0], target, event, sizeof(event));
	return make_name(colon ? colon + 1 : "", default_group(path, word[0]), event, p) ? BW_PROBE_NEW : BW_PROBE_NONE;
}

enum bw_probe_kind bw_probe_parse(const char *line, size_t len, const char *path, struct bw_probe_line *p)
{
	char copy[LINE_MAX_];

	if (len >= sizeof(copy) || memchr(line, 0, len))
		return BW_PROBE_NONE;	/* longer than the kernel takes */
	memcpy(copy, line, len);
	copy[len] = 0;
	copy[strcspn(copy, "#")] = 0;
	return parse(copy, path, p);
}

bool bw_probe_exists(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');
	char dir[PATH_MAX];
	int n = snprintf(dir, sizeof(dir), "%.*s/events/%s", base ? (int)(base - path) : 1, base ? path : ".", name);

	return n > 0 && (size_t)n < sizeof(dir) && !access(dir, F_OK);
}
