/**
 * The network between simulated nodes. Each ordered pair has a link that its first node opens; asks go along
 * it and answers come back. A link ends with the process at either end; what travels on it then is lost.
 *
 * Cuts are one of three kinds, because real ones are: `reset` (the ends are told), `mute` (frames vanish and
 * nobody is told), `hold` (frames wait and arrive, late, when the cut ends). Beyond what the port promises, a
 * frame can be lost, doubled or overtaken while a fault says so: nodes have to bear that, too.
 */
import type { Channel } from '../ports/network.ts'
import type { SeededRandom } from '../random/seeded-random.ts'
import { ByPair } from './by-pair.ts'
import type { Schedule } from './schedule.ts'
import type { VirtualNetwork } from './virtual-network.ts'

export type CutKind = 'reset' | 'mute' | 'hold'

export interface WireFaults {
  /** Of a hundred frames. */
  lossPercent: number
  duplicatePercent: number
  reorderPercent: number
  /** Added to each frame's way. */
  delayMs: number
}

export interface FrameEvent {
  readonly from: string
  readonly to: string
  readonly channel: Channel
  readonly frame: Uint8Array
}

const LATENCY_US = [150, 900] as const
/** Some frames take longer, as on every real network. */
const SLOW_PERCENT = 1
const SLOW_US = [1000, 30_000] as const
/** Then an attempt is given up. */
const WELCOME_US_MAX = 1_000_000
const DIAL_US = [20_000, 300_000] as const
/** Until the other end of a process that died is told so. */
const RESET_US = 500
const HELD_FRAMES_MAX = 10_000

/** What stops the frames from one node to another, and the frames that wait until it does no more. */
interface Cuts {
  readonly kinds: CutKind[]
  held: (() => void)[]
}

interface Link {
  readonly from: string
  readonly to: string
  isOpen: boolean
  /** Of the protocol: the newest that both ends speak. */
  version: number
  /** Rises each time it opens or closes: what was sent before is lost. */
  age: number
  /** When the last frame of each direction arrives: links keep their order. */
  readonly lastUs: { ask: number; answer: number }
}

export class Wires {
  readonly #schedule: Schedule
  readonly #random: SeededRandom
  readonly #links = new ByPair<Link>()
  readonly #ends = new Map<string, VirtualNetwork>()
  readonly #cuts = new ByPair<Cuts>()
  readonly faults: WireFaults = {
    lossPercent: 0,
    duplicatePercent: 0,
    reorderPercent: 0,
    delayMs: 0,
  }
  frames = 0
  bytes = 0
  onSend: (from: string, frame: Uint8Array) => void = () => undefined
  onFrame: (event: FrameEvent, arrivesUs: number) => void = () => undefined
  onLink: (from: string, to: string, isOpen: boolean) => void = () => undefined

  constructor(schedule: Schedule, random: SeededRandom) {
    this.#schedule = schedule
    this.#random = random
  }

  /** Stops what goes from one to the other; `undo` takes this cut, and no other, away. */
  cut(from: string, to: string, kind: CutKind): { undo(): void } {
    const cuts = this.#cuts.ensure(from, to, () => ({ kinds: [], held: [] }))
    const { kinds } = cuts
    kinds.push(kind)
    if (kind === 'reset') {
      this.#reset(from, to)
      this.#reset(to, from)
    }
    let isUndone = false
    return {
      undo: () => {
        if (isUndone) return
        isUndone = true
        kinds.splice(kinds.indexOf(kind), 1)
        if (kinds.length > 0) return
        const { held } = cuts
        cuts.held = []
        for (const deliver of held) deliver()
      },
    }
  }

