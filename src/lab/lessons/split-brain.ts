/** Lesson 2: a network partition, and two sides that both accept writes. */
import { ownersAgree, ownersOf, requestOf, sidesOf, timeOf, valuesAt } from './checks.ts'
import type { Lesson } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'eventual', ...CART } as const
const B = { client: 2, node: 'n2', level: 'eventual', ...CART } as const

export const SPLIT_BRAIN: Lesson = {
  id: '2',
  title: 'A network partition and a split brain',
  idea: 'A partition cuts the network between nodes. All nodes run, but the two sides cannot talk. Neither side can tell whether the other one is dead.',
  key: CART,
  nodes: 3,
  question:
    'Both sides accept a write to the same key during the partition. After it has healed, what does a read return?',
  choices: [
    'The later write; the other one is lost',
    'Both values, side by side',
    'An error, until an operator repairs the key',
  ],
  right: 1,
  because:
    'Neither write knew of the other one, so neither replaces it. The store keeps both as siblings, and the client decides.',
  steps: [
    {
      todo: 'Put a value at n1, level quorum.',
      see: 'All three nodes hold it.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'Isolate n1: click n1, then “Cut all links of n1”.',
      see: 'The dashed line parts n1 from n2 and n3. All nodes still run.',
      isDone: (scene) => sidesOf(scene).length === 2,
    },
    {
      todo: 'Client A puts a value at n1, client B another one at n2, both at level eventual.',
      see: 'Both sides acknowledged a write, and they hold different values. This is a split brain.',
      isDone: (scene) => {
        const sinceUs = timeOf(scene, 'cut') ?? Infinity
        const write = { do: 'put', level: 'eventual', state: 'ok', sinceUs } as const
        const [one = [], other = []] = sidesOf(scene).map((side) =>
          valuesAt(scene, side[0] as string),
        )
        const isWritten = sidesOf(scene).every((side) =>
          side.some((node) => requestOf(scene, { ...write, node }) !== undefined),
        )
        return isWritten && JSON.stringify(one) !== JSON.stringify(other)
      },
    },
    {
      todo: 'Heal all cuts, and wait a moment.',
      see: 'The nodes compare their copies. Every owner now holds both values.',
      isDone: (scene) =>
        sidesOf(scene).length === 1 &&
        ownersAgree(scene) &&
        (valuesAt(scene, ownersOf(scene)[0] as string)?.length ?? 0) >= 2,
    },
    {
      todo: 'Get the key, level quorum.',
      see: 'The client gets both values as siblings. It can merge them and write the result.',
      isDone: (scene) =>
        (requestOf(scene, { do: 'get', state: 'ok', sinceUs: timeOf(scene, 'heal') ?? Infinity })
          ?.values?.length ?? 0) >= 2,
    },
  ],
  replay: {
    seed: 'lesson-2',
    nodes: 3,
    endMs: 22_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', ...A, level: 'quorum' },
      { atMs: 5000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 7000, do: 'put', value: 'bread', ...A },
      { atMs: 8000, do: 'put', value: 'cheese', ...B },
      { atMs: 11_000, do: 'heal' },
      { atMs: 21_000, do: 'get', ...B, level: 'quorum' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'curl -X PUT localhost:8001/v1/kv/default/cart -d apple',
    'npm run chaos -- partition n1,n2/n3,n4,n5',
    "curl -X PUT 'localhost:8001/v1/kv/default/cart?consistency=eventual' -d bread",
    "curl -X PUT 'localhost:8003/v1/kv/default/cart?consistency=eventual' -d cheese",
    'npm run chaos -- heal',
    "curl 'localhost:8003/v1/kv/default/cart?consistency=quorum'",
  ],
}
