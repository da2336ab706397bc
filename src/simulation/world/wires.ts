/**
 * The network between simulated nodes. Each ordered pair of nodes has a link that the first node opens. Asks travel
 * along it, and answers come back on it. A link ends with the process at either end, and its frames on the way are
 * lost.
 *
 * Processes have addresses. The address of a node is its id; a second process with the same id has another address.
 * Each node dials an id at one address, and accepts any process that dials it under that id.
 *
 * There are three kinds of cuts, as in real networks: `reset` (both ends notice), `mute` (frames vanish and nobody
 * notices), `hold` (frames wait and arrive late, when the cut ends). During other faults a frame can be lost,
 * duplicated or reordered, although the network port promises more: nodes must also survive that.
 */
import type { Channel } from '../../ports/network.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import { ByPair } from './by-pair.ts'
import type { Schedule } from './schedule.ts'
import type { WireEnd } from './wire-end.ts'

export type CutKind = 'reset' | 'mute' | 'hold'

export interface WireFaults {
  /** The percentages of frames that are lost, duplicated and reordered. */
  lossPercent: number
  duplicatePercent: number
  reorderPercent: number
  /** Added to the latency of each frame. */
  delayMs: number
}

export interface FrameEvent {
  readonly from: string
  readonly to: string
  readonly channel: Channel
  readonly frame: Uint8Array
}

/** A frame on its way. */
export interface Flight extends FrameEvent {
  readonly sentUs: number
  /** When it arrives, unless a cut stops or holds it. */
  readonly dueUs: number
}

const LATENCY_US = [150, 900] as const
/** Some frames take longer, as on every real network. */
const SLOW_PERCENT = 1
const SLOW_US = [1000, 30_000] as const
/** An attempt to link ends after so long. */
const WELCOME_US_MAX = 1_000_000
const DIAL_US = [20_000, 300_000] as const
/** How soon the other end of a link notices the death of a process. */
const RESET_US = 500
const HELD_FRAMES_MAX = 10_000

/** The cuts from one node to another, and the frames that wait for their end. */
interface Cuts {
  readonly kinds: CutKind[]
  held: (() => void)[]
}

interface LinkedFlight extends Flight {
  readonly link: Link
  /** The age of the link when the frame was sent. */
  readonly age: number
}

/** A link between two addresses. */
interface Link {
  readonly from: string
  readonly to: string
  /** The ids of the nodes at both ends. */
  readonly fromId: string
  readonly toId: string
  isOpen: boolean
  /** The newest version of the protocol that both ends speak. */
  version: number
  /** Rises each time the link opens or closes. Frames sent before that are lost. */
  age: number
  /** When the last frame of each direction arrives, because links keep the order of frames. */
  readonly lastUs: { ask: number; answer: number }
}

export class Wires {
  readonly #schedule: Schedule
  readonly #random: SeededRandom
  readonly #links = new ByPair<Link>()
  /** The processes by address. */
  readonly #ends = new Map<string, WireEnd>()
  /** For each node id, the addresses that its processes have had. */
  readonly #addresses = new Map<string, string[]>()
  /** For each address of a dialler and each node id, the address that it dials. */
  readonly #routes = new ByPair<{ address: string }>()
  readonly #cuts = new ByPair<Cuts>()
  readonly #flights = new Set<LinkedFlight>()
  readonly faults: WireFaults = {
    lossPercent: 0,
    duplicatePercent: 0,
    reorderPercent: 0,
    delayMs: 0,
  }
  frames = 0
  bytes = 0
  onSend: (from: string, frame: Uint8Array) => void = () => undefined
  /** A frame has left its node. The network may still lose it. */
  onDepart: (flight: Flight) => void = () => undefined
  onFrame: (event: FrameEvent, arrivesUs: number) => void = () => undefined
  onLink: (from: string, to: string, isOpen: boolean) => void = () => undefined

  constructor(schedule: Schedule, random: SeededRandom) {
    this.#schedule = schedule
    this.#random = random
  }

