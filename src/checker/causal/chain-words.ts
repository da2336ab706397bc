/** Words for chains of cause and effect. */
import { seconds, type Json } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import { nameOf } from '../verdict/wording.ts'
import { valuesRead } from './step.ts'

/** The most operations of a chain that are described. A longer chain shows its beginning and its end. */
const TOLD_MAX = 8
const TOLD_FIRST = 3

/**
 * For example 'client 3 wrote "a7" to key k1 (n2, 1.200 s to 1.204 s), then found no value there (n4, 1.300 s to 1.310
 * s)'.
 */
export function chainWords(chain: readonly Operation[]): string {
  const left = chain.length - TOLD_MAX
  if (left <= 1) return tell(chain)
  const first = chain.slice(0, TOLD_FIRST)
  const last = chain.slice(TOLD_FIRST - TOLD_MAX)
  return `${tell(first)}; then ${left} more operations; ${tell(last)}`
}

/** Words for no value, one value, or several. */
export function valuesWords(values: readonly Json[]): string {
  const words = values.map((value) => JSON.stringify(value))
  if (words.length === 0) return 'no value'
  return words.length === 1 ? (words[0] as string) : `[${words.join(', ')}]`
}

export function momentWords({ node, outcome, invokedAt, completedAt }: Operation): string {
  const time =
    outcome === 'info'
      ? `sent at ${seconds(invokedAt)}, outcome unknown`
      : `${seconds(invokedAt)} to ${seconds(completedAt)}`
  return `(${node === undefined ? '' : `${node}, `}${time})`
}

function tell(chain: readonly Operation[]): string {
  let words = ''
  let before: Operation | undefined
  for (const operation of chain) {
    const isSame = before?.session === operation.session
    const who = isSame ? 'then' : `client ${operation.session}`
    const there = isSame && before?.key === operation.key
    words += `${before === undefined ? '' : isSame ? ', ' : '; '}${who} ${deedWords(operation, there)} ${momentWords(operation)}`
    before = operation
  }
  return words
}

function deedWords(operation: Operation, isThere: boolean): string {
  const { f, key, input } = operation
  const where = nameOf(key ?? '')
  switch (f) {
    case 'read': {
      const values = valuesRead(operation)
      if (values.length === 0) return `found no value ${isThere ? 'there' : `in ${where}`}`
      return `read ${valuesWords(values)} ${isThere ? 'there' : `from ${where}`}`
    }
    case 'delete':
      return `deleted ${isThere ? 'it' : where}`
    default:
      return `wrote ${valuesWords([input])} ${isThere ? 'there' : `to ${where}`}`
  }
}
