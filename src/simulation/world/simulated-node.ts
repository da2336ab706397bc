/**
 * One node of a simulated world: the production code over virtual ports, on a machine that can crash, freeze, lose its
 * directory and come back. A call of the node ends with an answer, an error, or the death of the node.
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import { DamagedStateError } from '../../node/storage/checked-disk.ts'
import { createNode, type Node } from '../../node/node.ts'
import type { NodeSettings } from '../../node/node-settings.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { Log, LogFields } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Tracer } from '../../ports/tracer.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import { Host } from './host.ts'
import type { Schedule } from './schedule.ts'
import { Platter, VirtualDisk } from './virtual-disk.ts'
import { VirtualNetwork } from './virtual-network.ts'
import type { Wires } from './wires.ts'

export type CallEnd<T> =
  | { readonly type: 'answered'; readonly answer: T }
  | { readonly type: 'failed'; readonly error: unknown }
  /** The node died during the call. */
  | { readonly type: 'died' }

export interface NodeEvents {
  /** Called when a part of the node throws that must never throw. */
  readonly onBroken: (node: string, error: unknown) => void
  /** Called with the number of asks and answers that arrived. */
  readonly onMessages: (count: number) => void
  readonly onLog: (node: string, level: string, fields: LogFields, message: string) => void
  readonly onCount?: (node: string, name: string, labels: Readonly<Record<string, string>>) => void
  /** Is told every metric of that node. */
  readonly metricsOf?: (node: string) => Metrics
  /** Records the spans of that node. A run of the simulator has none. */
  readonly tracerOf?: (node: string) => Tracer
}

/** A failed start, for example on a full disk, is repeated after this pause, as a supervisor does. */
const START_RETRY_US = 500_000

/** A superseded process ends, and is started again after this pause, as a supervisor does. */
const RESTART_US = 2_000_000

export class SimulatedNode {
  readonly id: string
  /** The address of its processes: the id, except for a second machine of the same id (twin.ts). */
  readonly address: string
  readonly host: Host
  readonly platter: Platter
  /** The newest version of the protocol that the node speaks from its next start on. */
  protocol = VERSIONS.newest
  readonly #wires: Wires
  readonly #settings: NodeSettings
  readonly #random: SeededRandom
  readonly #events: NodeEvents
  readonly #deaths = new Set<() => void>()
  #node: Node | undefined
  #isUp = false
  #lives = 0
  #isGone = false
  /** The topology document that made it a member, if it was not a first member. */
  #joined: string | undefined

  constructor(
    index: number,
    schedule: Schedule,
    wires: Wires,
    settings: NodeSettings,
    random: SeededRandom,
    events: NodeEvents,
    isNewcomer = false,
    address = settings.nodeId,
  ) {
    this.#isGone = isNewcomer
    this.id = settings.nodeId
    this.address = address
    this.host = new Host(this.id, index, schedule)
    this.platter = new Platter(random.child('platter'))
    this.#wires = wires
    this.#settings = settings
    this.#random = random
    this.#events = events
  }

  /** Whether it serves requests. */
  get isUp(): boolean {
    return this.#isUp && !this.host.isFrozen
  }

  /** Whether it has started, even if it is frozen now. */
  get hasStarted(): boolean {
    return this.#isUp
  }

  /** Whether it is lost forever, or not a member yet. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Whether there is a process, even a frozen or starting one. */
  get hasProcess(): boolean {
    return this.#node !== undefined
  }

  /** The node itself, to inspect after a run. */
  get service(): NodeService | undefined {
    return this.#node
  }

  /** Makes the node a member by that topology document, and starts it. */
  join(document: string): void {
    this.#joined = document
    this.#isGone = false
    this.start()
  }

  /** Loses the machine forever, with everything on it. */
  lose(): void {
    this.crash('machine')
    this.platter.wipe()
    this.#isGone = true
  }

  start(): void {
    if (this.#node !== undefined || this.#isGone) return
    this.host.end()
    const { life } = this.host
    const random = this.#random.child(`life ${this.#lives++}`)
    const network = new VirtualNetwork(this.host, this.#wires, this.protocol, this.address)
    network.onGarbage = (error) => this.#events.onBroken(this.address, error)
    const node = createNode(
      {
        clock: this.host,
        timers: this.host.timers(),
        random: { below: (bound) => random.below(bound) },
        disk: new VirtualDisk(this.platter, this.host, random.child('disk')),
        network,
        codec: msgpackCodec,
        log: this.#log(),
        metrics: this.#metrics(),
        tracer: this.#events.tracerOf?.(this.address),
      },
      {
        ...this.#settings,
        joined: this.#joined,
        hasLostData: this.platter.isLossy,
        onSuperseded: () => this.#restartSoon(life),
      },
    )
    this.#node = node
    node.start().then(
      () => {
        if (this.host.life !== life) return
        this.#isUp = true
        this.platter.isLossy = false
      },
      (error: unknown) => {
        if (this.host.life !== life) return
        const fields = { error: String(error) }
        this.#events.onLog(this.address, 'error', fields, 'the node did not start')
        this.#end(false)
        this.platter.endProcess()
        if (error instanceof DamagedStateError) this.platter.replace()
        this.host.schedule.after(START_RETRY_US, () => this.start())
      },
    )
  }

  /** `process`: the process is killed. `machine`: the machine also loses unsynced writes. */
  crash(what: 'process' | 'machine'): void {
    if (this.#node === undefined) return
    this.#end(what === 'machine')
    if (what === 'machine') this.platter.endMachine()
    else this.platter.endProcess()
  }

  /** Stops the node cleanly. Resolves when the process has ended. */
  async stop(): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    this.#isUp = false
    const { life } = this.host
    await node.stop()
    if (this.host.life === life) this.#end(false)
  }

  /** Runs `ask` on the node like a request that arrives now. Calls back once. */
  call<T>(ask: (service: NodeService) => Promise<T>, done: (end: CallEnd<T>) => void): void {
    const node = this.#node
    if (node === undefined) {
      done({ type: 'died' })
      return
    }
    let isOver = false
    const finish = (end: CallEnd<T>): void => {
      if (isOver) return
      isOver = true
      this.#deaths.delete(die)
      done(end)
    }
    const die = (): void => finish({ type: 'died' })
    this.#deaths.add(die)
    this.host.run(() => {
      ask(node).then(
        (answer) => finish({ type: 'answered', answer }),
        (error: unknown) => finish({ type: 'failed', error }),
      )
    })
  }

  #restartSoon(life: number): void {
    this.host.schedule.after(0, () => {
      if (this.host.life !== life) return
      this.crash('process')
      this.host.schedule.after(RESTART_US, () => this.start())
    })
  }

  #end(isSilent: boolean): void {
    this.#isUp = false
    this.#node = undefined
    this.#wires.leave(this.address, isSilent)
    this.host.end()
    for (const die of this.#deaths) die()
  }

  #metrics(): Metrics {
    const told = this.#events.metricsOf?.(this.address)
    return {
      count: (name, labels, by) => {
        told?.count(name, labels, by)
        this.#events.onCount?.(this.address, name, labels ?? {})
        if (name === 'peer_messages_total' && labels?.['direction'] === 'in') {
          this.#events.onMessages(by ?? 1)
        }
      },
      gauge: (name, value, labels) => told?.gauge(name, value, labels),
      seconds: (name, seconds, labels) => told?.seconds(name, seconds, labels),
    }
  }

  #log(): Log {
    const say =
      (level: string) =>
      (fields: LogFields, message: string): void =>
        this.#events.onLog(this.address, level, fields, message)
    return { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  }
}