  /** Cuts one direction between two addresses. `undo` removes only this cut. */
  cut(from: string, to: string, kind: CutKind): { undo(): void } {
    const cuts = this.#cuts.ensure(from, to, () => ({ kinds: [], held: [] }))
    const { kinds } = cuts
    kinds.push(kind)
    if (kind === 'reset') this.closeBetween(from, to)
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

  /** The frames on their way, in the order in which they were sent. */
  flights(): Flight[] {
    return [...this.#flights].filter(({ link, age }) => link.age === age)
  }

  isCut(from: string, to: string): boolean {
    return (this.#cuts.get(from, to)?.kinds.length ?? 0) > 0
  }

  /** From now on the process at `from` dials that node at another address. Open links stay. */
  route(from: string, id: string, address: string): void {
    this.#routes.ensure(from, id, () => ({ address })).address = address
  }

  join(end: WireEnd): void {
    const { id } = end.host
    this.#ends.set(end.address, end)
    const known = this.#addresses.get(id)
    if (known === undefined) this.#addresses.set(id, [end.address])
    else if (!known.includes(end.address)) known.push(end.address)
    for (const other of this.#ends.values()) {
      if (other.host.id !== id) this.#dial(other.address, id)
    }
  }

  /** The process at the address is gone. `isSilent`: so is its machine, and nobody notices until it is back. */
  leave(address: string, isSilent: boolean): void {
    this.#ends.delete(address)
    for (const link of this.#links.all()) {
      if (link.from === address) this.#close(link, false)
      else if (link.to === address) this.#close(link, !isSilent)
    }
  }

  /** Dials that node from the process at `from`, until the link is open or no longer wanted. */
  dial(from: string, id: string): void {
    this.#dial(from, id)
  }

  /** Whether the process at `from` has opened a link to that node. */
  isOpen(from: string, id: string): boolean {
    return this.#linkOf(from, id, 'ask') !== undefined
  }

  /**
   * Whether the process at `address` has a link with that node, opened by either end. Here a cut is noticed at once; on
   * a real network it takes a while.
   */
  isLinked(address: string, id: string): boolean {
    return this.#addressesOf(id).some(
      (other) =>
        !this.isCut(other, address) &&
        (this.#links.get(address, other)?.isOpen === true ||
          this.#links.get(other, address)?.isOpen === true),
    )
  }

  versionOf(address: string, id: string, channel: Channel): number | undefined {
    return this.#linkOf(address, id, channel)?.version
  }

  /** Closes all links between the process at `address` and that node. */
  drop(address: string, id: string): void {
    for (const other of this.#addressesOf(id)) this.closeBetween(address, other)
  }

  /** Closes the links between two addresses. */
  closeBetween(one: string, other: string): void {
    this.#reset(one, other)
    this.#reset(other, one)
  }

  send(address: string, id: string, channel: Channel, frame: Uint8Array): boolean {
    const link = this.#linkOf(address, id, channel)
    if (link === undefined) return false
    this.onSend(address, frame)
    const { lossPercent, duplicatePercent } = this.faults
    if (lossPercent > 0 && this.#random.chance(lossPercent)) return true
    const to = channel === 'ask' ? link.to : link.from
    this.#transmit(link, address, to, channel, frame)
    if (duplicatePercent > 0 && this.#random.chance(duplicatePercent)) {
      this.#transmit(link, address, to, channel, new Uint8Array(frame))
    }
    return true
  }

  /** The open link on which frames of that channel go from the process at `address` to that node. */
  #linkOf(address: string, id: string, channel: Channel): Link | undefined {
    for (const other of this.#addressesOf(id)) {
      const link =
        channel === 'ask' ? this.#links.get(address, other) : this.#links.get(other, address)
      if (link?.isOpen === true) return link
    }
    return undefined
  }

  #addressesOf(id: string): readonly string[] {
    return this.#addresses.get(id) ?? [id]
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
    const flight = { from, to, channel, frame, sentUs: nowUs, dueUs: arrivesUs, link, age }
    this.#flights.add(flight)
    this.onDepart(flight)
    this.#schedule.after(arrivesUs - nowUs, () => this.#arrive(flight))
  }

  #arrive(flight: LinkedFlight): void {
    const { from, to, channel, frame, link, age } = flight
    const cuts = this.#cuts.get(from, to)
    if (cuts !== undefined && cuts.kinds.length > 0) {
      const { kinds, held } = cuts
      if (kinds.includes('hold') && !kinds.includes('mute') && link.age === age) {
        if (held.length < HELD_FRAMES_MAX) {
          held.push(() => this.#schedule.after(0, () => this.#arrive(flight)))
          return
        }
      }
      this.#flights.delete(flight)
      return
    }
    this.#flights.delete(flight)
    if (link.age !== age) return
    const end = this.#ends.get(to)
    if (end === undefined) return
    this.frames++
    this.bytes += frame.length
    this.onFrame(flight, this.#schedule.nowUs)
    const peer = channel === 'ask' ? link.fromId : link.toId
    end.host.run(end.host.task(() => end.take(peer, channel, frame, () => this.#close(link, true))))
  }

  #latencyUs(): number {
    const [least, most] = this.#random.chance(SLOW_PERCENT) ? SLOW_US : LATENCY_US
    return least + this.#random.below(most - least)
  }

  #dial(from: string, id: string): void {
    const end = this.#ends.get(from)
    if (end === undefined || end.isDialling(id)) return
    const stop = end.startDialling(id)
    const attempt = (): void => {
      const to = this.#routes.get(from, id)?.address ?? id
      const other = this.#ends.get(to)
      if (this.#ends.get(from) !== end || !end.wants(id) || this.isOpen(from, id)) {
        stop()
      } else if (other === undefined || this.isCut(from, to) || this.isCut(to, from)) {
        again()
      } else if (this.#refuse(end, other)) {
        again()
      } else {
        const welcomes = [other.welcome(end, false), end.welcome(other, true)]
        let isOver = false
        // A process that dies meanwhile never settles its promise, so the attempt has a limit.
        this.#schedule.after(WELCOME_US_MAX, () => {
          if (!isOver) again()
          isOver = true
        })
        void Promise.all(welcomes).then(() => {
          if (isOver) return
          isOver = true
          const isStill = this.#ends.get(from) === end && this.#ends.get(to) === other
          if (!isStill || this.isOpen(from, id) || this.#refuse(end, other)) {
            again()
            return
          }
          stop()
          this.#open(end, other)
        })
      }
    }
    const again = (): void => void this.#schedule.after(this.#between(DIAL_US), attempt)
    again()
  }

  /** Whether one of the ends refuses the link. Both ends are told. */
  #refuse(end: WireEnd, other: WireEnd): boolean {
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

  #open(end: WireEnd, other: WireEnd): void {
    const [from, to] = [end.address, other.address]
    const link = this.#links.ensure(from, to, () => ({
      from,
      to,
      fromId: end.host.id,
      toId: other.host.id,
      isOpen: false,
      version: 0,
      age: 0,
      lastUs: { ask: 0, answer: 0 },
    }))
    // A node accepts one connection for each id, so a new connection replaces the old one.
    for (const older of this.#addressesOf(link.fromId)) if (older !== from) this.#reset(older, to)
    link.isOpen = true
    link.version = commonVersion(end, other) ?? 0
    link.age++
    this.onLink(from, to, true)
    end.tellLink(link.toId, true)
  }

  #reset(from: string, to: string): void {
    const link = this.#links.get(from, to)
    if (link !== undefined) this.#close(link, true)
  }

  #close(link: Link, tell: boolean): void {
    if (!link.isOpen) return
    if (!tell) {
      // Nobody notices: the first node keeps sending, in vain, until the other end is back.
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
      end.host.task(() => end.tellLink(link.toId, false)),
    )
    this.#dial(link.from, link.toId)
  }

  /** Breaks the links to a machine that is back after a silent end. */
  revive(address: string): void {
    for (const link of this.#links.all()) {
      if (link.to === address && link.isOpen) this.#close(link, true)
    }
  }

  #between([least, most]: readonly [number, number]): number {
    return least + this.#random.below(most - least)
  }
}

/** The newest version that both speak. */
function commonVersion(...ends: readonly [WireEnd, WireEnd]): number | undefined {
  const newest = Math.min(...ends.map(({ newestVersion }) => newestVersion))
  return ends.every(({ oldestVersion }) => newest >= oldestVersion) ? newest : undefined
}
