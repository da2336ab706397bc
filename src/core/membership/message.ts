/**
 * What members say to each other about liveness: tuples of plain data, ready for the codec port.
 *
 * Each carries updates; the first is always the sender's own, so that one message of a returned member
 * suffices to know its incarnation. Messages are small and bounded, may be lost, repeated or reordered.
 */
import { INCARNATION_MAX, isMemberState, type MembershipUpdate } from './update.ts'

export type MembershipMessage =
  /** Answer with an ack of this number. */
  | readonly ['ping', seq: number, updates: readonly MembershipUpdate[]]
  /** An answer to the ping, or to the ping request, of this number. */
  | readonly ['ack', seq: number, updates: readonly MembershipUpdate[]]
  /** A relay got the ping request of this number and has no answer of the target so far. */
  | readonly ['nack', seq: number, updates: readonly MembershipUpdate[]]
  /** Ping `target`, and pass its answer on with this number. */
  | readonly ['pingRequest', seq: number, updates: readonly MembershipUpdate[], target: string]

/** Messages with more updates are garbage. */
export const UPDATES_PER_MESSAGE_BOUND = 64
const ID_PATTERN = /^[a-z0-9-]{1,32}$/

/** Undefined for anything that is not a whole, well-formed message. */
export function parseMembershipMessage(data: unknown): MembershipMessage | undefined {
  if (!Array.isArray(data)) return undefined
  const [type, seq, rawUpdates, target] = data as unknown[]
  if (!isCount(seq)) return undefined
  const updates = parseUpdates(rawUpdates)
  if (updates === undefined) return undefined
  switch (type) {
    case 'ping':
    case 'ack':
    case 'nack':
      return data.length === 3 ? [type, seq, updates] : undefined
    case 'pingRequest':
      return data.length === 4 && isId(target) ? [type, seq, updates, target] : undefined
    default:
      return undefined
  }
}

function parseUpdates(data: unknown): MembershipUpdate[] | undefined {
  if (!Array.isArray(data) || data.length > UPDATES_PER_MESSAGE_BOUND) return undefined
  const updates: MembershipUpdate[] = []
  for (const entry of data as unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 3) return undefined
    const [id, incarnation, state] = entry as unknown[]
    if (!isId(id) || !isCount(incarnation) || !isMemberState(state)) return undefined
    if (incarnation >= INCARNATION_MAX) return undefined
    updates.push([id, incarnation, state])
  }
  return updates
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && ID_PATTERN.test(value)
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
