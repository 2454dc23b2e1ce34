/* SPDX-License-Identifier: MIT */
/* console.c - see console.h. */
#include "console.h"

#include <stdarg.h>
#include <stdatomic.h>

#include "arch.h"

/* How one number or text is to look. */
struct field {
	unsigned width;
	bool left, zero;
};

static void put(const char *text, unsigned length, struct field f)
{
	unsigned pad = f.width > length ? f.width - length : 0;

	for (; pad && !f.left; pad--)
		arch_putc(f.zero ? '0' : ' ');
	while (length--)
		arch_putc(*text++);
	for (; pad; pad--)
		arch_putc(' ');
}

static void put_text(const char *text, struct field f)
{
	unsigned length = 0;

	while (text[length])
		length++;
	put(text, length, f);
}

static void put_number(uint64_t number, unsigned base, struct field f)
{
	char digits[20];
	unsigned at = sizeof(digits);

	do
		digits[--at] = "0123456789abcdef"[number % base];
	while (number /= base);
	put(digits + at, (unsigned)sizeof(digits) - at, f);
}

static const char *read_field(const char *p, struct field *f)
{
	*f = (struct field){0};
	for (; *p == '-' || *p == '0'; p++) {
		f->left |= *p == '-';
		f->zero |= *p == '0';
	}
	for (; *p >= '0' && *p <= '9'; p++)
		f->width = f->width * 10 + (unsigned)(*p - '0');
	return p;
}

static void say_list(const char *format, va_list list)
{
	struct field f;

	for (const char *p = format; *p; p++) {
		if (*p == '\n')
			arch_putc('\r');
		if (*p != '%') {
			arch_putc(*p);
			continue;
		}
		p = read_field(p + 1, &f);
		if (*p == 's')
			put_text(va_arg(list, const char *), f);
		else if (*p == 'u')
			put_number(va_arg(list, unsigned), 10, f);
		else if (*p == 'l')
			put_number(va_arg(list, unsigned long), *++p == 'x' ? 16 : 10, f);
		else
			arch_putc(*p);
	}
}

void say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say_list(format, list);
	va_end(list);
}

void fail(const char *format, ...)
{
	static atomic_flag taken = ATOMIC_FLAG_INIT;
	va_list list;

	arch_irq_off();
	while (atomic_flag_test_and_set(&taken))
		arch_idle(); /* another CPU speaks, or this one failed while it spoke */
	va_start(list, format);
	say("\nVERDICT: FAILED: ");
	say_list(format, list);
	say("\n");
	va_end(list);
	arch_power_off();
}
