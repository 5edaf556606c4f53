/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the text protocol over the link: BW_SERVICE_TEXT. Its lines come and go in DATA frames, within the windows that all sessions have. */
#ifndef BW_DAEMON_TEXT_SESSION_H
#define BW_DAEMON_TEXT_SESSION_H

#include "daemon/worker.h"

/* In place of bw_worker_run, in the session's own process. Returns enum bw_worker_exit. */
int bw_text_session(const struct bw_worker_options *o);

#endif
