/**
 * Finds the cut of a backup, and waits until every owner holds every write up to it. README.md of this room says why
 * that is enough.
 *
 * Invariant: every write that was acknowledged before the call, or before the given time, has a timestamp up to the cut.
 */
import type { Timestamp } from '../../core/causality/dot.ts'
import { timestampOf } from '../../core/causality/hybrid-clock.ts'
import { QuorateError } from '../../core/errors.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { HorizonKeeper } from '../repair/horizon-keeper.ts'
import type { BackupRequest } from '../service/service.ts'
import type { TopologyKeeper } from '../topology/topology-keeper.ts'
import { NO_FIELDS } from '../wire/asks/ask-format.ts'
import { STATUS } from '../wire/asks/status-asks.ts'
import { pause } from './pause.ts'

const ASK_TIMEOUT_MS = 1000
/** How often silent members are asked again, and how often the horizon is looked at. */
const LOOK_INTERVAL_MS = 200

export interface CutParts {
  readonly self: string
  readonly keeper: TopologyKeeper
  readonly peers: Peers
  readonly clock: NodeClock
  readonly horizon: HorizonKeeper
}

/**
 * Rejects with quorum_unreachable or deadline_passed if the cut is not reached before the deadline, and with not_ready if
 * it is given up.
 */
export async function reachCut(
  timers: Timers,
  parts: CutParts,
  { covers, atMs, isGivenUp }: Pick<BackupRequest, 'covers' | 'atMs' | 'isGivenUp'>,
  deadlineMs: number,
): Promise<Timestamp> {
  const { clock, horizon } = parts
  const needsAll = covers === 'all'
  if (atMs === undefined && needsAll) await hearMembers(timers, parts, isGivenUp, deadlineMs)
  // The clock of another node may be ahead of the clock that the caller has read.
  const cutMs = atMs === undefined ? undefined : atMs + clock.maxDriftMs
  if (cutMs !== undefined) refuseFuture(cutMs, clock.nowMs(), deadlineMs)
  const cut = cutMs === undefined ? clock.reading() : timestampOf(cutMs)
  while ((needsAll ? horizon.value : clock.reading()) < cut) {
    if (isGivenUp()) throw givenUp(parts.self)
    if (clock.leftMs(deadlineMs) === 0) throw unsettled(horizon.holdingBack(cut))
    await pause(timers, LOOK_INTERVAL_MS)
  }
  return cut
}

/**
 * Resolves once every member has answered, so that this node's clock is not behind any reading of theirs before the
 * call. Nobody else can have given a timestamp.
 */
async function hearMembers(
  timers: Timers,
  { self, keeper, peers, clock }: CutParts,
  isGivenUp: () => boolean,
  deadlineMs: number,
): Promise<void> {
  const unheard = new Set(keeper.topology.members.map(({ id }) => id))
  unheard.delete(self)
  for (;;) {
    const askDeadlineMs = Math.min(deadlineMs, clock.nowMs() + ASK_TIMEOUT_MS)
    const asked = [...unheard].map(async (peer) => {
      const reply = await peers.request(peer, STATUS, NO_FIELDS, askDeadlineMs)
      if (reply.type === 'ok') unheard.delete(peer)
    })
    await Promise.all(asked)
    if (unheard.size === 0) return
    if (isGivenUp()) throw givenUp(self)
    if (clock.leftMs(deadlineMs) === 0) throw unsettled([...unheard])
    await pause(timers, LOOK_INTERVAL_MS)
  }
}

/** Nobody reads this error but a log: the node stops, or the client has gone. */
function givenUp(self: string): QuorateError {
  return new QuorateError('not_ready', `${self} has given up the backup`)
}

function refuseFuture(cutMs: number, nowMs: number, deadlineMs: number): void {
  if (cutMs < deadlineMs) return
  const seconds = Math.ceil((cutMs - nowMs) / 1000)
  throw new QuorateError(
    'deadline_passed',
    `the cut lies ${seconds} s ahead, and the backup may wait for it ${Math.round((deadlineMs - nowMs) / 1000)} s: ask again at that time`,
  )
}

function unsettled(members: readonly string[]): QuorateError {
  const names = members.length === 0 ? 'other members' : members.join(', ')
  return new QuorateError(
    'quorum_unreachable',
    `a backup needs every acknowledged write at all of its owners, and ${names} may hold or lack one. ` +
      'Wait until all members are in reach, or remove the lost ones from the cluster. ' +
      'A backup with covers=quorum does without them: it promises only the writes that a majority of the owners acknowledged',
    { retryAfterSeconds: 5 },
  )
}
