/** Read repair: brings one owner up to date that a read found behind. */
import type { HeldBefore } from '../../core/replication/write-round.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { SpanParent } from '../../ports/tracer.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import type { Location, Replica } from '../replica/replica.ts'
import {
  APPLY,
  APPLY_IS_REPAIR,
  APPLY_REPAIRS_CORRUPT,
  keyRequest,
} from '../wire/asks/copy-asks.ts'
import type { Copy } from '../wire/object-record.ts'

export interface Repair {
  readonly owner: string
  /** The copy to merge into the owner's copy. */
  readonly copy: Copy
  /** Whether `copy` may replace a damaged record: it is the merge of the copies of a majority of the owners. */
  readonly mayReplaceDamaged: boolean
  readonly deadlineMs: number
  /** The span of the request that waits for the repair, if it is traced. */
  readonly span?: SpanParent | undefined
}

/** Calls `done` with undefined once the copy is durable at the owner, otherwise with the reason of the failure. */
export function repairOwner(
  {
    self,
    replica,
    peers,
  }: { readonly self: string; readonly replica: Replica; readonly peers: Peers },
  { metrics }: { readonly metrics: Metrics },
  at: Location,
  { owner, copy, mayReplaceDamaged, deadlineMs, span }: Repair,
  done: (trouble: string | undefined) => void,
): void {
  const flags = APPLY_IS_REPAIR | (mayReplaceDamaged ? APPLY_REPAIRS_CORRUPT : 0)
  const finish = (trouble: string | undefined): void => {
    if (trouble === undefined) metrics.count('read_repairs_total', { peer: owner })
    done(trouble)
  }
  if (owner === self) {
    replica.apply(at, copy, flags, (_applied, refusal) => finish(refusal?.message))
    return
  }
  const request = { ...keyRequest(at), record: copy.record, flags }
  const take = (reply: Reply<HeldBefore>): void =>
    finish(reply.type === 'ok' ? undefined : `repair: ${reply.type}`)
  peers.ask(owner, APPLY, request, deadlineMs, take, span)
}
