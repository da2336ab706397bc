/**
 * Jepsen's independent keys: each value is a vector `[key value]`, for a cas `[key [expected new]]`. Such a history is
 * recognised by its content: every invocation has such a value. (The reads of a register that holds vectors are invoked
 * without a value, so its history is not taken for one.)
 */
import { NEMESIS, type Json } from './history.ts'

export type Fields = Readonly<Record<string, Json | undefined>>

/** If the history has independent keys, the records with a `key` each; otherwise the records themselves. */
export function withKeys(records: readonly Fields[]): readonly Fields[] {
  const own = records.filter(({ process }) => process !== NEMESIS)
  const isIndependent =
    own.some(isInvocation) && own.every((record) => isPairing(record) || isEndWithoutValue(record))
  return isIndependent ? records.map(keyed) : records
}

function isInvocation({ type }: Fields): boolean {
  return type === 'invoke'
}

function isEndWithoutValue(record: Fields): boolean {
  return !isInvocation(record) && (record['value'] ?? null) === null
}

function isPairing({ key, f, value }: Fields): boolean {
  if ((key ?? null) !== null || !isPair(value)) return false
  return f !== 'cas' || isPair(value[1])
}

function keyed(record: Fields): Fields {
  const { process, value } = record
  if (process === NEMESIS || !isPair(value)) return record
  const [key, own] = value
  const text = typeof key === 'string' ? key : JSON.stringify(key)
  return { ...record, key: text, value: own as Json }
}

function isPair(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value) && value.length === 2
}
