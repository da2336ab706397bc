/**
 * Makes cuts until one succeeds, and says which writes it covers. README.md of this room says why.
 *
 * Invariant: every write that was acknowledged before the call, or before the given time, is covered by the cut.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { timestampOf, wallMsOf } from '../../core/causality/hybrid-clock.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { HorizonKeeper } from '../repair/horizon-keeper.ts'
import type { BackupRequest } from '../service/backup.ts'
import { type Cut, type CutMaker, LEAD_MS_MIN } from './cut-maker.ts'
import { pause } from './pause.ts'

/** The pause after a cut that has failed, and between looks at the clock. */
const RETRY_MS = 200

export interface CutParts {
  readonly self: string
  readonly clock: NodeClock
  readonly horizon: HorizonKeeper
  readonly maker: CutMaker
}

export interface ReachedCut {
  readonly cut: Cut
  /** Every covered write up to this time is in the snapshots. */
  readonly covered: Timestamp
  /** The same as wall time, in ms since 1970. */
  readonly coveredMs: number
}

/**
 * Rejects with quorum_unreachable or deadline_passed if there is no cut before the deadline, and with not_ready if it is
 * given up.
 */
export async function reachCut(
  ports: { readonly clock: Clock; readonly timers: Timers },
  { self, clock, horizon, maker }: CutParts,
  { covers, atMs, timeoutMs, isGivenUp }: Omit<BackupRequest, 'buckets'>,
): Promise<ReachedCut> {
  // The monotonic clock, because the node's clock stands still for a while if the wall clock is set back.
  const endMs = ports.clock.monotonicMs() + timeoutMs
  // The clock of another node may be ahead of the clock that the caller has read.
  const fromMs = atMs === undefined ? 0 : atMs + clock.maxDriftMs
  for (;;) {
    const aheadMs = Math.max(fromMs - clock.nowMs(), LEAD_MS_MIN)
    refuseFuture(aheadMs, endMs - ports.clock.monotonicMs())
    let failure: QuorateError | undefined
    if (clock.nowMs() >= fromMs) {
      const made = await maker.make(covers)
      if (!(made instanceof QuorateError)) {
        return { cut: made, covered: made.at, coveredMs: wallMsOf(made.at) }
      }
      failure = made
      // Every owner holds every write up to the horizon, so a majority of the owners is enough.
      const isSettled = atMs !== undefined && horizon.value >= timestampOf(fromMs)
      const partial = isSettled && covers === 'all' ? await maker.make('all', false) : failure
      if (!(partial instanceof QuorateError)) {
        return { cut: partial, covered: timestampOf(fromMs), coveredMs: atMs as number }
      }
    }
    if (isGivenUp()) throw new QuorateError('not_ready', `${self} has given up the backup`)
    const leftMs = endMs - ports.clock.monotonicMs()
    if (failure !== undefined && leftMs <= LEAD_MS_MIN + RETRY_MS) throw failure
    await pause(ports.timers, RETRY_MS)
  }
}

function refuseFuture(aheadMs: number, leftMs: number): void {
  if (aheadMs < leftMs) return
  const seconds = Math.ceil(aheadMs / 1000)
  const leftSeconds = Math.max(0, Math.round(leftMs / 1000))
  throw new QuorateError(
    'deadline_passed',
    `the cut lies ${seconds} s ahead, and the backup may wait for it ${leftSeconds} s: ask again at that time, or with a longer timeout`,
  )
}
