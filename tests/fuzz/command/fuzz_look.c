// SPDX-License-Identifier: Apache-2.0
/*
 * What a board says of its processes, kernel messages and files, on its way to a terminal: nothing but printable ASCII and line ends may come out. Input:
 * u8 which, then the text.
 */
#include <stdlib.h>
#include <string.h>

#include "remote/command/escape.h"
#include "remote/command/kmsg.h"
#include "remote/command/ls_line.h"
#include "remote/command/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

static void process(FILE *out, const char *text, size_t len)
{
	struct bw_process p;
	size_t half = len / 2;

	if (bw_process_parse(&p, text, half))
		return;
	p.cmdline = text + half;
	p.cmdline_len = len - half;
	bw_process_print(out, &p, 4096);
}

static void kmsg(FILE *out, const char *text, size_t len)
{
	struct bw_kmsg k;

	if (bw_kmsg_parse(&k, text, len))
		return;
	bw_kmsg_print(out, &k, true);
}

static void dirent(FILE *out, const char *text, size_t len)
{
	struct bw_ls_widths w = { 0 };
	struct bw_ls_entry e;
	struct bw_dirent d;
	struct bw_reader r;

	bw_reader_init(&r, text, len);
	while (r.left && !bw_get_dirent(&r, &d)) {
		e = (struct bw_ls_entry) { .name = bw_str_dup(d.name), .st = d.st, .link = bw_str_dup(d.name) };
		REQUIRE(e.name && e.link);
		bw_ls_measure(&w, &e.st);
		bw_ls_print(out, &e, &w, 1);
		free(e.name);
		free(e.link);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parts[])(FILE *, const char *, size_t) = { process, kmsg, dirent };
	char *printed = NULL, *text;
	size_t i, len = 0;
	FILE *out;

	if (!size)
		return 0;
	text = malloc(size);		/* exactly as long as it is */
	out = open_memstream(&printed, &len);
	REQUIRE(text && out);
	memcpy(text, data + 1, size - 1);
	text = realloc(text, size > 1 ? size - 1 : 1);
	parts[data[0] % 3](out, text, size - 1);
	REQUIRE(!fclose(out));
	for (i = 0; i < len; i++)
		REQUIRE((printed[i] >= 0x20 && printed[i] < 0x7f) || printed[i] == '\n' || (printed[i] == '\t' && data[0] % 3 == 1));
	free(printed);
	free(text);
	return 0;
}
