/** Lesson 4: stale reads, and the level that rules them out. */
import { ownersAgree, requestOf, sidesOf, timeOf } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const KEY = { bucket: 'latest', key: 'price' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...KEY } as const
const B = { client: 2, node: 'n2', level: 'quorum', ...KEY } as const

/** When client B last wrote at level causal during the partition; undefined if it has not. */
function writtenUs(scene: LessonScene): number | undefined {
  const sinceUs = timeOf(scene, 'cut')
  if (sinceUs === undefined) return undefined
  const write = { do: 'put', client: 2, level: 'causal', state: 'ok', sinceUs } as const
  return requestOf(scene, write)?.sentUs ?? undefined
}

export const STALE_READS: Lesson = {
  id: '4',
  title: 'Stale reads, and the level that rules them out',
  idea: 'A read is stale if a newer value was acknowledged before. A level does not say how old an answer may be. It says which stale answers a client never sees.',
  key: KEY,
  nodes: 3,
  question:
    'B writes a value at n2. Then it reads at n1, which is cut off. At which level does B never see an older value than its own?',
  choices: ['eventual', 'causal', 'at both'],
  right: 1,
  because:
    'At causal the client carries a session, which says what it has seen. A node that cannot cover the session refuses instead of going back in time.',
  steps: [
    {
      todo: 'A puts a value at n1, level quorum.',
      see: 'All three nodes hold it.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'B gets the key at n2.',
      see: 'B has now seen the first value.',
      isDone: (scene) =>
        (requestOf(scene, { do: 'get', client: 2, state: 'ok' })?.values?.length ?? 0) > 0,
    },
    {
      todo: 'Isolate n1: click n1, then “Cut all links of n1”.',
      see: 'n1 learns of nothing new from now on.',
      isDone: (scene) => sidesOf(scene).some((side) => side.join() === 'n1'),
    },
    {
      todo: 'B puts another value at n2, level causal.',
      see: 'The answer carries a session, which B keeps.',
      isDone: (scene) => writtenUs(scene) !== undefined,
    },
    {
      todo: 'B gets the key at n1, level eventual.',
      see: 'B sees the old value, although it has written a newer one. The judgement says: read your writes is broken.',
      isDone: (scene) =>
        scene.verdict.levels.some(
          ({ level, judgement }) => level === 'read your writes' && judgement === 'broken',
        ),
    },
    {
      todo: 'B gets the key at n1, level causal. The answer takes up to two seconds.',
      see: 'n1 refuses, because it cannot reach the write that the session names.',
      isDone: (scene) => {
        const sinceUs = writtenUs(scene)
        if (sinceUs === undefined) return false
        const read = { do: 'get', client: 2, node: 'n1', level: 'causal', sinceUs } as const
        const state = requestOf(scene, read)?.state
        return state === 'rejected' || state === 'unknown'
      },
    },
    {
      todo: 'Heal all cuts. Then B gets the key at n1 again, level causal.',
      see: 'Now n1 finds the write of B.',
      isDone: (scene) => {
        const sinceUs = timeOf(scene, 'heal') ?? Infinity
        const read = { do: 'get', client: 2, level: 'causal', state: 'ok', sinceUs } as const
        return (requestOf(scene, read)?.values?.length ?? 0) > 0
      },
    },
  ],
  replay: {
    seed: 'lesson-4',
    nodes: 3,
    endMs: 18_000,
    actions: [
      { atMs: 3000, do: 'put', value: '10', ...A },
      { atMs: 4000, do: 'get', ...B },
      { atMs: 5000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 6000, do: 'put', value: '12', ...B, level: 'causal' },
      { atMs: 8000, do: 'get', ...B, node: 'n1', level: 'eventual' },
      { atMs: 9000, do: 'get', ...B, node: 'n1', level: 'causal' },
      { atMs: 12_000, do: 'heal' },
      { atMs: 17_000, do: 'get', ...B, node: 'n1', level: 'causal' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'curl -X PUT localhost:8001/v1/kv/latest/price -d 10',
    'npx quorate where latest price   # n2 is an owner, so cut n2 off',
    'npm run chaos -- isolate n2',
    "curl -i -X PUT 'localhost:8001/v1/kv/latest/price?consistency=causal' -d 12",
    "curl -i 'localhost:8002/v1/kv/latest/price?consistency=eventual'",
    "curl -i 'localhost:8002/v1/kv/latest/price?consistency=causal' -H 'Quorate-Session: SESSION'",
    'npm run chaos -- heal',
  ],
}
