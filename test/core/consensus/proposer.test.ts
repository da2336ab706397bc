import { describe, expect, it } from 'vitest'
import type { AcceptorReply } from '../../../src/core/consensus/acceptor.ts'
import { BALLOT_ZERO, type Ballot } from '../../../src/core/consensus/ballot.ts'
import { Proposer, type ChangeFunction } from '../../../src/core/consensus/proposer.ts'

const acceptors = ['n1', 'n2', 'n3']
const ballot = { counter: 5, node: 'n1' }
const higher = { counter: 6, node: 'n2' }

const append: ChangeFunction<string, string> = (current) => ({
  changed: true,
  value: `${current ?? ''}x`,
  result: `was ${current ?? 'empty'}`,
})
const read: ChangeFunction<string, string> = () => ({ changed: false, result: 'read' })

function started(change: ChangeFunction<string, string> = append): Proposer<string, string> {
  const proposer = new Proposer({ groups: [acceptors], ballot, change })
  proposer.start()
  return proposer
}

function proposed(change: ChangeFunction<string, string> = append): Proposer<string, string> {
  const proposer = started(change)
  proposer.receive('n1', promise())
  proposer.receive('n2', promise())
  return proposer
}

function promise(
  accepted: Ballot = BALLOT_ZERO,
  value: string | null = null,
): AcceptorReply<string> {
  return { type: 'promise', ballot, accepted, value }
}

function conflict(phase: 'prepare' | 'accept', mayHaveAccepted = false): AcceptorReply<string> {
  return { type: 'conflict', ballot, phase, seen: higher, mayHaveAccepted }
}

const accepted: AcceptorReply<string> = { type: 'accepted', ballot }

