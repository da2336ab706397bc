/** Lesson 8: concurrent writes become siblings, and version vectors tell which write knew of which. */
import { ownersAgree, ownersOf, valuesAt } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...CART } as const
const B = { client: 2, node: 'n2', level: 'quorum', ...CART } as const

function heldCount(scene: LessonScene): number {
  if (!ownersAgree(scene)) return 0
  return valuesAt(scene, ownersOf(scene)[0] as string)?.length ?? 0
}

/** When a client has read both siblings; undefined if none has. */
function bothReadUs(scene: LessonScene): number | undefined {
  return (
    scene.view.requests.find(({ state, values }) => state === 'ok' && (values?.length ?? 0) > 1)
      ?.endedUs ?? undefined
  )
}

/** The client that has written one value in place of both siblings, and when; undefined if none has. */
function merge(scene: LessonScene): { readonly client: number; readonly atUs: number } | undefined {
  const readUs = bothReadUs(scene)
  if (readUs === undefined) return undefined
  const write = scene.view.requests.find(
    ({ action, state, sentUs }) =>
      action.do === 'put' &&
      action.withContext === true &&
      state === 'ok' &&
      (sentUs ?? 0) > readUs,
  )
  return write === undefined
    ? undefined
    : { client: write.action.client, atUs: write.endedUs as number }
}

export const SIBLINGS: Lesson = {
  id: '8',
  title: 'Order without clocks: siblings and version vectors',
  idea: 'A clock cannot tell whether a writer knew of another write. So each copy has a version vector, and a client sends back, as the context, the vector that it has read.',
  key: CART,
  nodes: 3,
  question:
    'Two clients write the same key. Neither has read the value of the other. What does the store keep?',
  choices: [
    'The value with the later time',
    'Both values',
    'The first value; the second is refused',
  ],
  right: 1,
  because:
    'The second context does not cover the first write, so the two writes are concurrent. No value of a concurrent write is dropped.',
  steps: [
    {
      todo: 'Switch on “send context” for both clients. A puts a value at n1, then B puts one at n2.',
      see: 'Each copy holds two siblings. Each sibling has a dot: the node that minted it, and when.',
      isDone: (scene) => heldCount(scene) === 2,
    },
    {
      todo: 'A gets the key.',
      see: 'A sees both values, and now has a context that covers both.',
      isDone: (scene) => bothReadUs(scene) !== undefined,
    },
    {
      todo: 'A puts one value that merges both, with its context.',
      see: 'One value replaced both siblings, because its context covered them.',
      isDone: (scene) => merge(scene) !== undefined && heldCount(scene) === 1,
    },
    {
      todo: 'B puts another value, with its old context.',
      see: 'B had not read the merged value, so the store keeps both again. Nothing was overwritten unseen.',
      isDone: (scene) => {
        const merged = merge(scene)
        const later = scene.view.requests.some(
          ({ action, state, sentUs }) =>
            action.do === 'put' &&
            state === 'ok' &&
            action.client !== merged?.client &&
            (sentUs ?? 0) > (merged?.atUs ?? Infinity),
        )
        return later && heldCount(scene) === 2
      },
    },
  ],
  replay: {
    seed: 'lesson-8',
    nodes: 3,
    endMs: 12_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', withContext: true, ...A },
      { atMs: 4000, do: 'put', value: 'bread', withContext: true, ...B },
      { atMs: 6000, do: 'get', ...A },
      { atMs: 8000, do: 'put', value: 'apple and bread', withContext: true, ...A },
      { atMs: 10_000, do: 'put', value: 'cheese', withContext: true, ...B },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'npm run chaos -- partition n1,n2/n3,n4,n5',
    "curl -X PUT 'localhost:8001/v1/kv/default/cart?consistency=eventual' -d apple",
    "curl -X PUT 'localhost:8003/v1/kv/default/cart?consistency=eventual' -d bread",
    'npm run chaos -- heal',
    'curl -i localhost:8001/v1/kv/default/cart',
    'npx quorate siblings default cart',
    'curl -X PUT localhost:8001/v1/kv/default/cart -H "Quorate-Context: CONTEXT" -d "apple and bread"',
  ],
}
