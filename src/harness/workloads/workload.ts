/**
 * What the clients of a run do. A workload records the operations that its model judges; what its clients need
 * besides, to do as real clients do, is not part of the history.
 */
import type { Json } from '../../checker/history/history.ts'
import type { Model } from '../../checker/verdict/verdict.ts'
import type { NotPromisedBy } from './level-promise.ts'
import type { Session } from '../recorder.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { StoreClient } from '../store-client.ts'

export interface Workload {
  readonly name: string
  readonly model: Model
  /** The bucket of a run that names none. */
  readonly bucket: string
  /** The level of a run that names none. */
  readonly consistency: string
  /** What does not promise what the model asks for, if so: a level, or a mode of buckets. */
  readonly notPromisedBy: NotPromisedBy
  /** Whether the history tells the sessions of clients apart. */
  readonly hasSessions: boolean
  /** The keys of a run of `count` keys, as they stand in the history. */
  readonly keys: (count: number) => readonly string[]
  /** A new one for each run: what it holds is the run's. */
  readonly start: (run: WorkloadRun) => Client
}

export interface WorkloadRun {
  readonly bucket: string
  readonly consistency: string
  /** Before each key, so that runs against the same cluster do not meet. */
  readonly keyPrefix: string
  readonly keys: readonly string[]
}

/** A client's place in a run. */
export interface Seat {
  readonly index: number
  /** The client's own node. */
  readonly client: StoreClient
  /** Every node, its own included. */
  readonly everywhere: readonly StoreClient[]
  readonly session: Session
  readonly random: SeededRandom
}

export interface Client {
  /** Once, on a healthy cluster, before any fault. Errors: the store refuses what a run needs. */
  prepare(seat: Seat): Promise<void>
  /** One turn of one client: one operation, or a few that belong together. */
  turn(seat: Seat): Promise<void>
  /** One final read of one key through one node; whether it was answered. */
  finalRead(seat: Seat, key: string): Promise<boolean>
}

/** Sees what every owner holds; the cluster is whole again when the final reads are done. */
export const FINAL_CONSISTENCY = 'all'

/** A stored value. One that is not JSON is taken as a text, so that the checker sees what no client wrote. */
export function jsonOf(value: string): Json {
  try {
    return JSON.parse(value) as Json
  } catch {
    return value
  }
}