describe('proposer', () => {
  it('asks every acceptor to promise, then to accept, and decides at a majority', () => {
    const proposer = new Proposer({ groups: [acceptors], ballot, change: append })
    expect(proposer.start().send).toEqual(
      acceptors.map((to) => ({ to, message: { type: 'prepare', ballot } })),
    )
    expect(proposer.receive('n3', promise()).send).toEqual([])
    expect(proposer.receive('n1', promise()).send).toEqual(
      acceptors.map((to) => ({ to, message: { type: 'accept', ballot, value: 'x' } })),
    )
    expect(proposer.receive('n2', accepted).result).toBeUndefined()
    expect(proposer.receive('n3', accepted).result).toMatchObject({
      type: 'decided',
      value: 'x',
      changed: true,
      result: 'was empty',
    })
  })

  it('changes the value of the highest ballot accepted, in whatever order promises come', () => {
    const low = promise({ counter: 1, node: 'n9' }, 'low')
    const high = promise({ counter: 2, node: 'n1' }, 'high')
    for (const [first, second] of [
      [low, high],
      [high, low],
    ] as const) {
      const proposer = started()
      proposer.receive('n1', first)
      const [question] = proposer.receive('n2', second).send
      expect(question?.message).toMatchObject({ type: 'accept', value: 'highx' })
    }
  })

  it('has an unchanged value, and an empty one, accepted by a majority before it says so', () => {
    for (const value of ['seen', null]) {
      const proposer = started(read)
      proposer.receive(
        'n1',
        promise(value === null ? BALLOT_ZERO : { counter: 1, node: 'n2' }, value),
      )
      const [question] = proposer.receive('n2', promise()).send
      expect(question?.message).toEqual({ type: 'accept', ballot, value })
      proposer.receive('n1', accepted)
      expect(proposer.receive('n2', accepted).result).toMatchObject({
        type: 'decided',
        value,
        changed: false,
        result: 'read',
      })
    }
  })

  it('counts each acceptor once', () => {
    const proposer = started()
    proposer.receive('n1', promise())
    expect(proposer.receive('n1', promise()).send).toEqual([])
    proposer.receive('n2', promise())
    proposer.receive('n1', accepted)
    expect(proposer.receive('n1', accepted).result).toBeUndefined()
  })

  it('ignores replies of another attempt, of the phase before, and after its end', () => {
    const proposer = started()
    expect(proposer.receive('n1', { ...promise(), ballot: higher })).toEqual({
      send: [],
      result: undefined,
    })
    proposer.receive('n1', promise())
    proposer.receive('n2', promise())
    expect(proposer.receive('n3', promise())).toEqual({ send: [], result: undefined })
    expect(proposer.receive('n3', conflict('prepare'))).toEqual({ send: [], result: undefined })
    proposer.receive('n1', accepted)
    expect(proposer.receive('n2', accepted).result?.type).toBe('decided')
    expect(proposer.receive('n3', accepted)).toEqual({ send: [], result: undefined })
    expect(proposer.abandon()).toBeUndefined()
  })

  it('lets one conflict pass while a majority is possible, and reports the highest ballot', () => {
    const proposer = started()
    expect(proposer.receive('n1', conflict('prepare')).result).toBeUndefined()
    expect(proposer.receive('n2', conflict('prepare')).result).toEqual({
      type: 'conflict',
      outcome: 'rejected',
      seen: higher,
    })
  })

  it('tells in which phase an acceptor has refused', () => {
    const proposer = started()
    expect(proposer.refusedIn).toBeUndefined()
    proposer.receive('n1', conflict('prepare'))
    expect(proposer.refusedIn).toBe('prepare')
    proposer.receive('n2', promise())
    expect(proposer.receive('n3', promise()).send).toHaveLength(3)
    expect(proposer.refusedIn).toBeUndefined()
    proposer.receive('n1', conflict('accept'))
    expect(proposer.refusedIn).toBe('accept')
    proposer.abandon()
    expect(proposer.refusedIn).toBeUndefined()
  })

  it('is rejected when too few acceptors could be asked to promise', () => {
    const proposer = started()
    proposer.receive('n1', promise())
    proposer.unsent('n2')
    expect(proposer.lost('n3').result).toEqual({
      type: 'unreachable',
      outcome: 'rejected',
      required: 2,
      received: 1,
    })
  })

  it('takes a promise that comes after it was given up on', () => {
    const proposer = started()
    proposer.lost('n1')
    proposer.receive('n1', promise())
    expect(proposer.receive('n2', promise()).send).toHaveLength(3)
  })

  it('does not know the outcome once a changed value may be on its way', () => {
    expect(proposed().abandon()).toMatchObject({ type: 'unreachable', outcome: 'unknown' })

    const lost = proposed()
    lost.lost('n1')
    expect(lost.receive('n2', conflict('accept')).result).toMatchObject({ outcome: 'unknown' })

    const acceptedOnce = proposed()
    acceptedOnce.receive('n1', accepted)
    acceptedOnce.unsent('n2')
    expect(acceptedOnce.unsent('n3').result).toMatchObject({ outcome: 'unknown' })
  })

  it('waits for the last refusal, as it may show that no acceptor took the value', () => {
    const proposer = proposed()
    proposer.receive('n1', conflict('accept'))
    expect(proposer.receive('n2', conflict('accept')).result).toBeUndefined()
    expect(proposer.receive('n3', conflict('accept')).result).toEqual({
      type: 'conflict',
      outcome: 'rejected',
      seen: higher,
    })

    const unsent = proposed()
    unsent.unsent('n1')
    unsent.unsent('n2')
    expect(unsent.unsent('n3').result).toMatchObject({ type: 'unreachable', outcome: 'rejected' })
  })

  it('does not trust the refusal of an acceptor that may have taken a copy before', () => {
    const proposer = proposed()
    proposer.receive('n1', conflict('accept'))
    expect(proposer.receive('n2', conflict('accept', true)).result).toMatchObject({
      type: 'conflict',
      outcome: 'unknown',
    })
  })

  it('is rejected when a change that leaves the value as it is could not be confirmed', () => {
    expect(proposed(read).abandon()).toMatchObject({ type: 'unreachable', outcome: 'rejected' })
  })

  describe('of two groups', () => {
    const groups = [acceptors, ['n2', 'n3', 'n4']]
    const everybody = ['n1', 'n2', 'n3', 'n4']

    it('asks each acceptor once, and goes on where it has a majority of both', () => {
      const proposer = new Proposer({ groups, ballot, change: append })
      expect(proposer.start().send.map(({ to }) => to)).toEqual(everybody)
      proposer.receive('n1', promise())
      // A majority of the first group, and one of the second.
      expect(proposer.receive('n2', promise()).send).toEqual([])
      expect(proposer.receive('n4', promise()).send.map(({ to }) => to)).toEqual(everybody)
      proposer.receive('n4', accepted)
      // A majority of the second group, and one of the first.
      expect(proposer.receive('n3', accepted).result).toBeUndefined()
      expect(proposer.receive('n1', accepted).result).toMatchObject({
        type: 'decided',
        received: 2,
      })
    })

    it('needs no more than two acceptors that are in both', () => {
      const proposer = new Proposer({ groups, ballot, change: append })
      proposer.start()
      proposer.receive('n2', promise())
      expect(proposer.receive('n3', promise()).send).toHaveLength(4)
    })

    it('fails where one group cannot reach its majority any more, and tells of that one', () => {
      const proposer = new Proposer({ groups, ballot, change: append })
      proposer.start()
      proposer.receive('n1', promise())
      proposer.receive('n2', promise())
      expect(proposer.unsent('n3').result).toBeUndefined()
      expect(proposer.unsent('n4').result).toEqual({
        type: 'unreachable',
        outcome: 'rejected',
        required: 2,
        received: 1,
      })
    })

    it('is rejected only where nobody of either group can have taken the value', () => {
      const proposer = (): Proposer<string, string> => {
        const begun = new Proposer({ groups, ballot, change: append })
        begun.start()
        begun.receive('n2', promise())
        begun.receive('n3', promise())
        return begun
      }
      const open = proposer()
      open.receive('n2', conflict('accept'))
      expect(open.receive('n3', conflict('accept')).result).toBeUndefined()
      expect(open.receive('n1', accepted).result).toMatchObject({ outcome: 'unknown' })

      const refused = proposer()
      for (const from of ['n2', 'n3', 'n1']) refused.receive(from, conflict('accept'))
      expect(refused.receive('n4', conflict('accept')).result).toMatchObject({
        outcome: 'rejected',
      })
    })
  })

  it('refuses replies of nodes that are not acceptors', () => {
    expect(() => started().receive('n9', promise())).toThrow(/n9 is an acceptor/)
  })
})
