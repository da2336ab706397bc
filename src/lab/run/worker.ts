/** The thread that holds the world, so that the page stays smooth. A second one can run a whole plan beside it. */
import { playPlan } from '../../simulation/interactive/play-plan.ts'
import { RunDriver } from './run-driver.ts'
import type { Drawn, News, Order, PlanToPlay } from './scene.ts'

/** The globals of a worker, which the types of pages do not know. */
interface WorkerScope {
  postMessage(news: News): void
  onmessage: ((event: { readonly data: Order | Drawn | PlanToPlay }) => void) | null
}

const scope = globalThis as unknown as WorkerScope
let isDrawn = true
const pace = {
  nowMs: (): number => performance.now(),
  after: (ms: number, task: () => void): void => void setTimeout(task, ms),
  isDrawn: (): boolean => isDrawn,
}
const driver = new RunDriver(pace, (news) => {
  if (news.type === 'scene') isDrawn = false
  scope.postMessage(news)
})

scope.onmessage = ({ data }): void => {
  if (data.do === 'run') void run(data.plan)
  else if (data.do === 'drawn') isDrawn = true
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
