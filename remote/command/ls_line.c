// SPDX-License-Identifier: Apache-2.0
#include "remote/command/ls_line.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "remote/command/escape.h"

static char type_letter(uint8_t type)
{
	switch (type) {
	case BW_FT_FIFO:	return 'p';
	case BW_FT_CHR:		return 'c';
	case BW_FT_DIR:		return 'd';
	case BW_FT_BLK:		return 'b';
	case BW_FT_REG:		return '-';
	case BW_FT_LNK:		return 'l';
	case BW_FT_SOCK:	return 's';
	default:		return '?';
	}
}

void bw_ls_mode(const struct bw_stat *st, char out[11])
{
	static const char letters[] = "rwxrwxrwx";
	int i;

	if (st->type == BW_FT_NONE) {
		memcpy(out, "?\?\?\?\?\?\?\?\?\?", 11);
		return;
	}
	out[0] = type_letter(st->type);
	for (i = 0; i < 9; i++)
		out[i + 1] = st->perm & (0400 >> i) ? letters[i] : '-';
	if (st->perm & 04000)
		out[3] = out[3] == 'x' ? 's' : 'S';
	if (st->perm & 02000)
		out[6] = out[6] == 'x' ? 's' : 'S';
	if (st->perm & 01000)
		out[9] = out[9] == 'x' ? 't' : 'T';
	out[10] = 0;
}

static bool is_device(const struct bw_stat *st)
{
	return st->type == BW_FT_CHR || st->type == BW_FT_BLK;
}

static void widen(int *width, int n)
{
	if (n > *width)
		*width = n;
}

void bw_ls_measure(struct bw_ls_widths *w, const struct bw_stat *st)
{
	if (st->type == BW_FT_NONE)
		return;
	widen(&w->nlink, snprintf(NULL, 0, "%" PRIu64, st->nlink));
	widen(&w->uid, snprintf(NULL, 0, "%u", st->uid));
	widen(&w->gid, snprintf(NULL, 0, "%u", st->gid));
	if (is_device(st)) {
		widen(&w->major, snprintf(NULL, 0, "%u", st->rdev_major));
		widen(&w->minor, snprintf(NULL, 0, "%u", st->rdev_minor));
		widen(&w->size, w->major + 2 + w->minor);
	} else {
		widen(&w->size, snprintf(NULL, 0, "%" PRIu64, st->size));
	}
}

static void time_text(const struct bw_time *t, char *out, size_t size)
{
	time_t sec = (time_t)t->sec;
	struct tm tm;

	if (!localtime_r(&sec, &tm) || !strftime(out, size, "%Y-%m-%d %H:%M", &tm))
		snprintf(out, size, "%" PRId64, t->sec);
}

static void print_name(FILE *out, const char *name, int escaped)
{
	if (escaped)
		bw_escape(out, name, strlen(name), "");
	else
		fputs(name, out);
}

static void print_facts(FILE *out, const struct bw_stat *st, const struct bw_ls_widths *w)
{
	char mode[11], when[64];

	bw_ls_mode(st, mode);
	if (st->type == BW_FT_NONE) {
		fprintf(out, "%s %*s %*s %*s %*s %16s ", mode, w->nlink, "?", w->uid, "?", w->gid, "?", w->size, "?", "?");
		return;
	}
	fprintf(out, "%s %*" PRIu64 " %*u %*u ", mode, w->nlink, st->nlink, w->uid, st->uid, w->gid, st->gid);
	time_text(&st->mtime, when, sizeof(when));
	if (is_device(st))
		fprintf(out, "%*u, %*u %s ", w->size - 2 - w->minor, st->rdev_major, w->minor, st->rdev_minor, when);
	else
		fprintf(out, "%*" PRIu64 " %s ", w->size, st->size, when);
}

void bw_ls_print(FILE *out, const struct bw_ls_entry *e, const struct bw_ls_widths *w, int escaped)
{
	if (w)
		print_facts(out, &e->st, w);
	print_name(out, e->name, escaped);
	if (w && e->link) {
		fputs(" -> ", out);
		print_name(out, e->link, escaped);
	}
	putc('\n', out);
}
