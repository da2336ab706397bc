/**
 * Sends messages to peers. All messages to one peer in one turn of the event loop travel in one frame, or in several if
 * there are too many (frame-parts.ts). Each frame names the version of the protocol that its link speaks.
 */
import { VERSIONS } from '../../core/protocol-versions.ts'
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Metrics } from '../../ports/metrics.ts'
import type { Channel, Network } from '../../ports/network.ts'
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import { frameParts } from '../wire/frame-parts.ts'
import { type Ask, encodeFrame } from '../wire/messages.ts'
import { Outboxes } from './outboxes.ts'

export interface FramesOutPorts {
  readonly network: Network
  readonly codec: Codec
  readonly timers: Timers
  readonly metrics: Metrics
}

export interface FramesOutParts {
  readonly clock: NodeClock
  /** The epoch of this node's topology. */
  readonly epochs: { readonly epoch: number }
  /** A number that is unique to this process. */
  readonly life: number
  /** Called for an ask that was certainly not sent. */
  readonly unsent: (askId: number) => void
}

export class FramesOut {
  readonly #ports: FramesOutPorts
  readonly #parts: FramesOutParts
  readonly #outboxes = new Outboxes()
  #flushScheduled = false

  constructor(ports: FramesOutPorts, parts: FramesOutParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** Sends the message at the end of this turn of the event loop. */
  post(to: string, channel: Channel, message: Encodable): void {
    this.#outboxes.add(to, channel, message)
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    this.#ports.timers.soon(() => this.#flush())
  }

  #flush(): void {
    this.#flushScheduled = false
    this.#outboxes.drain((to, channel, messages) => this.#send(to, channel, messages))
  }

  #send(to: string, channel: Channel, messages: readonly Encodable[]): void {
    const { network, codec, metrics } = this.#ports
    const { clock, epochs, life, unsent } = this.#parts
    // Without a link there is no version. Then `send` below sends nothing, so any version will do.
    const version = network.versionOf(to, channel) ?? VERSIONS.newest
    for (const items of frameParts(messages)) {
      const [stamp, wallMs] = [clock.stamp(), clock.ownMs()]
      const head = { stamp, wallMs, epoch: epochs.epoch, life, version }
      const frame = codec.encode(encodeFrame({ ...head, items }))
      const sent = network.send(to, channel, frame)
      metrics.count('peer_frames_total', DIRECTION_OUT)
      metrics.count('peer_messages_total', DIRECTION_OUT, items.length)
      metrics.count('peer_bytes_total', DIRECTION_OUT, frame.length)
      if (sent || channel !== 'ask') continue
      for (const item of items) unsent((item as Ask)[0])
    }
  }
}

const DIRECTION_OUT = { direction: 'out' }
