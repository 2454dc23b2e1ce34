// SPDX-License-Identifier: MIT OR GPL-2.0
/* files.c - what sysfs and sysctl give to users, and the kernel not to modules. */
#include <linux/err.h>
#include <linux/fs.h>

#include "test.h"

static struct file *open(const char *format, unsigned int n, int flags)
{
	char path[100];

	scnprintf(path, sizeof(path), format, n);
	return filp_open(path, flags, 0);
}

int pat_write(const char *format, unsigned int n, const char *text)
{
	struct file *file = open(format, n, O_WRONLY);
	loff_t at = 0;
	ssize_t done;

	if (IS_ERR(file))
		return PTR_ERR(file);
	done = kernel_write(file, text, strlen(text), &at);
	filp_close(file, NULL);
	return done < 0 ? done : 0;
}

int pat_read(const char *format, unsigned int n, char *text, size_t size)
{
	struct file *file = open(format, n, O_RDONLY);
	loff_t at = 0;
	ssize_t done;

	if (IS_ERR(file))
		return PTR_ERR(file);
	done = kernel_read(file, text, size - 1, &at);
	filp_close(file, NULL);
	text[max(done, (ssize_t)0)] = 0;
	return done;
}
