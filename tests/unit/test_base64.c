// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "protocol/base64.h"
#include "tests/unit/check.h"
#include "tests/unit/hex.h"

/* RFC 4648, section 10. */
static const struct { const char *plain, *text; } vectors[] = {
	{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
};

TEST("the vectors of RFC 4648 come out and go in")
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct bw_buf b = { 0 };
		size_t len = strlen(vectors[i].text), plain = strlen(vectors[i].plain);
		uint8_t *text = exact_copy(vectors[i].text, len), *out = exact_copy(vectors[i].plain, plain);

		bw_base64_put(&b, vectors[i].plain, plain);
		CHECK_EQ(b.len, len);
		CHECK(!len || !memcmp(b.data, text, len));
		CHECK_EQ(bw_base64_len((char *)text, len), plain);
		memset(out, 0, plain);
		bw_base64_decode((char *)text, len, out);
		CHECK(!memcmp(out, vectors[i].plain, plain));
		bw_buf_free(&b);
		free(text);
		free(out);
	}
}

TEST("all bytes survive the way there and back")
{
	uint8_t all[256], back[256];
	struct bw_buf b = { 0 };

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)(i * 37 + 11);
	for (size_t len = 0; len <= sizeof(all); len++) {
		bw_buf_reset(&b);
		bw_base64_put(&b, all, len);
		CHECK_EQ(bw_base64_len((char *)b.data, b.len), len);
		bw_base64_decode((char *)b.data, b.len, back);
		CHECK(!memcmp(all, back, len));
	}
	bw_buf_free(&b);
}

TEST("what is not base64 is refused")
{
	static const char *const bad[] = { "A", "AA", "AAA", "A===", "=AAA", "AA=A", "AAAA====", "AA A", "AAA\n", "AA-_", "Zh==", "Zm9=", "====", "\377AAA" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = strlen(bad[i]);
		uint8_t *text = exact_copy(bad[i], len);

		CHECK_EQ(bw_base64_len((char *)text, len), -EINVAL);
		free(text);
	}
}

int main(void)
{
	return check_done();
}
