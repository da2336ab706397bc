import { describe, expect, it } from 'vitest'
import {
  parseMembershipMessage,
  UPDATES_PER_MESSAGE_BOUND,
  type MembershipMessage,
} from '../../../src/core/membership/message.ts'
import { INCARNATION_MAX } from '../../../src/core/membership/update.ts'

describe('membership message', () => {
  const wellFormed: MembershipMessage[] = [
    ['ping', 1, []],
    ['ack', 0, [['n1', 7, 'up']]],
    [
      'nack',
      3,
      [
        ['n1', 7, 'suspect'],
        ['n2', 0, 'down'],
      ],
    ],
    ['pingRequest', 4, [['n1', 7, 'up']], 'n3'],
  ]
  it.each(wellFormed)('takes a %s', (...message) => {
    expect(parseMembershipMessage(message)).toEqual(message)
  })

  const garbage: [string, unknown][] = [
    ['nothing', undefined],
    ['no array', { 0: 'ping', 1: 1, 2: [] }],
    ['an unknown type', ['pong', 1, []]],
    ['a missing part', ['ping', 1]],
    ['a part too many', ['ping', 1, [], 'n3']],
    ['a ping request without a target', ['pingRequest', 1, []]],
    ['a target that is no id', ['pingRequest', 1, [], 'n 3']],
    ['a negative number', ['ping', -1, []]],
    ['a broken number', ['ping', 1.5, []]],
    ['updates that are none', ['ping', 1, 'n1']],
    ['an update that is too short', ['ping', 1, [['n1', 1]]]],
    ['an unknown state', ['ping', 1, [['n1', 1, 'sleepy']]]],
    ['an incarnation that leaves no room to refute', ['ping', 1, [['n1', INCARNATION_MAX, 'up']]]],
    ['an id that is too long', ['ping', 1, [['n'.repeat(33), 1, 'up']]]],
    ['too many updates', ['ping', 1, Array(UPDATES_PER_MESSAGE_BOUND + 1).fill(['n1', 1, 'up'])]],
  ]
  it.each(garbage)('refuses %s', (_name, data) => {
    expect(parseMembershipMessage(data)).toBeUndefined()
  })
})
