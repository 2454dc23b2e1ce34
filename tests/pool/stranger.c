/* SPDX-License-Identifier: MIT */
/* stranger.c - listens on a socket, and is no roost: stranger SOCKET < ANSWERS. Says "ready", and
 * answers one client after the other with a line of its input each, without the newline. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char asked[64], *answer = NULL;
	size_t room = 0;
	ssize_t length;

	if (argc < 2)
		return 1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", argv[1]);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 4) != 0)
		return 1;
	puts("ready");
	fflush(stdout);
	while ((length = getline(&answer, &room, stdin)) > 0) {
		int client = accept(fd, NULL, NULL);

		if (read(client, asked, sizeof(asked)) < 0 ||
		    write(client, answer, (size_t)length - 1) != length - 1)
			return 1;
		close(client);
	}
	free(answer);
	return 0;
}
