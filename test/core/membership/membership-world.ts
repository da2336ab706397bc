/**
 * Several `Membership`s in virtual time: messages with latency and loss, cuts of single directions, pauses,
 * crashes and restarts. Deterministic in its seed. Time moves by whole milliseconds.
 */
import type { MembershipChange } from '../../../src/core/membership/member-table.ts'
import { Membership } from '../../../src/core/membership/membership.ts'
import {
  type MembershipAction,
  parseMembershipMessage,
} from '../../../src/core/membership/message.ts'
import {
  MEMBERSHIP_SETTINGS,
  type MembershipSettings,
} from '../../../src/core/membership/membership-settings.ts'
import type { MemberState } from '../../../src/core/membership/update.ts'
import { seededRandom } from '../seeded-random.ts'

const TICK_MS = 100

export interface ObservedChange extends MembershipChange {
  readonly observer: string
}

interface Host {
  readonly id: string
  membership: Membership | undefined
  starts: number
  paused: boolean
  /** Frames that arrived during a pause: the kernel keeps them. */
  inbox: (() => void)[]
  /** Its ticks fall on this residue, so that no two nodes keep in step. */
  readonly tickOffset: number
}

export class MembershipWorld {
  readonly ids: readonly string[]
  readonly changes: ObservedChange[] = []
  readonly below: (bound: number) => number
  nowMs = 0
  /** Messages sent since the start, for the load. */
  sent = 0
  /** Chance in a thousand that a message is lost. */
  lossPermille = 0
  /** Extra delay of each message to that node. */
  readonly slowInboundMs = new Map<string, number>()
  readonly #hosts = new Map<string, Host>()
  readonly #cuts = new Set<string>()
  readonly #deliveries = new Map<number, (() => void)[]>()
  readonly #settings: MembershipSettings

  constructor(count: number, seed: number, settings: MembershipSettings = MEMBERSHIP_SETTINGS) {
    this.ids = Array.from({ length: count }, (_, i) => `n${i + 1}`)
    this.below = seededRandom(seed)
    this.#settings = settings
    for (const id of this.ids) {
      const tickOffset = this.below(TICK_MS)
      this.#hosts.set(id, {
        id,
        membership: undefined,
        starts: 0,
        paused: false,
        inbox: [],
        tickOffset,
      })
      this.start(id)
    }
  }

  start(id: string): void {
    const host = this.#host(id)
    host.starts += 1
    host.paused = false
    host.inbox = []
    host.membership = new Membership({
      self: id,
      members: this.ids,
      incarnation: host.starts * 1000,
      nowMs: this.nowMs,
      settings: this.#settings,
    })
  }

  crash(id: string): void {
    const host = this.#host(id)
    host.membership = undefined
    host.inbox = []
  }

  pause(id: string): void {
    this.#host(id).paused = true
  }

  /** As in an event loop that was stopped: overdue timers come before the frames that wait. */
  resume(id: string): void {
    const host = this.#host(id)
    host.paused = false
    this.perform(id, this.of(id).tick(this.nowMs, this.below))
    this.#observe(host)
    for (const deliver of host.inbox.splice(0)) deliver()
  }

  /** Frames from `from` to `to` are lost from now on, those under way too. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`)
  }

  partition(a: readonly string[], b: readonly string[]): void {
    for (const x of a)
      for (const y of b) {
        this.cut(x, y)
        this.cut(y, x)
      }
  }

  heal(): void {
    this.#cuts.clear()
  }

  of(id: string): Membership {
    const { membership } = this.#host(id)
    if (membership === undefined) throw new Error(`${id} is not running`)
    return membership
  }

  perform(id: string, actions: readonly MembershipAction[]): void {
    for (const { to, message } of actions) {
      this.sent += 1
      if (this.below(1000) < this.lossPermille) continue
      const at = this.nowMs + 1 + this.below(4) + (this.slowInboundMs.get(to) ?? 0)
      // What travels is plain data: it must survive a copy and the check of the receiver.
      const data: unknown = JSON.parse(JSON.stringify(message))
      const life = this.#host(to).starts
      this.#at(at, () => this.#deliver(id, to, life, data))
    }
  }

  /** Runs until `stop` holds; how long that took, or undefined if it did not within `limitMs`. */
  runUntil(limitMs: number, stop: () => boolean): number | undefined {
    const start = this.nowMs
    while (this.nowMs - start <= limitMs) {
      if (stop()) return this.nowMs - start
      this.#step()
    }
    return undefined
  }

  run(durationMs: number): void {
    const end = this.nowMs + durationMs
    while (this.nowMs < end) this.#step()
  }

  /** Whether each of `observers` sees each of `members` so. */
  agree(observers: readonly string[], members: readonly string[], state: MemberState): boolean {
    return observers.every((o) => members.every((m) => m === o || this.of(o).state(m) === state))
  }

  #step(): void {
    this.nowMs += 1
    for (const task of this.#deliveries.get(this.nowMs) ?? []) task()
    this.#deliveries.delete(this.nowMs)
    for (const host of this.#hosts.values()) {
      if (host.membership === undefined || host.paused) continue
      if (this.nowMs % TICK_MS !== host.tickOffset) continue
      this.perform(host.id, host.membership.tick(this.nowMs, this.below))
      this.#observe(host)
    }
  }

  #deliver(from: string, to: string, life: number, data: unknown): void {
    const host = this.#host(to)
    if (host.membership === undefined || host.starts !== life) return
    if (this.#cuts.has(`${from}>${to}`)) return
    if (host.paused) {
      host.inbox.push(() => this.#deliver(from, to, life, data))
      return
    }
    const message = parseMembershipMessage(data)
    if (message === undefined) throw new Error(`not a message: ${JSON.stringify(data)}`)
    this.perform(to, host.membership.receive(from, message, this.nowMs))
    this.#observe(host)
  }

  #observe(host: Host): void {
    for (const change of host.membership?.drainChanges() ?? []) {
      this.changes.push({ ...change, observer: host.id })
    }
  }

  #at(ms: number, task: () => void): void {
    const tasks = this.#deliveries.get(ms)
    if (tasks === undefined) this.#deliveries.set(ms, [task])
    else tasks.push(task)
  }

  #host(id: string): Host {
    const host = this.#hosts.get(id)
    if (host === undefined) throw new Error(`no host ${id}`)
    return host
  }
}
