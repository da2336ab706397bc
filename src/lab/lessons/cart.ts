/** Lesson 12a: the cart of Amazon. Merged siblings lose nothing that was added, and bring back what was removed. */
import { ownersAgree, ownersOf, sidesOf, valuesAt } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const CART_KEY = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'eventual', ...CART_KEY } as const
const B = { client: 2, node: 'n2', level: 'eventual', ...CART_KEY } as const

type Items = readonly string[]

/** A cart is a value such as "book, pen". */
function itemsOf(value: string): Items {
  const items = value.split(',').map((item) => item.trim())
  return [...new Set(items.filter((item) => item !== ''))].sort()
}

function isPartOf(some: Items, all: Items): boolean {
  return some.every((item) => all.includes(item))
}

/** What was in the cart before the partition. */
function firstItems({ view }: LessonScene): Items | undefined {
  const write = view.requests.find(({ action, state }) => action.do === 'put' && state === 'ok')
  return write?.action.do === 'put' ? itemsOf(write.action.value) : undefined
}

/** Two carts, if an item was removed in one, and items were only added in the other. */
function bothCarts(
  scene: LessonScene,
  held: readonly string[],
): readonly [Items, Items] | undefined {
  const first = firstItems(scene)
  const carts = held.map(itemsOf)
  const without = carts.find((cart) => first !== undefined && !isPartOf(first, cart))
  const within = carts.find((cart) => first !== undefined && isPartOf(first, cart))
  const isWhole = carts.length === 2 && without !== undefined && within !== undefined
  return isWhole && within.length > (first?.length ?? 0) ? [without, within] : undefined
}

/** The two carts that a client was given as siblings. */
function cartsRead(scene: LessonScene): readonly [Items, Items] | undefined {
  const read = scene.view.requests.find(({ values }) => values?.length === 2)
  return bothCarts(scene, read?.values ?? [])
}

function heldBy(scene: LessonScene): readonly string[] {
  return ownersAgree(scene) ? (valuesAt(scene, ownersOf(scene)[0] as string) ?? []) : []
}

export const CART: Lesson = {
  id: '12a',
  title: 'Case: the cart of Amazon',
  idea: 'Amazon built Dynamo, the model of this store, for carts: “add to cart” must always work. So both sides of a partition accept writes, and the shop merges siblings by taking all items of all of them.',
  key: CART_KEY,
  nodes: 3,
  clients: [
    { node: 'n1', level: 'quorum', value: 'book, pen' },
    { node: 'n2', level: 'eventual', value: 'book, pen, ink' },
  ],
  question:
    'The cart holds a book and a pen. During a partition, one side takes the pen out and puts a mug in; the other side adds ink. Then the shop merges. What is in the cart?',
  choices: [
    'book, mug, ink',
    'book, mug, pen, ink: the pen is back',
    'What the later write says; the other one is lost',
  ],
  right: 1,
  because:
    'A union cannot tell an item that was removed from one that was never there. Amazon accepted that: nothing that was added is lost, but a removed item can come back. The buckets of mode “set” also remember what was removed.',
  steps: [
    {
      todo: 'Switch on “send context” for both clients. A puts “book, pen” at n1, level quorum.',
      see: 'All three nodes hold the same cart.',
      isDone: (scene) => (firstItems(scene)?.length ?? 0) > 1 && heldBy(scene).length === 1,
    },
    {
      todo: 'Isolate n1: click n1, then “Cut all links of n1”.',
      see: 'Two halves of a shop, and both must go on selling.',
      isDone: (scene) => sidesOf(scene).length === 2,
    },
    {
      todo: 'Level eventual: A puts “book, mug” at n1: the pen is out. B gets the cart at n2, and puts “book, pen, ink” there.',
      see: 'Both sides accepted. The carts differ in a removed pen, a new mug and new ink.',
      isDone: (scene) => {
        const sides = sidesOf(scene)
        const held = sides.map((side) => valuesAt(scene, side[0] as string) ?? [])
        const isOneEach = sides.length === 2 && held.every(({ length }) => length === 1)
        return isOneEach && bothCarts(scene, held.flat()) !== undefined
      },
    },
    {
      todo: 'Heal all cuts, and wait a moment.',
      see: 'The store does not choose: every owner holds both carts as siblings.',
      isDone: (scene) =>
        sidesOf(scene).length === 1 && bothCarts(scene, heldBy(scene)) !== undefined,
    },
    {
      todo: 'B gets both carts, and puts all items of both: “book, mug, pen, ink”.',
      see: 'One cart again. No sale is lost, and the pen that A took out is back.',
      isDone: (scene) => {
        const carts = cartsRead(scene)
        const held = heldBy(scene)
        if (carts === undefined || held.length !== 1) return false
        return itemsOf(held[0] as string).join() === itemsOf(carts.flat().join()).join()
      },
    },
  ],
  replay: {
    seed: 'lesson-12a',
    nodes: 3,
    endMs: 23_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'book, pen', withContext: true, ...A, level: 'quorum' },
      { atMs: 5000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 6000, do: 'put', value: 'book, mug', withContext: true, ...A },
      { atMs: 7000, do: 'get', ...B },
      { atMs: 8000, do: 'put', value: 'book, pen, ink', withContext: true, ...B },
      { atMs: 11_000, do: 'heal' },
      { atMs: 20_000, do: 'get', ...B, level: 'quorum' },
      { atMs: 21_000, do: 'put', value: 'book, mug, pen, ink', withContext: true, ...B },
    ],
  },
  commands: [
    'docker compose up --build -d',
    "curl -i -X PUT localhost:8001/v1/kv/default/cart -d 'book, pen'",
    'npm run chaos -- partition n1,n2/n3,n4,n5',
    "curl -X PUT 'localhost:8001/v1/kv/default/cart?consistency=eventual' -d 'book, mug'",
    "curl -X PUT 'localhost:8003/v1/kv/default/cart?consistency=eventual' -d 'book, pen, ink'",
    'npm run chaos -- heal',
    'npx quorate siblings default cart',
    "echo 'book, mug, pen, ink' | npx quorate resolve --file - default cart",
    'curl -X PUT localhost:8001/v1/buckets/carts -d \'{"mode":"set"}\'',
    'curl localhost:8001/v1/kv/carts/ada -d \'{"add":["book","pen"]}\'',
    'curl localhost:8003/v1/kv/carts/ada -d \'{"remove":["pen"],"add":["mug"]}\'',
    'curl localhost:8005/v1/kv/carts/ada',
  ],
}
