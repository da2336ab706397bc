/**
 * The entry point for clients' requests at a node. It finds the owners of the key and the quorum that the level needs,
 * bounds the requests under way, and hands each to a coordinator or to an owner.
 */
import type { Session } from '../../core/causality/session.ts'
import type { StoredObject } from '../../core/causality/stored-object.ts'
import type { RegisterOperation } from '../../core/consensus/register.ts'
import { QuorateError } from '../../core/errors.ts'
import { labelOf } from '../../core/placement/bucket-name.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Deadlines } from '../peers/deadlines.ts'
import { forwardWrite } from '../write/write-forward.ts'
import type { KeyListing } from '../listing/key-listing.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { type PeerReach, soonestFirst, usableNodes } from '../peers/peer-reach.ts'
import type { Peers } from '../peers/peers.ts'
import type { OperationAnswer } from '../strong/register-forward.ts'
import type { Refusal } from '../wire/messages.ts'
import type { AnswerGate } from '../round/answer-gate.ts'
import { RequestBound } from '../round/request-bound.ts'
import { endWith, asPromise, type RequestEnd } from '../round/request-end.ts'
import type { RequestPlacer } from '../round/request-placer.ts'
import { type Repeatable, whilePlaced } from '../round/while-placed.ts'
import { type PlacedRequest, TIMEOUT_MS_MAX } from '../round/placed-request.ts'
import type {
  ListAnswer,
  ListRequest,
  ReadAnswer,
  ReadRequest,
  RequestOptions,
  UpdateRequest,
  WriteAnswer,
  WriteRequest,
} from '../service/service.ts'
import type { Sessions } from '../sessions/sessions.ts'
import type { StrongCoordinator } from '../strong/strong-coordinator.ts'
import { needsOwner, needsQuorumRead, seenBefore } from '../write/planned-request.ts'
import { refuseUnfit } from '../write/type-change.ts'
import { nameOfRequest, NamesFull } from '../write/update-names.ts'
import { whyNoNames } from '../wire/wire-version.ts'
import type { WriteCoordinator } from '../write/write-coordinator.ts'

export interface RequestParts {
  readonly self: string
  readonly placer: RequestPlacer
  readonly clock: NodeClock
  readonly read: (placed: PlacedRequest, end: RequestEnd<ReadAnswer>) => void
  readonly writes: WriteCoordinator
  readonly strong: StrongCoordinator
  readonly sessions: Sessions
  readonly listing: KeyListing
  readonly peers: Peers
  readonly deadlines: Deadlines
  readonly reach: PeerReach
  readonly gate: AnswerGate
  /** Bound of the requests under way at once. */
  readonly inflightRequestsMax: number
  /** Selects the members that may speak an older version of the protocol. */
  readonly mayBeOld: (members: Iterable<string>) => string[]
  /** Why this node's disk takes no writes; undefined if it takes them. */
  readonly diskRefusal: () => Refusal | undefined
}

export class Requests {
  readonly #metrics: Metrics
  readonly #parts: RequestParts
  readonly #bound: RequestBound
  #isStopping = false

  constructor(ports: { metrics: Metrics }, parts: RequestParts) {
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#bound = new RequestBound(parts.deadlines, parts.gate, parts.inflightRequestsMax)
  }

  /** Client requests whose work has not ended yet. */
  get inflight(): number {
    return this.#bound.inflight
  }

