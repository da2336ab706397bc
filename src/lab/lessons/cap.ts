/** Lesson 3: the same partition at quorum and at eventual. */
import { ownersAgree, requestOf, sidesOf, timeOf } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const KEY = { bucket: 'latest', key: 'price' } as const
const A = { client: 1, node: 'n1', level: 'quorum', ...KEY } as const
const B = { client: 2, node: 'n2', level: 'quorum', ...KEY } as const

/** The node that a partition has left alone, and since when; undefined if there is none. */
function loneNode(
  scene: LessonScene,
): { readonly node: string; readonly sinceUs: number } | undefined {
  const [node] = sidesOf(scene).find((side) => side.length === 1) ?? []
  const sinceUs = timeOf(scene, 'cut')
  return node === undefined || sinceUs === undefined ? undefined : { node, sinceUs }
}

function isStaleAt(
  scene: LessonScene,
  at: { readonly node: string; readonly sinceUs: number },
): boolean {
  const newest = requestOf(scene, { do: 'put', state: 'ok', sinceUs: at.sinceUs })?.action
  const read = requestOf(scene, { do: 'get', level: 'eventual', state: 'ok', ...at })
  return newest?.do === 'put' && read?.values?.includes(newest.value) === false
}

export const CAP: Lesson = {
  id: '3',
  title: 'CAP: the same partition at quorum and at eventual',
  idea: 'During a partition a node alone has two choices: refuse, or answer without knowing what the others did. In Quorate each request chooses by its level.',
  key: KEY,
  nodes: 3,
  question: 'n1 is cut off from n2 and n3. A client asks n1 for a key. What can it get?',
  choices: [
    'The newest value, at every level',
    'Nothing, at every level',
    'A refusal at quorum, and maybe an old value at eventual',
  ],
  right: 2,
  because:
    'At quorum the node refuses, because it reaches only one of three owners: consistent, not available. At eventual it answers with what it holds: available, maybe old.',
  steps: [
    {
      todo: 'Put a value at n1, level quorum.',
      see: 'All three nodes hold it.',
      isDone: (scene) => ownersAgree(scene),
    },
    {
      todo: 'Isolate n1: click n1, then “Cut all links of n1”.',
      see: 'The verdict tells where a quorum is still in reach.',
      isDone: (scene) => loneNode(scene) !== undefined,
    },
    {
      todo: 'Put another value at n2, level quorum.',
      see: 'n2 and n3 are a quorum, so the write is acknowledged.',
      isDone: (scene) => {
        const alone = loneNode(scene)
        if (alone === undefined) return false
        const { sinceUs, node } = alone
        const write = requestOf(scene, { do: 'put', level: 'quorum', state: 'ok', sinceUs })
        return write !== undefined && write.action.node !== node
      },
    },
    {
      todo: 'Get the key at n1, level quorum. The answer takes up to two seconds.',
      see: 'It is refused. The problem document says how many owners answered.',
      isDone: (scene) => {
        const alone = loneNode(scene)
        const read = alone && requestOf(scene, { do: 'get', level: 'quorum', ...alone })
        return read?.state === 'rejected' || read?.state === 'unknown'
      },
    },
    {
      todo: 'Get the key at n1, level eventual.',
      see: 'n1 answers at once, with the old value. The judgement shows the proof: this history is not linearizable.',
      isDone: (scene) => {
        const alone = loneNode(scene)
        const isBroken = scene.verdict.levels.some(
          ({ level, judgement }) => level === 'linearizable' && judgement === 'broken',
        )
        return alone !== undefined && isStaleAt(scene, alone) && isBroken
      },
    },
  ],
  replay: {
    seed: 'lesson-3',
    nodes: 3,
    endMs: 14_000,
    actions: [
      { atMs: 3000, do: 'put', value: '10', ...A },
      { atMs: 5000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 7000, do: 'put', value: '12', ...B },
      { atMs: 8500, do: 'get', ...A },
      { atMs: 12_000, do: 'get', ...A, level: 'eventual' },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'curl -X PUT localhost:8001/v1/kv/latest/price -d 10',
    'npx quorate where latest price   # n2 is an owner, so cut n2 off',
    'npm run chaos -- isolate n2',
    'curl -X PUT localhost:8001/v1/kv/latest/price -d 12',
    "curl -i 'localhost:8002/v1/kv/latest/price?consistency=quorum'",
    "curl -i 'localhost:8002/v1/kv/latest/price?consistency=eventual'",
    'npm run chaos -- heal',
  ],
}
