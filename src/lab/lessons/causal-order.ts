/** Lesson 6: an answer is never seen without its question. */
import { requestOf, sidesOf, timeOf } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const QUESTION = { bucket: 'latest', key: 'question' } as const
const ANSWER = { bucket: 'latest', key: 'answer' } as const
const A = { client: 1, node: 'n1', level: 'causal' } as const
const B = { client: 2, node: 'n2', level: 'causal' } as const
const C = { client: 3, node: 'n2', level: 'causal' } as const

/** When B was told the question; undefined before. */
function askedUs(scene: LessonScene): number | undefined {
  const read = { do: 'get', client: 2, key: 'question', level: 'causal', state: 'ok' } as const
  const told = requestOf(scene, read)
  return told?.values?.length === 1 ? (told.endedUs as number) : undefined
}

/** When C was told an answer that B had written after the question; undefined before. */
function answeredUs(scene: LessonScene): number | undefined {
  const sinceUs = askedUs(scene)
  if (sinceUs === undefined) return undefined
  const write = { do: 'put', client: 2, key: 'answer', level: 'causal', state: 'ok' } as const
  const written = requestOf(scene, { ...write, sinceUs })?.endedUs
  if (typeof written !== 'number') return undefined
  const read = { do: 'get', client: 3, key: 'answer', level: 'causal', state: 'ok' } as const
  const told = requestOf(scene, { ...read, sinceUs: written })
  return told?.values?.length === 1 ? (told.endedUs as number) : undefined
}

export const CAUSAL_ORDER: Lesson = {
  id: '6',
  title: 'Cause before effect: no answer without its question',
  idea: 'A asks friends a question, B reads it and answers. The answer has a cause: the question. Two keys, and maybe two sets of nodes, so nothing keeps them together by itself.',
  key: QUESTION,
  otherKeys: [ANSWER],
  nodes: 3,
  clients: [
    { node: 'n1', level: 'causal', value: 'Who is in?' },
    { node: 'n2', level: 'causal', value: 'I am' },
    { node: 'n2', level: 'causal', value: '' },
  ],
  question:
    'C reads the answer of B. Then C looks for the question at a node that has missed it, at level causal. What can C get?',
  choices: [
    'No question: that node has none',
    'The question or a refusal, but never “no question”',
    'An old question',
  ],
  right: 1,
  because:
    'The answer keeps what B had seen: the question. C takes that over with the answer. At causal a node must show it, or find it at another node, or refuse.',
  steps: [
    {
      todo: 'Isolate n3: click n3, then “Cut all links of n3”.',
      see: 'n3 misses what is written from now on.',
      isDone: (scene) => sidesOf(scene).some((side) => side.join() === 'n3'),
    },
    {
      todo: 'A puts the question at n1. B gets it at n2.',
      see: 'B has now seen the question. The session of B remembers that.',
      isDone: (scene) => askedUs(scene) !== undefined,
    },
    {
      todo: 'Choose the key “answer”. B puts it at n2, and C gets it there.',
      see: 'The answer brought its cause along: C has never asked for the question, and its session names it.',
      isDone: (scene) => answeredUs(scene) !== undefined,
    },
    {
      todo: 'C moves to n3: choose n3 and level eventual. Choose the key “question”, and C gets it.',
      see: 'C has seen an answer to nothing. The judgement says: causal is broken.',
      isDone: (scene) => {
        const sinceUs = answeredUs(scene)
        const read = { do: 'get', client: 3, node: 'n3', key: 'question' } as const
        const told =
          sinceUs === undefined ? undefined : requestOf(scene, { ...read, state: 'ok', sinceUs })
        const isBroken = scene.verdict.levels.some(
          ({ level, judgement }) => level === 'causal' && judgement === 'broken',
        )
        return told?.values?.length === 0 && isBroken
      },
    },
    {
      todo: 'C gets the question at n3 again, level causal. The answer takes up to two seconds.',
      see: 'n3 refuses: it does not have what the session of C names, and reaches nobody who has.',
      isDone: (scene) => {
        const sinceUs = answeredUs(scene)
        if (sinceUs === undefined) return false
        const read = { do: 'get', client: 3, node: 'n3', key: 'question', level: 'causal' } as const
        const state = requestOf(scene, { ...read, sinceUs })?.state
        return state === 'rejected' || state === 'unknown'
      },
    },
    {
      todo: 'Heal all cuts. Then C gets the question at n3 once more, level causal.',
      see: 'Now n3 finds the question, and C sees the whole story.',
      isDone: (scene) => {
        const sinceUs = timeOf(scene, 'heal')
        if (sinceUs === undefined || answeredUs(scene) === undefined) return false
        const read = { do: 'get', client: 3, key: 'question', level: 'causal' } as const
        return requestOf(scene, { ...read, state: 'ok', sinceUs })?.values?.length === 1
      },
    },
  ],
  replay: {
    seed: 'lesson-6',
    nodes: 3,
    endMs: 20_000,
    actions: [
      { atMs: 3000, do: 'cut', from: ['n3'], to: ['n1', 'n2'] },
      { atMs: 5000, do: 'put', value: 'Who is in?', ...A, ...QUESTION },
      { atMs: 6000, do: 'get', ...B, ...QUESTION },
      { atMs: 7000, do: 'put', value: 'I am', ...B, ...ANSWER },
      { atMs: 8000, do: 'get', ...C, ...ANSWER },
      { atMs: 10_000, do: 'get', ...C, node: 'n3', level: 'eventual', ...QUESTION },
      { atMs: 11_000, do: 'get', ...C, node: 'n3', ...QUESTION },
      { atMs: 14_000, do: 'heal' },
      { atMs: 19_000, do: 'get', ...C, node: 'n3', ...QUESTION },
    ],
  },
  commands: [
    'docker compose up --build -d',
    'npm run chaos -- isolate n3',
    "curl -X PUT 'localhost:8001/v1/kv/latest/question?consistency=causal' -d 'Who is in?'",
    "curl -i 'localhost:8002/v1/kv/latest/question?consistency=causal'",
    "curl -i -X PUT 'localhost:8002/v1/kv/latest/answer?consistency=causal' -H 'Quorate-Session: SESSION' -d 'I am'",
    "curl -i 'localhost:8002/v1/kv/latest/answer?consistency=causal'",
    "curl -i 'localhost:8003/v1/kv/latest/question?consistency=eventual'",
    "curl -i 'localhost:8003/v1/kv/latest/question?consistency=causal' -H 'Quorate-Session: SESSION'",
    'npm run chaos -- heal',
  ],
}
