/** Access tokens in the topology document, while nodes crash, lose their disks and are cut off. */
import { expect, test } from 'vitest'
import type { AccessToken } from '../../../src/core/access/access-token.ts'
import { createAccessToken, revokeAccessToken } from '../../../src/node/topology/token-requests.ts'
import { type Id, IDS, VirtualCluster } from '../virtual-cluster.ts'
import { type End, VotingCluster } from './voting-cluster.ts'

const SEEDS = Array.from({ length: 4 }, (_, i) => `tokens ${i}`)
const STEPS = 80
const TIMEOUT_MS = 1500

function tokenNamed(name: string): AccessToken {
  const grants = [{ bucket: '*', prefix: '', rights: ['read'] }] as const
  return { name, hash: `hash of ${name}`, grants, createdMs: 0, expiresMs: null }
}

test.each(SEEDS)(
  'a token that was made stays, and a revoked one never returns: %s',
  async (seed) => {
    const cluster = new VotingCluster(seed, 5)
    const random = cluster.random.child('events')
    const pick = (): string => cluster.ids[random.below(cluster.ids.length)] as string
    const create = (id: string, name: string): Promise<End> =>
      cluster.beginAct(id, ({ register }) =>
        createAccessToken(register, [], tokenNamed(name), TIMEOUT_MS),
      )
    const revoke = (id: string, name: string): Promise<End> =>
      cluster.beginAct(id, ({ clock, register }) =>
        revokeAccessToken(register, clock, name, TIMEOUT_MS),
      )
    await cluster.startAll()
    const made = new Map<string, Promise<End>>()
    const revoked = new Map<string, Promise<End>>()
    let heal = (): void => undefined
    for (let step = 0; step < STEPS; step++) {
      const id = pick()
      const what = random.below(10)
      if (what < 4) {
        const name = `token-${step}`
        made.set(name, create(id, name))
      } else if (what < 6) {
        const name = [...made.keys()][random.below(made.size)]
        // Only a token that its maker has seen can be revoked.
        if (
          name !== undefined &&
          !revoked.has(name) &&
          (await cluster.end(made.get(name) as Promise<End>)) === 'ok'
        ) {
          revoked.set(name, revoke(id, name))
        }
      } else if (what === 6 && cluster.node(id).life !== undefined) cluster.node(id).crash()
      else if (what === 7) {
        heal()
        heal = cluster.part([id, pick()])
      } else if (what === 8) heal()
      else for (const other of cluster.ids) if (!cluster.isStarted(other)) cluster.start(other)
      await cluster.pass(random.below(1500) / 1000)
    }
    heal()
    await cluster.startAll()
    await cluster.pass(10)
    const isLast = await cluster.end(create(pick(), 'last'))
    expect(isLast).toBe('ok')
    await cluster.agreed()
    const { tokens = [] } = cluster.alive('n1').keeper.topology
    const names = tokens.map(({ name }) => name)
    expect(names).toEqual([...names].sort())
    let done = 0
    for (const [name, begun] of made) {
      const end = await cluster.end(begun)
      const undone = revoked.has(name)
        ? await cluster.end(revoked.get(name) as Promise<End>)
        : 'never'
      if (end === 'ok' && (undone === 'never' || undone === 'rejected')) {
        expect(names, name).toContain(name)
        done++
      }
      if (end === 'rejected' || undone === 'ok') expect(names, name).not.toContain(name)
    }
    expect(done).toBeGreaterThan(0)
  },
)

test('nodes make and revoke tokens, and refuse what is not there', async () => {
  const cluster = new VirtualCluster('tokens')
  await cluster.start()
  await cluster.pass(2)
  const create = (id: Id, name: string): Promise<string> =>
    cluster.ask(id, (service) => service.createToken(tokenNamed(name), 2000).then(() => 'ok'))
  const revoke = (id: Id, name: string): Promise<string> =>
    cluster.ask(id, (service) => service.revokeToken(name, 2000).then(() => 'ok'))
  const namesAt = (id: Id): Promise<unknown> =>
    cluster.ask(id, async (service) => service.topology().tokens?.map(({ name }) => name))
  expect(await create('n1', 'web')).toBe('ok')
  expect(await create('n2', 'api')).toBe('ok')
  for (const id of IDS) expect(await namesAt(id)).toEqual(['api', 'web'])
  expect(await revoke('n3', 'none')).toBe('token_unknown')
  expect(await revoke('n3', 'web')).toBe('ok')
  for (const id of IDS) expect(await namesAt(id)).toEqual(['api'])
  expect(cluster.broken).toEqual([])
})
