/** How far a check is, stage by stage, in the words of its progress bar. */
import type { HistoryEvent } from '../checker/history/history.ts'
import type { Work } from '../terminal/progress.ts'

export interface ClientsTime {
  readonly elapsedMs: number
  readonly timeLimitMs: number
  /** How many events the history has so far. */
  readonly events: number
  /** Whether the user has pressed Ctrl-C. */
  readonly isStopped: boolean
}

/** A fault or a change of the members that is under way at the end lasts to its own end, and clients work as long. */
export function clientsWork({ elapsedMs, timeLimitMs, events, isStopped }: ClientsTime): Work {
  const doneMs = Math.min(elapsedMs, timeLimitMs)
  const isOver = isStopped || elapsedMs >= timeLimitMs
  const end = isOver ? ', until faults and changes have ended' : ''
  return {
    text: `${seconds(doneMs)} of ${seconds(timeLimitMs)} s, ${events} events recorded${end}`,
    share: { done: doneMs, all: timeLimitMs, isEven: !isOver },
  }
}

export function finalReadsWork(done: number, all: number): Work {
  return { text: `${done} of ${all} final reads`, share: { done, all, isEven: true } }
}

/** The check of a history blocks the process, and nobody knows how long it takes. */
export function checkingWork(history: readonly HistoryEvent[]): () => Work {
  const operations = history.filter(({ type }) => type === 'invoke').length
  return () => ({ text: `checking ${operations} operations` })
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000)
}
