/* SPDX-License-Identifier: MIT */
/* port.h - the model port for the explorer's own files, which know no engine headers. */
#ifndef LAB_PORT_H
#define LAB_PORT_H

#include <setjmp.h>

unsigned port_irq_save(void);
void port_irq_restore(unsigned state);
void port_relax(void);
/* The CPU for what runs outside the virtual machine: setup. It has sequences. */
void port_set_cpu(unsigned cpu);
/* What runs now has no sequences any more. */
void port_no_sequences(void);
/* Where rst_fatal() goes outside the virtual machine; NULL: it ends the program. */
void port_fatal_ends(jmp_buf *there);

#endif
