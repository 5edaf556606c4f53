// SPDX-License-Identifier: Apache-2.0
#include "agent.h"

#include <err.h>
#include <string.h>

static const struct command {
	const char *name, *args;
	int least;
	int (*run)(char **arg);
} commands[] = {
	{ "serve", "PORT DIR", 2, cmd_serve },
	{ "exec", "[-i] CONTROL CMD", 2, cmd_exec },
	{ "carry", "QEMUSOCKET CONTROL DIR", 3, cmd_carry },
};

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *c = &commands[i];

		if (argc < 2 || strcmp(argv[1], c->name))
			continue;
		if (argc - 2 < c->least + (argc > 2 && !strcmp(argv[2], "-i")))
			errx(2, "usage: agent %s %s", c->name, c->args);
		return c->run(argv + 2);
	}
	errx(2, "usage: agent serve|exec|carry ...");
}
