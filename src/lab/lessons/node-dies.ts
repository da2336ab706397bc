/** Lesson 1: a node dies, and nobody notices. */
import { downOwners, ownerLostUs, ownersAgree, ownersOf, requestOf } from './checks.ts'
import type { Lesson } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...CART } as const

export const NODE_DIES: Lesson = {
  id: '1',
  title: 'Why distribute: a node dies, and nobody notices',
  idea: 'A store on one machine is gone when its machine is gone. Quorate keeps each key on three nodes, its owners. Two of three are a quorum.',
  key: CART,
  nodes: 5,
  question: 'You kill one of the three nodes that own a key. What do clients notice?',
  choices: [
    'Reads and writes of the key fail until the node is back',
    'Reads still work, but writes fail',
    'Nothing: reads and writes still succeed',
  ],
  right: 2,
  because:
    'A quorum needs two of the three owners, and two are left. So one node may fail without any loss.',
  steps: [
    {
      todo: 'Put a value at n1, level quorum.',
      see: 'Three nodes hold a copy: the owners, which have the numbers 1 to 3.',
      isDone: (scene) =>
        requestOf(scene, { do: 'put', state: 'ok' }) !== undefined && ownersAgree(scene),
    },
    {
      todo: 'Kill one of the three owners. Click the node, then Kill.',
      see: 'Its process is gone. Its disk still has the copy.',
      isDone: (scene) => downOwners(scene).length === 1,
    },
    {
      todo: 'Get the key at a node that is up, level quorum.',
      see: 'The two other owners answered, and two are enough.',
      isDone: (scene) => {
        const sinceUs = ownerLostUs(scene)
        const read = { do: 'get', level: 'quorum', state: 'ok', sinceUs: sinceUs ?? 0 } as const
        return sinceUs !== undefined && (requestOf(scene, read)?.values?.length ?? 0) > 0
      },
    },
    {
      todo: 'Put another value, level quorum.',
      see: 'It is acknowledged. Another node keeps a hint: the value that the dead owner has missed.',
      isDone: (scene) => {
        const sinceUs = ownerLostUs(scene)
        const write = { do: 'put', level: 'quorum', state: 'ok', sinceUs: sinceUs ?? 0 } as const
        return sinceUs !== undefined && requestOf(scene, write) !== undefined
      },
    },
    {
      todo: 'Start the dead node again, and wait a moment.',
      see: 'The hint was delivered. All three owners hold the new value.',
      isDone: (scene) =>
        ownersOf(scene).every(
          (owner) => scene.view.nodes.find(({ id }) => id === owner)?.state === 'up',
        ) && ownersAgree(scene),
    },
  ],
  replay: {
    seed: 'lesson-1',
    nodes: 5,
    endMs: 22_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', ...A },
      { atMs: 5000, do: 'kill', node: 'n3' },
      { atMs: 7000, do: 'get', ...A },
      { atMs: 9000, do: 'put', value: 'bread', ...A },
      { atMs: 12_000, do: 'start', node: 'n3' },
      { atMs: 21_000, do: 'get', ...A, client: 2, node: 'n5' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'curl -X PUT localhost:8001/v1/kv/default/cart -d apple',
    'npx quorate where default cart',
    'npm run chaos -- kill n3',
    "curl 'localhost:8001/v1/kv/default/cart?consistency=quorum'",
    'curl -X PUT localhost:8001/v1/kv/default/cart -d bread',
    'npm run chaos -- heal',
  ],
}
