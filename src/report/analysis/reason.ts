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
  if (lasting.length === 0) return 'No fault lasted while this happened: it needed none.'
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
  const step = (operation: Operation): string => `step ${named.indexOf(operation) + 1}`
  const value = textOf(valueLeft(newer) ?? null, 40)
  const found = writer === undefined ? 'nothing' : textOf(read.output, 40)
  const begun =
    writer === undefined
      ? `${value} was written in ${step(newer)}`
      : `${value} was written in ${step(newer)}, which began after ${found} had been written in ${step(writer)}`
  const seen =
    witness === newer
      ? `That was acknowledged before ${step(read)} began`
      : `It was read in ${step(witness)}, which ended before ${step(read)} began`
  const what = writer === undefined ? 'it found nothing there' : `it found the older ${found}`
  return `${begun}. ${seen}, so ${step(read)} should have found ${value} or something newer; ${what}.`
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
  return `${listOf(inside)} and ${listOf(outside)}, which answered here, could not hear each other: the fault ${what} lay between them.`
}

function listOf(names: readonly string[]): string {
  return names.join(', ')
}

function endOf({ completedAt, invokedAt }: Operation): number {
  return Number.isFinite(completedAt) ? completedAt : invokedAt
}

const MEANINGS: Readonly<Record<string, string>> = {
  'not linearizable':
    'Each operation should take effect at one moment between its request and its answer, and each read should find what was left last. No choice of such moments gives these answers.',
  'stale read':
    'The reader knew already that this value had been replaced, from what it had read or written before. It should never see the old one again.',
  'lost past':
    'What the reader had read or written before depends on a write of this key. It should find that, or something newer, but not nothing.',
  cycle:
    'Each of these depends on the one before, and the first on the last: an effect came before its cause.',
  'divergent order':
    'Two writes were seen in one order here and in the other there. All readers should see them in the same order.',
  'read your writes':
    'A client that has written should afterwards read that or something newer. What was read in the last step had been known to the client that replaced it, so it is older.',
  'monotonic reads':
    'A client that has read a value should not read an older one afterwards. What was read in the last step had been replaced by what was read before.',
  'monotonic writes':
    'The writes of one client should be seen in the order in which it made them. Whoever has seen the later one should not find the state from before the earlier one.',
  'writes follow reads':
    'A write comes after what its writer had read. Whoever has seen the write should not find the state from before what was read.',
  lost: 'The write was acknowledged, and nothing that was told to replace it is left. Every final read should have it.',
  resurrected: 'What was deleted, to the knowledge of who deleted it, should never be there again.',
  diverged: 'After everything had healed all nodes should give the same answer.',
  'not converged': 'After everything had healed all nodes should give the same answer.',
  invented: 'Nobody wrote this value, so nobody should read it.',
  unexpected: 'Nobody wrote this value, so nobody should read it.',
  'rejected but there':
    'A rejected write is said to have happened nowhere. It should not be there.',
  rejected: 'A rejected write is said to have happened nowhere. It should not be there.',
  miscounted:
    'Every acknowledged update counts once, and one of unknown outcome once or not at all. No such sum is what was read.',
  impossible: 'No sum of the updates that could have been made by then is what was read.',
}
