/** Lesson 7: with a wrong clock the later write still wins, because clocks are hybrid. */
import { ownersOf, requestOf, timeOf, valuesAt } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const KEY = { bucket: 'latest', key: 'price' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...KEY } as const
const B = { client: 2, node: 'n2', level: 'quorum', ...KEY } as const
const SKEW_MS = 300

function isAhead({ view }: LessonScene, node: string): boolean {
  return view.nodes.some(({ id, clockOffsetMs }) => id === node && clockOffsetMs === SKEW_MS)
}

/** When the write of A at the node with the wrong clock was acknowledged; undefined before. */
function earlierUs(scene: LessonScene): number | undefined {
  const sinceUs = timeOf(scene, 'skew') ?? Infinity
  const write = { do: 'put', client: 1, node: 'n1', level: 'quorum', state: 'ok', sinceUs } as const
  return requestOf(scene, write)?.endedUs ?? undefined
}

/** What B wrote later, but before the right clocks have reached the time of the wrong one. */
function laterValue(scene: LessonScene): string | undefined {
  const endedUs = earlierUs(scene)
  if (endedUs === undefined) return undefined
  const write = { do: 'put', client: 2, level: 'quorum', state: 'ok', sinceUs: endedUs } as const
  const later = requestOf(scene, write)
  const isSoon = later !== undefined && (later.sentUs as number) < endedUs + SKEW_MS * 1000
  return isSoon && later.action.do === 'put' ? later.action.value : undefined
}

export const CLOCKS: Lesson = {
  id: '7',
  title: 'A wrong clock: does the newer time win, or the later write?',
  idea: 'In the bucket “latest” the last write wins. If a store compared the clocks of machines, a machine whose clock is ahead would win against writes that others make after it.',
  key: KEY,
  nodes: 3,
  question:
    'The clock of n1 is 0.3 s ahead. A writes at n1, and is acknowledged. 0.1 s later B writes at n2. Which value stays?',
  choices: [
    'That of A: its clock showed a later time',
    'That of B: it was written later',
    'Both, as siblings',
  ],
  right: 1,
  because:
    'Timestamps come from hybrid clocks. n2 has seen the timestamp of A, so it gives B a greater one, although its own clock is behind. A wall clock would have lost the write of B.',
  steps: [
    {
      todo: 'Set the clock of n1 0.3 s ahead. Click n1, then the button.',
      see: 'Half a second is allowed, so the other nodes still listen to n1.',
      isDone: (scene) => isAhead(scene, 'n1'),
    },
    {
      todo: 'Choose the speed “100 times slower”. Then A puts a value at n1, level quorum.',
      see: 'The value has a timestamp 0.3 s in the future.',
      isDone: (scene) => isAhead(scene, 'n1') && earlierUs(scene) !== undefined,
    },
    {
      todo: 'Within half a minute B puts another value at n2, level quorum.',
      see: 'At n2 it is still earlier than the timestamp of the first value.',
      isDone: (scene) => laterValue(scene) !== undefined,
    },
    {
      todo: 'Get the key at n1, level quorum.',
      see: 'The later write stays. Compare the dots: that of B is greater.',
      isDone: (scene) => {
        const value = laterValue(scene)
        if (value === undefined) return false
        const sinceUs = requestOf(scene, { do: 'put', client: 2, state: 'ok' })?.endedUs ?? Infinity
        const read = requestOf(scene, { do: 'get', level: 'quorum', state: 'ok', sinceUs })
        return (
          read?.values?.join() === value &&
          ownersOf(scene).some((owner) => valuesAt(scene, owner)?.join() === value)
        )
      },
    },
  ],
  replay: {
    seed: 'lesson-7',
    nodes: 3,
    endMs: 8000,
    actions: [
      { atMs: 3000, do: 'skew', node: 'n1', byMs: SKEW_MS },
      { atMs: 3950, do: 'put', value: '10', ...A },
      { atMs: 4100, do: 'put', value: '12', ...B },
      { atMs: 7000, do: 'get', ...B, node: 'n1' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'npm run chaos -- skew n1 +300ms',
    'curl -X PUT localhost:8001/v1/kv/latest/price -d 10 && curl -X PUT localhost:8002/v1/kv/latest/price -d 12',
    'curl localhost:8001/v1/kv/latest/price',
    'npm run chaos -- heal',
  ],
}
