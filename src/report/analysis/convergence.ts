/**
 * Decides whether the copies converged: it compares the final reads of each key across the nodes. It compares lists as
 * sets, because the order of siblings has no meaning.
 */
import { type FinalRead, finalReads, identityOf } from '../../checker/history/final-reads.ts'
import type { Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'
import { byName } from './fault-table.ts'
import { textOf } from './operation-words.ts'

export interface KeyConvergence {
  readonly key: string
  /** `alone`: only one node was asked, so there is nothing to compare. `unread`: no node was asked. */
  readonly state: 'same' | 'different' | 'unanswered' | 'alone' | 'unread'
  readonly nodes: readonly NodeAnswer[]
  /** The common answer of all nodes, in words; undefined if they differ. */
  readonly common: string | undefined
}

export interface NodeAnswer {
  readonly node: string
  /** The answer in words; undefined if the node never answered. */
  readonly answer: string | undefined
  readonly error: string | undefined
}

/** More values are counted instead of named. */
const VALUES_NAMED_MAX = 12

/** The convergence of every key of the history. */
export function convergenceOf(operations: readonly Operation[]): KeyConvergence[] {
  const reads = finalReads(operations, valuesIn)
  const keys = new Set(operations.map(({ key }) => key ?? ''))
  return [...keys].sort(byName).map((key) => keyConvergence(key, reads.get(key) ?? []))
}

function keyConvergence(key: string, reads: readonly FinalRead[]): KeyConvergence {
  const answered = reads.filter(({ values }) => values !== undefined)
  const sets = answered.map(({ values = [] }) => new Set(values.map(identityOf)))
  const first = sets[0] ?? new Set<string>()
  const isSame = sets.every(
    (set) => set.size === first.size && [...set].every((value) => first.has(value)),
  )
  const union = isSame ? undefined : new Set(sets.flatMap((set) => [...set]))
  return {
    key,
    state: stateOf(reads.length, answered.length, isSame),
    common: isSame && answered.length > 0 ? valuesText([...first]) : undefined,
    nodes: reads
      .map(({ node = 'the store', values, error }) => ({
        node,
        answer: values === undefined ? undefined : answerText(values, union),
        error,
      }))
      .sort((a, b) => byName(a.node, b.node)),
  }
}

function stateOf(asked: number, answered: number, isSame: boolean): KeyConvergence['state'] {
  if (asked === 0) return 'unread'
  if (!isSame) return 'different'
  if (answered < asked) return 'unanswered'
  return asked === 1 ? 'alone' : 'same'
}

/** Words for an answer. If nodes differ and a list is long, the missing values say more than the values themselves. */
function answerText(values: readonly Json[], union: ReadonlySet<string> | undefined): string {
  const own = new Set(values.map(identityOf))
  const all = valuesText([...own])
  if (union === undefined || own.size <= VALUES_NAMED_MAX) return all
  const missing = [...union].filter((value) => !own.has(value))
  return missing.length === 0 ? all : `${all}, without ${valuesText(missing)}`
}

function valuesText(identities: readonly string[]): string {
  if (identities.length === 0) return 'nothing'
  if (identities.length > VALUES_NAMED_MAX) return `${identities.length} values`
  return identities
    .toSorted(byName)
    .map((identity) => textOf(JSON.parse(identity) as Json, 40))
    .join(', ')
}

function valuesIn({ output }: Operation): readonly Json[] {
  if (output === null) return []
  return isList(output) ? output : [output]
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
