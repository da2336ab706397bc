/** Answers the asks about the copies that this node holds as an owner. */
import type { Timestamp } from '../../core/causality/dot.ts'
import { partitionOf } from '../../core/placement/data-partition.ts'
import type { Placement } from '../../core/placement/preference-list.ts'
import type { Bucket } from '../../core/placement/topology.ts'
import type { Asker, HandlersOf } from '../peers/ask-handlers.ts'
import {
  APPLY_ASKS_WHOLE,
  type ApplyRequest,
  type FetchedCopy,
  type KeyRequest,
} from '../wire/asks/copy-asks.ts'
import type { Refusal } from '../wire/messages.ts'
import { type Copy, encodeVersion } from '../wire/object-record.ts'
import type { HeldBefore } from '../../core/replication/write-round.ts'
import type { CopyTrust } from './copy-trust.ts'
import { MAY_NOT_COUNT, TOO_FEW_HAVE_TOLD } from './not-ready-reasons.ts'
import type { Location, Replica } from './replica.ts'

/** The part of the topology keeper that finds keys (topology-keeper.ts). */
export interface Places {
  bucket(name: string): Bucket | undefined
  place(bucket: Bucket, key: string): Placement
}

export interface ReplicaAnswerParts {
  readonly self: string
  readonly keeper: Places
  readonly replica: Replica
  readonly arrival: CopyTrust
  readonly horizonOf: (partition: number) => Timestamp
}

type Kinds = 'apply' | 'read' | 'version' | 'fetch'

export function replicaAnswers(parts: ReplicaAnswerParts): HandlersOf<Kinds> {
  return {
    apply: (request, asker) => applyOnceTold(parts, request, asker),
    read: (request, asker) =>
      whenReadable(parts, request, asker, ({ record }) => asker.answer({ record })),
    version: (request, asker) =>
      whenReadable(parts, request, asker, ({ object }) =>
        asker.answer({ version: encodeVersion(object) }),
      ),
    fetch: (request, asker) => fetch(parts, request, asker),
  }
}

function applyOnceTold(
  parts: ReplicaAnswerParts,
  request: ApplyRequest,
  asker: Asker<HeldBefore>,
): void {
  const at = locationOf(parts.keeper, request, asker)
  if (at === undefined) return
  const copy = parts.replica.receive(request.record)
  if ('code' in copy) {
    asker.refuse(copy)
    return
  }
  const { flags } = request
  if ((flags & APPLY_ASKS_WHOLE) === 0) apply(parts, at, copy, flags, asker)
  else parts.arrival.whenTold(asker.node, () => apply(parts, at, copy, flags, asker))
}

function apply(
  parts: ReplicaAnswerParts,
  at: Location,
  copy: Copy,
  flags: number,
  asker: Asker<HeldBefore>,
): void {
  // With the flag set, the sender acknowledges only with enough whole copies, so an incomplete node may store it.
  if ((flags & APPLY_ASKS_WHOLE) === 0 && !mayCount(parts, at)) {
    asker.refuse({ code: 'not_ready', message: MAY_NOT_COUNT })
    return
  }
  // Computed before the copy is looked up: if refilling ended in between, the copy could still be the incomplete one.
  const isWhole = isWholeTo(parts, asker.node, at)
  parts.replica.apply(at, copy, flags, (applied, refusal) => {
    if (applied === undefined) {
      asker.refuse(refusal as Refusal)
      return
    }
    const { existed, uncovered, newest } = applied
    asker.answer({ existed, uncovered, newest, isWhole })
  })
}

function whenReadable(
  { arrival, keeper, replica }: ReplicaAnswerParts,
  request: KeyRequest,
  asker: Asker<never>,
  take: (copy: Copy) => void,
): void {
  const at = locationOf(keeper, request, asker)
  if (at === undefined) return
  // Wait instead of refusing: right after a start, a refusal could make a key unreadable although the cluster is ready.
  arrival.whenTold(asker.node, () => {
    if (!arrival.mayTell(asker.node)) {
      asker.refuse({ code: 'not_ready', message: TOO_FEW_HAVE_TOLD })
      return
    }
    replica.read(at, (copy, refusal) => {
      if (copy === undefined) asker.refuse(refusal as Refusal)
      else take(copy)
    })
  })
}

function fetch(parts: ReplicaAnswerParts, request: KeyRequest, asker: Asker<FetchedCopy>): void {
  const { self, keeper, replica, horizonOf } = parts
  const at = locationOf(keeper, request, asker)
  if (at === undefined) return
  replica.fetch(at, (copy, refusal) => {
    if (refusal !== undefined) {
      asker.refuse(refusal)
      return
    }
    // A node that does not own the key misses its later writes: a write absent here may still exist elsewhere.
    const isOwner = keeper.place(at.bucket, at.key).owners.includes(self)
    const isFilled = isWholeTo(parts, asker.node, at)
    asker.answer({
      record: (copy as Copy).record,
      horizon: isOwner ? horizonOf(at.partition) : 0,
      isWhole: isOwner && isFilled,
      isFilled,
    })
  })
}

/** Whether the sender may count a copy that is stored here. */
function mayCount({ arrival, keeper }: ReplicaAnswerParts, { bucket, key }: Location): boolean {
  return arrival.mayCount(() => {
    const { owners, next } = keeper.place(bucket, key)
    return next === undefined ? [owners] : [owners, next]
  })
}

/** Whether this node's copy contains everything it has ever acknowledged, as far as `peer` can know. */
function isWholeTo({ arrival, replica }: ReplicaAnswerParts, peer: string, at: Location): boolean {
  return arrival.mayTell(peer) && replica.mayRead(at)
}

/** Where the key lies. Refuses the ask if its bucket is not known here. */
export function locationOf(
  keeper: Places,
  { bucket: name, key }: KeyRequest,
  asker: Asker<never>,
): Location | undefined {
  const bucket = keeper.bucket(name)
  if (bucket !== undefined) return { bucket, key, partition: partitionOf(name, key) }
  asker.refuse({ code: 'unknown_bucket', message: name })
  return undefined
}
