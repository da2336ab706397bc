/** The cluster for tests as an installed package, beside a testcontainers of the user. test/docker runs it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from '../client/installed-package.ts'

let installed: InstalledPackage

beforeAll(() => {
  installed = new InstalledPackage('testcontainers', ['testcontainers'])
})

afterAll(() => installed.remove())

test('imports nothing but Node.js, its own files and testcontainers', () => {
  const others = installed.imports().filter((target) => !/^(node:|\.\.?\/.*\.js$)/.test(target))
  expect(new Set(others)).toEqual(new Set(['testcontainers']))
})

test('has types', () => {
  const program = `
    import { QuorateCluster, type StartedQuorateCluster } from 'quorate/testcontainers'
    export const start = async (): Promise<StartedQuorateCluster> =>
      new QuorateCluster('quorate:local').withNodes(3).start()
    export const cut = async (cluster: StartedQuorateCluster) => {
      await using partition = await cluster.partition(['n1'])
      const endpoint: string = cluster.endpoint('n1')
      // @ts-expect-error A group is a list of nodes.
      await cluster.partition('n1')
      await partition.heal()
      return endpoint
    }
  `
  const lib = ['ES2022', 'DOM', 'ESNext.Disposable']
  const options = { noEmit: true, strict: true, skipLibCheck: true, target: 'ES2022', lib }
  installed.check(program, { ...options, module: 'nodenext', types: [] })
})

test('is found by its name, and checks what it is given', () => {
  const program = `
    import { QuorateCluster } from 'quorate/testcontainers'
    try {
      new QuorateCluster('quorate:local').withNodes(0)
    } catch (error) {
      console.log(error.message)
    }
  `
  expect(installed.run(program)).toBe('a cluster has one node or more, not 0\n')
})
