/** Words for evidence: operations, nodes, keys and times. */
import type { FinalRead } from '../history/final-reads.ts'
import { seconds } from '../history/history.ts'
import type { Operation } from '../history/operation.ts'
import type { Evidence } from './verdict.ts'

/** When an operation was invoked, and how it ended: "added at 1.200 s, acknowledged by n2 at 1.310 s". */
export function lifeOf(operation: Operation): string {
  const asked = `${operation.f === 'add' ? 'added' : 'written'} at ${seconds(operation.invokedAt)}`
  const by = operation.node === undefined ? '' : ` by ${operation.node}`
  if (operation.outcome === 'info') return `${asked}, of unknown outcome${by}`
  const end = operation.outcome === 'ok' ? 'acknowledged' : 'rejected'
  return `${asked}, ${end}${by} at ${seconds(operation.completedAt)}`
}

export function unread(key: string, read: FinalRead): Evidence {
  const why = read.error === undefined ? '' : ` (${read.error})`
  return {
    kind: 'unjudged',
    key,
    words: `the final read of ${nameOf(key)} by ${nodesOf([read])} was never answered${why}`,
  }
}

/** Words for the key. A history without keys has one object. */
export function nameOf(key: string): string {
  return key === '' ? 'the set' : key
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
