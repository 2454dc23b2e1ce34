/* SPDX-License-Identifier: MIT */
/* library.c - see library.h. */
#include "library.h"

const bool library_is_up = TEST_UP;
const bool library_is_lab = TEST_LAB;
const bool library_is_pcpbuddy = TEST_PCPBUDDY;
