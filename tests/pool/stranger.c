/* SPDX-License-Identifier: MIT */
/* stranger.c - listens on a socket, and is no roost: says hello to one client, with a blank answer
 * to the next, and ends. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char *const answers[] = {"220 hello\r\n", "", "{\"roost\":2,\"pools\":[]}\n"};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char line[64];

	if (argc < 2)
		return 1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		int client = accept(fd, NULL, NULL);

		if (read(client, line, sizeof(line)) < 0 ||
		    write(client, answers[i], strlen(answers[i])) < 0)
			return 1;
		close(client);
	}
	return 0;
}
