/**
 * One node of a simulated world: the production code, composed over virtual ports, on a machine that can
 * crash, freeze, lose its directory and come back. Who calls it gets an answer, or is told that it died.
 */
import { msgpackCodec } from '../../adapters/codec/msgpack-codec.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import { DamagedStateError } from '../../node/storage/checked-disk.ts'
import { createNode, type Node } from '../../node/node.ts'
import type { NodeSettings } from '../../node/node-settings.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { Log, LogFields } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import { Host } from './host.ts'
import type { Schedule } from './schedule.ts'
import { Platter, VirtualDisk } from './virtual-disk.ts'
import { VirtualNetwork } from './virtual-network.ts'
import type { Wires } from './wires.ts'

export type CallEnd<T> =
  | { readonly type: 'answered'; readonly answer: T }
  | { readonly type: 'failed'; readonly error: unknown }
  /** The node died under the call. */
  | { readonly type: 'died' }

export interface NodeEvents {
  /** Something in the node threw where nothing may. */
  readonly onBroken: (node: string, error: unknown) => void
  /** So many asks and answers have arrived. */
  readonly onMessages: (count: number) => void
  readonly onLog: (node: string, level: string, fields: LogFields, message: string) => void
  readonly onCount?: (node: string, name: string, labels: Readonly<Record<string, string>>) => void
}

/** A start that failed (a full disk) is tried again, as a supervisor does. */
const START_RETRY_US = 500_000

/** A process that another one has displaced ends, and a supervisor starts it again. */
const RESTART_US = 2_000_000

export class SimulatedNode {
  readonly id: string
  /** Of its processes: the id, except for a second machine of the same id (twin.ts). */
  readonly address: string
  readonly host: Host
  readonly platter: Platter
  /** The newest version of the protocol that it speaks, from its next start on. */
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
  /** The document that made it a member, where it was none from the start. */
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

  /** Whether it serves. */
  get isUp(): boolean {
    return this.#isUp && !this.host.isFrozen
  }

  /** Lost for ever, or no member yet. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Whether there is a process, frozen or starting as it may be. */
  get hasProcess(): boolean {
    return this.#node !== undefined
  }

  /** The node itself, to look at after a run. */
  get service(): NodeService | undefined {
    return this.#node
  }

  /** Becomes a member by that document, and starts. */
  join(document: string): void {
    this.#joined = document
    this.#isGone = false
    this.start()
  }

  /** The machine is lost for ever, and all that is on it. */
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

  /** `process`: killed; `machine`: with everything that it had not synced. */
  crash(what: 'process' | 'machine'): void {
    if (this.#node === undefined) return
    this.#end(what === 'machine')
    if (what === 'machine') this.platter.endMachine()
    else this.platter.endProcess()
  }

  /** A clean stop; resolves when the process has ended. */
  async stop(): Promise<void> {
    const node = this.#node
    if (node === undefined) return
    this.#isUp = false
    const { life } = this.host
    await node.stop()
    if (this.host.life === life) this.#end(false)
  }

  /** Runs `ask` on the node, as a request that arrives now. Calls back once. */
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
    return {
      count: (name, labels, by) => {
        this.#events.onCount?.(this.address, name, labels ?? {})
        if (name === 'peer_messages_total' && labels?.['direction'] === 'in') {
          this.#events.onMessages(by ?? 1)
        }
      },
      gauge: () => undefined,
      seconds: () => undefined,
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
