/** The only ways by which a node reaches the world around it: time, randomness, disk, network, log, metrics and traces. */
import type { Clock } from '../ports/clock.ts'
import type { Codec } from '../ports/codec.ts'
import type { Disk } from '../ports/disk.ts'
import type { Log } from '../ports/log.ts'
import type { Metrics } from '../ports/metrics.ts'
import type { Network } from '../ports/network.ts'
import type { Random } from '../ports/random.ts'
import type { Timers } from '../ports/timers.ts'
import type { Tracer } from '../ports/tracer.ts'

export interface NodePorts {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly disk: Disk
  readonly network: Network
  readonly codec: Codec
  readonly log: Log
  readonly metrics: Metrics
  /** Undefined if this node traces nothing. */
  readonly tracer?: Tracer | undefined
}
