/** Runs a plan to its end and judges it: on the command line, and in a web page. */
import { InteractiveWorld, type WorldView } from './interactive-world.ts'
import type { Verdict } from './judgement.ts'
import { checkPlan } from './timed-plan.ts'

export interface Played {
  readonly hash: string
  readonly verdict: Verdict
  /** The world at the end, with the whole log. */
  readonly view: WorldView
  readonly counts: InteractiveWorld['counts']
}

/** `data` is what JSON.parse returned. Rejects with PlanError. */
export async function playPlan(data: unknown): Promise<Played> {
  const plan = checkPlan(data)
  const world = await InteractiveWorld.replayed(plan, Math.round(plan.endMs * 1000))
  const view = world.view()
  return { hash: view.hash, verdict: world.judge(), view, counts: world.counts }
}
