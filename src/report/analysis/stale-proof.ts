/**
 * The simplest proof that a key is not linearizable: a read returned a value that had certainly been replaced before
 * the read began. Values that were written more than once prove nothing here.
 */
import { identityOf } from '../../checker/history/final-reads.ts'
import type { Json } from '../../checker/history/history.ts'
import type { Operation } from '../../checker/history/operation.ts'

export interface StaleProof {
  readonly read: Operation
  /** The write of the value that was read; undefined if the read found nothing. */
  readonly writer: Operation | undefined
  /** A write that began after `writer` had ended, so it replaced its value. */
  readonly newer: Operation
  /** An operation that ended before the read began: the newer write itself, or a read of its value. */
  readonly witness: Operation
}

/** `own` are all operations on the key of the read. The proof uses only the operations `among` them. */
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
    // Prefer the witness that ended last, because it is the closest to the read.
    if (proof === undefined || witness.completedAt > proof.witness.completedAt) {
      proof = { read, writer, newer, witness }
    }
  }
  return proof
}

/** The value that a write or a compare-and-set stores; undefined for other operations. */
export function valueLeft({ f, input }: Operation): Json | undefined {
  if (f === 'write') return input
  return f === 'cas' && Array.isArray(input) ? (input as readonly Json[])[1] : undefined
}

/** The write that had certainly taken effect by the end of the witness. */
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
