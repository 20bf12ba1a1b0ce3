/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal as a screen that is drawn anew again and again. */
#ifndef SCREEN_H
#define SCREEN_H

/*
 * Standard output is a terminal. What was on it comes back at the end. Meanwhile
 * SIGWINCH is blocked; it ends a wait with the mask from before.
 */
void screen_begin(void);
void screen_end(void);

/* A frame is as many lines as fit; each is cut at the edge. */
void screen_frame_begin(void);
void screen_line(const char *text);
void screen_frame_end(void);

/* How many more lines fit the frame. */
int screen_room(void);

#endif /* SCREEN_H */
