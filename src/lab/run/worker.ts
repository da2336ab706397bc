/** The thread that holds the world, so that the page stays smooth. A second one can run a whole plan beside it. */
import { playPlan } from '../../simulation/interactive/play-plan.ts'
import { RunDriver } from './run-driver.ts'
import type { News, Order, PlanToPlay } from './scene.ts'

/** The globals of a worker, which the types of pages do not know. */
interface WorkerScope {
  postMessage(news: News): void
  onmessage: ((event: { readonly data: Order | PlanToPlay }) => void) | null
}

const scope = globalThis as unknown as WorkerScope
const pace = {
  nowMs: (): number => performance.now(),
  after: (ms: number, task: () => void): void => void setTimeout(task, ms),
}
const driver = new RunDriver(pace, (news) => scope.postMessage(news))

scope.onmessage = ({ data }): void => {
  if (data.do === 'run') void run(data.plan)
  else void driver.obey(data)
}

async function run(plan: unknown): Promise<void> {
  try {
    const { hash, verdict } = await playPlan(plan)
    scope.postMessage({ type: 'played', played: { hash, verdicts: verdict.levels } })
  } catch (error) {
    scope.postMessage({ type: 'refused', message: (error as Error).message })
  }
}
