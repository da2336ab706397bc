/** Routes each request of another node to the mechanism that answers it. */
import type { Timestamp } from '../core/causality/dot.ts'
import { newestDot } from '../core/causality/stored-object.ts'
import { QuorateError } from '../core/errors.ts'
import { placementAt } from '../core/placement/preference-list.ts'
import type { Codec, Encodable } from '../ports/codec.ts'
import type { Disk } from '../ports/disk.ts'
import type { ClusterView } from './status/cluster-view.ts'
import { decodeUpdate, decodeWrite, encodeAnswer } from './write/write-forward.ts'
import { encodeFailure } from './wire/request-parts.ts'
import type { Arrival } from './repair/arrival.ts'
import { BEING_FILLED, MAY_NOT_COUNT, TOO_FEW_HAVE_TOLD } from './replica/not-ready-reasons.ts'
import type { HintStore } from './hints/hint-store.ts'
import type { Moves, MovesView } from './moves/moves-view.ts'
import { streamPage } from './moves/partition-stream.ts'
import { STREAM } from './wire/asks/move-asks.ts'
import type { AskFormat } from './wire/asks/ask-format.ts'
import type { HorizonKeeper } from './repair/horizon-keeper.ts'
import { type KeyPages, PAGE_KEYS_MAX } from './listing/key-pages.ts'
import { encodePage, encodePageFor2, READS_ENCODED_HEADS } from './listing/list-page.ts'
import type { Liveness } from './peers/liveness.ts'
import { APPLY_ASKS_WHOLE, type AskKind, type Refusal } from './wire/messages.ts'
import { type Copy, encodeVersion } from './wire/object-record.ts'
import type { AnswerWith } from './peers/peers.ts'
import type { Reply } from './peers/reply.ts'
import { APPLY, type ApplyRequest } from './wire/asks/copy-asks.ts'
import type { Location, Replica } from './replica/replica.ts'
import { encodeLives, type PeerLives } from './identity/peer-lives.ts'
import type { RegisterAsks } from './strong/register-asks.ts'
import { decodeOperation, encodeOperationAnswer } from './strong/register-forward.ts'
import type { Requests } from './requests/requests.ts'
import type { UpdateRequest, WriteRequest } from './service/service.ts'
import type { TreeAnswers } from './repair/tree-answers.ts'
import { encodeTopology, type TopologyKeeper } from './topology/topology-keeper.ts'
import type { TopologyAcceptor } from './topology/topology-acceptor.ts'

export interface AskParts {
  readonly keeper: TopologyKeeper
  readonly replica: Replica
  readonly hints: HintStore
  readonly requests: Requests
  readonly pages: KeyPages
  readonly view: ClusterView
  readonly topology: TopologyAcceptor
  readonly registers: RegisterAsks
  readonly liveness: Liveness
  readonly lives: PeerLives
  readonly trees: TreeAnswers
  readonly horizon: HorizonKeeper
  readonly horizonOf: (partition: number) => Timestamp
  readonly disk: Disk
  readonly moves: Moves
  readonly movesView: MovesView
  readonly arrival: Arrival
}

export class PeerAsks {
  readonly #self: string
  readonly #codec: Codec
  /** Set once the mechanisms exist. No request arrives before that, because the network starts later. */
  parts: AskParts | undefined

  constructor(self: string, codec: Codec) {
    this.#self = self
    this.#codec = codec
  }

  /** Handles an `apply` that this node sends to itself: it keeps a hint for a key that it owns by now. */
  applyHere(request: ApplyRequest, done: (reply: Reply<unknown>) => void): void {
    const fields: Encodable[] = []
    APPLY.encode(request, fields)
    this.handle(this.#self, 'apply', fields, 0, (code, message) =>
      done(
        code === 'ok'
          ? { type: 'ok', answer: undefined }
          : { type: 'refused', code, message: String(message ?? '') },
      ),
    )
  }

