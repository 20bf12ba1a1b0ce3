/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of the status page, which are in the program. */
#ifndef PAGE_H
#define PAGE_H

extern const char page_html[], page_html_end[];
extern const char page_css[], page_css_end[];
extern const char page_js[], page_js_end[];

#endif /* PAGE_H */
