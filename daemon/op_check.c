// SPDX-License-Identifier: Apache-2.0
#include "daemon/check.h"
#include "daemon/op.h"

BW_OP(check)
{
	struct bw_check_env e = bw_check_env_real(true);
	char text[BW_CHECK_TEXT];

	if (bw_get_end(&q->r))
		return BW_OP_MALFORMED;
	for (size_t i = 0; i < bw_check_items_count; i++) {
		struct bw_check c;

		bw_check_run(&e, &bw_check_items[i], text, &c);
		bw_put_check(&w->reply, &c);
	}
	return 0;
}
