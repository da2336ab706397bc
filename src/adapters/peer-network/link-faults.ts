/**
 * Cuts of this node's own peer links, for chaos on one machine, where there is no network to cut: a file in
 * the data directory lists them, each with the moment at which it ends by itself. Frames of a cut link are
 * lost silently, as a real cut loses them: connections stay open, and mute. `out` is the link that this node
 * opens to the peer, with the answers that come back on it; `in` is the one that the peer opens to this node.
 *
 *   {"faults":[{"id":"…","peer":"n3","direction":"out"|"in"|"both","lossPercent":100,"untilMs":1790000000000}]}
 */
import { readFile, stat } from 'node:fs/promises'

import type { Log } from '../../ports/log.ts'

const POLL_INTERVAL_MS = 200
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
}

/** Watches the file from now on; it need not exist. */
export function watchLinkFaults(file: string, log: Log): LinkFaults {
  let faults: readonly LinkFault[] = []
  let seen = ''
  const poll = async (): Promise<void> => {
    const version = await stat(file).then(
      ({ mtimeMs, size, ino }) => `${mtimeMs}/${size}/${ino}`,
      () => '',
    )
    if (version === seen) return
    seen = version
    faults = version === '' ? [] : parseFaults(await readFile(file, 'utf8').catch(() => ''), log)
  }
  void poll()
  const timer = setInterval(() => void poll(), POLL_INTERVAL_MS)
  return {
    isMute: (peer, direction) =>
      faults.some(
        (fault) =>
          fault.peer === peer &&
          (fault.direction === 'both' || fault.direction === direction) &&
          fault.untilMs > Date.now() &&
          Math.random() * 100 < fault.lossPercent,
      ),
    stop: () => clearInterval(timer),
  }
}

/** Garbage is no fault: a node must not lose its peers over a broken file. */
function parseFaults(text: string, log: Log): readonly LinkFault[] {
  try {
    const { faults } = JSON.parse(text) as { faults: LinkFault[] }
    const whole = (fault: LinkFault): boolean =>
      typeof fault.peer === 'string' &&
      ['out', 'in', 'both'].includes(fault.direction) &&
      Number.isFinite(fault.lossPercent) &&
      Number.isFinite(fault.untilMs)
    return faults.slice(0, FAULTS_MAX).filter(whole)
  } catch (error) {
    log.warn({ error: String(error) }, 'the file of link faults is not readable: no faults')
    return []
  }
}
