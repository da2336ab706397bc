/**
 * The clients of an interactive world. Each sends the requests of the plan at their times, one after another, and keeps
 * its contexts and its session. All requests together make one history.
 *
 * A client gives up if it gets no answer in time. The outcome is then unknown, and the request may still take effect.
 */
import {
  type EventType,
  type HistoryEvent,
  type Json,
  MISMATCH,
} from '../../checker/history/history.ts'
import { entityTag } from '../../core/causality/entity-tag.ts'
import { EMPTY_SESSION, type Session } from '../../core/causality/session.ts'
import { EMPTY_VECTOR, type VersionVector } from '../../core/causality/version-vector.ts'
import type { Condition } from '../../core/consensus/register.ts'
import { QuorateError, type ReplicaReport } from '../../core/errors.ts'
import type { NodeService, ReadAnswer, WriteAnswer } from '../../node/service/service.ts'
import { internalFailure, outcomeOf, REQUEST_TIMEOUT_MS } from '../clients/client.ts'
import type { SimulatedCluster } from '../cluster/simulated-cluster.ts'
import type { CallEnd } from '../world/simulated-node.ts'
import { describeAction, type RequestAction } from './action.ts'

/** A client waits a little longer than the node may take. */
const GIVE_UP_US = (REQUEST_TIMEOUT_MS + 500) * 1000
/** The numbers of clients lie below. A client gets a number from here on when it goes on after an unknown outcome. */
const FIRST_SPARE_PROCESS = 1000

/** One request, as its client knows it. */
export interface RequestView {
  /** Counts from 1 in the order of the plan. */
  readonly number: number
  readonly action: RequestAction
  /** `waiting`: the client still waits for the outcome of an earlier request. */
  readonly state: 'waiting' | 'under way' | 'ok' | 'rejected' | 'unknown'
  readonly sentUs: number | null
  readonly endedUs: number | null
  /** Why it was rejected, or why its outcome is unknown. */
  readonly error: string | null
  /** What a read found: several values are siblings. Null for writes, and before the answer. */
  readonly values: readonly string[] | null
  /** What each node reported to the coordinator. */
  readonly replicas: readonly ReplicaReport[]
}

/** Is told of each request: when its client sends it, and when the node takes it, with the deadline on its clock. */
export interface RequestWatcher {
  sent(request: RequestView): void
  taken(request: RequestView, deadlineMs: number): void
}

type Request = { -readonly [Name in keyof RequestView]: RequestView[Name] }

interface Client {
  /** Changes after an unknown outcome, because a process of a history has only one open operation. */
  process: number
  session: Session
  /** The context of the last answer about each key. */
  readonly contexts: Map<string, VersionVector>
  /** The state of each key in its last answer. */
  readonly states: Map<string, KeyState>
  isBusy: boolean
  readonly waiting: Request[]
}

interface KeyState {
  readonly value: Json
  /** Undefined if the key was absent. */
  readonly tag: string | undefined
}

type Answer = ReadAnswer | WriteAnswer

/** A key that a client has never asked for is taken for absent. */
const NEVER_ASKED: KeyState = { value: null, tag: undefined }

const NO_VALUE = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class TimedClients {
  readonly history: HistoryEvent[] = []
  readonly #cluster: SimulatedCluster
  readonly #watcher: RequestWatcher
  readonly #requests: Request[] = []
  readonly #clients = new Map<number, Client>()
  /** For each event of the history the number of its request. */
  readonly #requestOfEvent: number[] = []
  #nextProcess = FIRST_SPARE_PROCESS

  constructor(cluster: SimulatedCluster, watcher: RequestWatcher) {
    this.#cluster = cluster
    this.#watcher = watcher
  }

  get requests(): readonly RequestView[] {
    return this.#requests
  }

  /** The number of the request to which an event of the history belongs. */
  requestOfEvent(index: number): number {
    return this.#requestOfEvent[index] as number
  }

  apply(action: RequestAction): void {
    const client = this.#clientOf(action.client)
    const request: Request = {
      number: this.#requests.length + 1,
      action,
      state: 'waiting',
      sentUs: null,
      endedUs: null,
      error: null,
      values: null,
      replicas: [],
    }
    this.#requests.push(request)
    if (client.isBusy) client.waiting.push(request)
    else this.#send(client, request)
  }

  #clientOf(number: number): Client {
    let client = this.#clients.get(number)
    if (client === undefined) {
      client = {
        process: number,
        session: EMPTY_SESSION,
        contexts: new Map(),
        states: new Map(),
        isBusy: false,
        waiting: [],
      }
      this.#clients.set(number, client)
    }
    return client
  }

  #send(client: Client, request: Request): void {
    const { schedule, nodes } = this.#cluster
    const { action } = request
    client.isBusy = true
    request.state = 'under way'
    request.sentUs = schedule.nowUs
    this.#watcher.sent(request)
    this.#cluster.onCall(action.node, `client ${action.client}: ${describeAction(action)}`)
    this.#note(client, request, 'invoke', inputOf(action, client))
    const node = nodes.get(action.node)
    const isListening = node !== undefined && node.hasProcess && node.hasStarted
    if (!isListening) {
      this.#finish(client, request, 'rejected', 'nobody listens at the node')
      return
    }
    const late = schedule.after(GIVE_UP_US, () => {
      this.#finish(client, request, 'unknown', 'the client got no answer in time')
    })
    node.call<Answer>(
      (service) => {
        // As the node itself computes it in this instant.
        this.#watcher.taken(request, Math.floor(service.nowMs() + REQUEST_TIMEOUT_MS))
        return askOf(service, action, client)
      },
      (end) => {
        schedule.cancel(late)
        const failure = internalFailure(end)
        if (failure !== undefined) this.#cluster.broken('a request failed', failure)
        if (request.endedUs === null) this.#answer(client, request, end)
      },
    )
  }

  #answer(client: Client, request: Request, end: CallEnd<Answer>): void {
    const { action } = request
    const outcome = outcomeOf(end)
    if (outcome.type !== 'ok') {
      request.replicas = replicasOf(end)
      this.#finish(client, request, outcome.type, reasonOf(end) ?? outcome.error)
      return
    }
    const { answer } = outcome
    request.replicas = answer.replicas
    client.contexts.set(nameOf(action), answer.context)
    if (answer.session !== undefined) client.session = answer.session
    if (action.do === 'get') request.values = valuesOf(answer as ReadAnswer)
    this.#finish(client, request, 'ok', null)
    client.states.set(nameOf(action), stateIn(answer, request))
  }

  #finish(
    client: Client,
    request: Request,
    state: 'ok' | 'rejected' | 'unknown',
    error: string | null,
  ): void {
    const { action, values } = request
    request.state = state
    request.endedUs = this.#cluster.schedule.nowUs
    request.error = error
    const told = error ?? (values === null ? '' : JSON.stringify(values))
    this.#cluster.onCall(
      action.node,
      `client ${action.client}: ${describeAction(action)}: ${state}${told === '' ? '' : ` (${told})`}`,
    )
    // A read without an answer changed nothing, so it counts as failed.
    const isOpen = state === 'unknown' && action.do !== 'get'
    const type = state === 'ok' ? 'ok' : isOpen ? 'info' : 'fail'
    const value = values === null ? inputOf(action, client) : foundOf(values)
    const isMismatch = error !== null && error.startsWith('precondition_failed:')
    this.#note(client, request, type, value, isMismatch ? MISMATCH : undefined)
    if (isOpen) client.process = this.#nextProcess++
    const next = client.waiting.shift()
    if (next === undefined) client.isBusy = false
    else this.#cluster.schedule.after(0, () => this.#send(client, next))
  }

  #note(
    client: Client,
    { number, action }: Request,
    type: EventType,
    value: Json,
    error?: string,
  ): void {
    this.#requestOfEvent.push(number)
    this.history.push({
      index: this.history.length,
      time: this.#cluster.schedule.nowUs * 1000,
      process: client.process,
      session: action.client,
      type,
      f: operationOf(action),
      key: nameOf(action),
      value,
      node: action.node,
      ...(error === undefined ? {} : { error }),
    })
  }
}

