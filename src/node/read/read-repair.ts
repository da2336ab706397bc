/**
 * Read repair: brings owners up to date that a read found behind. If the level needs it, read-round.ts repairs before
 * the answer. All other repair happens here, after the answer.
 */
import type { Codec } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import { APPLY_IS_REPAIR, APPLY_REPAIRS_CORRUPT } from '../wire/messages.ts'
import { APPLY, type HeldFormat, keyRequest, READ, VERSION } from '../wire/asks/copy-asks.ts'
import type { Copy } from '../wire/object-record.ts'
import { foundIn, type OwnerCopies } from '../round/owner-copies.ts'
import type { ReadParts } from './read-parts.ts'
import type { PlacedRequest } from '../round/placed-request.ts'

const LATE_TIMEOUT_MS = 2000

export interface RepairPorts {
  readonly codec: Codec
  readonly metrics: Metrics
}

export interface Repair {
  readonly placed: PlacedRequest
  readonly copies: OwnerCopies
  readonly owner: string
  /** The copy to merge into the owner's copy. */
  readonly copy: Copy
  readonly deadlineMs: number
}

/** Calls `done` with undefined once the copy is durable at the owner, otherwise with the reason of the failure. */
export function repairOwner(
  parts: ReadParts,
  ports: RepairPorts,
  { placed, copies, owner, copy, deadlineMs }: Repair,
  done: (trouble: string | undefined) => void,
): void {
  const { self, replica, peers } = parts
  const { at } = placed
  // A damaged record may be replaced only with the merged copies of a majority of the owners.
  const answered = placed.owners.filter((other) => copies.has(other)).length
  const mayReplace = answered * 2 > placed.owners.length
  const flags = APPLY_IS_REPAIR | (mayReplace ? APPLY_REPAIRS_CORRUPT : 0)
  const finish = (trouble: string | undefined): void => {
    if (trouble === undefined) {
      ports.metrics.count('read_repairs_total', { peer: owner })
      copies.markRepaired(owner, copy)
    }
    done(trouble)
  }
  if (owner === self) {
    replica.apply(at, copy, flags, (_applied, refusal) => finish(refusal?.message))
    return
  }
  const request = { ...keyRequest(at), record: copy.record, flags }
  peers.ask(owner, APPLY, request, deadlineMs, (reply) =>
    finish(reply.type === 'ok' ? undefined : `repair: ${reply.type}`),
  )
}

/**
 * Runs after a read has answered: asks the owners that the read did not ask, and repairs every owner that is behind. No
 * client waits for it, and it is not retried.
 */
export function compareLate(
  parts: ReadParts,
  ports: RepairPorts,
  placed: PlacedRequest,
  copies: OwnerCopies,
  unasked: readonly string[],
): void {
  const request = keyRequest(placed.at)
  const deadlineMs = parts.clock.nowMs() + LATE_TIMEOUT_MS
  const ask = (owners: readonly string[], format: HeldFormat, then: () => void): void => {
    let waiting = owners.length
    if (waiting === 0) then()
    for (const owner of owners) {
      parts.peers.ask(owner, format, request, deadlineMs, (reply) => {
        const found = foundIn(parts.replica, reply)
        if (found !== undefined) copies.take(owner, found)
        else if (format === READ) copies.lose(owner)
        if (--waiting === 0) then()
      })
    }
  }
  const repair = (): void => {
    const { merged } = copies
    if (merged === undefined) return
    // If no owner holds the key, there is no copy to send. But a damaged record on this node can be removed.
    const isNothing = merged.record.length === 0
    const laggards = copies.laggards()
    for (const owner of isNothing ? laggards.filter((id) => id === parts.self) : laggards) {
      const late = { placed, copies, owner, copy: merged, deadlineMs }
      repairOwner(parts, ports, late, () => undefined)
    }
  }
  const others = unasked.filter((owner) => owner !== parts.self)
  ask(others, VERSION, () =>
    ask(
      copies.lacking().filter((o) => o !== parts.self),
      READ,
      repair,
    ),
  )
}
