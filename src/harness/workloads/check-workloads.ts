/** The list of all workloads; a run chooses one by name. */
import { counterWorkload } from './counter-workload.ts'
import { deleteWorkload } from './delete-workload.ts'
import { registerWorkload } from './register-workload.ts'
import { causalWorkload, sessionWorkload } from './session-workload.ts'
import { setWorkload } from './set-workload.ts'
import { siblingsWorkload } from './siblings-workload.ts'
import type { Workload } from './workload.ts'

export const WORKLOADS: readonly Workload[] = [
  registerWorkload,
  setWorkload,
  siblingsWorkload,
  counterWorkload,
  causalWorkload,
  sessionWorkload,
  deleteWorkload,
]

export function workloadNamed(name: string): Workload | undefined {
  return WORKLOADS.find((workload) => workload.name === name)
}
