// SPDX-License-Identifier: Apache-2.0
/* Compiled for its BTF alone, from the kernel's newest headers: see walk.c. */
#include <linux/bpf.h>
#include <linux/perf_event.h>

union bpf_attr attr;
struct bpf_prog_info prog_info;
struct bpf_map_info map_info;
struct bpf_btf_info btf_info;
struct bpf_link_info link_info;
union bpf_iter_link_info iter_link_info;
struct perf_event_attr perf_event_attr;
enum bpf_cmd cmd;
enum bpf_map_type map_type;
enum bpf_attach_type attach_type;
enum bpf_link_type link_type;