function askOf(service: NodeService, action: RequestAction, client: Client): Promise<Answer> {
  const { bucket, key, level } = action
  const options = {
    bucket,
    key,
    level,
    timeoutMs: REQUEST_TIMEOUT_MS,
    requestId: 'sim',
    session: level === 'causal' ? client.session : undefined,
  }
  if (action.do === 'get') return service.get(options)
  const known = client.contexts.get(nameOf(action)) ?? EMPTY_VECTOR
  const isDelete = action.do === 'delete'
  return service.put({
    ...options,
    content: {
      value: isDelete ? NO_VALUE : encoder.encode(action.value),
      contentType: isDelete ? '' : 'text/plain',
      tombstone: isDelete,
      expiresAtMs: 0,
    },
    context: action.withContext === true ? known : undefined,
    condition: isCompared(action) ? conditionOf(stateOf(action, client)) : undefined,
  })
}

/** Whether the action is a compare-and-set. */
function isCompared(action: RequestAction): boolean {
  return action.do !== 'get' && action.ifUnchanged === true
}

/** What the client has last seen of the key. */
function stateOf(action: RequestAction, { states }: Client): KeyState {
  return states.get(nameOf(action)) ?? NEVER_ASKED
}

function conditionOf({ tag }: KeyState): Condition {
  return tag === undefined ? { type: 'none-match', tags: '*' } : { type: 'match', tags: [tag] }
}

/** What a client has seen of the key after that answer. */
function stateIn({ siblings }: Answer, { action, values }: RequestView): KeyState {
  const value = values === null ? writtenBy(action) : foundOf(values)
  return { value, tag: siblings.length === 0 ? undefined : entityTag(siblings) }
}

/** The name of the operation in a history. */
function operationOf(action: RequestAction): string {
  if (isCompared(action)) return 'cas'
  return { get: 'read', put: 'write', delete: 'delete' }[action.do]
}

function nameOf({ bucket, key }: RequestAction): string {
  return `${bucket}/${key}`
}

/** Of a compare-and-set, the expected value and the new one. */
function inputOf(action: RequestAction, client: Client): Json {
  const written = writtenBy(action)
  return isCompared(action) ? [stateOf(action, client).value, written] : written
}

/** Null for a read and for a delete. */
function writtenBy(action: RequestAction): Json {
  return action.do === 'put' ? action.value : null
}

/** What a read found, in the words of a history: siblings are a list. */
function foundOf(values: readonly string[]): Json {
  return values.length > 1 ? values : (values[0] ?? null)
}

function valuesOf({ siblings }: ReadAnswer): string[] {
  return siblings.map(({ value }) => decoder.decode(value))
}

/** The code and the sentence of the error that the node answered. */
function reasonOf(end: CallEnd<Answer>): string | undefined {
  if (end.type !== 'failed' || !(end.error instanceof QuorateError)) return undefined
  return `${end.error.code}: ${end.error.message}`
}

function replicasOf(end: CallEnd<Answer>): readonly ReplicaReport[] {
  if (end.type !== 'failed' || !(end.error instanceof QuorateError)) return []
  return end.error.details.replicas ?? []
}
