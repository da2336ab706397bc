/** Lesson 5: a write with one copy is lost with one disk. */
import { ownersOf, requestOf, sidesOf, timeOf, valuesAt } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const CART = { bucket: 'latest', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'eventual', ...CART } as const

function isUp({ view }: LessonScene, node: string): boolean {
  return view.nodes.find(({ id }) => id === node)?.state === 'up'
}

export const LOST_WRITES: Lesson = {
  id: '5',
  title: 'Weak levels and lost writes',
  idea: 'An acknowledgement says how many copies are on disks: two of three at quorum, one at eventual, none at weak.',
  key: CART,
  nodes: 3,
  question:
    'n1 is cut off, and acknowledges a write at eventual. Then its machine loses the disk. Is the write lost?',
  choices: [
    'No: acknowledged writes are never lost',
    'Yes: its only copy was on that disk',
    'No: the other nodes have it, too',
  ],
  right: 1,
  because:
    'At eventual one durable copy is enough for an acknowledgement. Until the other owners have it, that disk holds the only copy. At quorum n1 would have refused the write.',
  steps: [
    {
      todo: 'Isolate n1: click n1, then “Cut all links of n1”.',
      see: 'n1 can give its copies to nobody.',
      isDone: (scene) => sidesOf(scene).some((side) => side.join() === 'n1'),
    },
    {
      todo: 'Put a value at n1, level eventual.',
      see: 'It is acknowledged, with one copy.',
      isDone: (scene) =>
        requestOf(scene, {
          do: 'put',
          node: 'n1',
          level: 'eventual',
          state: 'ok',
          sinceUs: timeOf(scene, 'cut') ?? Infinity,
        }) !== undefined && (valuesAt(scene, 'n1') ?? []).length > 0,
    },
    {
      todo: 'Wipe n1: its machine loses the disk.',
      see: 'No node holds the value any more.',
      isDone: (scene) =>
        timeOf(scene, 'wipe') !== undefined &&
        ownersOf(scene).every((owner) => valuesAt(scene, owner) === undefined),
    },
    {
      todo: 'Start n1 again, and heal all cuts.',
      see: 'n1 takes over what the others hold: nothing.',
      isDone: (scene) => isUp(scene, 'n1') && sidesOf(scene).length === 1,
    },
    {
      todo: 'Get the key, level quorum.',
      see: 'The acknowledged write is lost. The judgement shows the proof.',
      isDone: (scene) =>
        requestOf(scene, {
          do: 'get',
          level: 'quorum',
          state: 'ok',
          sinceUs: timeOf(scene, 'heal') ?? Infinity,
        })?.values?.length === 0,
    },
  ],
  replay: {
    seed: 'lesson-5',
    nodes: 3,
    endMs: 18_000,
    actions: [
      { atMs: 3000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 5000, do: 'put', value: 'apple', ...A },
      { atMs: 7000, do: 'wipe', node: 'n1' },
      { atMs: 8000, do: 'start', node: 'n1' },
      { atMs: 9000, do: 'heal' },
      { atMs: 17_000, do: 'get', ...A, client: 2, node: 'n2', level: 'quorum' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'npm run chaos -- isolate n1',
    "curl -X PUT 'localhost:8001/v1/kv/latest/cart?consistency=eventual' -d apple",
    '# Exactly the volume of this container: other projects may have volumes with similar names.',
    `volume=$(docker inspect --format '{{range .Mounts}}{{.Name}}{{end}}' "$(docker compose ps -q n1)")`,
    'docker compose rm --stop --force n1',
    'docker volume rm "$volume"',
    'docker compose up -d',
    'npm run chaos -- heal',
    'curl -i localhost:8002/v1/kv/latest/cart',
  ],
}
