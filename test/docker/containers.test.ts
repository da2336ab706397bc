/** All that is tested on containers. Starting them takes longest, so they are started once. */
import { afterAll, beforeAll, describe } from 'vitest'
import { testCuts } from './cuts.ts'
import { testImage } from './image.ts'
import { testQuorateCluster } from './quorate-cluster.ts'
import { Stack } from './stack.ts'

let stack: Stack
beforeAll(async () => {
  stack = await Stack.start()
})
afterAll(async () => {
  // Absent where the start failed, which then has cleaned up.
  await (stack as Stack | undefined)?.stop()
})

describe('image', () => testImage(() => stack))
describe('cuts', () => testCuts(() => stack))
describe('quorate/testcontainers', testQuorateCluster)
