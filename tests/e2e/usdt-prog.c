// SPDX-License-Identifier: Apache-2.0
/* A program with one USDT probe, bpfwire:hello, with one argument: the note that sys/sdt.h would make on ARM64 (SystemTap's UserSpaceProbeImplementation). */
int main(int argc, char **argv)
{
	(void)argv;
	__asm__ volatile("990:	nop\n"
			 "	.pushsection .note.stapsdt, \"\", \"note\"\n"
			 "	.balign 4\n"
			 "	.4byte 992f - 991f, 994f - 993f, 3\n"
			 "991:	.asciz \"stapsdt\"\n"
			 "992:	.balign 4\n"
			 "993:	.8byte 990b, 0, 0\n"
			 "	.asciz \"bpfwire\"\n"
			 "	.asciz \"hello\"\n"
			 "	.asciz \"-4@%w0\"\n"
			 "994:	.balign 4\n"
			 "	.popsection\n" : : "r"(argc));
	return 0;
}
