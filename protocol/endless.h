/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BW_PROTOCOL_ENDLESS_H
#define BW_PROTOCOL_ENDLESS_H

#include <stdbool.h>

/*
 * True for files of the kernel that never end although they are regular ones (trace_pipe), by their names: what is read there is taken away, so they are
 * streamed and never fetched whole.
 */
bool bw_path_is_endless(const char *path);

#endif
