// SPDX-License-Identifier: Apache-2.0
/* A line of the text protocol: whatever it is, what the parser points at lies in it, and base64 that it takes decodes to as much as it said. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/text_line.h"
#include "protocol/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(cond) do { if (!(cond)) abort(); } while (0)

static void check_value(const char *line, size_t size, const struct bw_text_value *v)
{
	struct bw_str list = v->text;
	struct bw_buf again = { 0 };
	uint8_t *bytes;
	uint64_t n;

	if (!v->text.len)
		return;
	REQUIRE(v->text.p >= line && v->text.p + v->text.len <= line + size);
	while (!bw_text_next(&list, &n))
		REQUIRE(list.len < v->text.len);
	if (bw_base64_len(v->text.p, v->text.len) < 0)
		return;
	bytes = malloc((size_t)bw_base64_len(v->text.p, v->text.len));
	bw_base64_decode(v->text.p, v->text.len, bytes);
	bw_base64_put(&again, bytes, (size_t)bw_base64_len(v->text.p, v->text.len));
	REQUIRE(again.len == v->text.len && !memcmp(again.data, v->text.p, again.len));
	bw_buf_free(&again);
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size);
	struct bw_text_line l;
	int r;

	memcpy(line, data, size);
	r = bw_text_parse(line, size, &l);
	REQUIRE(r == 0 || r == -ENOENT || r == -EINVAL);
	REQUIRE(l.verb < BW_TEXT_VERBS && (!r || l.verb == BW_TEXT_NONE));
	for (int i = 0; !r && i < BW_TEXT_VALUES_MAX; i++)
		check_value(line, size, &l.v[i]);
	free(line);
	return 0;
}
