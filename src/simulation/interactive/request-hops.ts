/**
 * The hops of each client's request: which node asked whom for it, and who answered what and when.
 *
 * A message does not tell to which request it belongs, so that is found out from outside. An ask belongs to a request if
 * it is about the same key, comes from a node that works on the request, and has the deadline of the request. Asks of
 * consensus may carry several requests at once, so they belong to all on which the node works at that time. The
 * comparison of the owners after a read has a deadline of its own, and begins at the instant of the answer.
 *
 * Invariant: it only looks on. It keeps the hops of the newest requests, and not more than HOPS_MAX of each.
 */
import { labelOf } from '../../core/placement/bucket-name.ts'
import { APPLY, APPLY_IS_REPAIR, READ, VERSION } from '../../node/wire/asks/copy-asks.ts'
import { HINT } from '../../node/wire/asks/hint-asks.ts'
import { REGISTER_CHANGE } from '../../node/wire/asks/register-change-ask.ts'
import { PUT, UPDATE } from '../../node/wire/asks/write-asks.ts'
import type { Flight } from '../world/wires.ts'
import { itemsOf, type Item } from './frame-items.ts'
import { type HopAnswer, hopAnswerOf, HOP_KINDS } from './hop-answer.ts'
import type { RequestView } from './timed-clients.ts'

/** One question of a node to another for a request, and its answer. */
export interface HopView {
  /** The kind of the ask (node/wire/asks). */
  readonly kind: string
  readonly from: string
  readonly to: string
  /** Whether it brings a copy that the other node has missed. */
  readonly isRepair: boolean
  /** The owner in whose place the other node keeps the write; null if it is no hint. */
  readonly standsInFor: string | null
  readonly ask: PassageView
  /** Null if the other node has not answered. */
  readonly answer: (PassageView & { readonly says: HopAnswer }) | null
}

/** The way of one message. */
export interface PassageView {
  readonly sentUs: number
  /** Null unless it has arrived. */
  readonly arrivedUs: number | null
  /** `held`: a cut holds it back. */
  readonly state: 'arrived' | 'under way' | 'held' | 'lost'
}

export interface HopsView {
  readonly request: RequestView
  /** The owners of the key when the request was sent. */
  readonly owners: readonly string[]
  /** In the order in which the asks were sent. */
  readonly hops: readonly HopView[]
  /** Whether there were more hops than are kept. */
  readonly isCutShort: boolean
}

/** The newest request of all, the newest of that client, or the one with that number. */
export type Followed = 'newest' | { readonly client: number } | { readonly request: number }

interface Passage {
  readonly frame: Uint8Array
  readonly sentUs: number
  readonly dueUs: number
  arrivedUs: number | null
}

interface Hop extends Pick<HopView, 'kind' | 'from' | 'to' | 'isRepair' | 'standsInFor'> {
  readonly ask: Passage
  answer: (Passage & { readonly says: HopAnswer }) | undefined
}

/** A request whose hops are kept. */
interface Tracked {
  readonly request: RequestView
  readonly owners: readonly string[]
  /** The nodes that work on it: the one that the client asked, and those to which it was passed on. */
  readonly workers: Set<string>
  /** On the clock of the first node; undefined until that node has taken the request. */
  deadlineMs: number | undefined
  /** The deadline of the comparison after a read. */
  lateDeadlineMs: number | undefined
  readonly hops: Hop[]
  isCutShort: boolean
}

const REQUESTS_MAX = 300
const HOPS_MAX = 100
const ANSWERS_MAX = 2000
/** So long after its end, no node sends anything for a request any more. */
const QUIET_US = 5_000_000
const FORWARDS: ReadonlySet<string> = new Set([PUT.kind, UPDATE.kind, REGISTER_CHANGE.kind])
const COMPARES: ReadonlySet<string> = new Set([READ.kind, VERSION.kind])

export class RequestHops {
  #tracked: Tracked[] = []
  /** Those for which nodes may still send something. */
  #open: Tracked[] = []
  /** `asker>answerer id` → the hop of that ask. */
  readonly #unanswered = new Map<string, Hop>()
  readonly #passages = new WeakMap<Uint8Array, Passage[]>()

  /** A client has sent the request. Its view changes until it has ended. */
  sent(request: RequestView, owners: readonly string[]): void {
    const tracked: Tracked = {
      request,
      owners,
      workers: new Set([request.action.node]),
      deadlineMs: undefined,
      lateDeadlineMs: undefined,
      hops: [],
      isCutShort: false,
    }
    this.#tracked = [...this.#tracked.slice(1 - REQUESTS_MAX), tracked]
    this.#open.push(tracked)
  }

  /** The node has taken the request, and must answer by that time of its clock. */
  taken(request: RequestView, deadlineMs: number): void {
    const tracked = this.#open.find((each) => each.request === request)
    if (tracked !== undefined) tracked.deadlineMs = deadlineMs
  }

