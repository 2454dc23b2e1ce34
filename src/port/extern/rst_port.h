/* SPDX-License-Identifier: MIT */
/*
 * The extern port: for a kernel or hypervisor that rather links eight functions than writes a
 * header. Its author defines the roost_port_*() below; the contract of each is in core/port.h
 * under the name without roost_port. Waiting is spinning. Freestanding.
 */
#ifndef RST_PORT_EXTERN_H
#define RST_PORT_EXTERN_H

typedef unsigned long rst_irq_t;

#define RST_PORT_NAME "extern"
#define RST_PARK      0

unsigned long roost_port_irq_save(void);
void roost_port_irq_restore(unsigned long state);
unsigned roost_port_cpu(void);
int roost_port_nmi(void);
int roost_port_in_task(void);
void roost_port_relax(void);
void roost_port_sleep(unsigned round);
_Noreturn void roost_port_fatal(const char *text);

static inline rst_irq_t rst_irq_save(void)
{
	return roost_port_irq_save();
}

static inline void rst_irq_restore(rst_irq_t state)
{
	roost_port_irq_restore(state);
}

static inline unsigned rst_cpu(void)
{
	return roost_port_cpu();
}

static inline bool rst_nmi(void)
{
	return roost_port_nmi() != 0;
}

static inline bool rst_in_task(void)
{
	return roost_port_in_task() != 0;
}

static inline void rst_relax(void)
{
	roost_port_relax();
}

static inline void rst_sleep(unsigned round)
{
	roost_port_sleep(round);
}

static inline _Noreturn void rst_fatal(const char *text)
{
	roost_port_fatal(text);
}

static inline void rst_lock_note(int delta)
{
	(void)delta;
}

#endif
