/** A member that stops says so, and nobody asks it any more. */
import { expect, it } from 'vitest'
import { Membership } from '../../../src/core/membership/membership.ts'
import type { MembershipMessage } from '../../../src/core/membership/message.ts'
import { MembershipWorld } from './membership-world.ts'

/** A world whose nodes have all met. */
function settled(count: number, seed: number): MembershipWorld {
  const world = new MembershipWorld(count, seed)
  world.run(2000)
  expect(world.agree(world.ids, world.ids, 'up')).toBe(true)
  return world
}

function leave(world: MembershipWorld, id: string): void {
  world.perform(id, world.of(id).leave(world.nowMs))
}

it('is down for everybody after one message, and knows when they have heard it', () => {
  const world = settled(5, 1)
  const others = ['n2', 'n3', 'n4', 'n5']
  leave(world, 'n1')
  expect(others.every((id) => world.of('n1').awaitsFarewell(id))).toBe(true)
  const isHeard = (): boolean => others.every((id) => !world.of('n1').awaitsFarewell(id))
  expect(world.runUntil(20, isHeard)).toBeDefined()
  for (const id of others) {
    expect([world.of(id).state('n1'), world.of(id).direct('n1')]).toEqual(['down', 'down'])
  }
})

it('stays down while it still answers, and refutes nothing', () => {
  const world = settled(3, 2)
  leave(world, 'n1')
  world.run(20)
  const { incarnation } = world.of('n1')
  for (let i = 0; i < 30; i++) {
    world.perform('n2', world.of('n2').answered('n1', world.nowMs))
    world.run(100)
    expect([world.of('n2').state('n1'), world.of('n2').direct('n1')]).toEqual(['down', 'down'])
  }
  expect(world.of('n1').incarnation).toBe(incarnation)
  expect(world.agree(['n2', 'n3'], ['n2', 'n3'], 'up')).toBe(true)
})

it('is up again when it has started again', () => {
  const world = settled(3, 3)
  leave(world, 'n1')
  world.run(20)
  world.crash('n1')
  world.run(3000)
  world.start('n1')
  const isBack = (): boolean =>
    ['n2', 'n3'].every((id) => world.of(id).direct('n1') === 'up') &&
    world.agree(world.ids, world.ids, 'up')
  expect(world.runUntil(2000, isBack)).toBeDefined()
})

it('is told until it is heard, if messages are lost', () => {
  const world = settled(3, 4)
  world.cut('n1', 'n2')
  leave(world, 'n1')
  world.run(100)
  expect([world.of('n1').awaitsFarewell('n2'), world.of('n1').awaitsFarewell('n3')]).toEqual([
    true,
    false,
  ])
  world.heal()
  expect(world.runUntil(3000, () => !world.of('n1').awaitsFarewell('n2'))).toBeDefined()
  expect(world.of('n2').direct('n1')).toBe('down')
})

it('is believed of the member itself alone, and not of an earlier life', () => {
  const membership = new Membership({
    self: 'n1',
    members: ['n1', 'n2', 'n3'],
    incarnation: 1,
    nowMs: 0,
  })
  const told = (from: string, message: MembershipMessage): string => {
    membership.receive(from, message, 10)
    return membership.direct('n2')
  }
  expect(told('n2', ['ack', 1, [['n2', 5, 'up']]])).toBe('up')
  const gossip: MembershipMessage = [
    'ack',
    1,
    [
      ['n3', 1, 'up'],
      ['n2', 5, 'down'],
    ],
  ]
  expect(told('n3', gossip)).toBe('up')
  expect(told('n2', ['ping', 2, [['n2', 6, 'up']]])).toBe('up')
  expect(told('n2', ['ping', 1, [['n2', 5, 'down']]])).toBe('up')
  expect(told('n2', ['ping', 3, [['n2', 6, 'down']]])).toBe('down')
  expect(told('n2', ['ack', 4, [['n2', 6, 'down']]])).toBe('down')
  expect(told('n2', ['ack', 5, [['n2', 7, 'up']]])).toBe('up')
})
