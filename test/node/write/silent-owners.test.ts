/** A write that may have been applied names every owner that it was sent to, also those that told nothing. */
import { expect, it } from 'vitest'
import type { PlainLevel } from '../../../src/core/quorum/level.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { NodeService } from '../../../src/node/service/service.ts'
import { type Id, withCluster } from '../virtual-cluster.ts'

const TIMEOUT_MS = 500

/** The error of the write, which the nodes that n1 sends it to do not hear of. */
async function failedPut(level: PlainLevel, silent: readonly Id[]): Promise<QuorateError> {
  let failed: unknown
  await withCluster(`silent owners ${level}`, async (cluster) => {
    const value = new TextEncoder().encode('value')
    const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
    const at = { bucket: 'default', key: 'k', level, requestId: 'test', timeoutMs: TIMEOUT_MS }
    const put = (service: NodeService): Promise<unknown> =>
      service.put({ ...at, content, context: undefined }).catch((error: unknown) => error)
    for (const node of silent) cluster.wires.cut('n1', node, 'hold')
    failed = await cluster.ask('n1', put)
  })
  if (!(failed instanceof QuorateError)) throw new Error(`the write ended with ${String(failed)}`)
  return failed
}

it.each([
  ['all', ['n3'], { n1: 'ok', n2: 'ok', n3: 'timeout' }],
  ['quorum', ['n2', 'n3'], { n1: 'ok', n2: 'timeout', n3: 'timeout' }],
] as const)('at %s with %j silent', async (level, silent, statuses) => {
  const { code, details } = await failedPut(level, silent)
  expect(code).toBe('outcome_unknown')
  const told = details.replicas?.map(({ node, status }) => [node, status]) ?? []
  expect(Object.fromEntries(told)).toEqual(statuses)
})