  /** Throws on a malformed body; the sender then gets `bad_message`. */
  handle(
    from: string,
    kind: AskKind,
    body: readonly Encodable[],
    deadlineMs: number,
    answer: AnswerWith,
  ): void {
    const parts = this.parts
    if (parts === undefined) {
      answer('not_ready', `${this.#self} is starting`)
      return
    }
    const refuse = ({ code, message }: Refusal): void => answer(code, message)
    switch (kind) {
      case 'apply':
        return this.#apply(parts, from, body, answer, refuse)
      case 'hint':
        return this.#hint(parts, body, answer, refuse)
      case 'read':
      case 'version':
        return this.#read(parts, from, kind, body, answer)
      case 'read-hints':
        return this.#withLocation(parts, body, answer, (at) =>
          parts.hints.read(at, (copy) => answer('ok', copy.record)),
        )
      case 'hello':
        answer('ok', ...encodeLives(parts.lives.past(from)))
        return
      case 'sync':
      case 'tree':
      case 'leaves':
        parts.trees.handle(from, kind, body, answer)
        return
      case 'fetch':
        return this.#withLocation(parts, body, answer, (at) =>
          parts.replica.fetch(at, (copy, refusal) => {
            if (refusal !== undefined) {
              refuse(refusal)
              return
            }
            // A node that does not own the key misses its later writes: a write absent here may still exist elsewhere.
            const isOwner = parts.keeper.place(at.bucket, at.key).owners.includes(this.#self)
            const horizon = isOwner ? parts.horizonOf(at.partition) : 0
            const isFilled = isWholeTo(parts, from, at)
            answer('ok', (copy as Copy).record, horizon, isOwner && isFilled, isFilled)
          }),
        )
      case 'put':
      case 'update':
        parts.requests.putForwarded(decodeForwarded(kind, body), deadlineMs).then(
          (done) => answer('ok', ...encodeAnswer(done)),
          (error: unknown) => answer('ok', ...encodeFailure(asQuorateError(error))),
        )
        return
      case 'list':
        return parts.arrival.whenTold(from, () => this.#list(parts, from, body, answer))
      case 'status':
        answer('ok', ...parts.view.ownRow())
        return
      case 'stream':
        if (!parts.arrival.mayTell(from)) {
          answer('not_ready', TOO_FEW_HAVE_TOLD)
          return
        }
        // An old directory still holds keys that the others have deleted since, and have forgotten.
        if (!isFilledIn(parts, STREAM.decode(body).partition)) {
          answer('not_ready', BEING_FILLED)
          return
        }
        streamPage(parts.disk, STREAM.decode(body)).then(
          (page) => answer('ok', ...fieldsOf(STREAM, page)),
          (error: unknown) => answer('storage_failed', String(error)),
        )
        return
      case 'took-over':
        parts.moves.release.heard(from, body)
        return
      case 'moves':
        answer('ok', ...parts.movesView.ownBody())
        return
      case 'topology':
        answer('ok', encodeTopology(parts.keeper.topology))
        return
      case 'decided':
        parts.keeper.adopt(String(body[0])).then(
          () => answer('ok'),
          (error: unknown) => answer('failed', String(error)),
        )
        return
      case 'prepare':
      case 'accept':
      case 'recall':
        parts.topology.handle(from, kind, body, answer)
        return
      case 'register-prepare':
      case 'register-accept':
      case 'register-read':
        if (!parts.arrival.mayTell(from)) {
          answer('not_ready', TOO_FEW_HAVE_TOLD)
          return
        }
        return this.#withLocation(parts, body, answer, (at) =>
          parts.registers.handle(kind, at, body.slice(2), answer),
        )
      case 'register-promised':
        if (!parts.arrival.mayTell(from)) answer('not_ready', TOO_FEW_HAVE_TOLD)
        // A crash before that would bring back the old placement, and this node could promise ballots above its answer.
        else if (!parts.keeper.isDurable()) answer('not_ready', 'the topology is being stored')
        else parts.registers.tellPromised(Number(body[0]), answer)
        return
      case 'register-change': {
        const { operation, ...options } = decodeOperation(body)
        parts.requests.proposeForwarded(options, operation, deadlineMs).then(
          (done) => answer('ok', ...encodeOperationAnswer(this.#codec, operation, done)),
          (error: unknown) => answer('ok', ...encodeFailure(asQuorateError(error))),
        )
        return
      }
      case 'swim':
        parts.liveness.receive(from, body)
        return
      default:
        kind satisfies never
        answer('bad_message', `unknown ask ${String(kind)}`)
    }
  }

  #read(
    parts: AskParts,
    from: string,
    kind: 'read' | 'version',
    body: readonly Encodable[],
    answer: AnswerWith,
  ): void {
    const { arrival, replica } = parts
    this.#withLocation(parts, body, answer, (at) =>
      // Wait instead of refusing: right after a start, a refusal could make a key unreadable although the cluster is
      // ready.
      arrival.whenTold(from, () => {
        if (!arrival.mayTell(from)) {
          answer('not_ready', TOO_FEW_HAVE_TOLD)
          return
        }
        replica.read(at, (copy, refusal) => {
          if (copy === undefined) answer((refusal as Refusal).code, (refusal as Refusal).message)
          else if (kind === 'read') answer('ok', copy.record)
          else answer('ok', ...encodeVersion(copy.object))
        })
      }),
    )
  }

  #apply(
    parts: AskParts,
    from: string,
    body: readonly Encodable[],
    answer: AnswerWith,
    refuse: (refusal: Refusal) => void,
  ): void {
    this.#withLocation(parts, body, answer, (at) => {
      const copy = receivedCopy(parts.replica, body[2])
      if ('code' in copy) {
        refuse(copy)
        return
      }
      const flags = Number(body[3] ?? 0)
      const apply = (): void => {
        // With the flag set, the sender acknowledges only with enough whole copies, so an incomplete node may store it.
        if ((flags & APPLY_ASKS_WHOLE) === 0 && !mayCount(parts, at)) {
          answer('not_ready', MAY_NOT_COUNT)
          return
        }
        // Computed before the copy is looked up: if refilling ended in between, the copy could still be the incomplete
        // one.
        const isWhole = isWholeTo(parts, from, at)
        parts.replica.apply(at, copy, flags, (applied, refusal) => {
          if (applied === undefined) refuse(refusal as Refusal)
          else answer('ok', applied.existed, applied.uncovered, applied.newest, isWhole)
        })
      }
      if ((flags & APPLY_ASKS_WHOLE) === 0) apply()
      else parts.arrival.whenTold(from, apply)
    })
  }

  #hint(
    parts: AskParts,
    body: readonly Encodable[],
    answer: AnswerWith,
    refuse: (refusal: Refusal) => void,
  ): void {
    const owner = String(body[0])
    this.#withLocation(parts, body.slice(1), answer, (at) => {
      if (parts.keeper.isEmptying(this.#self)) {
        answer('not_owner', `${this.#self} is leaving the cluster`)
        return
      }
      const blocked = parts.replica.refusal()
      const copy = blocked ?? receivedCopy(parts.replica, body[3])
      if ('code' in copy) {
        refuse(copy)
        return
      }
      if (!parts.horizon.mayKeep(newestDot(copy.object))) {
        answer('late', 'the write is too old: this node keeps only newer ones')
        return
      }
      parts.hints.keep(owner, at, copy, (refusal) => {
        if (refusal === undefined) answer('ok')
        else if (refusal === 'dropped') answer('overloaded', `no room for more hints for ${owner}`)
        else refuse(refusal)
      })
    })
  }

  #list(parts: AskParts, from: string, body: readonly Encodable[], answer: AnswerWith): void {
    const [name, prefix, after, limit, readsEncodedHeads] = body
    const bucket = parts.keeper.bucket(String(name))
    if (bucket === undefined) {
      answer('unknown_bucket', String(name))
      return
    }
    // Until then this directory may be an old one: keys may be missing, and deleted keys may still be here.
    if (!parts.arrival.mayTell(from)) {
      answer('not_ready', TOO_FEW_HAVE_TOLD)
      return
    }
    if (parts.arrival.isFilling) {
      answer('not_ready', BEING_FILLED)
      return
    }
    const bounded = Math.max(1, Math.min(Number(limit), PAGE_KEYS_MAX))
    const place = { prefix: String(prefix), after: String(after), limit: bounded }
    const isNew = readsEncodedHeads === READS_ENCODED_HEADS
    parts.pages
      .page(bucket, place)
      .then((page) => (isNew ? encodePage(page) : encodePageFor2(this.#codec, page)))
      .then(
        (page) => answer('ok', ...page),
        (error: unknown) => {
          const isBusy = error instanceof QuorateError && error.code === 'overloaded'
          answer(isBusy ? 'overloaded' : 'storage_failed', String(error))
        },
      )
  }

  #withLocation(
    parts: AskParts,
    body: readonly Encodable[],
    answer: AnswerWith,
    act: (at: Location) => void,
  ): void {
    const [name, key] = body
    if (typeof name !== 'string' || typeof key !== 'string')
      throw new Error('not a bucket and a key')
    const bucket = parts.keeper.bucket(name)
    if (bucket === undefined) answer('unknown_bucket', name)
    else act({ bucket, key, partition: parts.keeper.place(bucket, key).partition })
  }
}

