/** The options with which commands describe a load. */
import type { Options } from '../command-line/command.ts'

const STEP_SECONDS_MAX = 600
const WARM_UP_SECONDS_MAX = 24

export const LOAD_OPTIONS = {
  seconds: {
    kind: 'duration',
    isInSeconds: true,
    max: STEP_SECONDS_MAX * 1000,
    default: 4000,
    about: 'The length of one round.',
  },
  rounds: {
    kind: 'number',
    min: 1,
    max: 100,
    default: 3,
    about: 'How many rounds each workload has. Their medians are reported.',
  },
  'warm-up': {
    kind: 'duration',
    isInSeconds: true,
    max: STEP_SECONDS_MAX * 1000,
    default: WARM_UP_SECONDS_MAX * 1000,
    about: 'The longest warm-up of each workload. It ends earlier if the workload gets no faster.',
  },
  connections: {
    kind: 'number',
    min: 1,
    max: 10_000,
    default: 64,
    about: 'How many connections are kept alive, spread over the nodes.',
  },
} as const satisfies Options

export interface LoadArguments {
  readonly seconds: number
  readonly rounds: number
  /** The longest warm-up of each workload before the first round. */
  readonly warmUpSeconds: number
  readonly connections: number
}

/** From the values of `LOAD_OPTIONS`. */
export function loadArguments(values: {
  readonly seconds: number
  readonly rounds: number
  readonly 'warm-up': number
  readonly connections: number
}): LoadArguments {
  return {
    seconds: values.seconds / 1000,
    rounds: values.rounds,
    warmUpSeconds: values['warm-up'] / 1000,
    connections: values.connections,
  }
}
