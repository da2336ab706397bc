/**
 * Cuts this node's own peer links, for chaos on one machine, where there is no network to cut. A file in the data
 * directory lists the faults, each with its end time. A cut link loses frames silently, like a real network partition:
 * its connection stays open.
 *
 * `out` is the link that this node opens to the peer, including the answers that come back on it. `in` is the link that
 * the peer opens to this node. With `turnMs` the link alternates between cut and whole in periods of this length; both
 * of its ends follow the wall clock, so they switch at the same time.
 *
 *   {"faults":[{"id":"…","peer":"n3","direction":"out"|"in"|"both","lossPercent":100,"untilMs":1790000000000,"turnMs":1000}]}
 */
import type { Log } from '../../ports/log.ts'
import { watchFaultFile } from './fault-file.ts'

const FAULTS_MAX = 1000

export interface LinkFaults {
  /** Whether a frame in this direction must be lost now. It decides anew, at random, for each frame. */
  isMute(peer: string, direction: 'out' | 'in'): boolean
  stop(): void
}

export const NO_FAULTS: LinkFaults = { isMute: () => false, stop: () => undefined }

interface LinkFault {
  readonly peer: string
  readonly direction: 'out' | 'in' | 'both'
  readonly lossPercent: number
  readonly untilMs: number
  readonly turnMs?: number
}

/** Watches the file, which need not exist. */
export function watchLinkFaults(file: string, log: Log): LinkFaults {
  const faults = watchFaultFile(file, parseFaults, log)
  return {
    isMute: (peer, direction) => {
      const nowMs = Date.now()
      return (faults.current() ?? []).some(
        (fault) =>
          fault.peer === peer &&
          (fault.direction === 'both' || fault.direction === direction) &&
          fault.untilMs > nowMs &&
          isTurnOf(fault, nowMs) &&
          Math.random() * 100 < fault.lossPercent,
      )
    },
    stop: () => faults.stop(),
  }
}

function isTurnOf({ turnMs }: LinkFault, nowMs: number): boolean {
  return turnMs === undefined || Math.floor(nowMs / turnMs) % 2 === 0
}

function parseFaults(content: unknown): readonly LinkFault[] {
  const { faults } = content as { faults: LinkFault[] }
  const isWhole = ({ peer, direction, lossPercent, untilMs, turnMs }: LinkFault): boolean =>
    typeof peer === 'string' &&
    ['out', 'in', 'both'].includes(direction) &&
    Number.isFinite(lossPercent) &&
    Number.isFinite(untilMs) &&
    (turnMs === undefined || turnMs > 0)
  return faults.slice(0, FAULTS_MAX).filter(isWhole)
}
