/** A bug to be planted (planted-bugs.ts), as data: which change of which source, and in which runs it must be found. */
import type { WorkloadName } from '../plan/plan.ts'
import type { FaultKind } from '../plan/sim-fault.ts'

export interface PlantedBug {
  readonly name: string
  /** What is wrong, in a sentence. */
  readonly what: string
  /** Relative to src. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** A second place, of the same file where it names none. */
  readonly also?: { readonly file?: string; readonly find: string; readonly replace: string }
  /** Found within so many seeds, from seed 1 on. */
  readonly seeds: number
  readonly seconds: number
  readonly workloads: readonly WorkloadName[]
  readonly nemesis: readonly FaultKind[]
  /** The defaults of a plan where undefined. */
  readonly keys?: number
  readonly clients?: number
}
