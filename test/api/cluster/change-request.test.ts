/** What may be asked of the members, and how it is refused. */
import { expect, test } from 'vitest'
import { changeOrder, changeRequest } from '../../../src/api/cluster/change-request.ts'

const MEMBERS = ['n1', 'n2', 'n3'].map((id) => ({
  id,
  peerUrl: `http://${id}.peer:7000`,
  zone: 'east',
}))
const n6 = { id: 'n6', peerUrl: 'http://n6:7080', zone: 'default' }

test.each([
  [{ join: 'n6' }, { kind: 'join', member: n6 }],
  [{ join: { id: 'n6' } }, { kind: 'join', member: n6 }],
  [
    { join: { id: 'n6', peerUrl: 'http://10.0.0.6/', zone: 'west' } },
    { kind: 'join', member: { id: 'n6', peerUrl: 'http://10.0.0.6:80', zone: 'west' } },
  ],
  [{ leave: 'n2' }, { kind: 'leave', node: 'n2' }],
  [{ remove: 'n2' }, { kind: 'remove', node: 'n2' }],
  [
    { replace: { old: 'n3', new: 'n6' } },
    { kind: 'replace', old: 'n3', member: n6, isLost: false },
  ],
  [
    { replace: { old: 'n3', new: { id: 'n6' }, lost: true } },
    { kind: 'replace', old: 'n3', member: n6, isLost: true },
  ],
])('change request: takes %j', (body, request) => {
  expect(changeRequest(body, MEMBERS)).toEqual(request)
  expect(changeOrder(body, MEMBERS)).toEqual({ type: 'change', request })
})

test('change request: the id of a member stands for that member', () => {
  expect(changeRequest({ join: 'n2' }, MEMBERS)).toEqual({ kind: 'join', member: MEMBERS[1] })
  expect(changeRequest({ replace: { old: 'n3', new: 'n2' } }, MEMBERS)).toMatchObject({
    member: MEMBERS[1],
  })
})

test('change request: only what is applied can be cancelled', () => {
  expect(changeOrder({ cancel: true }, MEMBERS)).toEqual({ type: 'undo' })
  expect(() => changeRequest({ cancel: true }, MEMBERS)).toThrow('no member "cancel"')
})

test.each([
  [{}, 'exactly one of join, leave, replace, remove, cancel, not none'],
  [{ join: 'n6', leave: 'n2' }, 'not join and leave'],
  [{ leave: 'n2', cancel: true }, 'not leave and cancel'],
  [{ cancel: false }, 'cancel must be true, not "false"'],
  [{ joins: 'n6' }, 'no member "joins" here; allowed: join, leave'],
  [{ join: null }, 'join must be such as "n6"'],
  [{ join: ['n6'] }, 'join must be such as "n6"'],
  [{ join: 'N6' }, 'join must be the id of a node, 1 to 32 characters'],
  [{ join: {} }, 'join.id must be the id of a node'],
  [{ join: { id: 6 } }, 'join.id must be'],
  [{ join: { id: 'n6', url: 'http://n6:7080' } }, 'no member "url" in join; allowed: id, peerUrl'],
  [{ join: { id: 'n6', peerUrl: 'n6:7080' } }, 'join.peerUrl must be http://host:port'],
  [{ join: { id: 'n6', peerUrl: 'https://n6:7080' } }, 'join.peerUrl must be http://host:port'],
  [{ join: { id: 'n6', peerUrl: 'http://n6:7080/v1' } }, 'join.peerUrl must be http://host:port'],
  [{ join: { id: 'n6', peerUrl: 7080 } }, 'join.peerUrl must be http://host:port'],
  [{ join: { id: 'n6', zone: '' } }, 'join.zone must be the name of a zone'],
  [{ leave: 2 }, 'leave must be the id of a node'],
  [{ leave: { id: 'n2' } }, 'leave must be the id of a node'],
  [{ remove: '' }, 'remove must be the id of a node'],
  [{ replace: 'n3' }, 'replace must be such as {"old":"n3","new":"n7"}'],
  [{ replace: { old: 'n3' } }, 'replace.new must be such as'],
  [{ replace: { new: 'n7' } }, 'replace.old must be the id of a node'],
  [{ replace: { old: 'n3', new: 'n3' } }, 'two nodes, not n3'],
  [{ replace: { old: 'n3', new: 'n7', lost: 'yes' } }, 'replace.lost must be true or false'],
  [{ replace: { old: 'n3', new: 'n7', isLost: true } }, 'no member "isLost" in replace'],
])('change request: refuses %j and says what is allowed', (body, words) => {
  expect(() => changeOrder(body, MEMBERS)).toThrow(words)
})
