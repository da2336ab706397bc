/**
 * One claim about one member's liveness, and which of two claims stands (SWIM section 4.2): the higher
 * incarnation; at equal incarnations the worse state. Only the member itself raises its incarnation, so
 * only it can take back a claim. Unlike in SWIM, `down` can be taken back too: members are not removed by
 * gossip, they are only not asked first.
 */

export type MemberState = 'up' | 'suspect' | 'down'

export type MembershipUpdate = readonly [id: string, incarnation: number, state: MemberState]

/** Below every incarnation: nothing was ever heard of the member. Never sent. */
export const INCARNATION_UNKNOWN = -1

/** Above every incarnation that is accepted; leaves room for refutations. */
export const INCARNATION_MAX = 2 ** 52

const SEVERITY: Readonly<Record<MemberState, number>> = {
  up: 0,
  suspect: 1,
  down: 2,
}

export function isMemberState(value: unknown): value is MemberState {
  return value === 'up' || value === 'suspect' || value === 'down'
}

/** Whether the claim replaces what is held. */
export function supersedes(
  update: MembershipUpdate,
  held: { readonly incarnation: number; readonly state: MemberState },
): boolean {
  const [, incarnation, state] = update
  if (incarnation !== held.incarnation) return incarnation > held.incarnation
  return SEVERITY[state] > SEVERITY[held.state]
}
