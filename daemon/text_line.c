// SPDX-License-Identifier: Apache-2.0
#include "daemon/text_line.h"

#include <errno.h>
#include <string.h>

#include "protocol/base64.h"

/*
 * Arguments: u 32 bits, i int, l 64 bits, w word, e word that may be empty, b base64, r all that follows. Behind '?' they may be left out, and are 0
 * and "". Surplus ones are ignored. Of several rows of a command the first one that fits is meant.
 */
static const struct row {
	const char *name, *args;
	enum bw_text_verb verb;
	bool named;
} rows[] = {
	{ "exit", "", BW_TEXT_EXIT, false },
	{ "GET_KALLSYMS", "", BW_TEXT_KALLSYMS, false },
	{ "GET_KPROBES_BLACKLIST", "w", BW_TEXT_BLACKLIST, false },
	{ "GET_AVAIL_FILTER_FUNCS", "w", BW_TEXT_FILTER_FUNCS, false },
	{ "GET_TRACE_EVENTS_CATEGORIES", "w", BW_TEXT_CATEGORIES, false },
	{ "GET_TRACE_EVENTS", "ww", BW_TEXT_EVENTS, false },
	{ "COMM_FOR_PID", "i", BW_TEXT_COMM, false },
	{ "BPF_CREATE_MAP", "uwuuuu", BW_TEXT_CREATE_MAP, true },
	{ "BPF_CREATE_MAP", "uuuuu", BW_TEXT_CREATE_MAP, false },
	{ "BPF_PROG_LOAD", "uwueub", BW_TEXT_PROG_LOAD, true },
	{ "BPF_PROG_LOAD", "uueub", BW_TEXT_PROG_LOAD, false },
	{ "BPF_ATTACH_KPROBE", "iuww?ll", BW_TEXT_ATTACH_KPROBE, false },
	{ "BPF_DETACH_KPROBE", "w", BW_TEXT_DETACH_KPROBE, false },
	{ "BPF_ATTACH_UPROBE", "iuwwli", BW_TEXT_ATTACH_UPROBE, false },
	{ "BPF_DETACH_UPROBE", "w", BW_TEXT_DETACH_UPROBE, false },
	{ "BPF_ATTACH_TRACEPOINT", "iww", BW_TEXT_ATTACH_TRACEPOINT, false },
	{ "BPF_DETACH_TRACEPOINT", "ww", BW_TEXT_DETACH_TRACEPOINT, false },
	{ "BPF_ATTACH_PERF_EVENT", "iullliii", BW_TEXT_ATTACH_PERF_EVENT, false },
	{ "BPF_CLOSE_PERF_EVENT_FD", "i", BW_TEXT_CLOSE_PERF_EVENT, false },
	{ "BPF_OPEN_PERF_BUFFER", "iii", BW_TEXT_OPEN_PERF_BUFFER, false },
	{ "PERF_READER_POLL", "iir", BW_TEXT_POLL, false },
	{ "BPF_UPDATE_ELEM", "ibubul", BW_TEXT_UPDATE, false },
	{ "BPF_LOOKUP_ELEM", "ibuu", BW_TEXT_LOOKUP, false },
	{ "BPF_GET_FIRST_KEY", "iuuu", BW_TEXT_FIRST_KEY, false },
	{ "BPF_GET_NEXT_KEY", "ibu", BW_TEXT_NEXT_KEY, false },
	{ "BPF_DELETE_ELEM", "ibu", BW_TEXT_DELETE, false },
	{ "BPF_CLEAR_MAP", "iu", BW_TEXT_CLEAR, false },
	{ "GET_KSYM_NAME", "l", BW_TEXT_KSYM_NAME, false },
	{ "GET_KSYM_ADDR", "w", BW_TEXT_KSYM_ADDR, false },
	{ "GET_USYM_NAME", "ilu", BW_TEXT_USYM_NAME, false },
	{ "GET_USYM_ADDR", "iww", BW_TEXT_USYM_ADDR, false },
	{ "SET_OPTION", "wu", BW_TEXT_SET_OPTION, false },
	{ "GET_PROG_LOG", "", BW_TEXT_PROG_LOG, false },
	{ "GET_LOST", "?i", BW_TEXT_LOST, false },
	{ "BPF_OBJ_PIN", "iw", BW_TEXT_PIN, false },
	{ "BPF_OBJ_GET", "w", BW_TEXT_OBJ_GET, false },
	{ "CLOSE_FD", "i", BW_TEXT_CLOSE, false },
	{ "GET_KSYM_NAMES", "r", BW_TEXT_KSYM_NAMES, false },
	{ "GET_USYM_NAMES", "iur", BW_TEXT_USYM_NAMES, false },
};

