/** What one run has come to. */
import type { Plan } from './plan/plan.ts'
import type { Violation } from './checks/violation.ts'

export interface RunResult {
  readonly plan: Plan
  readonly violation: Violation | undefined
  readonly hash: string
  readonly simulatedMs: number
  readonly events: number
  /** Asks and answers that arrived, the frames that they were in, and their bytes. */
  readonly messages: number
  readonly frames: number
  readonly bytes: number
  readonly faults: number
  readonly calls: number
}
