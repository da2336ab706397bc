/** Lesson 10: a paused node looks dead, and is not. */
import { ownersAgree, ownersOf, requestOf, timeOf } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const CART = { bucket: 'default', key: 'cart' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...CART } as const

function pausedOwner(scene: LessonScene): string | undefined {
  return ownersOf(scene).find(
    (owner) => scene.view.nodes.find(({ id }) => id === owner)?.state === 'paused',
  )
}

export const PAUSE: Lesson = {
  id: '10',
  title: 'Failure detection: a pause is not a crash',
  idea: 'A node that does not answer may be dead, slow, or cut off. The others cannot tell. So a guess about who is up must never decide whether a write holds.',
  key: CART,
  nodes: 5,
  question:
    'An owner freezes for some seconds, as in a long garbage collection. What do the others do?',
  choices: [
    'They remove it from the cluster; it must join again',
    'They wait for it, and every request hangs',
    'They go on without it, and give it later what it missed',
  ],
  right: 2,
  because:
    'The others suspect it, ask the other owners first, and keep hints. It stays a member, so it goes on as before when it is back.',
  steps: [
    {
      todo: 'Put a value at n1, level quorum.',
      see: 'All three owners hold it.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'Pause one of the owners, but not n1. Click the node, then Pause.',
      see: 'It looks dead to the others, and does not know that time goes on.',
      isDone: (scene) => pausedOwner(scene) !== undefined,
    },
    {
      todo: 'Put another value at n1, level quorum.',
      see: 'It is acknowledged without the paused owner.',
      isDone: (scene) =>
        pausedOwner(scene) !== undefined &&
        requestOf(scene, {
          do: 'put',
          level: 'quorum',
          state: 'ok',
          sinceUs: timeOf(scene, 'pause') ?? Infinity,
        }) !== undefined,
    },
    {
      todo: 'Let the node continue, and wait a moment.',
      see: 'It got what it missed, and is an owner as before.',
      isDone: (scene) => pausedOwner(scene) === undefined && ownersAgree(scene),
    },
    {
      todo: 'Get the key at the node that was paused, level quorum.',
      see: 'It answers with the new value.',
      isDone: (scene) => {
        const { view } = scene
        const paused = scene.plan.actions.findLast(
          (action) => action.do === 'pause' && action.atMs * 1000 <= view.nowUs,
        )
        const node = paused?.do === 'pause' ? paused.node : ''
        const sinceUs = timeOf(scene, 'continue') ?? Infinity
        const read = requestOf(scene, { do: 'get', node, level: 'quorum', state: 'ok', sinceUs })
        return (read?.values?.length ?? 0) > 0
      },
    },
  ],
  replay: {
    seed: 'lesson-10',
    nodes: 5,
    endMs: 22_000,
    actions: [
      { atMs: 3000, do: 'put', value: 'apple', ...A },
      { atMs: 5000, do: 'pause', node: 'n3' },
      { atMs: 8000, do: 'put', value: 'bread', ...A },
      { atMs: 12_000, do: 'continue', node: 'n3' },
      { atMs: 21_000, do: 'get', ...A, client: 2, node: 'n3' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'curl -X PUT localhost:8001/v1/kv/default/cart -d apple',
    'npm run chaos -- pause n3 --for 20s',
    'curl -X PUT localhost:8001/v1/kv/default/cart -d bread',
    'npx quorate status',
    'npm run chaos -- heal',
    'curl localhost:8003/v1/kv/default/cart',
  ],
}
