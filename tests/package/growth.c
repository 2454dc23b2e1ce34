/* SPDX-License-Identifier: MIT */
/* growth.c - a program of a header that may not be the library's; growth.sh compiles it with
 * today's and with one in which structures have grown (FUTURE). Exit status: 0, or the line that
 * failed. */
#include <roost.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(is)                                                                                  \
	do {                                                                                       \
		if (!(is))                                                                         \
			return __LINE__ & 0xff ? __LINE__ & 0xff : 1;                              \
	} while (0)

static struct roost_range range = {.end = 4096};

/* What the library fills in, and what must stay as it is. */
struct fenced {
	union {
		struct roost_stats stats;
		struct roost_zone_info zone;
		struct roost_pcp_info pcp;
		struct roost_frame_info frame;
		struct roost_violation violation;
#ifdef ROOST_PCPBUDDY_H
		struct roost_pcpbuddy_stats pcpbuddy_stats;
		struct roost_pcpbuddy_pcp_info pcpbuddy_pcp;
#endif
	};
};

static unsigned char room[2 * sizeof(struct fenced)];

/* Does the library write no more than the program has room for? */
#define FENCED(type, call)                                                                         \
	do {                                                                                       \
		struct roost_##type *it = (void *)room;                                            \
		memset(room, 0x5a, sizeof(room));                                                  \
		call;                                                                              \
		for (size_t at = sizeof(*it); at < sizeof(room); at++)                             \
			CHECK(room[at] == 0x5a);                                                   \
	} while (0)

int main(void)
{
	struct roost_config config = ROOST_CONFIG_INIT;
	struct roost_stats stats = {0};
	struct roost_zone_info zone;
	roost_t *roost;
	void *metadata;
	size_t size;

	config.ranges = &range;
	config.nr_ranges = 1;
#ifdef FUTURE
	config.future = 7;
	CHECK(roost_config_error(&config) && strstr(roost_config_error(&config), "newer"));
	CHECK(!roost_metadata_size(&config));
	CHECK(roost_init(&roost, &config, room, sizeof(room)) == -ROOST_E2BIG);
	config.future = 0;
#endif
	CHECK(!roost_config_error(&config));
	size = roost_metadata_size(&config);
	metadata = aligned_alloc(64, size);
	CHECK(metadata && !roost_init(&roost, &config, memset(metadata, 0, size), size));
	CHECK(roost_alloc(roost, 0, ROOST_WAIT) != ROOST_NONE);

	CHECK(!roost_stats(roost, -1, -1, &stats) && stats.alloc_pcp + stats.alloc_zone == 1);
	CHECK(!roost_zone_info(roost, 0, &zone) && zone.managed == 4096);
	for (size_t i = 0; i < sizeof(zone.reserved) / sizeof(zone.reserved[0]); i++)
		CHECK(!zone.reserved[i]);
#ifdef FUTURE /* what this library does not count or tell is 0 */
	CHECK(!stats.future_events && !zone.future);
#endif
	FENCED(stats, roost_stats(roost, -1, -1, it));
	FENCED(zone_info, CHECK(!roost_zone_info(roost, 0, it)));
	FENCED(pcp_info, CHECK(!roost_pcp_info(roost, 0, 0, it)));
	FENCED(frame_info, roost_frame_info(roost, 0, it));
	FENCED(violation, CHECK(!roost_validate(roost, it)));
#ifdef ROOST_PCPBUDDY_H
	FENCED(pcpbuddy_stats, CHECK(!roost_pcpbuddy_stats(roost, -1, -1, it)));
	FENCED(pcpbuddy_pcp_info, CHECK(!roost_pcpbuddy_pcp_info(roost, 0, 0, it)));
#endif
	free(metadata);
	return 0;
}
