/** Free ports: no two are the same, none is listened on, and no outgoing connection is numbered with one. */
import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { freePort, freePorts } from '../../src/local-cluster/address-plan.ts'

const OUTGOING_FIRST = 32_768

test('free ports differ, and lie below those of outgoing connections', async () => {
  const ports = [...(await freePorts(10)), await freePort()]
  expect(new Set(ports).size).toBe(11)
  expect(Math.max(...ports)).toBeLessThan(OUTGOING_FIRST)
})

test('a port that something listens on is left out', async () => {
  const next = (await freePort()) + 1
  const server = createServer().listen(next, '127.0.0.1')
  await once(server, 'listening')
  expect(await freePorts(3)).not.toContain(next)
  server.close()
})