/** Whether the sender may count a copy that is stored here. */
function mayCount({ arrival, keeper }: AskParts, { bucket, key }: Location): boolean {
  return arrival.mayCount(() => {
    const { owners, next } = keeper.place(bucket, key)
    return next === undefined ? [owners] : [owners, next]
  })
}

/** Whether this node's copy contains everything it has ever acknowledged, as far as `peer` can know. */
function isWholeTo({ arrival, replica }: AskParts, peer: string, at: Location): boolean {
  return arrival.mayTell(peer) && replica.mayRead(at)
}

/** Whether this node's copies of the partition are complete, in buckets of every replica count. */
function isFilledIn({ keeper, arrival }: AskParts, partition: number): boolean {
  const { topology } = keeper
  const copyCounts = new Set(topology.buckets.map(({ n }) => n))
  return [...copyCounts].every((n) =>
    arrival.mayRead(() => placementAt(topology, n, partition).owners),
  )
}

function decodeForwarded(
  kind: 'put' | 'update',
  body: readonly Encodable[],
): WriteRequest | UpdateRequest {
  return kind === 'put' ? decodeWrite(body) : decodeUpdate(body)
}

function fieldsOf<A>(format: AskFormat<unknown, A>, answer: A): Encodable[] {
  const fields: Encodable[] = []
  format.encodeAnswer(answer, fields)
  return fields
}

function receivedCopy(replica: Replica, record: Encodable | undefined): Copy | Refusal {
  if (!(record instanceof Uint8Array)) return { code: 'bad_message', message: 'not a record' }
  return replica.receive(record)
}

function asQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error
  return new QuorateError('internal', String(error), {}, { cause: error })
}
