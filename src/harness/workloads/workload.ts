/**
 * Defines what the clients of a run do. A workload records the operations that its model judges. Other requests, which
 * its clients need to behave like real clients, are not part of the history.
 */
import type { Json } from '../../checker/history/history.ts'
import type { Model } from '../../checker/verdict/verdict.ts'
import type { NotPromisedBy } from './level-promise.ts'
import type { Session } from '../recorder.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { KeyAddress, StoreClient } from '../store-client.ts'

export interface Workload {
  readonly name: string
  readonly model: Model
  /** The default bucket. */
  readonly bucket: string
  /** The default level. */
  readonly consistency: string
  /** Names the level or the mode that does not promise what the model checks, if any. */
  readonly notPromisedBy: NotPromisedBy
  /** Whether the events of the history carry the ids of sessions. */
  readonly hasSessions: boolean
  /** The names of `count` keys, as the history shows them. */
  readonly keys: (count: number) => readonly string[]
  /** Creates the client of one run. It holds the state of that run only. */
  readonly start: (run: WorkloadRun) => Client
}

export interface WorkloadRun {
  readonly bucket: string
  readonly consistency: string
  /** A prefix of each key, so that runs on the same cluster do not share keys. */
  readonly keyPrefix: string
  readonly keys: readonly string[]
}

/** A client's place in a run. */
export interface Seat {
  readonly index: number
  /** The client's own node. */
  readonly client: StoreClient
  /** All nodes, including the client's own. */
  readonly everywhere: readonly StoreClient[]
  readonly session: Session
  readonly random: SeededRandom
}

export interface Client {
  /** Runs once, on a healthy cluster, before any fault. Rejects if the store refuses what a run needs. */
  prepare(seat: Seat): Promise<void>
  /** Runs one turn of one client: one operation, or a few that belong together. */
  turn(seat: Seat): Promise<void>
  /** Reads one key finally through one node. Resolves with whether the node answered. */
  finalRead(seat: Seat, key: string): Promise<boolean>
}

/** The level of final reads. It reads every owner, which works because the cluster is healthy by then. */
export const FINAL_CONSISTENCY = 'all'

/** Where a key of a run is in the store, and at which level a request asks for it. */
export function addressOf(
  run: WorkloadRun,
  key: string,
  consistency = run.consistency,
): KeyAddress {
  return { bucket: run.bucket, key: run.keyPrefix + key, consistency }
}

/** `k0`, `k1` and so on. */
export function keyNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `k${i}`)
}

export function pickKey(keys: readonly string[], random: SeededRandom): string {
  return random.pick(keys as readonly [string, ...string[]])
}

/** Parses a stored value. A value that is not JSON becomes a text, so that the checker sees what no client wrote. */
export function jsonOf(value: string): Json {
  try {
    return JSON.parse(value) as Json
  } catch {
    return value
  }
}
