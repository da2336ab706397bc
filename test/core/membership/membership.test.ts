/**
 * Failure detection by five nodes in virtual time. The bounds asserted are those that membership-settings.ts promises;
 * all times are virtual, so none of them depends on the machine.
 */
import { describe, expect, it } from 'vitest'
import { Membership } from '../../../src/core/membership/membership.ts'
import type { MembershipAction } from '../../../src/core/membership/message.ts'
import { MEMBERSHIP_SETTINGS } from '../../../src/core/membership/membership-settings.ts'
import { seededRandom } from '../seeded-random.ts'
import { MembershipWorld } from './membership-world.ts'

const MINUTE_MS = 60_000

/** A world whose nodes have all met. */
function settled(count: number, seed: number): MembershipWorld {
  const world = new MembershipWorld(count, seed)
  world.run(2000)
  expect(world.agree(world.ids, world.ids, 'up')).toBe(true)
  world.changes.length = 0
  return world
}

describe('membership', () => {
  it('counts unknown members as down, and meets them within its first ticks', () => {
    const world = new MembershipWorld(5, 1)
    expect(world.of('n1').state('n2')).toBe('down')
    expect(world.of('n1').direct('n2')).toBe('down')
    expect(world.of('n1').lastHeardMs('n2')).toBeUndefined()
    const tookMs = world.runUntil(300, () => world.agree(world.ids, world.ids, 'up'))
    expect(tookMs).toBeDefined()
    expect(world.of('n1').direct('n2')).toBe('up')
  })

  it('suspects nobody in ten minutes without faults, at a constant load', () => {
    for (const count of [3, 5, 12]) {
      const world = settled(count, count)
      world.sent = 0
      world.run(10 * MINUTE_MS)
      expect(world.changes).toEqual([])
      // Two probes and their acks in each interval.
      const perNodeAndSecond = world.sent / count / (10 * 60)
      expect(perNodeAndSecond).toBeCloseTo(8, 1)
    }
  })

  it('calls nobody down in ten minutes of 10 % loss, and suspicions are refuted', () => {
    const world = settled(5, 3)
    world.lossPermille = 100
    world.run(10 * MINUTE_MS)
    expect(world.changes.filter(({ to }) => to === 'down')).toEqual([])
    expect(world.changes.some(({ to }) => to === 'suspect')).toBe(true)
    world.lossPermille = 0
    world.run(3000)
    expect(world.agree(world.ids, world.ids, 'up')).toBe(true)
  })

  it('calls a crashed node down everywhere, after a suspicion, and nobody else', () => {
    const world = settled(5, 4)
    world.crash('n5')
    const rest = ['n1', 'n2', 'n3', 'n4']
    const tookMs = world.runUntil(5000, () => world.agree(rest, ['n5'], 'down'))
    expect(tookMs).toBeGreaterThanOrEqual(MEMBERSHIP_SETTINGS.suspicionMs)
    expect(world.changes.every(({ id }) => id === 'n5')).toBe(true)
    expect(world.changes.some(({ to }) => to === 'suspect')).toBe(true)
    expect(world.of('n1').direct('n5')).not.toBe('up')
  })

  it('detects sooner when a request was lost', () => {
    const world = settled(3, 5)
    world.crash('n3')
    world.perform('n1', world.of('n1').lost('n3', world.nowMs))
    const { directTimeoutMs, indirectTimeoutMs } = MEMBERSHIP_SETTINGS
    const limitMs = directTimeoutMs + indirectTimeoutMs + 2 * 100
    expect(world.runUntil(limitMs, () => world.of('n1').state('n3') === 'suspect')).toBeDefined()
  })

  it('does not suspect a member for lost requests alone', () => {
    const world = settled(5, 6)
    for (let i = 0; i < 100; i += 1) {
      world.perform('n1', world.of('n1').lost('n3', world.nowMs))
      world.run(50)
    }
    expect(world.changes).toEqual([])
  })

  it('sees a restarted node up in under a second, with or without having missed it', () => {
    for (const awayMs of [50, 10_000]) {
      const world = settled(5, 7)
      world.crash('n2')
      world.run(awayMs)
      world.start('n2')
      expect(world.runUntil(999, () => world.agree(world.ids, world.ids, 'up'))).toBeDefined()
    }
  })

  it('splits in halves, and is whole again in under a second after the cut is healed', () => {
    const world = settled(5, 8)
    const [minor, major] = [
      ['n1', 'n2'],
      ['n3', 'n4', 'n5'],
    ]
    world.partition(minor, major)
    const split = (): boolean =>
      world.agree(minor, major, 'down') && world.agree(major, minor, 'down')
    expect(world.runUntil(6000, split)).toBeDefined()
    expect(world.agree(minor, minor, 'up')).toBe(true)
    expect(world.agree(major, major, 'up')).toBe(true)
    world.run(MINUTE_MS)
    world.heal()
    expect(world.runUntil(999, () => world.agree(world.ids, world.ids, 'up'))).toBeDefined()
    world.run(3000)
    expect(world.of('n1').healthScore).toBe(0)
    expect(world.of('n1').direct('n5')).toBe('up')
  })

  it('keeps a member up behind a cut of one link, but not in direct reach', () => {
    const world = settled(5, 9)
    world.partition(['n1'], ['n2'])
    world.run(MINUTE_MS)
    expect(world.changes.filter(({ to }) => to === 'down')).toEqual([])
    expect(world.of('n1').state('n2')).toBe('up')
    expect(world.of('n1').direct('n2')).toBe('down')
    expect(world.of('n3').direct('n2')).toBe('up')
    world.heal()
    expect(world.runUntil(999, () => world.of('n1').direct('n2') === 'up')).toBeDefined()
  })

  it('keeps both sides of a bridge up, through the one node that reaches both', () => {
    const world = settled(5, 10)
    world.partition(['n1', 'n2'], ['n4', 'n5'])
    world.run(MINUTE_MS)
    expect(world.changes.filter(({ to }) => to === 'down')).toEqual([])
    expect(world.of('n1').direct('n5')).toBe('down')
    expect(world.of('n1').direct('n3')).toBe('up')
  })

  it('keeps a member up that it hears but cannot ask, even alone with it', () => {
    const world = settled(2, 11)
    world.cut('n1', 'n2')
    world.run(10_000)
    expect(world.of('n1').state('n2')).toBe('up')
    expect(world.of('n1').direct('n2')).toBe('down')
    expect(world.of('n2').state('n1')).toBe('down')
  })

  it('lets a node that slept accuse nobody, and be up again at once', () => {
    for (const sleepMs of [500, 700, 3000, MINUTE_MS]) {
      for (let seed = 0; seed < 10; seed += 1) {
        const world = settled(5, seed)
        world.run(seed * 70)
        world.pause('n3')
        world.run(sleepMs)
        world.changes.length = 0
        world.resume('n3')
        expect(world.runUntil(999, () => world.agree(world.ids, world.ids, 'up'))).toBeDefined()
        world.run(5000)
        expect(world.changes.filter(({ to, id }) => to !== 'up' && id !== 'n3')).toEqual([])
      }
    }
  })

  it('counts no time in which it stood still against a member that it was about to judge', () => {
    const lateMs = 100_000
    for (const state of ['up', 'suspect'] as const) {
      const { membership, random } = alone(['n1', 'n2'])
      membership.receive('n2', ['ping', 1, [['n2', 1, 'up']]], 0)
      let nowMs = 0
      // Up: a probe is under way. Suspect: the suspicion is.
      const judging = (): boolean => {
        const sent = membership.tick((nowMs += 100), random)
        return state === 'up'
          ? nowMs > 200 && sent.length > 0
          : membership.state('n2') === 'suspect'
      }
      while (!judging()) expect(nowMs).toBeLessThan(5000)
      membership.tick(nowMs + lateMs, random)
      expect(membership.state('n2')).toBe(state)
      expect(membership.healthScore).toBe(MEMBERSHIP_SETTINGS.healthScoreMax)
      // It is judged all the same when it stays silent now.
      for (let i = 1; i < 50; i += 1) membership.tick(nowMs + lateMs + i * 100, random)
      expect(membership.state('n2')).toBe('down')
    }
  })

  it('makes a slow node doubt itself rather than the others', () => {
    const suspicions = (healthScoreMax: number): number => {
      const world = new MembershipWorld(5, 12, { ...MEMBERSHIP_SETTINGS, healthScoreMax })
      world.run(2000)
      world.slowInboundMs.set('n1', 600)
      world.run(10 * MINUTE_MS)
      expect(world.changes.filter(({ to, atMs }) => to === 'down' && atMs > 2000)).toEqual([])
      return world.changes.filter(({ cause, observer }) => observer === 'n1' && cause === 'probe')
        .length
    }
    expect(suspicions(2)).toBeLessThan(suspicions(0) / 2)
  })

  it('tells a member that is heard while it is not up, so that it refutes', () => {
    const world = settled(3, 13)
    world.partition(['n1'], ['n2', 'n3'])
    world.run(6000)
    expect(world.of('n1').state('n2')).toBe('down')
    world.heal()
    world.perform('n1', world.of('n1').heard('n2', world.nowMs))
    expect(world.runUntil(20, () => world.of('n1').state('n2') === 'up')).toBeDefined()
    expect(world.of('n2').incarnation).toBe(1001)
  })

  it('pings a member that is down as soon as the link to it opens', () => {
    const world = settled(2, 14)
    world.partition(['n1'], ['n2'])
    world.run(6000)
    world.heal()
    world.perform('n1', world.of('n1').linked('n2', world.nowMs))
    expect(world.runUntil(20, () => world.of('n1').state('n2') === 'up')).toBeDefined()
  })

  it('takes an answer to a request as proof of direct reach', () => {
    const { membership } = alone(['n1', 'n2'])
    expect(membership.direct('n2')).toBe('down')
    membership.answered('n2', 10)
    expect(membership.direct('n2')).toBe('up')
    membership.lost('n2', 20)
    expect(membership.direct('n2')).toBe('suspect')
    membership.heard('n2', 30 + MEMBERSHIP_SETTINGS.suspicionMs)
    expect(membership.direct('n2')).toBe('down')
  })

  it('refutes with an incarnation above the claim, in the very ack', () => {
    const { membership } = alone(['n1', 'n2', 'n3'])
    const claims = [
      ['n2', 1, 'up'],
      ['n1', 9, 'suspect'],
    ] as const
    const [ack] = membership.receive('n2', ['ping', 7, claims], 10)
    expect(ack).toMatchObject({ to: 'n2', message: ['ack', 7, [['n1', 10, 'up']]] })
    expect(membership.incarnation).toBe(10)
  })

  it('lets the higher incarnation win, and the worse state at equal ones', () => {
    const { membership } = alone(['n1', 'n2', 'n3'])
    const told = (incarnation: number, state: 'up' | 'suspect' | 'down'): string => {
      membership.receive(
        'n2',
        [
          'ack',
          1,
          [
            ['n2', 1, 'up'],
            ['n3', incarnation, state],
          ],
        ],
        10,
      )
      return membership.state('n3')
    }
    expect(told(5, 'up')).toBe('up')
    expect(told(4, 'down')).toBe('up')
    expect(told(5, 'suspect')).toBe('suspect')
    expect(told(5, 'up')).toBe('suspect')
    expect(told(5, 'down')).toBe('down')
    expect(told(5, 'suspect')).toBe('down')
    expect(told(6, 'up')).toBe('up')
  })

  it('does not believe what a ping request holds against its target, but passes it on', () => {
    const { membership } = alone(['n1', 'n2', 'n3'])
    membership.receive('n3', ['ping', 1, [['n3', 5, 'up']]], 10)
    const claims = [
      ['n2', 1, 'up'],
      ['n3', 5, 'down'],
    ] as const
    const [ping] = membership.receive('n2', ['pingRequest', 8, claims, 'n3'], 20)
    expect(membership.state('n3')).toBe('up')
    expect(ping?.to).toBe('n3')
    expect(ping?.message[2]).toContainEqual(['n3', 5, 'down'])
  })

  it('passes on an answer, and says in time that there is none so far', () => {
    const { membership, random } = alone(['n1', 'n2', 'n3'])
    const [ping] = membership.receive('n2', ['pingRequest', 8, [], 'n3'], 0)
    const nacks = membership.tick(100, random).filter(({ message }) => message[0] === 'nack')
    expect(nacks).toEqual([{ type: 'send', to: 'n2', message: ['nack', 8, [['n1', 1, 'up']]] }])
    const seq = ping?.message[1] as number
    const passed = membership.receive('n3', ['ack', seq, [['n3', 5, 'up']]], 150)
    const updates = [
      ['n1', 1, 'up'],
      ['n3', 5, 'up'],
    ]
    expect(passed).toEqual([{ type: 'send', to: 'n2', message: ['ack', 8, updates] }])
    expect(membership.receive('n3', ['ack', seq, []], 160)).toEqual([])
  })

  it('ignores strangers, and updates about them', () => {
    const { membership } = alone(['n1', 'n2'])
    expect(membership.receive('n9', ['ping', 1, []], 10)).toEqual([])
    membership.receive(
      'n2',
      [
        'ping',
        1,
        [
          ['n2', 1, 'up'],
          ['n9', 1, 'up'],
        ],
      ],
      10,
    )
    expect(membership.state('n9')).toBe('down')
    expect(membership.heard('n9', 20)).toEqual([])
    expect(membership.lost('n9', 20)).toEqual([])
    expect(membership.state('n1')).toBe('up')
  })

  it('keeps what it knows of members that stay when the list is replaced', () => {
    const { membership, random } = alone(['n1', 'n2', 'n3'])
    membership.receive('n2', ['ping', 1, [['n2', 1, 'up']]], 10)
    membership.receive('n3', ['ping', 1, [['n3', 1, 'up']]], 10)
    membership.setMembers(['n1', 'n2', 'n4'])
    expect(['n2', 'n3', 'n4'].map((id) => membership.state(id))).toEqual(['up', 'down', 'down'])
    const asked = new Set<string>()
    for (let nowMs = 100; nowMs < 2000; nowMs += 100) {
      for (const { to, message } of membership.tick(nowMs, random)) {
        asked.add(to)
        expect(message[2].map(([id]) => id)).not.toContain('n3')
      }
    }
    expect([...asked].sort()).toEqual(['n2', 'n4'])
  })

  it('sends no more than its bounds in one interval, however many members there are', () => {
    const ids = Array.from({ length: 200 }, (_, i) => `n${i + 1}`)
    const { membership, random } = alone(ids)
    for (const id of ids) membership.receive(id, ['ack', 1, [[id, 1, 'up']]], 0)
    membership.tick(100, random)
    const { probesPerInterval, rechecksPerInterval, indirectProbes, updatesPerMessageMax } =
      MEMBERSHIP_SETTINGS
    let sent: MembershipAction[] = []
    for (let nowMs = 200; nowMs <= MINUTE_MS; nowMs += 100) {
      if (nowMs % 500 === 0) sent = []
      sent.push(...membership.tick(nowMs, random))
      // Probes of one interval reach their ping requests in the next.
      const max = probesPerInterval * (1 + indirectProbes) + rechecksPerInterval
      expect(sent.length).toBeLessThanOrEqual(max)
      for (const { message } of sent) {
        expect(message[2].length).toBeLessThanOrEqual(updatesPerMessageMax + 3)
      }
    }
  })
})

/** One node whose messages nobody gets. */
function alone(members: readonly string[]): {
  membership: Membership
  random: (bound: number) => number
} {
  const membership = new Membership({ self: 'n1', members, incarnation: 1, nowMs: 0 })
  return { membership, random: seededRandom(1) }
}
