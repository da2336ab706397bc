/**
 * Cuts of this node's own peer links, for chaos on one machine, where there is no network to cut: a file in
 * the data directory lists them, each with the moment at which it ends by itself. Frames of a cut link are
 * lost silently, as a real cut loses them: connections stay open, and mute. `out` is the link that this node
 * opens to the peer, with the answers that come back on it; `in` is the one that the peer opens to this node.
 * With `turnMs` the link is cut and whole by turns of this length, at both of its ends at the same time.
 *
 *   {"faults":[{"id":"…","peer":"n3","direction":"out"|"in"|"both","lossPercent":100,"untilMs":1790000000000,"turnMs":1000}]}
 */
import type { Log } from '../../ports/log.ts'
import { watchFaultFile } from './fault-file.ts'

const FAULTS_MAX = 1000

export interface LinkFaults {
  /** Whether a frame of that direction is to be lost now. */
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

/** Watches the file from now on; it need not exist. */
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
