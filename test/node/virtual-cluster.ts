/** Three real nodes, or as many as are named, on virtual time. Time advances only while a test waits for something. */
import { expect } from 'vitest'
import { QuorateError } from '../../src/core/errors.ts'
import type { PlainLevel } from '../../src/core/quorum/level.ts'
import type { ConvergenceAnswer, NodeService } from '../../src/node/service/service.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { runSchedule, Schedule } from '../../src/simulation/world/schedule.ts'
import { type NodeEvents, SimulatedNode } from '../../src/simulation/world/simulated-node.ts'
import { Wires } from '../../src/simulation/world/wires.ts'

export const IDS = ['n1', 'n2', 'n3'] as const
export type Id = (typeof IDS)[number] | 'n4' | 'n5'

/** The longest wait, in virtual time. */
const LIMIT_US = 120_000_000
const LOOK_US = 100_000

const utf8 = new TextEncoder()

/** Starts a cluster whose members reach each other. Fails if `run` breaks an invariant. */
export async function withCluster(
  name: string,
  run: (cluster: VirtualCluster) => Promise<void>,
): Promise<void> {
  const cluster = new VirtualCluster(name)
  await cluster.start()
  // So that every member is in reach.
  await cluster.pass(2)
  await run(cluster)
  expect(cluster.broken).toEqual([])
}

export class VirtualCluster {
  readonly schedule = new Schedule()
  readonly wires: Wires
  /** Errors of broken invariants; empty in a test that passes. */
  readonly broken: unknown[] = []
  /** The log lines of the nodes. */
  readonly logged: string[] = []
  /** The counts of the nodes by `name kind`, since a test last cleared them. */
  readonly counted = new Map<string, number>()
  readonly #ids: readonly Id[]
  readonly #nodes: ReadonlyMap<string, SimulatedNode>

  constructor(
    seed: string,
    ids: readonly Id[] = IDS,
    hintBytesPerOwnerMax = 1_000_000,
    metricsOf?: NodeEvents['metricsOf'],
    tracerOf?: NodeEvents['tracerOf'],
  ) {
    this.#ids = ids
    const random = new SeededRandom(seed)
    this.wires = new Wires(this.schedule, random.child('wires'))
    const members = ids.map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
    const settings = {
      members,
      durability: 'sync' as const,
      requestTimeoutMs: 2000,
      maxClockDriftMs: 500,
      cacheBytesMax: 1_000_000,
      hintBytesPerOwnerMax,
      inflightRequestsMax: 100,
    }
    const events = {
      onBroken: (_: string, error: unknown) => this.broken.push(error),
      onMessages: () => undefined,
      onCount: (_node: string, name: string, { kind }: Readonly<Record<string, string>>) => {
        const counter = kind === undefined ? name : `${name} ${kind}`
        this.counted.set(counter, (this.counted.get(counter) ?? 0) + 1)
      },
      onLog: (_node: string, _level: string, _fields: object, message: string) => {
        this.logged.push(message)
      },
      ...(metricsOf === undefined ? {} : { metricsOf }),
      ...(tracerOf === undefined ? {} : { tracerOf }),
    }
    this.#nodes = new Map(
      ids.map((id, i) => [
        id,
        new SimulatedNode(
          i,
          this.schedule,
          this.wires,
          { ...settings, nodeId: id },
          random.child(id),
          events,
        ),
      ]),
    )
  }

  node(id: Id): SimulatedNode {
    return this.#nodes.get(id) as SimulatedNode
  }

  /** Starts all nodes, and waits until they serve. */
  async start(): Promise<void> {
    for (const id of this.#ids) this.node(id).start()
    await this.until(() => this.#ids.every((id) => this.node(id).isUp))
  }

  /** Advances time until `isDone` is true. Rejects if it does not become true in time. */
  async until(isDone: () => boolean): Promise<void> {
    await runSchedule(this.schedule, this.schedule.nowUs + LIMIT_US, isDone)
    if (!isDone()) throw new Error('it did not come within two minutes')
  }

  async pass(seconds: number): Promise<void> {
    await runSchedule(this.schedule, this.schedule.nowUs + seconds * 1_000_000)
  }

  /** The answer, or the code of the error. */
  async ask<T>(id: Id, request: (service: NodeService) => Promise<T>): Promise<T | string> {
    let answer: T | string | undefined
    this.node(id).call(request, (end) => {
      if (end.type === 'answered') answer = end.answer
      else if (end.type === 'died') answer = 'died'
      else answer = end.error instanceof QuorateError ? end.error.code : String(end.error)
    })
    await this.until(() => answer !== undefined)
    return answer as T | string
  }

  /** Writes a value, or deletes if it is undefined. Resolves with 'ok' or the code of the error. */
  async put(
    id: Id,
    key: string,
    value: string | undefined,
    level: PlainLevel = 'quorum',
    ttlMs?: number,
  ): Promise<string> {
    const content = {
      value: utf8.encode(value ?? ''),
      contentType: value === undefined ? '' : 'text/plain',
      tombstone: value === undefined,
      expiresAtMs: ttlMs === undefined ? 0 : Math.floor(this.node(id).host.wallMs()) + ttlMs,
    }
    const answer = await this.ask(id, (service) =>
      service.put({ ...this.#at(key, level), content, context: undefined }),
    )
    return typeof answer === 'string' ? answer : 'ok'
  }

  /** The values, or the code of the error. */
  async get(id: Id, key: string, level: PlainLevel = 'quorum'): Promise<string[] | string> {
    const answer = await this.ask(id, (service) => service.get(this.#at(key, level)))
    if (typeof answer === 'string') return answer
    return answer.siblings.map(({ value }) => new TextDecoder().decode(value)).sort()
  }

  async convergence(id: Id): Promise<ConvergenceAnswer> {
    const answer = await this.ask(id, (service) => service.convergence(undefined))
    if (typeof answer === 'string') throw new Error(answer)
    return answer
  }

  /** Waits until all owners report that they hold the same copies. */
  async converged(): Promise<void> {
    const endUs = this.schedule.nowUs + LIMIT_US
    while (!(await this.convergence('n1')).converged) {
      if (this.schedule.nowUs > endUs) throw new Error('the copies did not become equal')
      await runSchedule(this.schedule, this.schedule.nowUs + LOOK_US)
    }
  }

  /** Cuts a node off from all others silently. The returned function undoes the cut. */
  isolate(id: Id): () => void {
    const cuts = this.#ids
      .filter((other) => other !== id)
      .flatMap((other) => [this.wires.cut(id, other, 'mute'), this.wires.cut(other, id, 'mute')])
    return () => {
      for (const cut of cuts) cut.undo()
    }
  }

  /** The storage keys on the disk of a node under a prefix (storage-keys.ts). */
  keysUnder(id: Id, prefix: string): string[] {
    return this.node(id)
      .platter.keys()
      .filter((key) => key.startsWith(prefix))
  }

  #at(key: string, level: PlainLevel) {
    return { bucket: 'default', key, level, requestId: 'test' }
  }
}
