/** A thread that runs plans, one after another, with a planted bug or without. */
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import { plant } from './bugs/plant.ts'
import type { Plan } from './plan/plan.ts'
import { plantedBug } from './bugs/planted-bugs.ts'
import type { StoryLine } from './record/sim-story.ts'

export interface WorkerTask {
  readonly plan: Plan
  readonly wantsStory: boolean
}

export interface WorkerAnswer {
  readonly plan: Plan
  readonly violation: FoundViolation | undefined
  readonly hash: string
  readonly simulatedMs: number
  readonly realMs: number
  readonly events: number
  readonly messages: number
  readonly faults: number
  readonly calls: number
  readonly story: readonly StoryLine[]
}

export interface FoundViolation {
  readonly invariant: string
  readonly message: string
  readonly key: string | undefined
}

// Loading the nodes costs as much as 10 s of a run, and each search for a planted bug loads them in new threads.
// Other users of this machine could put code of their own into the default directory, which is a shared one.
enableCompileCache(
  fileURLToPath(new URL('../../node_modules/.cache/simulation-compiled', import.meta.url)),
)
const bug = plantedBug((workerData as { planted?: string } | null)?.planted ?? '')
if (bug !== undefined) plant(bug)
const [{ simulate }, { Story }] = await Promise.all([
  import('./simulation.ts'),
  import('./record/sim-story.ts'),
])

async function run({ plan, wantsStory }: WorkerTask): Promise<WorkerAnswer> {
  const story = wantsStory ? new Story() : undefined
  const startMs = performance.now()
  const result = await simulate(plan, story)
  const { violation, ...rest } = result
  return {
    ...rest,
    realMs: performance.now() - startMs,
    violation: violation && {
      invariant: violation.invariant,
      message: violation.message,
      key: violation.key,
    },
    story: story?.lines ?? [],
  }
}

parentPort?.on('message', (task: WorkerTask) => {
  void run(task).then((answer) => parentPort?.postMessage(answer))
})
