/** Explains why the steps of a story are wrong, for readers who do not know the technical terms. */
import { nodesOf, type Fault } from './fault-table.ts'
import type { Operation } from '../../checker/history/operation.ts'
import { textOf } from './operation-words.ts'
import type { StaleProof } from './stale-proof.ts'
import { valueLeft } from './stale-proof.ts'

/** One or more sentences; undefined if the evidence says everything. */
export function reasonOf(
  kind: string,
  named: readonly Operation[],
  proof: StaleProof | undefined,
): string | undefined {
  const meaning = MEANINGS[kind]
  return proof === undefined || !isTold(proof, named) ? meaning : proofText(proof, named)
}

/** How the faults relate to the steps, as far as the history shows; undefined if it does not. */
export function circumstanceOf(
  named: readonly Operation[],
  faults: readonly Fault[],
): string | undefined {
  if (named.length === 0 || faults.length === 0) return undefined
  const from = Math.min(...named.map(({ invokedAt }) => invokedAt))
  const to = Math.max(...named.map(endOf))
  const lasting = faults.filter(
    ({ startAt, healedAt }) => startAt <= to && (healedAt === undefined || healedAt >= from),
  )
  if (lasting.length === 0)
    return 'No fault was active during these steps, so no fault explains them.'
  const apart = lasting.map((fault) => apartText(fault, named))
  return apart.find((text) => text !== undefined)
}

function isTold({ read, writer, newer, witness }: StaleProof, named: readonly Operation[]) {
  return [read, writer ?? read, newer, witness].every((operation) => named.includes(operation))
}

function proofText(
  { read, writer, newer, witness }: StaleProof,
  named: readonly Operation[],
): string {
  const number = (operation: Operation): number => named.indexOf(operation) + 1
  const value = textOf(valueLeft(newer) ?? null, 40)
  const found = writer === undefined ? 'nothing' : textOf(read.output, 40)
  const begun =
    writer === undefined
      ? `Step ${number(newer)} wrote ${value}`
      : `Step ${number(newer)} wrote ${value} after step ${number(writer)} had written ${found}`
  const seen =
    witness === newer
      ? `This write was acknowledged before step ${number(read)} began`
      : `Step ${number(witness)} read ${value} and ended before step ${number(read)} began`
  const answer = writer === undefined ? 'no value' : `the older value ${found}`
  return `${begun}. ${seen}, so step ${number(read)} must return ${value} or a newer value. It returned ${answer}.`
}

/** For a cut, the nodes that answered on each side; undefined if only one side answered. */
function apartText({ what, startAt, healedAt }: Fault, named: readonly Operation[]) {
  const during = named.filter(
    (operation) => operation.invokedAt >= startAt && endOf(operation) <= (healedAt ?? Infinity),
  )
  const nodes = nodesOf(during)
  const [kind, groups = ''] = what.split(' ')
  const first = new Set((groups.split('/')[0] ?? '').split(','))
  if (kind !== 'partition' && kind !== 'isolate') return undefined
  const inside = nodes.filter((node) => first.has(node))
  const outside = nodes.filter((node) => !first.has(node))
  if (inside.length === 0 || outside.length === 0) return undefined
  return `The fault ${what} separated ${listOf(inside)} from ${listOf(outside)}, so these nodes could not exchange messages during these steps.`
}

function listOf(names: readonly string[]): string {
  return names.join(', ')
}

function endOf({ completedAt, invokedAt }: Operation): number {
  return Number.isFinite(completedAt) ? completedAt : invokedAt
}

const MEANINGS: Readonly<Record<string, string>> = {
  'not linearizable':
    'Each operation must take effect at one moment between its request and its answer, and each read must return the value that was written last. No choice of moments explains these answers.',
  'stale read':
    'The reading client had already seen that a newer write replaced this value, or had seen a later effect of that write. It must not read the old value afterwards.',
  'missing cause':
    'The reading client had already seen a write of this key, or a later effect of that write. It must read that value or a newer one, but it found no value.',
  cycle:
    'Each step depends on the step before it, and the first step depends on the last. So an effect came before its cause.',
  'divergent order':
    'Some clients saw one of these writes first, and other clients saw the other one first. All clients must see them in the same order.',
  'read your writes':
    'After a client has written a value, it must read that value or a newer one. The value in the last step is older than the client’s own write.',
  'monotonic reads':
    'After a client has read a value, it must not read an older one. The value in the last step is older than a value that this client had already read.',
  'monotonic writes':
    'All clients must see the writes of one client in the order in which it made them. The reading client saw a later write of another client, and then did not find an earlier write of that client.',
  'writes follow reads':
    'A client that sees a write must also see the values that the writer had read before it. The reading client saw the write, and then found an older value than its writer had read.',
  lost: 'The write was acknowledged, and no remaining value has replaced it. So every final read must return it.',
  resurrected:
    'A client replaced or deleted this value, and the store acknowledged that. The value must never come back.',
  diverged: 'After all faults are healed, all nodes must give the same answer.',
  'not converged': 'After all faults are healed, all nodes must give the same answer.',
  invented: 'Nobody had written this value, so no client may read it.',
  unexpected: 'Nobody had written this value, so no client may read it.',
  'rejected but applied':
    'The store rejected this write. A rejected write never takes effect, so no client may read its value.',
  rejected:
    'The store rejected this write. A rejected write never takes effect, so no client may read its value.',
  miscounted:
    'Every acknowledged add counts exactly once, and an add of unknown outcome counts once or not at all. No such sum equals the value that was read.',
  impossible: 'No sum of adds that had begun before this answer equals the value that was read.',
}
