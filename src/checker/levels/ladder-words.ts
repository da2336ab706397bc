/** Words for a ladder: lines for a terminal, and the sentences that a page shows. */
import { seconds, type Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import { nameOf } from '../verdict/wording.ts'
import type { Ladder } from './ladder.ts'
import { type Level, MEANINGS, type Proof, SESSION_GUARANTEES } from './level.ts'

/** How many operations of one proof are described. The last ones show the contradiction. */
const TOLD_MAX = 20
/** Results are aligned, so that people see at a glance which levels hold. */
const MARGIN = 9
const VALUE_CHARACTERS_MAX = 80

/** The whole ladder, for a terminal. */
export function ladderLines(ladder: Ladder): string[] {
  const indent = ' '.repeat(MARGIN)
  return [
    `levels of ${countsOf(ladder)}, the strongest first`,
    ...ladder.rungs.flatMap((rung) => {
      const { level, judgement } = rung
      const title = `${judgement.type.padEnd(MARGIN)}${level}: ${MEANINGS[level]}`
      if (judgement.type === 'holds') return [title]
      if (judgement.type === 'unknown') return [title, `${indent}${judgement.why}`]
      const { lead } = judgement.proof
      const { before, steps } = proofSteps(judgement.proof, ladder)
      const left = before > 0 ? [`(${counted(before, 'earlier operation')} not shown)`] : []
      const told = [...left, ...steps.map(({ words }) => words)]
      return [title, `${indent}${lead}:`, ...told.map((line) => `${indent}- ${line}`)]
    }),
    strongestWords(ladder),
  ]
}

/**
 * One sentence without a period: "the strongest level that holds is causal". None of the session guarantees is the
 * strongest, so all of them that hold are named.
 */
export function strongestWords({ rungs }: Ladder): string {
  const place = rungs.findIndex(({ judgement }) => judgement.type === 'holds')
  const before = place < 0 ? rungs : rungs.slice(0, place)
  const open = before.filter(({ judgement }) => judgement.type === 'unknown')
  const names = open.map(({ level }) => level).join(', ')
  const rest =
    open.length === 0
      ? ''
      : `, but it is unknown whether ${names} ${open.length === 1 ? 'holds' : 'hold'}`
  const first = rungs[place]
  if (first === undefined) return `no level is known to hold${rest}`
  const isSession = (level: Level): boolean => SESSION_GUARANTEES.some((each) => each === level)
  const equals = rungs.filter(
    ({ level, judgement }) =>
      judgement.type === 'holds' && isSession(level) && isSession(first.level),
  )
  if (equals.length > 1) {
    const holding = equals.map(({ level }) => level).join(', ')
    return `the strongest levels that ${open.length === 0 ? 'hold' : 'are known to hold'} are ${holding}${rest}`
  }
  return `the strongest level that ${open.length === 0 ? 'holds' : 'is known to hold'} is ${first.level}${rest}`
}

function countsOf({ operations }: Ladder): string {
  const clients = new Set(operations.map(({ session }) => session)).size
  const keys = new Set(operations.map(({ key }) => key)).size
  return `${counted(operations.length, 'operation')} of ${counted(clients, 'client')} on ${counted(keys, 'key')}`
}

interface ProofSteps {
  /** How many earlier operations of the proof are left out. */
  readonly before: number
  readonly steps: readonly { readonly operation: Operation; readonly words: string }[]
}

/** The operations of the proof, each as a phrase. */
export function proofSteps({ operations }: Proof, ladder: Ladder): ProofSteps {
  // A history without times has the places of its events as times.
  const hasTimes = ladder.operations.some(({ invokedAt, firstIndex }) => invokedAt !== firstIndex)
  const shown = operations.slice(-TOLD_MAX)
  return {
    before: operations.length - shown.length,
    steps: shown.map((operation) => ({ operation, words: operationWords(operation, hasTimes) })),
  }
}

/** For example "client 3 read 5 from key k1 (n1, 1.200 s to 1.204 s)". */
function operationWords(operation: Operation, hasTimes: boolean): string {
  const { session, node, outcome } = operation
  const at = node === undefined ? '' : `${node}, `
  const end = outcome === 'info' ? ', outcome unknown' : ''
  return `client ${session} ${deedWords(operation)} (${at}${spanOf(operation, hasTimes)}${end})`
}

function deedWords({ f, key = '', input, output, outcome }: Operation): string {
  const where = nameOf(key)
  switch (f) {
    case 'read':
      if (output === null) return `found no value in ${where}`
      return `read ${valueText(output)} from ${where}`
    case 'delete':
      return `deleted ${where}`
    case 'cas': {
      const [from = null, to = null] = input as readonly Json[]
      const deed =
        outcome === 'ok' ? 'changed' : outcome === 'info' ? 'asked to change' : 'could not change'
      return `${deed} ${where} from ${valueText(from)} to ${valueText(to)}`
    }
    default:
      return `wrote ${valueText(input)} to ${where}`
  }
}

function spanOf(
  { outcome, invokedAt, completedAt, firstIndex, lastIndex }: Operation,
  hasTimes: boolean,
): string {
  const from = hasTimes ? seconds(invokedAt) : `event ${firstIndex}`
  if (outcome === 'info') return `sent at ${from}`
  return hasTimes ? `${from} to ${seconds(completedAt)}` : `events ${firstIndex} to ${lastIndex}`
}

function valueText(value: Json): string {
  if (value === null) return 'no value'
  const text = JSON.stringify(value)
  return text.length <= VALUE_CHARACTERS_MAX ? text : `${text.slice(0, VALUE_CHARACTERS_MAX)}…`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
