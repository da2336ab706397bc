import { describe, expect, it } from 'vitest'
import { accept, emptyAcceptor, prepare } from '../../../src/core/consensus/acceptor.ts'
import { BALLOT_ZERO } from '../../../src/core/consensus/ballot.ts'

const one = { counter: 1, node: 'n1' }
const oneOfN2 = { counter: 1, node: 'n2' }
const two = { counter: 2, node: 'n1' }

describe('acceptor', () => {
  it('promises a first ballot and tells that nothing was accepted', () => {
    const { state, reply } = prepare(emptyAcceptor<string>(), one)
    expect(reply).toEqual({ type: 'promise', ballot: one, accepted: BALLOT_ZERO, value: null })
    expect(state.promised).toEqual(one)
  })

  it('refuses to prepare a lower or an equal ballot, and keeps its state', () => {
    const { state } = prepare(emptyAcceptor<string>(), oneOfN2)
    for (const ballot of [one, oneOfN2]) {
      const step = prepare(state, ballot)
      expect(step.reply).toMatchObject({ type: 'conflict', phase: 'prepare', seen: oneOfN2 })
      expect(step.state).toBe(state)
    }
  })

  it('accepts at its promise, and above it without having promised', () => {
    const { state } = prepare(emptyAcceptor<string>(), one)
    expect(accept(state, one, 'x').state).toEqual({ promised: one, accepted: one, value: 'x' })
    expect(accept(state, two, 'y').state).toEqual({ promised: two, accepted: two, value: 'y' })
  })

  it('refuses to accept below its promise, and says that it never took the value', () => {
    const { state } = prepare(emptyAcceptor<string>(), two)
    const step = accept(state, one, 'x')
    expect(step.reply).toEqual({
      type: 'conflict',
      ballot: one,
      phase: 'accept',
      seen: two,
      mayHaveAccepted: false,
    })
    expect(step.state).toBe(state)
  })

  it('answers a repeated accept alike, whether or not it promised the next ballot with it', () => {
    for (const next of [one, two]) {
      const { state } = accept(emptyAcceptor<string>(), one, 'x', { next })
      const step = accept(state, one, 'x', { next, isUncontested: true })
      expect(step.reply).toEqual({ type: 'accepted', ballot: one })
      expect(step.state).toBe(state)
    }
  })

  /**
   * n2 was promised ballot 3 here and was told of nothing; then repair brought what n1 proposed at ballot 1. Had n1 its
   * acceptance of us now, it would be decided, and n2 would decide something that was not made from it.
   */
  it('does not accept what repair brought against a later promise, nor denies that it holds it', () => {
    const later = { counter: 3, node: 'n2' }
    const { state } = prepare(emptyAcceptor<string>(), later)
    const repaired = { ...state, accepted: one, value: 'x' }
    const step = accept(repaired, one, 'x', { next: two })
    expect(step.reply).toMatchObject({ type: 'conflict', seen: later, mayHaveAccepted: true })
    expect(step.state).toBe(repaired)
  })

  it('does not rule out that it took a value which was replaced since', () => {
    const first = accept(emptyAcceptor<string>(), one, 'x').state
    const replaced = accept(first, two, 'y').state
    expect(accept(replaced, one, 'x').reply).toMatchObject({
      type: 'conflict',
      mayHaveAccepted: true,
    })
  })

  it('tells the accepted value to a later prepare', () => {
    const { state } = accept(emptyAcceptor<string>(), one, 'x')
    expect(prepare(state, two).reply).toEqual({
      type: 'promise',
      ballot: two,
      accepted: one,
      value: 'x',
    })
  })
})
