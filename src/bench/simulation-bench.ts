/** How fast the simulator is on one core: messages a second under load and faults, and an idle cluster's pace. */
import { type Plan, PLAN_DEFAULTS } from '../simulation/plan.ts'
import { simulate } from '../simulation/simulation.ts'

const ROUNDS = 5
const LOAD: Partial<Plan> = { seconds: 120 }
const IDLE: Partial<Plan> = { seconds: 6000, clients: 0, nemesis: [] }

export async function benchSimulation(print: (line: string) => void): Promise<void> {
  // The first run compiles everything.
  await measure(LOAD, 'warm-up')
  const loaded = await rounds(LOAD)
  const idle = await rounds(IDLE)
  const line = (name: string, { messages, realMs, simulatedMs }: Measured): string =>
    `${name.padEnd(28)}${Math.round((messages / realMs) * 1000)} messages/s, ` +
    `${Math.round(simulatedMs / realMs)} times as fast as the clock`
  print('five nodes on one core, codec and invariants included; medians of 5 rounds')
  print(line('all workloads, all faults', loaded))
  print(line('idle', idle))
}

interface Measured {
  readonly messages: number
  readonly realMs: number
  readonly simulatedMs: number
}

/** The median round, by pace. */
async function rounds(given: Partial<Plan>): Promise<Measured> {
  const measured: Measured[] = []
  for (let round = 1; round <= ROUNDS; round++) measured.push(await measure(given, String(round)))
  const pace = ({ messages, realMs }: Measured): number => messages / realMs
  return measured.sort((a, b) => pace(a) - pace(b))[Math.floor(ROUNDS / 2)] as Measured
}

async function measure(given: Partial<Plan>, seed: string): Promise<Measured> {
  const startMs = performance.now()
  const { messages, simulatedMs, violation } = await simulate({ ...PLAN_DEFAULTS, ...given, seed })
  if (violation !== undefined) throw violation
  return { messages, simulatedMs, realMs: performance.now() - startMs }
}
