/**
 * What strangers say, as it may go to a terminal: without the control characters that would move the
 * cursor, change its title or begin a line of their own, and without those that turn the text round.
 */
export const printable = (text: string) => text.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' ')
