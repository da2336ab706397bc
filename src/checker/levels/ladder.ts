/**
 * The ladder of levels: which levels of consistency a history of registers satisfies, the strongest first, with a small
 * proof against each level that it breaks. A level that nobody could decide within the limits is unknown, never guessed.
 */
import type { HistoryEvent, Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import { accessesOf } from './access.ts'
import { causalRungs } from './causal-rungs.ts'
import { severalValues, valueFromNowhere } from './impossible-answers.ts'
import {
  broken,
  HOLDS,
  type Judgement,
  type LadderLimits,
  type Level,
  LEVELS,
  type Proof,
} from './level.ts'
import { linearizable } from './linearizable.ts'
import { lostWrites } from './lost-writes.ts'
import { sequential } from './sequential.ts'

export interface Ladder {
  /** All levels, the strongest first. */
  readonly rungs: readonly Rung[]
  /** Every operation of the clients. */
  readonly operations: readonly Operation[]
}

export interface Rung {
  readonly level: Level
  readonly judgement: Judgement
}

const TIME_MS = 60_000
const MEMORY_BYTES = 1_000_000_000

/**
 * `initial` is the value of each key at the start; undefined if nothing was there. Throws HistoryError if the history
 * has other operations than read, write, delete and cas.
 */
export function ladderOf(
  history: readonly HistoryEvent[],
  initial: Json | undefined,
  limits: Partial<LadderLimits> = {},
): Ladder {
  const bounds: LadderLimits = {
    nowMs: limits.nowMs ?? (() => performance.now()),
    timeMs: limits.timeMs ?? TIME_MS,
    memoryBytes: limits.memoryBytes ?? MEMORY_BYTES,
  }
  const accesses = accessesOf(history, initial)
  const nowhere = valueFromNowhere(accesses.all)
  const impossible = asBroken(nowhere ?? severalValues(accesses.all))
  const first = impossible ?? linearizable(accesses, bounds)
  const judge = (): Record<Level, Judgement> => {
    const causal = causalRungs(accesses, nowhere, bounds)
    const second = impossible ?? asBroken(proofIn(causal.causal)) ?? sequential(accesses, bounds)
    const lost = lostWrites(accesses)
    // A search that ran out of time proves nothing, but a broken level below does.
    const implied = asBroken(proofIn(first) ?? proofIn(second) ?? proofIn(lost))
    return {
      ...(second.type === 'holds' ? allHold() : causal),
      linearizable: implied ?? first,
      sequential: second,
      'no lost writes': lost,
    }
  }
  const judged = first.type === 'holds' ? allHold() : judge()
  return {
    rungs: LEVELS.map((level) => ({ level, judgement: judged[level] })),
    operations: accesses.operations,
  }
}

function allHold(): Record<Level, Judgement> {
  return Object.fromEntries(LEVELS.map((level) => [level, HOLDS])) as Record<Level, Judgement>
}

function proofIn(judgement: Judgement): Proof | undefined {
  return judgement.type === 'broken' ? judgement.proof : undefined
}

function asBroken(proof: Proof | undefined): Judgement | undefined {
  return proof && broken(proof)
}
