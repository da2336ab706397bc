/** What follows from the rounds of a write, and how it ends. */
import { describe, expect, it } from 'vitest'
import {
  type WriteKind,
  WriteProtocol,
  type WriteStep,
} from '../../../src/core/replication/write-protocol.ts'
import type { RoundPlan, HeldBefore } from '../../../src/core/replication/write-round.ts'

const DOT = { actor: 'n1~a', timestamp: 100 }
const NOTHING: HeldBefore = { existed: false, uncovered: [], newest: 0, isWhole: true }
const OLDER = { actor: 'n2~a', timestamp: 99 }
const NEWER = { actor: 'n2~a', timestamp: 101 }

function planOf(owners: readonly string[], changed: Partial<RoundPlan> = {}): RoundPlan {
  const others = owners.filter((owner) => owner !== 'n1')
  return {
    self: 'n1',
    groups: [owners],
    need: 2,
    sloppy: false,
    targets: { storesHere: owners.includes('n1'), owners: others, standIns: [], missed: [] },
    wholeNeed: 0,
    isSelfWhole: false,
    ...changed,
  }
}

const HERE = planOf(['n1', 'n2', 'n3'])
const ELSEWHERE = planOf(['n2', 'n3', 'n4'])

/** Everybody stores the copy; `told` is what they had held. */
function meet(
  protocol: WriteProtocol,
  plan: RoundPlan,
  told = NOTHING,
  isInForce = true,
): WriteStep {
  const round = protocol.begin(plan)
  if (plan.targets.storesHere) round.record({ node: 'n1', owner: 'n1' }, 'stored')
  for (const owner of plan.targets.owners) round.record({ node: owner, owner }, 'stored', told)
  return protocol.next(isInForce)
}

/** Everybody refuses it. Of one copy: a round of more ends before all have said so, and then nobody knows. */
function refuse(protocol: WriteProtocol, plan: RoundPlan, isInForce = true): WriteStep {
  const round = protocol.begin({ ...plan, need: 1 })
  for (const owner of plan.targets.owners) round.record({ node: owner, owner }, 'refused')
  if (plan.targets.storesHere) round.record({ node: 'n1', owner: 'n1' }, 'refused')
  return protocol.next(isInForce)
}

describe('a write', () => {
  const kinds: readonly WriteKind[] = ['lww', 'covers-unseen', 'leaves-unseen']
  it.each(kinds)(
    'of kind %s ends with the round that is met, where it met nothing unseen',
    (kind) => {
      expect(meet(new WriteProtocol(kind, DOT), HERE)).toEqual({ type: 'acknowledge' })
    },
  )

  it('without a context covers older siblings once, and no newer ones', () => {
    const protocol = new WriteProtocol('covers-unseen', DOT)
    const told = { ...NOTHING, uncovered: [OLDER, NEWER] }
    expect(meet(protocol, HERE, { ...told })).toEqual({ type: 'cover', dots: [OLDER, OLDER] })
    expect(meet(protocol, HERE, told)).toEqual({ type: 'acknowledge' })
    expect(
      meet(new WriteProtocol('covers-unseen', DOT), HERE, { ...NOTHING, uncovered: [NEWER] }),
    ).toEqual({
      type: 'acknowledge',
    })
  })

  it('without a context covers nothing at a node that does not own the key', () => {
    const told = { ...NOTHING, uncovered: [OLDER] }
    const step = meet(new WriteProtocol('covers-unseen', DOT), ELSEWHERE, told)
    expect(step).toEqual({ type: 'acknowledge' })
  })

  it('in an lww bucket is retried above a newer timestamp', () => {
    const protocol = new WriteProtocol('lww', DOT)
    const step = meet(protocol, HERE, { ...NOTHING, newest: NEWER.timestamp })
    expect(step).toEqual({ type: 'mint-above', newest: NEWER.timestamp })
    expect(meet(protocol, HERE, { ...NOTHING, newest: 500 })).toEqual({ type: 'acknowledge' })
  })

  it('goes to the new owners if the key has moved, and is then counted at these', () => {
    const protocol = new WriteProtocol('covers-unseen', DOT)
    expect(meet(protocol, HERE, NOTHING, false)).toEqual({ type: 'place-again' })
    expect(meet(protocol, ELSEWHERE)).toEqual({ type: 'acknowledge' })
  })
})

describe('a write that fails', () => {
  it('is rejected if no owner can have stored it, also after a move', () => {
    expect(refuse(new WriteProtocol('covers-unseen', DOT), HERE)).toEqual({
      type: 'fail',
      outcome: 'rejected',
    })
    const protocol = new WriteProtocol('covers-unseen', DOT)
    expect(refuse(protocol, HERE, false)).toEqual({ type: 'place-again' })
    expect(refuse(protocol, ELSEWHERE)).toEqual({ type: 'fail', outcome: 'rejected' })
    expect(protocol.doubt).toBe('none')
  })

  it('is unknown if owners before a move may have stored it', () => {
    const met = new WriteProtocol('covers-unseen', DOT)
    expect(meet(met, HERE, NOTHING, false)).toEqual({ type: 'place-again' })
    expect(refuse(met, ELSEWHERE)).toEqual({ type: 'fail', outcome: 'unknown' })
    const late = new WriteProtocol('covers-unseen', DOT)
    late.begin(HERE).expire()
    expect(late.next(false)).toEqual({ type: 'place-again' })
    expect(refuse(late, ELSEWHERE)).toEqual({ type: 'fail', outcome: 'unknown' })
    expect(late.doubt).toBe('stored-before-move')
  })

  it.each(['covers-unseen', 'lww'] as const)(
    'is unknown where the first copy of kind %s is stored',
    (kind) => {
      const protocol = new WriteProtocol(kind, DOT)
      meet(protocol, HERE, { ...NOTHING, uncovered: [OLDER], newest: NEWER.timestamp })
      expect(protocol.outcomeOf('rejected')).toBe('unknown')
      expect(refuse(protocol, HERE)).toEqual({ type: 'fail', outcome: 'unknown' })
      expect(protocol.doubt).toBe('stored-by-first-round')
    },
  )

  it('is unknown if too few owners with full copies have reported what it replaces', () => {
    const protocol = new WriteProtocol('covers-unseen', DOT)
    const plan = { ...HERE, wholeNeed: 2 }
    expect(meet(protocol, plan, { ...NOTHING, isWhole: false })).toEqual({
      type: 'fail',
      outcome: 'unknown',
    })
  })
})
