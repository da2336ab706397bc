/** How many siblings a key may have: who writes without reading makes one more with each write. */

/** From here on each write is logged and counted. */
export const SIBLINGS_WARN = 25
/** Writes that would make more are refused. */
export const SIBLINGS_MAX = 100
