/** After this long without an answer, a request asks further nodes too. */
export const HEDGE_DELAY_MS = 75
