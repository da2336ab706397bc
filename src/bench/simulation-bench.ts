/**
 * Measures the speed of the simulator on one core: messages a second under load and faults, and the pace of an idle
 * cluster. It uses the CPU time of the whole process, garbage collector and compiler included, so that other processes
 * of the machine do not count.
 */
import { type Plan, PLAN_DEFAULTS } from '../simulation/plan/plan.ts'
import { simulate } from '../simulation/simulation.ts'
import type { Progress } from '../terminal/progress.ts'
import { Steps } from './steps.ts'

const ROUNDS = 5
/** Warms up until everything is compiled, because a run of `sim` over many seeds mostly runs compiled code. */
const WARM_UP_ROUNDS = 5
const LOAD: Partial<Plan> = { seconds: 120 }
const IDLE: Partial<Plan> = { seconds: 6000, clients: 0, nemesis: [] }
const LOADED_ROW = 'all workloads, all faults'
const IDLE_ROW = 'idle'

export async function benchSimulation(
  print: (line: string) => void,
  progress: Progress,
): Promise<void> {
  const steps = new Steps(progress, WARM_UP_ROUNDS + 2 * ROUNDS, 'steps')
  for (let round = 1; round <= WARM_UP_ROUNDS; round++) {
    steps.begin(`warming up, round ${round} of ${WARM_UP_ROUNDS}`)
    await measure(LOAD, `warm-up ${round}`)
  }
  const roundsOf = (name: string, given: Partial<Plan>): Promise<Measured> =>
    rounds(given, (round) => steps.begin(`${name}, round ${round} of ${ROUNDS}`))
  const loaded = await roundsOf(LOADED_ROW, LOAD)
  const idle = await roundsOf(IDLE_ROW, IDLE)
  const line = (name: string, { messages, cpuMs, simulatedMs }: Measured): string =>
    `${name.padEnd(28)}${Math.round((messages / cpuMs) * 1000)} messages/s, ` +
    `${Math.round(simulatedMs / cpuMs)} times as fast as the clock`
  print('five nodes on one core, codec and invariants included, by CPU time; medians of 5 rounds')
  print(line(LOADED_ROW, loaded))
  print(line(IDLE_ROW, idle))
}

interface Measured {
  readonly messages: number
  readonly cpuMs: number
  readonly simulatedMs: number
}

/** The round with the median pace. */
async function rounds(given: Partial<Plan>, onRound: (round: number) => void): Promise<Measured> {
  const measured: Measured[] = []
  for (let round = 1; round <= ROUNDS; round++) {
    onRound(round)
    measured.push(await measure(given, String(round)))
  }
  const pace = ({ messages, cpuMs }: Measured): number => messages / cpuMs
  return measured.sort((a, b) => pace(a) - pace(b))[Math.floor(ROUNDS / 2)] as Measured
}

async function measure(given: Partial<Plan>, seed: string): Promise<Measured> {
  const start = process.cpuUsage()
  const { messages, simulatedMs, violation } = await simulate({ ...PLAN_DEFAULTS, ...given, seed })
  if (violation !== undefined) throw violation
  const { user, system } = process.cpuUsage(start)
  return { messages, simulatedMs, cpuMs: (user + system) / 1000 }
}
