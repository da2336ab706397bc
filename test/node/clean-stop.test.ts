/** What other nodes and their clients see of a node that stops cleanly under load. */
import { expect, it } from 'vitest'
import { QuorateError } from '../../src/core/errors.ts'
import type { Level } from '../../src/core/quorum/level.ts'
import type { NodeService } from '../../src/node/service/service.ts'
import { type Id, VirtualCluster } from './virtual-cluster.ts'

const ALL: readonly Id[] = ['n1', 'n2', 'n3', 'n4', 'n5']
const OTHERS: readonly Id[] = ['n2', 'n3', 'n4', 'n5']
const LEVELS: readonly Level[] = ['quorum', 'all', 'strong']
const REQUESTS = 2000
const PACE_US = 125
const STOP_US = 125_000
/** Less than any timeout or suspicion. */
const WAIT_US_MAX = 200_000

interface End {
  readonly level: Level
  /** 'ok', or the code of the error. */
  readonly code: string
  readonly outcome: string
  readonly tookUs: number
}

function send(service: NodeService, level: Level, i: number): Promise<unknown> {
  const bucket = level === 'strong' ? 'strong' : 'default'
  // Each its own key: a write that meets another one may need a second round.
  const at = { bucket, key: `k${i}`, level, requestId: 'test' }
  if (i % 8 === 0) return service.get(at)
  const content = {
    value: new Uint8Array([i]),
    contentType: '',
    tombstone: false,
    expiresAtMs: 0,
  }
  return service.put({ ...at, content, context: undefined })
}

async function stopUnderLoad(cluster: VirtualCluster): Promise<readonly End[]> {
  const { schedule } = cluster
  const ends: End[] = []
  for (let i = 0; i < REQUESTS; i++) {
    const id = OTHERS[i % OTHERS.length] as Id
    const level = LEVELS[i % LEVELS.length] as Level
    schedule.after(i * PACE_US, () => {
      const startUs = schedule.nowUs
      cluster.node(id).call(
        (service) => send(service, level, Math.floor(i / LEVELS.length)),
        (end) => {
          const error = end.type === 'failed' ? end.error : undefined
          const code = error instanceof QuorateError ? error.code : String(error)
          const outcome = error instanceof QuorateError ? error.kind.outcome : 'unknown'
          const tookUs = schedule.nowUs - startUs
          if (end.type === 'answered') ends.push({ level, code: 'ok', outcome: 'done', tookUs })
          else ends.push({ level, code, outcome, tookUs })
        },
      )
    })
  }
  let isStopped = false
  schedule.after(
    STOP_US,
    () =>
      void cluster
        .node('n1')
        .stop()
        .then(() => (isStopped = true)),
  )
  await cluster.until(() => isStopped && ends.length === REQUESTS)
  return ends
}

it('leaves no request of another node in doubt, and lets none wait', async () => {
  const cluster = new VirtualCluster('clean stop', ALL)
  await cluster.start()
  await cluster.pass(2)
  const ends = await stopUnderLoad(cluster)
  expect(cluster.broken).toEqual([])
  const failed = ends.filter(({ code }) => code !== 'ok')
  // An owner less: nothing was applied at the level `all`, and the others go on.
  expect(failed.length).toBeGreaterThan(0)
  expect(new Set(failed.map(({ level, code, outcome }) => `${level} ${code} ${outcome}`))).toEqual(
    new Set(['all quorum_unreachable rejected']),
  )
  expect(Math.max(...ends.map(({ tookUs }) => tookUs))).toBeLessThan(WAIT_US_MAX)
})
