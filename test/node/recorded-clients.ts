/** Clients of a virtual cluster that read and write while nodes are cut off and killed. They record a history. */
import type { Session } from '../../src/core/causality/session.ts'
import { QuorateError } from '../../src/core/errors.ts'
import type { PlainLevel } from '../../src/core/quorum/level.ts'
import type { HistoryEvent, Json } from '../../src/checker/history/history.ts'
import type { NodeService, ReadAnswer, WriteAnswer } from '../../src/node/service/service.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import type { CallEnd } from '../../src/simulation/world/simulated-node.ts'
import { type Id, IDS, VirtualCluster } from './virtual-cluster.ts'

interface Load {
  readonly seed: string
  readonly bucket: 'default' | 'latest' | 'strong'
  readonly level: PlainLevel | 'strong'
}

const KEYS = ['a', 'b', 'c']
const CLIENTS = 6
const LOAD_SECONDS = 16
const THINK_MS_MAX = 500
const READ_PERCENT = 55
const FAULT_SECONDS = 3
/** Longer than any request and any write that is under way. */
const REST_SECONDS = 15
const TIMEOUT_MS = 1000

/** The history of one run. The last reads are those of each key through each node, after everything has healed. */
export async function recordedHistory(load: Load): Promise<HistoryEvent[]> {
  const cluster = new VirtualCluster(load.seed)
  await cluster.start()
  const random = new SeededRandom(load.seed)
  const events: HistoryEvent[] = []
  const clients = Array.from(
    { length: CLIENTS },
    (_, i) => new Client(i, cluster, load, random.child(`client ${i}`), events),
  )
  for (const client of clients) client.start()
  const faults = random.child('faults')
  for (let second = 0; second < LOAD_SECONDS; second += 2 * FAULT_SECONDS) {
    const victim = faults.pick(IDS)
    if (faults.chance(35)) {
      cluster.node(victim).crash('process')
      await cluster.pass(FAULT_SECONDS)
      cluster.node(victim).start()
    } else {
      const heal = cluster.isolate(victim)
      await cluster.pass(FAULT_SECONDS)
      heal()
    }
    await cluster.pass(FAULT_SECONDS)
  }
  for (const client of clients) client.stop()
  await cluster.pass(REST_SECONDS)
  await cluster.converged()
  const level = load.level === 'strong' ? 'strong' : 'all'
  for (const [i, id] of IDS.entries()) {
    const reader = new Client(CLIENTS + i, cluster, { ...load, level }, random, events)
    for (const key of KEYS) await reader.readThrough(id, key)
  }
  return events
}

class Client {
  readonly #session: number
  readonly #cluster: VirtualCluster
  readonly #load: Load
  readonly #random: SeededRandom
  readonly #events: HistoryEvent[]
  #process: number
  #token: Session | undefined
  #isStopped = false

  constructor(
    session: number,
    cluster: VirtualCluster,
    load: Load,
    random: SeededRandom,
    events: HistoryEvent[],
  ) {
    this.#session = session
    this.#process = session
    this.#cluster = cluster
    this.#load = load
    this.#random = random
    this.#events = events
  }

  start(): void {
    const thinkUs = 1000 * (1 + this.#random.below(THINK_MS_MAX))
    this.#cluster.schedule.after(thinkUs, () => this.#turn())
  }

  stop(): void {
    this.#isStopped = true
  }

  async readThrough(id: Id, key: string): Promise<void> {
    let isOver = false
    this.#read(id, key, () => (isOver = true))
    await this.#cluster.until(() => isOver)
  }

  /** Each turn asks another node. */
  #turn(): void {
    if (this.#isStopped) return
    const id = this.#random.pick(IDS)
    const key = this.#random.pick(KEYS as [string, ...string[]])
    const isRead = this.#random.chance(READ_PERCENT)
    if (!this.#cluster.node(id).isUp) this.start()
    else if (isRead) this.#read(id, key, () => this.start())
    else this.#write(id, key, () => this.start())
  }

  #read(id: Id, key: string, done: () => void): void {
    const request = { ...this.#request(key), session: this.#token }
    this.#call<ReadAnswer>(
      id,
      'read',
      key,
      null,
      (service) => service.get(request),
      (answer) => {
        const values = answer.siblings.map(({ value }) => Number(new TextDecoder().decode(value)))
        return values.length > 1 ? values : (values[0] ?? null)
      },
      done,
    )
  }

  #write(id: Id, key: string, done: () => void): void {
    const value = this.#events.length
    const content = {
      value: new TextEncoder().encode(String(value)),
      contentType: 'text/plain',
      tombstone: false,
      expiresAtMs: 0,
    }
    const request = { ...this.#request(key), session: this.#token, content, context: undefined }
    this.#call<WriteAnswer>(
      id,
      'write',
      key,
      value,
      (service) => service.put(request),
      () => value,
      done,
    )
  }

  #call<T extends { readonly session?: Session | undefined }>(
    id: Id,
    f: 'read' | 'write',
    key: string,
    input: Json,
    ask: (service: NodeService) => Promise<T>,
    outputOf: (answer: T) => Json,
    done: () => void,
  ): void {
    const note = (type: HistoryEvent['type'], value: Json): void => {
      const time = Math.round(this.#cluster.schedule.nowUs * 1000)
      const index = this.#events.length
      const of = { process: this.#process, session: this.#session, f, key, node: id }
      this.#events.push({ ...of, index, time, type, value })
    }
    note('invoke', input)
    this.#cluster.node(id).call(ask, (end) => {
      if (end.type === 'answered') {
        this.#token = end.answer.session
        note('ok', outputOf(end.answer))
      } else if (isRejected(end)) note('fail', input)
      else {
        note('info', input)
        this.#process += 1000
      }
      done()
    })
  }

  #request(key: string) {
    const { bucket, level } = this.#load
    return { bucket, key, level, timeoutMs: TIMEOUT_MS, requestId: 'test' }
  }
}

function isRejected<T>(end: CallEnd<T>): boolean {
  if (end.type !== 'failed' || !(end.error instanceof QuorateError)) return false
  return end.error.kind.outcome === 'rejected'
}