  isCut(from: string, to: string): boolean {
    return (this.#cuts.get(from, to)?.kinds.length ?? 0) > 0
  }

  join(end: VirtualNetwork): void {
    this.#ends.set(end.host.id, end)
    for (const other of this.#ends.keys()) {
      if (other !== end.host.id) this.#dial(other, end.host.id)
    }
  }

  /** The process of `id` is gone. `isSilent`: its machine with it, so nobody is told until it is back. */
  leave(id: string, isSilent: boolean): void {
    this.#ends.delete(id)
    for (const link of this.#links.all()) {
      if (link.from === id) this.#close(link, false)
      else if (link.to === id) this.#close(link, !isSilent)
    }
  }

  /** The node at `from` wants a link to `to`: tried until it is there, or not wanted any more. */
  dial(from: string, to: string): void {
    this.#dial(from, to)
  }

  isOpen(from: string, to: string): boolean {
    return this.#links.get(from, to)?.isOpen === true
  }

  /** A cut is noticed after a while on a real network; here it is at once. */
  isLinked(one: string, other: string): boolean {
    const isHeard = !this.isCut(other, one)
    return isHeard && (this.isOpen(one, other) || this.isOpen(other, one))
  }

  versionOf(from: string, to: string, channel: Channel): number | undefined {
    const link = channel === 'ask' ? this.#links.get(from, to) : this.#links.get(to, from)
    return link?.isOpen === true ? link.version : undefined
  }

  drop(from: string, to: string): void {
    const link = this.#links.get(from, to)
    if (link !== undefined) this.#close(link, true)
  }

  send(from: string, to: string, channel: Channel, frame: Uint8Array): boolean {
    const link = channel === 'ask' ? this.#links.get(from, to) : this.#links.get(to, from)
    if (link === undefined || !link.isOpen) return false
    this.onSend(from, frame)
    const { lossPercent, duplicatePercent } = this.faults
    if (lossPercent > 0 && this.#random.chance(lossPercent)) return true
    this.#transmit(link, from, to, channel, frame)
    if (duplicatePercent > 0 && this.#random.chance(duplicatePercent)) {
      this.#transmit(link, from, to, channel, new Uint8Array(frame))
    }
    return true
  }

  #transmit(link: Link, from: string, to: string, channel: Channel, frame: Uint8Array): void {
    const nowUs = this.#schedule.nowUs
    const { reorderPercent, delayMs } = this.faults
    const freeUs = nowUs + this.#latencyUs() + delayMs * 1000
    let arrivesUs = Math.max(freeUs, link.lastUs[channel])
    if (reorderPercent > 0 && this.#random.chance(reorderPercent)) {
      arrivesUs = freeUs + this.#random.below(200_000)
    } else {
      link.lastUs[channel] = arrivesUs
    }
    const { age } = link
    const event = { from, to, channel, frame }
    this.#schedule.after(arrivesUs - nowUs, () => this.#arrive(link, age, event))
  }

  #arrive(link: Link, age: number, event: FrameEvent): void {
    const { from, to, channel, frame } = event
    const cuts = this.#cuts.get(from, to)
    if (cuts !== undefined && cuts.kinds.length > 0) {
      const { kinds, held } = cuts
      if (kinds.includes('hold') && !kinds.includes('mute') && link.age === age) {
        if (held.length < HELD_FRAMES_MAX) {
          held.push(() => this.#schedule.after(0, () => this.#arrive(link, age, event)))
        }
      }
      return
    }
    if (link.age !== age) return
    const end = this.#ends.get(to)
    if (end === undefined) return
    this.frames++
    this.bytes += frame.length
    this.onFrame(event, this.#schedule.nowUs)
    end.host.run(end.host.task(() => end.take(from, channel, frame, () => this.#close(link, true))))
  }

  #latencyUs(): number {
    const [least, most] = this.#random.chance(SLOW_PERCENT) ? SLOW_US : LATENCY_US
    return least + this.#random.below(most - least)
  }

  #dial(from: string, to: string): void {
    const end = this.#ends.get(from)
    if (end === undefined || end.isDialling(to)) return
    const stop = end.startDialling(to)
    const attempt = (): void => {
      const other = this.#ends.get(to)
      if (this.#ends.get(from) !== end || !end.wants(to) || this.isOpen(from, to)) {
        stop()
      } else if (other === undefined || this.isCut(from, to) || this.isCut(to, from)) {
        again()
      } else if (this.#refuse(end, other)) {
        again()
      } else {
        const welcomes = [other.welcome(end, false), end.welcome(other, true)]
        let isOver = false
        // A process that dies meanwhile never says that it is done.
        this.#schedule.after(WELCOME_US_MAX, () => {
          if (!isOver) again()
          isOver = true
        })
        void Promise.all(welcomes).then(() => {
          if (isOver) return
          isOver = true
          const isStill = this.#ends.get(from) === end && this.#ends.get(to) === other
          if (!isStill || this.isOpen(from, to) || this.#refuse(end, other)) {
            again()
            return
          }
          stop()
          this.#open(from, to)
        })
      }
    }
    const again = (): void => void this.#schedule.after(this.#between(DIAL_US), attempt)
    again()
  }

  /** Whether one of both ends wants no link; both are told. */
  #refuse(end: VirtualNetwork, other: VirtualNetwork): boolean {
    if (!other.isRunning) return true
    const theirs = other.judge(end, false)
    const ours = theirs ?? end.judge(other, true)
    if (ours === undefined) return false
    const isOurs = theirs === undefined
    end.tellRefusal({ peer: other.host.id, by: isOurs ? 'self' : 'peer', ...ours })
    if (!isOurs) other.tellRefusal({ peer: end.host.id, by: 'self', ...ours })
    if (theirs?.reason === 'not_a_member') end.tellExcluded(other)
    return true
  }

  #open(from: string, to: string): void {
    const link = this.#links.ensure(from, to, () => ({
      from,
      to,
      isOpen: false,
      version: 0,
      age: 0,
      lastUs: { ask: 0, answer: 0 },
    }))
    link.isOpen = true
    link.version = this.#commonVersion(from, to) ?? 0
    link.age++
    this.onLink(from, to, true)
    this.#ends.get(from)?.tellLink(to, true)
  }

  /** The newest that both speak. */
  #commonVersion(from: string, to: string): number | undefined {
    const ends = [this.#ends.get(from), this.#ends.get(to)]
    const newest = Math.min(...ends.map((end) => end?.newestVersion ?? 0))
    return ends.every((end) => end !== undefined && newest >= end.oldestVersion)
      ? newest
      : undefined
  }

  #reset(from: string, to: string): void {
    const link = this.#links.get(from, to)
    if (link !== undefined) this.#close(link, true)
  }

  #close(link: Link, tell: boolean): void {
    if (!link.isOpen) return
    if (!tell) {
      // Nobody is told: the first node sends on, into the void, until the other end is there again.
      link.age++
      if (this.#ends.get(link.from) === undefined) link.isOpen = false
      return
    }
    link.isOpen = false
    link.age++
    this.onLink(link.from, link.to, false)
    const end = this.#ends.get(link.from)
    if (end === undefined) return
    this.#schedule.after(
      RESET_US,
      end.host.task(() => end.tellLink(link.to, false)),
    )
    this.#dial(link.from, link.to)
  }

  /** Links into a machine that is back after a silent end are found broken. */
  revive(id: string): void {
    for (const link of this.#links.all()) {
      if (link.to === id && link.isOpen) this.#close(link, true)
    }
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.#random.below(most - least)
  }
}
