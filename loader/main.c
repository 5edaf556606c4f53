// SPDX-License-Identifier: Apache-2.0
/* libexec/bpfwire/load: `bpfwire load` and `bpfwire unload`, which start it as `bpfwire run` starts a tool. */
#include <stdio.h>

#include "loader/loader.h"
#include "protocol/log.h"

int main(int argc, char **argv)
{
	struct bw_load_options o;
	char err[256];

	bw_log_init("bpfwire", BW_LOG_INFO);
	if (argc < 1 || bw_load_options_parse(argc, argv, true, &o, err, sizeof(err))) {
		bw_log(BW_LOG_ERROR, "%s", argc ? err : "which command?");
		return 2;
	}
	if (o.verbose)
		bw_log_init("bpfwire", BW_LOG_DEBUG);
	return o.unload ? bw_unload(&o) : bw_load_object(&o);
}
