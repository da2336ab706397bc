/** The result of one run. */
import type { Plan } from './plan/plan.ts'
import type { Violation } from './checks/violation.ts'

export interface RunResult {
  readonly plan: Plan
  readonly violation: Violation | undefined
  readonly hash: string
  readonly simulatedMs: number
  readonly events: number
  /** The number of asks and answers that arrived, of their frames, and of their bytes. */
  readonly messages: number
  readonly frames: number
  readonly bytes: number
  readonly faults: number
  readonly calls: number
}
