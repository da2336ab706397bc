/** The network port of a simulated process: its end of the wires (wires.ts). */
import type {
  Channel,
  Credentials,
  Doorkeeper,
  Network,
  PeerAddress,
  PeerRefusal,
  Refusal,
} from '../../ports/network.ts'
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Host } from './host.ts'
import type { WireEnd } from './wire-end.ts'
import type { Wires } from './wires.ts'

export class VirtualNetwork implements Network, WireEnd {
  readonly host: Host
  readonly address: string
  readonly newestVersion: number
  oldestVersion = VERSIONS.oldest
  readonly #wires: Wires
  #peers = new Set<string>()
  readonly #dialling = new Set<string>()
  #isRunning = false
  #takeFrame: (from: string, channel: Channel, frame: Uint8Array) => void = () => undefined
  #takeLink: (peer: string, open: boolean) => void = () => undefined
  #takeRefusal: (refusal: PeerRefusal) => void = () => undefined
  #doorkeeper: Doorkeeper | undefined
  #takeExcluded: (peer: string, document: string) => void = () => undefined
  shown = { epoch: 0, document: '' }
  /** Called when the receiver throws. The link is then closed. */
  onGarbage: (error: unknown) => void = () => undefined

  constructor(host: Host, wires: Wires, newestVersion = VERSIONS.newest, address = host.id) {
    this.host = host
    this.address = address
    this.newestVersion = newestVersion
    this.#wires = wires
  }

  send(to: string, channel: Channel, frame: Uint8Array): boolean {
    if (!this.#isRunning) return false
    return this.#wires.send(this.address, to, channel, frame)
  }

  isOpen(to: string): boolean {
    return this.#isRunning && this.#wires.isOpen(this.address, to)
  }

  versionOf(to: string, channel: Channel): number | undefined {
    return this.#isRunning ? this.#wires.versionOf(this.address, to, channel) : undefined
  }

  isLinked(peer: string): boolean {
    return this.#isRunning && this.#wires.isLinked(this.address, peer)
  }

  onFrame(listener: (from: string, channel: Channel, frame: Uint8Array) => void): void {
    this.#takeFrame = listener
  }

  onLink(listener: (peer: string, open: boolean) => void): void {
    this.#takeLink = listener
  }

  setDoorkeeper(doorkeeper: Doorkeeper): void {
    this.#doorkeeper = doorkeeper
  }

  /** The credentials of its node. A node of version 2 sends only the founding id. */
  introduce(): Credentials {
    const credentials = this.#doorkeeper?.introduce() ?? { founding: '' }
    return this.newestVersion < 3 ? { founding: credentials.founding } : credentials
  }

  /** Why its node refuses a link with the other process; undefined if it accepts. */
  judge(other: WireEnd, isDialled: boolean): Refusal | undefined {
    const { id } = other.host
    if (!this.wants(id)) return { reason: 'not_a_member', message: `${id} is not a member` }
    if (this.newestVersion < other.oldestVersion || other.newestVersion < this.oldestVersion) {
      return { reason: 'version', message: 'no version of the protocol in common' }
    }
    return this.#doorkeeper?.judge(id, other.introduce(), isDialled)
  }

  welcome(other: WireEnd, isDialled: boolean): Promise<void> {
    const { id } = other.host
    return this.#doorkeeper?.welcome(id, other.introduce(), isDialled) ?? Promise.resolve()
  }

  onRefusal(listener: (refusal: PeerRefusal) => void): void {
    this.#takeRefusal = listener
  }

  showMembership(epoch: number, document: string): void {
    this.shown = { epoch, document }
  }

  onExcluded(listener: (peer: string, document: string) => void): void {
    this.#takeExcluded = listener
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  setPeers(peers: readonly PeerAddress[], oldestVersion = VERSIONS.oldest): void {
    const before = this.#peers
    this.#peers = new Set(peers.map(({ id }) => id).filter((id) => id !== this.host.id))
    this.oldestVersion = oldestVersion
    if (!this.#isRunning) return
    for (const id of before) {
      const version = this.versionOf(id, 'ask') ?? this.versionOf(id, 'answer') ?? oldestVersion
      if (this.#peers.has(id) && version >= oldestVersion) continue
      this.#wires.drop(this.address, id)
    }
    this.#dialAll()
  }

  async start(): Promise<void> {
    this.#isRunning = true
    this.#wires.revive(this.address)
    this.#wires.join(this)
    this.#dialAll()
  }

  async close(): Promise<void> {
    if (!this.#isRunning) return
    this.#isRunning = false
    this.#wires.leave(this.address, false)
  }

  wants(peer: string): boolean {
    return this.#isRunning && this.#peers.has(peer)
  }

  isDialling(peer: string): boolean {
    return this.#dialling.has(peer)
  }

  startDialling(peer: string): () => void {
    this.#dialling.add(peer)
    return () => this.#dialling.delete(peer)
  }

  take(from: string, channel: Channel, frame: Uint8Array, close: () => void): void {
    if (!this.wants(from)) return
    try {
      this.#takeFrame(from, channel, frame)
    } catch (error) {
      this.onGarbage(error)
      close()
    }
  }

  tellLink(peer: string, open: boolean): void {
    this.host.run(this.host.task(() => this.#takeLink(peer, open)))
  }

  tellRefusal(refusal: PeerRefusal): void {
    this.host.run(this.host.task(() => this.#takeRefusal(refusal)))
  }

  tellExcluded(refusing: WireEnd): void {
    const { epoch, document } = refusing.shown
    if (epoch <= this.shown.epoch) return
    this.host.run(this.host.task(() => this.#takeExcluded(refusing.host.id, document)))
  }

  #dialAll(): void {
    for (const peer of this.#peers) {
      if (!this.isOpen(peer)) this.#wires.dial(this.address, peer)
    }
  }
}
