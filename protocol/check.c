// SPDX-License-Identifier: Apache-2.0
#include "protocol/check.h"

static const char *const verdicts[] = {
	[BW_CHECK_OK] = "ok  ",
	[BW_CHECK_WARN] = "warn",
	[BW_CHECK_FAIL] = "FAIL",
};

static void print_text(FILE *out, struct bw_str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		putc(s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?', out);
}

void bw_check_print(FILE *out, const struct bw_check *c, struct bw_check_sum *sum)
{
	fprintf(out, "%s ", verdicts[c->verdict]);
	print_text(out, c->item);
	fputs(": ", out);
	print_text(out, c->text);
	if (c->kconfig.len) {
		fputs("; build the kernel with ", out);
		print_text(out, c->kconfig);
		fputs(" (Kconfig-snippets/", out);
		print_text(out, c->snippet);
		putc(')', out);
	}
	putc('\n', out);
	sum->count[c->verdict]++;
}

int bw_check_print_sum(FILE *out, const char *who, const struct bw_check_sum *sum)
{
	unsigned int failed = sum->count[BW_CHECK_FAIL], warned = sum->count[BW_CHECK_WARN];

	fprintf(out, "%s: %u ok, %u warning%s, %u failed: %s\n", who, sum->count[BW_CHECK_OK], warned, warned == 1 ? "" : "s", failed,
		failed ? "the main job cannot run" : warned ? "the main job can run, some tools cannot" : "the main job can run");
	return failed ? 1 : 0;
}
