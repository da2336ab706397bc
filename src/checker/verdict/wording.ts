/** Words for evidence: operations, nodes, keys and times. */
import type { FinalRead } from '../history/final-reads.ts'
import { seconds } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { Evidence } from './verdict.ts'

/** An operation and its outcome: "added by client 3 at 1.200 s, acknowledged by n2 at 1.310 s". */
export function lifeOf(operation: Operation): string {
  const { f, session, node, outcome, invokedAt, completedAt } = operation
  const asked = `${PAST[f] ?? 'written'} by client ${session} at ${seconds(invokedAt)}`
  if (outcome === 'info') {
    return `${asked}${node === undefined ? '' : ` through ${node}`}, with an unknown outcome`
  }
  const end = outcome === 'ok' ? 'acknowledged' : 'rejected'
  return `${asked}, ${end}${node === undefined ? '' : ` by ${node}`} at ${seconds(completedAt)}`
}

const PAST: Readonly<Record<string, string>> = { add: 'added', delete: 'deleted' }

/** A read and its answer: "client 3 read 5 from key k1 through n2 at 1.310 s". */
export function readWords(read: Operation, value: string): string {
  const { session, key, node, completedAt } = read
  const through = node === undefined ? '' : ` through ${node}`
  return `client ${session} read ${value} from ${nameOf(key ?? '')}${through} at ${seconds(completedAt)}`
}

export function unread(key: string, read: FinalRead): Evidence {
  const why = read.error === undefined ? '' : ` (${read.error})`
  return {
    kind: 'unjudged',
    key,
    words: `${nodesOf([read])} never answered the final read of ${nameOf(key)}${why}`,
  }
}

/** Words for the key. A history without keys has one object. */
export function nameOf(key: string): string {
  return key === '' ? 'the object' : `key ${key}`
}

/** The time of the answers: "31.204 s", or the first and the last time. */
export function timesOf(reads: readonly FinalRead[]): string {
  const times = reads.map(({ at }) => at).sort((a, b) => a - b)
  const first = seconds(times[0] ?? 0)
  const last = seconds(times.at(-1) ?? 0)
  return first === last ? first : `${first} to ${last}`
}

/** Words for the nodes of the reads. */
export function nodesOf(reads: readonly FinalRead[]): string {
  const names = reads.map(({ node }) => node).filter((node) => node !== undefined)
  return names.length > 0 ? names.join(', ') : 'the store'
}
