/** Lesson 11: hints, repair, and a delete that does not come back. */
import {
  downOwners,
  isDeletedAt,
  ownerLostUs,
  ownersAgree,
  ownersOf,
  requestOf,
  timeOf,
  valuesAt,
} from './checks.ts'
import type { Lesson } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...CART } as const

export const DELETED: Lesson = {
  id: '11',
  title: 'Hints, repair, and a delete that does not come back',
  idea: 'A node that is down misses writes, and deletes too. When it is back, it must get what it missed, and must not give old values to the others.',
  key: CART,
  nodes: 5,
  question:
    'An owner is down while the key is deleted. Its disk still has the value. What happens when it is back?',
  choices: [
    'The value comes back: the owner gives it to the others',
    'The delete wins: the owner gets the delete that it has missed',
    'The owners disagree for ever',
  ],
  right: 1,
  because:
    'A delete is a write, too. It leaves a tombstone with a version, which is newer than the value. The value cannot win against it.',
  steps: [
    {
      todo: 'Put a value at n1, level all.',
      see: 'All three owners hold it.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'Kill one of the owners. Click the node, then Kill.',
      see: 'It keeps the value on its disk.',
      isDone: (scene) => downOwners(scene).length === 1,
    },
    {
      todo: 'Delete the key, level quorum.',
      see: 'Two owners hold a tombstone, the dead one holds the value. Another node keeps a hint for it.',
      isDone: (scene) => {
        const [down, ...others] = downOwners(scene)
        const sinceUs = ownerLostUs(scene)
        if (down === undefined || others.length > 0 || sinceUs === undefined) return false
        return (
          requestOf(scene, { do: 'delete', state: 'ok', sinceUs }) !== undefined &&
          (valuesAt(scene, down)?.length ?? 0) > 0 &&
          ownersOf(scene).every((owner) => owner === down || isDeletedAt(scene, owner))
        )
      },
    },
    {
      todo: 'Start the dead node again, and wait a moment.',
      see: 'The hint brought the tombstone. No owner holds the value.',
      isDone: (scene) =>
        downOwners(scene).length === 0 &&
        ownersOf(scene).every((owner) => (valuesAt(scene, owner) ?? []).length === 0),
    },
    {
      todo: 'Get the key, level quorum.',
      see: 'There is no value. It does not come back.',
      isDone: (scene) =>
        requestOf(scene, { do: 'get', state: 'ok', sinceUs: timeOf(scene, 'start') ?? Infinity })
          ?.values?.length === 0,
    },
  ],
  replay: {
    seed: 'lesson-11',
    nodes: 5,
    endMs: 22_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', ...A, level: 'all' },
      { atMs: 5000, do: 'kill', node: 'n3' },
      { atMs: 8000, do: 'delete', ...A },
      { atMs: 11_000, do: 'start', node: 'n3' },
      { atMs: 21_000, do: 'get', ...A, client: 2, node: 'n5' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    "curl -X PUT 'localhost:8001/v1/kv/default/cart?consistency=all' -d apple",
    'npx quorate where default cart',
    'npm run chaos -- kill n3',
    'curl -X DELETE localhost:8001/v1/kv/default/cart',
    'npm run chaos -- heal',
    "curl -i 'localhost:8003/v1/kv/default/cart?consistency=all'",
  ],
}
