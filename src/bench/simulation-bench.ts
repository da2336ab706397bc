/**
 * Measures the speed of the simulator on one core: messages a second under load and faults, and the pace of an idle
 * cluster. It uses the CPU time of the whole process, garbage collector and compiler included, so that other processes
 * of the machine do not count.
 */
import { type Plan, PLAN_DEFAULTS } from '../simulation/plan/plan.ts'
import { simulate } from '../simulation/simulation.ts'

const ROUNDS = 5
/** Warms up until everything is compiled, because a run of `sim` over many seeds mostly runs compiled code. */
const WARM_UP_ROUNDS = 5
const LOAD: Partial<Plan> = { seconds: 120 }
const IDLE: Partial<Plan> = { seconds: 6000, clients: 0, nemesis: [] }

export async function benchSimulation(print: (line: string) => void): Promise<void> {
  for (let round = 1; round <= WARM_UP_ROUNDS; round++) await measure(LOAD, `warm-up ${round}`)
  const loaded = await rounds(LOAD)
  const idle = await rounds(IDLE)
  const line = (name: string, { messages, cpuMs, simulatedMs }: Measured): string =>
    `${name.padEnd(28)}${Math.round((messages / cpuMs) * 1000)} messages/s, ` +
    `${Math.round(simulatedMs / cpuMs)} times as fast as the clock`
  print('five nodes on one core, codec and invariants included, by CPU time; medians of 5 rounds')
  print(line('all workloads, all faults', loaded))
  print(line('idle', idle))
}

interface Measured {
  readonly messages: number
  readonly cpuMs: number
  readonly simulatedMs: number
}

/** The round with the median pace. */
async function rounds(given: Partial<Plan>): Promise<Measured> {
  const measured: Measured[] = []
  for (let round = 1; round <= ROUNDS; round++) measured.push(await measure(given, String(round)))
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
