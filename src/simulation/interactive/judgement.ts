/** Judges what the clients of an interactive world have seen so far, at every level of consistency. */
import type { HistoryEvent } from '../../checker/history/history.ts'
import { ladderOf, type Rung } from '../../checker/levels/ladder.ts'
import { ladderLines, strongestWords } from '../../checker/levels/ladder-words.ts'
import { MEANINGS } from '../../checker/levels/level.ts'

export interface Verdict {
  /** All levels, the strongest first. */
  readonly levels: readonly LevelVerdict[]
  /** For example "the strongest level that holds is causal". */
  readonly strongest: string
  /** The whole verdict as lines for a terminal. */
  readonly lines: readonly string[]
}

export interface LevelVerdict {
  readonly level: string
  readonly meaning: string
  readonly judgement: 'holds' | 'broken' | 'unknown'
  /** What the evidence shows, or why the level cannot be decided; null if it holds. */
  readonly why: string | null
  /** The numbers of the requests that alone contradict the level. */
  readonly evidence: readonly number[]
}

/** A search of the checker is given up after this many looks at its clock. */
const LOOKS_MAX = 60_000

/** `requestOf`: the number of the request of an event. Equal histories get equal verdicts, on any machine. */
export function judge(
  history: readonly HistoryEvent[],
  requestOf: (eventIndex: number) => number,
): Verdict {
  // A clock of the machine would make verdicts differ, so this clock counts how often the checker looks at it.
  let looks = 0
  const ladder = ladderOf(history, undefined, { nowMs: () => looks++, timeMs: LOOKS_MAX })
  return {
    levels: ladder.rungs.map((rung) => levelVerdict(rung, requestOf)),
    strongest: strongestWords(ladder),
    lines: ladderLines(ladder),
  }
}

function levelVerdict(
  { level, judgement }: Rung,
  requestOf: (eventIndex: number) => number,
): LevelVerdict {
  const meaning = MEANINGS[level]
  const proof = judgement.type === 'broken' ? judgement.proof : undefined
  return {
    level,
    meaning,
    judgement: judgement.type,
    why: proof?.lead ?? (judgement.type === 'unknown' ? judgement.why : null),
    evidence: proof?.operations.map(({ firstIndex }) => requestOf(firstIndex)) ?? [],
  }
}
