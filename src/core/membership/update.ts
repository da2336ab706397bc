/**
 * One claim about one member's liveness, and which of two claims wins (SWIM section 4.2): the one with the higher
 * incarnation; at equal incarnations, the worse state. Only the member itself raises its incarnation, so only it can
 * refute a claim. Unlike in SWIM, a member can also refute `down`: gossip does not remove members, it only makes other
 * nodes ask them last.
 */

export type MemberState = 'up' | 'suspect' | 'down'

export type MembershipUpdate = readonly [id: string, incarnation: number, state: MemberState]

/** Below every incarnation: the member was never heard of. Never sent. */
export const INCARNATION_UNKNOWN = -1

/** Above every accepted incarnation; leaves room for refutations. */
export const INCARNATION_MAX = 2 ** 52

const SEVERITY: Readonly<Record<MemberState, number>> = {
  up: 0,
  suspect: 1,
  down: 2,
}

export function isMemberState(value: unknown): value is MemberState {
  return value === 'up' || value === 'suspect' || value === 'down'
}

/** Whether the claim replaces the held one. */
export function supersedes(
  update: MembershipUpdate,
  held: { readonly incarnation: number; readonly state: MemberState },
): boolean {
  const [, incarnation, state] = update
  if (incarnation !== held.incarnation) return incarnation > held.incarnation
  return SEVERITY[state] > SEVERITY[held.state]
}
