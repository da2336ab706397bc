/**
 * The simplest proof that a key is not linearizable, and the one that people follow: a read that finds what had
 * been replaced for certain before it was asked. Values that are written more than once prove nothing here.
 */
import { identityOf } from '../../checker/history/final-reads.ts'
import type { Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'

export interface StaleProof {
  readonly read: Operation
  /** Wrote what was read; undefined where nothing was found. */
  readonly writer: Operation | undefined
  /** Was asked after the writer had ended, so it replaced what that wrote. */
  readonly newer: Operation
  /** Ended before the read was asked: the newer write itself, or a read that had found it. */
  readonly witness: Operation
}

/** `own` are all operations on the key of the read; the proof is looked for `among` some of them. */
export function staleProof(
  read: Operation,
  own: readonly Operation[],
  among: readonly Operation[] = own,
): StaleProof | undefined {
  if (!isAnsweredRead(read)) return undefined
  const writers = writersOf(own)
  const writer = writers.get(identityOf(read.output))
  if (writer === 'several') return undefined
  if (writer === undefined && (read.output !== null || own.some(({ f }) => f === 'delete'))) {
    return undefined
  }
  const told = new Set(among)
  let proof: StaleProof | undefined
  for (const witness of told) {
    if (witness === read || !(witness.completedAt < read.invokedAt)) continue
    const newer = shownBy(witness, writers)
    if (newer === undefined || newer === writer || !told.has(newer)) continue
    if (writer !== undefined && !(writer.completedAt < newer.invokedAt)) continue
    // The later, the closer to the read.
    if (proof === undefined || witness.completedAt > proof.witness.completedAt) {
      proof = { read, writer, newer, witness }
    }
  }
  return proof
}

/** What a write or a compare-and-set leaves behind. */
export function valueLeft({ f, input }: Operation): Json | undefined {
  if (f === 'write') return input
  return f === 'cas' && Array.isArray(input) ? (input as readonly Json[])[1] : undefined
}

/** The write that had taken effect by the end of a witness. */
function shownBy(
  witness: Operation,
  writers: ReadonlyMap<string, Operation | 'several'>,
): Operation | undefined {
  if (witness.outcome !== 'ok') return undefined
  if (valueLeft(witness) !== undefined) return witness
  if (!isAnsweredRead(witness)) return undefined
  const writer = writers.get(identityOf(witness.output))
  return writer === 'several' ? undefined : writer
}

function writersOf(own: readonly Operation[]): Map<string, Operation | 'several'> {
  const writers = new Map<string, Operation | 'several'>()
  for (const operation of own) {
    const value = operation.outcome === 'fail' ? undefined : valueLeft(operation)
    if (value === undefined) continue
    const identity = identityOf(value)
    writers.set(identity, writers.has(identity) ? 'several' : operation)
  }
  return writers
}

function isAnsweredRead({ f, outcome }: Operation): boolean {
  return f === 'read' && outcome === 'ok'
}