/* ---- words ---- */

static bool next_word(struct bw_str *rest, struct bw_str *word)
{
	const char *blank;

	if (!rest->p)
		return false;
	blank = memchr(rest->p, ' ', rest->len);
	*word = (struct bw_str){ rest->p, blank ? (uint32_t)(blank - rest->p) : rest->len };
	*rest = blank ? (struct bw_str){ blank + 1, rest->len - word->len - 1 } : (struct bw_str){ NULL, 0 };
	return true;
}

static bool digits(const char *p, size_t len, unsigned int base, uint64_t *out)
{
	uint64_t v = 0;

	if (!len)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = p[i];
		unsigned int d = c >= '0' && c <= '9' ? (unsigned int)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a' + 10) :
				 c >= 'A' && c <= 'F' ? (unsigned int)(c - 'A' + 10) : 16;

		if (d >= base || __builtin_mul_overflow(v, (uint64_t)base, &v) || __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
	}
	*out = v;
	return true;
}

/* Decimal, or hexadecimal behind 0x. At least `low` (negative or 0), at most `high`. */
static bool number(struct bw_str w, int64_t low, uint64_t high, uint64_t *out)
{
	bool minus = w.len && *w.p == '-', hex = w.len > 2 && w.p[0] == '0' && (w.p[1] == 'x' || w.p[1] == 'X');
	uint32_t skip = minus ? 1 : hex ? 2 : 0;

	if (!digits(w.p + skip, w.len - skip, hex ? 16 : 10, out))
		return false;
	if (!minus)
		return *out <= high;
	if (*out > 0 - (uint64_t)low)
		return false;
	*out = 0 - *out;
	return true;
}

/* What becomes a name or a path: no byte that a line of an answer or a C string could not hold. */
static bool printable(struct bw_str w)
{
	for (uint32_t i = 0; i < w.len; i++)
		if ((unsigned char)w.p[i] < ' ' || w.p[i] == 127)
			return false;
	return true;
}

static bool blob(struct bw_text_value *v)
{
	ssize_t n = bw_base64_len(v->text.p, v->text.len);

	v->num = n < 0 ? 0 : (uint64_t)n;
	return n >= 0;
}

static bool value(char kind, struct bw_text_value *v)
{
	switch (kind) {
	case 'u': return number(v->text, INT32_MIN, UINT32_MAX, &v->num);
	case 'i': return number(v->text, INT32_MIN, INT32_MAX, &v->num);
	case 'l': return number(v->text, INT64_MIN, UINT64_MAX, &v->num);
	case 'w': return v->text.len && printable(v->text);
	case 'e': return printable(v->text);
	case 'b': return blob(v);
	}
	return false;
}

/* ---- lines ---- */

static bool fits(const struct row *row, struct bw_str rest, struct bw_text_line *out)
{
	struct bw_text_value *v = out->v;
	bool optional = false;

	memset(out, 0, sizeof(*out));
	out->verb = row->verb;
	out->named = row->named;
	for (const char *k = row->args; *k; k++) {
		if (*k == '?') {
			optional = true;
			continue;
		}
		if (*k == 'r') {
			v->text = rest.p ? rest : (struct bw_str){ "", 0 };
			return true;
		}
		if (!next_word(&rest, &v->text)) {
			v->text = (struct bw_str){ "", 0 };
			return optional;
		}
		if (!value(*k, v++))
			return false;
	}
	return true;
}

static size_t trimmed(const char *line, size_t len)
{
	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	return len;
}

int bw_text_parse(const char *line, size_t len, struct bw_text_line *out)
{
	struct bw_str rest = { line, (uint32_t)len }, name;
	int r = -ENOENT;

	memset(out, 0, sizeof(*out));
	if (len > BW_TEXT_LINE_MAX)
		return -EINVAL;
	rest.len = (uint32_t)trimmed(line, len);
	if (!rest.len || *line == ';')
		return 0;
	next_word(&rest, &name);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!bw_str_eq(name, rows[i].name))
			continue;
		if (fits(&rows[i], rest, out))
			return 0;
		r = -EINVAL;
	}
	memset(out, 0, sizeof(*out));
	return r;
}

int bw_text_next(struct bw_str *list, uint64_t *num)
{
	struct bw_str word;

	if (!list->len || !next_word(list, &word))
		return -ENODATA;
	return number(word, INT64_MIN, UINT64_MAX, num) ? 0 : -EINVAL;
}