  departs({ from, to, channel, frame, sentUs, dueUs }: Flight): void {
    this.#open = this.#open.filter(
      ({ request: { endedUs } }) => endedUs === null || sentUs - endedUs < QUIET_US,
    )
    if (this.#open.length === 0 && this.#unanswered.size === 0) return
    for (const item of itemsOf(frame)) {
      const passage: Passage = { frame, sentUs, dueUs, arrivedUs: null }
      const isOfRequest =
        channel === 'ask'
          ? this.#asked(from, to, item, passage)
          : this.#answered(to, from, item, passage)
      if (isOfRequest) this.#passages.set(frame, [...(this.#passages.get(frame) ?? []), passage])
    }
  }

  arrives(atUs: number, frame: Uint8Array): void {
    for (const passage of this.#passages.get(frame) ?? []) passage.arrivedUs ??= atUs
  }

  /** Null if no such request was sent, or if it was too long ago. `onWay`: the frames that are on their way. */
  view(followed: Followed, onWay: ReadonlySet<Uint8Array>, nowUs: number): HopsView | null {
    const tracked = this.#tracked.findLast(({ request: { number, action } }) => {
      if (followed === 'newest') return true
      return 'client' in followed ? action.client === followed.client : number === followed.request
    })
    if (tracked === undefined) return null
    const { request, owners, hops, isCutShort } = tracked
    const passageView = ({ frame, sentUs, dueUs, arrivedUs }: Passage): PassageView => {
      const isOnWay = onWay.has(frame)
      const state =
        arrivedUs !== null ? 'arrived' : !isOnWay ? 'lost' : nowUs > dueUs ? 'held' : 'under way'
      return { sentUs, arrivedUs, state }
    }
    return {
      request: { ...request },
      owners,
      isCutShort,
      hops: hops.map(({ ask, answer, ...hop }) => ({
        ...hop,
        ask: passageView(ask),
        answer: answer === undefined ? null : { ...passageView(answer), says: answer.says },
      })),
    }
  }

  #asked(from: string, to: string, [id, kind, deadline, ...body]: Item, ask: Passage): boolean {
    if (!HOP_KINDS.has(kind)) return false
    const isHint = kind === HINT.kind
    const [bucket, key] = isHint ? body.slice(1) : body
    const isRepair = kind === APPLY.kind && (Number(body[3] ?? 0) & APPLY_IS_REPAIR) !== 0
    const hop: Hop = {
      kind,
      from,
      to,
      isRepair,
      standsInFor: isHint ? String(body[0]) : null,
      ask,
      answer: undefined,
    }
    const candidates = this.#open.filter(
      ({ request: { action }, workers }) =>
        workers.has(from) && action.key === key && action.bucket === labelOf(String(bucket)),
    )
    const requests = kind.startsWith('register-')
      ? candidates.filter(({ request }) => isUnderWay(request, ask.sentUs))
      : requestOf(candidates, hop, Number(deadline))
    for (const tracked of requests) {
      if (FORWARDS.has(kind)) tracked.workers.add(to)
      if (tracked.hops.length < HOPS_MAX) tracked.hops.push(hop)
      else tracked.isCutShort = true
    }
    if (requests.length === 0) return false
    this.#unanswered.set(`${from}>${to} ${id}`, hop)
    for (const oldest of this.#unanswered.keys()) {
      if (this.#unanswered.size <= ANSWERS_MAX) break
      this.#unanswered.delete(oldest)
    }
    return true
  }

  #answered(asker: string, answerer: string, item: Item, passage: Passage): boolean {
    const name = `${asker}>${answerer} ${item[0]}`
    const hop = this.#unanswered.get(name)
    if (hop === undefined) return false
    this.#unanswered.delete(name)
    hop.answer = Object.assign(passage, { says: hopAnswerOf(hop.kind, item) })
    return true
  }
}

function isUnderWay({ endedUs }: RequestView, atUs: number): boolean {
  return endedUs === null || endedUs > atUs
}

/** The request that the hop is for. At most one, because only asks of consensus carry several. */
function requestOf(candidates: readonly Tracked[], hop: Hop, deadlineMs: number): Tracked[] {
  const sameTime = candidates.filter(
    (each) => each.deadlineMs === deadlineMs || each.lateDeadlineMs === deadlineMs,
  )
  // Two requests of the same millisecond at one node differ in nothing. Each asks a node once.
  const isNew = ({ hops }: Tracked): boolean =>
    !hops.some(
      ({ kind, from, to, standsInFor }) =>
        kind === hop.kind && from === hop.from && to === hop.to && standsInFor === hop.standsInFor,
    )
  const known = sameTime.find(isNew) ?? sameTime.at(-1)
  if (known !== undefined) return [known]
  const read = candidates.find(
    ({ request: { action, endedUs }, lateDeadlineMs }) =>
      action.do === 'get' &&
      action.node === hop.from &&
      endedUs === hop.ask.sentUs &&
      lateDeadlineMs === undefined,
  )
  if (read === undefined || !(COMPARES.has(hop.kind) || hop.isRepair)) return []
  read.lateDeadlineMs = deadlineMs
  return [read]
}
