/** The operations of chaos on a cluster, whether it runs in containers or as local processes. All are idempotent. */
import type { Fault } from './chaos-fault.ts'

export interface ChaosTarget {
  readonly name: 'docker' | 'local'
  /** A phrase that says how network faults are made here. */
  readonly about: string
  nodes(): Promise<readonly string[]>
  /** Describes the steps of `apply`, one a line. */
  plan(fault: Fault, forMs: number): Promise<readonly string[]>
  /**
   * Injects the fault as a lease that ends by itself after `forMs`, even if this process dies. Resolves when the effect
   * has been probed. Rejects if the effect does not come within a bounded time.
   */
  apply(fault: Fault, words: readonly string[], forMs: number): Promise<void>
  heal(): Promise<void>
  /** Describes the steps of `heal`, one a line. */
  planHeal(): Promise<readonly string[]>
  status(): Promise<ChaosStatus>
}

export interface ChaosStatus {
  readonly nodes: readonly { readonly id: string; readonly state: string }[]
  /** For each running node, whether it reaches each other node, probed now. */
  readonly reaches: ReachMatrix
  readonly leases: readonly { readonly fault: string; readonly endsInMs: number }[]
}

export type ReachMatrix = Readonly<Record<string, Readonly<Record<string, boolean>>>>
