/**
 * One client of a simulated cluster. It sends one request at a time to changing nodes, like a simple program with curl,
 * and reports requests and answers to the histories.
 */
import type { VersionVector } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { Schedule } from '../world/schedule.ts'
import type { CallEnd, SimulatedNode } from '../world/simulated-node.ts'
import { Violation } from '../checks/violation.ts'

export interface ClientParts {
  readonly schedule: Schedule
  /** The nodes that clients can ask. */
  readonly nodes: () => readonly SimulatedNode[]
  readonly random: SeededRandom
  readonly onCall: (node: string, text: string) => void
  readonly onViolation: (error: unknown) => void
  /** Whether a second process has the id of that node. */
  readonly hasTwin?: (node: string) => boolean
}

/** One kind of work that a client does on the keys of one bucket. */
export interface Work {
  /** Starts one operation through `via`; calls `done` once it has ended. */
  readonly turn: (via: Via, done: () => void) => void
}

export interface Via {
  readonly random: SeededRandom
  readonly client: string
  readonly nowUs: () => number
  /** `text` is for the transcript. */
  readonly call: <T>(
    text: string,
    ask: (service: NodeService) => Promise<T>,
    done: (outcome: Outcome<T>) => void,
  ) => void
}

export type Outcome<T> =
  | { readonly type: 'ok'; readonly answer: T }
  | { readonly type: 'rejected' | 'unknown'; readonly error: string }

/** Matches the text of requests whose level promises at most one durable copy. */
const ONE_COPY = / (?:weak|eventual|causal)(?: |$)/

const THINK_US = [2_000, 300_000] as const
export const REQUEST_TIMEOUT_MS = 1500
/** A running node that has not answered by then is stuck, because its own deadline has long passed. */
const STUCK_US = 20_000_000

export class Client {
  readonly name: string
  readonly #parts: ClientParts
  readonly #works: readonly Work[]
  #isStopped = false
  /** Whether a request is under way. */
  isBusy = false

  constructor(name: string, parts: ClientParts, works: readonly Work[]) {
    this.name = name
    this.#parts = parts
    this.#works = works
    this.#think()
  }

  stop(): void {
    this.#isStopped = true
  }

  #think(): void {
    const { random, schedule } = this.#parts
    const [least, most] = THINK_US
    schedule.after(least + random.below(most - least), () => this.#turn())
  }

  #turn(): void {
    if (this.#isStopped) return
    const { random, schedule } = this.#parts
    const nodes = this.#parts.nodes()
    const node = nodes[random.below(nodes.length)] as SimulatedNode
    const work = this.#works[random.below(this.#works.length)] as Work
    if (!node.isUp) {
      this.#think()
      return
    }
    this.isBusy = true
    work.turn(
      {
        random,
        client: this.name,
        nowUs: () => schedule.nowUs,
        call: (text, ask, done) => this.#call(node, text, ask, done),
      },
      () => {
        this.isBusy = false
        this.#think()
      },
    )
  }

  #call<T>(
    node: SimulatedNode,
    text: string,
    ask: (service: NodeService) => Promise<T>,
    done: (outcome: Outcome<T>) => void,
  ): void {
    const { schedule, onCall, onViolation } = this.#parts
    const finish = (outcome: Outcome<T>): void => {
      onCall(node.address, `${this.name} ${text}: ${describe(outcome)}`)
      try {
        done(outcome)
      } catch (error) {
        onViolation(error)
      }
    }
    onCall(node.address, `${this.name} ${text}`)
    const hasTwin = (): boolean => this.#parts.hasTwin?.(node.id) === true
    const hadTwin = hasTwin()
    let hasEnded = false
    const watch = (): void => {
      if (hasEnded) return
      // The node is frozen or starting, so no answer can be expected yet.
      if (!node.isUp) stuck = schedule.after(STUCK_US, watch)
      else
        onViolation(
          new Violation(
            'stuck',
            `${node.address} never answered the request of client ${this.name}: ${text}`,
          ),
        )
    }
    let stuck = schedule.after(STUCK_US, watch)
    node.call(ask, (end) => {
      hasEnded = true
      schedule.cancel(stuck)
      const failure = internalFailure(end)
      if (failure !== undefined) onViolation(failure)
      const outcome = outcomeOf(end)
      // The only copy may be in the directory of the twin that is given up, as on a lost disk.
      const mayBeLost = (hadTwin || hasTwin()) && outcome.type === 'ok' && ONE_COPY.test(text)
      finish(
        mayBeLost
          ? { type: 'unknown', error: 'the only copy may be in the directory of a twin' }
          : outcome,
      )
    })
  }
}

export interface Asked {
  readonly bucket: string
  readonly key: string
  readonly level: PlainLevel
}

export function requestOptions({ bucket, key, level }: Asked): {
  bucket: string
  key: string
  level: PlainLevel
  timeoutMs: number
  requestId: string
} {
  return { bucket, key, level, timeoutMs: REQUEST_TIMEOUT_MS, requestId: 'sim' }
}

/** A context, and the values that it covers. */
export interface Known {
  readonly context: VersionVector
  readonly values: readonly string[]
}

export function outcomeOf<T>(end: CallEnd<T>): Outcome<T> {
  if (end.type === 'answered') return { type: 'ok', answer: end.answer }
  if (end.type === 'died') return { type: 'unknown', error: 'the node died' }
  const { error } = end
  if (!(error instanceof QuorateError)) return { type: 'unknown', error: String(error) }
  const type = error.kind.outcome === 'rejected' ? 'rejected' : 'unknown'
  return { type, error: error.code }
}

/** The violation of a node that failed with an error that it must not have. */
export function internalFailure<T>(end: CallEnd<T>): Violation | undefined {
  if (end.type !== 'failed') return undefined
  const { error } = end
  if (error instanceof QuorateError && error.code !== 'internal') return undefined
  return new Violation(
    'internal',
    `a request failed with an internal error: ${String(error)}`,
    undefined,
    {
      cause: error,
    },
  )
}

function describe<T>(outcome: Outcome<T>): string {
  return outcome.type === 'ok' ? 'ok' : `${outcome.type} (${outcome.error})`
}
