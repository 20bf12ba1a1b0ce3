// SPDX-License-Identifier: GPL-2.0-only
#include "page.h"

/* PAGES is the folder, from the build. */
#define EMBED(name, file)						\
	__asm__(".pushsection .rodata\n"				\
		".global " #name ", " #name "_end\n"			\
		#name ":\n.incbin \"" PAGES "/" file "\"\n"		\
		#name "_end:\n.byte 0\n.popsection\n")

EMBED(page_html, "status.html");
EMBED(page_css, "status.css");
EMBED(page_js, "status.js");
