/**
 * Takes the frames of peers. Their answers go to the asks of this node. Their own asks are judged by the topology, the
 * clock and the deadline, and then handled.
 *
 * If a peer has a newer topology, this node fetches it before it does anything that depends on it.
 */
import type { Codec } from '../../ports/codec.ts'
import type { Log } from '../../ports/log.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Channel, Network } from '../../ports/network.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { PeerLives } from '../identity/peer-lives.ts'
import { type Answer, type Ask, type Frame, parseFrame } from '../wire/messages.ts'
import type { AskHandlers } from './ask-handlers.ts'
import { AskAdmission } from './ask-admission.ts'
import type { AskTraces } from './ask-traces.ts'
import type { EpochSource } from './epoch-source.ts'
import type { Peers } from './peers.ts'

export interface FramesInParts {
  readonly clock: NodeClock
  readonly epochs: EpochSource
  readonly lives: PeerLives
  readonly peers: Peers
  readonly handlers: AskHandlers
  /** Undefined if this node traces nothing. */
  readonly traces?: AskTraces | undefined
}

export class FramesIn {
  readonly #network: Network
  readonly #codec: Codec
  readonly #metrics: Metrics
  readonly #parts: FramesInParts
  readonly #asks: AskAdmission

  constructor(
    ports: { network: Network; codec: Codec; log: Log; metrics: Metrics },
    parts: FramesInParts,
  ) {
    this.#codec = ports.codec
    this.#metrics = ports.metrics
    this.#parts = parts
    this.#asks = new AskAdmission(ports, { ...parts, out: parts.peers.out })
    this.#network = ports.network
  }

  /** Call before the network starts. */
  start(): void {
    this.#network.onFrame((from, channel, bytes) => this.#receive(from, channel, bytes))
  }

  /** Resolves when every ask that has come is answered. */
  answered(): Promise<void> {
    return this.#asks.answered()
  }

  #receive(from: string, channel: Channel, bytes: Uint8Array): void {
    const { clock, lives, peers } = this.#parts
    const frame = parseFrame(this.#codec.decode(bytes))
    const { stamp, wallMs, epoch, life, items, version } = frame
    this.#metrics.count('peer_frames_total', DIRECTION_IN)
    this.#metrics.count('peer_messages_total', DIRECTION_IN, items.length)
    this.#metrics.count('peer_bytes_total', DIRECTION_IN, bytes.length)
    const isTrusted = clock.receive(from, stamp, wallMs)
    if (isTrusted) {
      lives.note(from, life, stamp)
      peers.versionHeard.emit(from, version, stamp)
    }
    peers.heard.emit(from, channel)
    if (channel === 'ask') this.#takeAsks(from, frame, isTrusted)
    else peers.takeAnswers(from, items as unknown as Answer[], epoch, isTrusted)
  }

  #takeAsks(from: string, frame: Frame, isTrusted: boolean): void {
    const { epochs, peers } = this.#parts
    const { epoch } = frame
    const asks = frame.items as unknown as Ask[]
    const isBehind = epoch > epochs.epoch
    const run = (): void => {
      for (const ask of asks) this.#asks.take(from, ask, epoch, isTrusted)
    }
    if (isBehind && asks.some(([, kind]) => !this.#asks.isAnyEpoch(kind))) {
      epochs.catchUp(from, peers, run)
      return
    }
    // Gossip is handled at once. It is how a node without client requests learns that there is a newer topology.
    run()
    if (isBehind) epochs.catchUp(from, peers, () => undefined)
  }
}

const DIRECTION_IN = { direction: 'in' }
