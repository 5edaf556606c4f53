/* SPDX-License-Identifier: Apache-2.0 */
/* A session of the benchmark, and the calls of tests/bpf_calls.h over it. `session` there is always 0 here: the bridge knows whose it is. */
#ifndef BW_TESTS_BENCH_SESSION_H
#define BW_TESTS_BENCH_SESSION_H

#include "protocol/io.h"
#include "tests/bench/bench.h"
#include "tests/e2e/socket_client.h"

/* Opens one; ends the program where that fails. */
void session_open(struct client *c, const char *socket);
/* Sends, waits, keeps the reply's payload in c->reply and frees the request's. What else comes is dropped. */
int call(struct client *c, uint32_t session, uint16_t type, struct bw_buf *payload);

#include "tests/bpf_calls.h"

#endif