  get(request: ReadRequest): Promise<ReadAnswer> {
    const { placer, sessions, read } = this.#parts
    return this.#bound.run('read', placer.timeoutMs(request), (end) => {
      const placed = placer.place(request)
      refuseStrongLevel(placed)
      const session = sessions.pastOf(placed, request)
      const run = (now: PlacedRequest, ended: RequestEnd<ReadAnswer>): void => {
        if (session === undefined) read(now, ended)
        else endWith(sessions.read(now, session), ended)
      }
      this.#whilePlaced(placed, { run, repeatsAnswer: true, mayRepeat: () => true }, end)
    })
  }

  put(request: WriteRequest): Promise<WriteAnswer> {
    return this.#write(request)
  }

  update(request: UpdateRequest): Promise<WriteAnswer> {
    return this.#write(request)
  }

  #write(request: WriteRequest | UpdateRequest): Promise<WriteAnswer> {
    const { placer, sessions } = this.#parts
    return this.#bound.run('write', placer.timeoutMs(request), (end) => {
      const placed = placer.place(request)
      placer.refuseClosed(placed)
      refuseUnfit(placed.at.bucket, request)
      refuseStrongLevel(placed)
      refusePlainWrite(placed)
      this.#refuseUnknownName(placed, request)
      const session = sessions.pastOf(placed, request)
      const run = (now: PlacedRequest, ended: RequestEnd<WriteAnswer>): void => {
        if (session === undefined) this.#route(now, request, ended)
        else endWith(this.#writeInSession(now, request, session), ended)
      }
      // The write coordinator itself sends the copy of an acknowledged write again to the new owners.
      this.#whilePlaced(placed, { run, repeatsAnswer: false, mayRepeat: isRejection }, end)
    })
  }

  async #writeInSession(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    session: Session,
  ): Promise<WriteAnswer> {
    const { sessions } = this.#parts
    const made = await sessions.prepare(placed, request, session)
    const answer = await asPromise<WriteAnswer>((end) =>
      this.#route(made.placed, made.request, end),
    )
    return { ...answer, session: await sessions.afterWrite(placed, made.session, answer) }
  }

  #whilePlaced<T>(placed: PlacedRequest, request: Repeatable<T>, end: RequestEnd<T>): void {
    whilePlaced({ placer: this.#parts.placer, metrics: this.#metrics }, placed, request, end)
  }

  /** Coordinates the write here if this node may do so; otherwise forwards it to an owner. */
  #route(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    end: RequestEnd<WriteAnswer>,
  ): void {
    const { writes, reach, self, strong } = this.#parts
    if (placed.level === 'strong' && !('change' in request)) {
      endWith(strong.write(placed, this.#withBucketTtl(placed, request)), end)
      return
    }
    const mayBeHere = placed.owners.includes(self) || !needsOwner(request)
    const others = placed.owners.filter((owner) => owner !== self)
    const owners = usableNodes(others, reach, placed.need.sloppy)
    // If this node's disk takes no writes, another owner's disk may. If none is in reach, report the local refusal.
    const isForOthers = owners.length > 0 && this.#parts.diskRefusal() !== undefined
    if (!mayBeHere || isForOthers || !writes.mayCoordinate(placed)) {
      this.#forward(placed, request, owners, end)
      return
    }
    this.#coordinate(placed, request, {
      answered: end.answered,
      failed: (error) => {
        // Only the first owner makes room for new names, so the write goes to that owner.
        const [first] = placed.owners
        const isFirstNear = first !== self && first === owners[0]
        if (error instanceof NamesFull && isFirstNear) {
          this.#forward(placed, request, owners.slice(0, 1), end)
        } else end.failed(error)
      },
    })
  }

  #forward(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    owners: readonly string[],
    end: RequestEnd<WriteAnswer>,
  ): void {
    const { peers, clock, reach } = this.#parts
    const inTurn = soonestFirst(owners, reach)
    for (const peer of inTurn.slice(0, 1)) this.#metrics.count('forwarded_total', { peer })
    endWith(forwardWrite({ peers, clock }, placed, request, inTurn), end)
  }

  /** Runs a write that another node forwarded because this node owns the key. It is never forwarded again. */
  putForwarded(request: WriteRequest | UpdateRequest, deadlineMs: number): Promise<WriteAnswer> {
    return this.#bound.runForwarded('write', this.#leftMs(deadlineMs), (end) => {
      this.#refuseStopping()
      const placed = this.#parts.placer.placeForwarded(request, deadlineMs)
      refuseUnfit(placed.at.bucket, request)
      refusePlainWrite(placed)
      this.#refuseUnknownName(placed, request)
      if (!placed.owners.includes(this.#parts.self)) {
        throw new QuorateError('quorum_unreachable', `${this.#parts.self} does not own the key`)
      }
      this.#coordinate(placed, request, end)
    })
  }

  /** Runs an operation on a strong key that another node forwarded to this owner. It is never forwarded again. */
  proposeForwarded(
    request: RequestOptions,
    operation: RegisterOperation,
    deadlineMs: number,
  ): Promise<OperationAnswer> {
    const kind = operation.type === 'read' ? 'read' : 'write'
    return this.#bound.runForwarded(kind, this.#leftMs(deadlineMs), (end) => {
      this.#refuseStopping()
      const placed = this.#parts.placer.placeForwarded({ ...request, level: 'strong' }, deadlineMs)
      refuseStrongLevel(placed)
      if (!placed.owners.includes(this.#parts.self)) {
        throw new QuorateError('quorum_unreachable', `${this.#parts.self} does not own the key`)
      }
      endWith(this.#parts.strong.proposeHere(placed, operation), end)
    })
  }

  #coordinate(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    end: RequestEnd<WriteAnswer>,
  ): void {
    const { sessions } = this.#parts
    const needsRead = needsQuorumRead(placed.at.bucket, request)
    const needsPast = !('change' in request) && sessions.needsWholePast(placed, request)
    if (!needsRead && !needsPast) {
      this.#writeHere(placed, request, undefined, end)
      return
    }
    this.#learnReplaced(placed, request, needsRead).then(
      ({ whole, seen }) => this.#writeHere(placed, whole, seen, end),
      end.failed,
    )
  }

  /** Finds what the write replaces, as far as this node's own copy may not tell. Rejects before anything is applied. */
  async #learnReplaced(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    needsRead: boolean,
  ): Promise<{ whole: WriteRequest | UpdateRequest; seen: StoredObject | undefined }> {
    const seen = needsRead ? await this.#seenBefore(placed, request) : undefined
    if ('change' in request) return { whole: request, seen }
    // Only now, because this node's copy may have ceased to be complete during the read.
    return { whole: await this.#parts.sessions.withWholePast(placed, request), seen }
  }

  #writeHere(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
    seen: StoredObject | undefined,
    end: RequestEnd<WriteAnswer>,
  ): void {
    const made = 'change' in request ? request : this.#withBucketTtl(placed, request)
    this.#parts.writes.write(placed, seen === undefined ? made : { ...made, seen }, end)
  }

  /** The owners' value that the request replaces or repeats; undefined if its level does not promise to find it. */
  async #seenBefore(
    placed: PlacedRequest,
    request: WriteRequest | UpdateRequest,
  ): Promise<StoredObject | undefined> {
    const { read, sessions } = this.#parts
    const { need } = placed
    const { past } = request
    if (placed.level === 'causal' && past !== undefined && needsOwner(request)) {
      return seenBefore(sessions.readWhole(placed, past))
    }
    return need.sloppy || need.r === 1
      ? undefined
      : seenBefore(asPromise((end) => read(placed, end)))
  }

  list(request: ListRequest): Promise<ListAnswer> {
    const timeoutMs = this.#parts.placer.timeoutMs(request)
    return this.#bound.run('read', timeoutMs, (end) => {
      const { placer, listing, clock } = this.#parts
      placer.refuseStranger()
      const bucket = placer.bucket(request.bucket)
      endWith(listing.list(bucket, request, clock.nowMs() + timeoutMs), end)
    })
  }

  /**
   * Refuses further requests that other nodes forward. Resolves once every request is answered. It always does, because
   * each request has a deadline.
   */
  drained(): Promise<void> {
    this.#isStopping = true
    return this.#bound.drained()
  }

  /** Throws not_ready. The node that forwarded the request then asks another owner. */
  #refuseStopping(): void {
    if (!this.#isStopping) return
    throw new QuorateError('not_ready', `${this.#parts.self} is stopping`, { retryAfterSeconds: 1 })
  }

  /**
   * Throws quorum_unreachable if a node that may keep the key does not know names of updates: it would count a repeat
   * twice.
   */
  #refuseUnknownName(placed: PlacedRequest, request: WriteRequest | UpdateRequest): void {
    if (nameOfRequest(placed.at.bucket, request) === undefined) return
    const members = [...placed.owners, ...(placed.next ?? []), ...placed.fallbacks]
    const reason = whyNoNames(this.#parts.mayBeOld(new Set(members)))
    if (reason === undefined) return
    throw new QuorateError('quorum_unreachable', reason, { retryAfterSeconds: 10 })
  }

  /** Adds the bucket's default time to live to a value that has none of its own. */
  #withBucketTtl(placed: PlacedRequest, request: WriteRequest): WriteRequest {
    const { ttlSeconds } = placed.at.bucket
    const { content } = request
    if (ttlSeconds === null || content.tombstone || content.expiresAtMs !== 0) return request
    const expiresAtMs = Math.floor(this.#parts.clock.nowMs() + ttlSeconds * 1000)
    return { ...request, content: { ...content, expiresAtMs } }
  }

  #leftMs(deadlineMs: number): number {
    return Math.min(TIMEOUT_MS_MAX, this.#parts.clock.leftMs(deadlineMs))
  }
}

/** Whether nothing was applied and a repeat, perhaps at other owners, may succeed. */
function isRejection(error: unknown): boolean {
  return error instanceof QuorateError && error.kind.outcome === 'rejected' && error.kind.retryable
}

/** Throws bad_parameter. */
function refuseStrongLevel({ level, at }: PlacedRequest): void {
  if (level !== 'strong' || at.bucket.mode === 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `level strong needs a bucket of mode strong; bucket ${labelOf(at.bucket.name)} has mode ${at.bucket.mode}`,
  )
}

/**
 * Throws bad_parameter. A plain write to a register would be lost, or would undo a decided write. Other stores allow
 * this mix beside their light-weight transactions, which makes those unsafe; this store refuses it.
 */
function refusePlainWrite({ level, at }: PlacedRequest): void {
  if (level === 'strong' || at.bucket.mode !== 'strong') return
  throw new QuorateError(
    'bad_parameter',
    `bucket ${labelOf(at.bucket.name)} has mode strong: use level strong for its writes, not ${level}`,
  )
}
