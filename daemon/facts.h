/* SPDX-License-Identifier: Apache-2.0 */
/* What the board says of itself: the contents of HELLO, and the few of them that operations need. */
#ifndef BW_DAEMON_FACTS_H
#define BW_DAEMON_FACTS_H

#include "protocol/msg.h"

struct bw_facts;

/* The strings of a HELLO live here; read once, but for what changes (CPUs online, clocks, lockdown). serial is copied. NULL without memory. */
struct bw_facts *bw_facts_new(const char *serial);
void bw_facts_free(struct bw_facts *f);
/* Fill in all fields of the board's HELLO, as of now; strings stay valid until the next call or the free. reason is "". */
void bw_facts_hello(struct bw_facts *f, struct bw_hello *h);

/* Number of CPUs in a list such as "0-3,8"; 0 if it is none. */
uint32_t bw_cpu_list_count(const char *list);
uint32_t bw_cpus_possible(void);	/* num_possible_cpus() of the kernel; never 0 */
/* KERNEL_VERSION(a, b, c) of a release such as "6.1.0-56-arm64"; c at most 255, as LINUX_VERSION_CODE has it. */
uint32_t bw_release_version(const char *release);
uint32_t bw_kernel_version(void);
/* Find the GNU build id among ELF notes, as lower-case hex. False: there is none, out is "". */
bool bw_notes_build_id(const void *notes, size_t len, char *out, size_t size);

#endif
