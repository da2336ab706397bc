/** A partition that fails half-way, with containers that only record what they are told. test/docker cuts real ones. */
import type { StartedNetwork, StartedTestContainer } from 'testcontainers'
import { expect, test } from 'vitest'
import { linkFaultsText } from '../../src/chaos/link-fault-file.ts'
import { StartedQuorateCluster } from '../../src/testcontainers/started-cluster.ts'

const NO_FAULTS = linkFaultsText([])

class RecordingContainer {
  /** What is in the file of the node's link faults. */
  faults = NO_FAULTS
  /** How many commands fail from now on. */
  failures = 0
  isStopped = false

  async exec([, , , text = '']: readonly string[]): Promise<{ exitCode: number; output: string }> {
    // The others have been cut by then.
    await new Promise(setImmediate)
    if (this.failures-- > 0) return { exitCode: 1, output: 'no space left' }
    this.faults = text
    return { exitCode: 0, output: '' }
  }

  getHost(): string {
    return '127.0.0.1'
  }

  getMappedPort(): number {
    if (this.isStopped) throw new Error('the container is stopped')
    return 1
  }
}

function clusterOf(containers: readonly RecordingContainer[]): StartedQuorateCluster {
  const nodes = containers.map((container, i) => ({
    id: `n${i + 1}`,
    container: container as unknown as StartedTestContainer,
  }))
  return new StartedQuorateCluster({} as StartedNetwork, nodes)
}

function threeContainers() {
  const three = [
    new RecordingContainer(),
    new RecordingContainer(),
    new RecordingContainer(),
  ] as const
  const faults = (): string[] => three.map((container) => container.faults)
  return { three, faults, cluster: clusterOf(three) }
}

const ALL_WHOLE = [NO_FAULTS, NO_FAULTS, NO_FAULTS]

test('a partition that a node does not make leaves no part of itself', async () => {
  const { three, faults, cluster } = threeContainers()
  three[1].failures = 1
  await expect(cluster.partition(['n1'])).rejects.toThrow('n2 could not be cut or healed')
  expect(faults()).toEqual(ALL_WHOLE)
})

test('a partition that cannot be observed is undone', async () => {
  const { three, faults, cluster } = threeContainers()
  three[2].isStopped = true
  await expect(cluster.partition(['n1'])).rejects.toThrow('the container is stopped')
  expect(faults()).toEqual(ALL_WHOLE)
})

test('a partition that cannot be undone says so, and undoes what it can', async () => {
  const { three, faults, cluster } = threeContainers()
  three[1].failures = 2
  await expect(cluster.partition(['n1'])).rejects.toMatchObject({
    message: expect.stringContaining('may be left'),
    cause: { message: expect.stringContaining('n2 could not be cut or healed') },
  })
  expect(faults()).toEqual(ALL_WHOLE)
})
