/** What screen readers read out: how the requests ended that the person at the page has sent. */
import type { Scene } from '../run/scene.ts'
import { answeredWords, askedWords } from './request-words.ts'

/** Faster than real time, outcomes come faster than anybody can hear them. */
const SPEED_MAX = 1

/** The newest of these outcomes; nothing while time runs fast. */
export function announcement({ view, sentByHand, isPlaying, speed }: Scene): string {
  if (isPlaying && speed > SPEED_MAX) return ''
  const [newest] = view.requests
    .filter(({ number, endedUs }) => endedUs !== null && sentByHand.includes(number))
    .toSorted((a, b) => (b.endedUs ?? 0) - (a.endedUs ?? 0))
  // The number makes each announcement new, so that the same outcome is read out again.
  return newest === undefined
    ? ''
    : `${newest.number}: ${askedWords(newest)}: ${answeredWords(newest)}`
}
