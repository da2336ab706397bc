/**
 * The messages about liveness between members: tuples of plain data, ready for the codec port.
 *
 * Each message carries updates. The first is always the sender's own, so that one message of a member that returns
 * shows its incarnation. Messages are small and bounded, and may be lost, repeated or reordered.
 */
import { INCARNATION_MAX, isMemberState, type MembershipUpdate } from './update.ts'

export type MembershipMessage =
  /** Asks for an ack with this number. */
  | readonly ['ping', seq: number, updates: readonly MembershipUpdate[]]
  /** Answers the ping, or the ping request, with this number. */
  | readonly ['ack', seq: number, updates: readonly MembershipUpdate[]]
  /** A relay has received the ping request with this number, and the target has not answered so far. */
  | readonly ['nack', seq: number, updates: readonly MembershipUpdate[]]
  /** Asks the relay to ping `target` and to pass on the answer with this number. */
  | readonly ['pingRequest', seq: number, updates: readonly MembershipUpdate[], target: string]

export interface MembershipAction {
  readonly type: 'send'
  readonly to: string
  readonly message: MembershipMessage
}

/** A message with more updates is garbage. */
export const UPDATES_PER_MESSAGE_BOUND = 64
const ID_PATTERN = /^[a-z0-9-]{1,32}$/

/** Undefined for anything but a complete, well-formed message. */
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
