/** Lesson 9: two clients want one seat at the same instant, and consensus gives it to one of them. */
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import { requestOf, sidesOf, timeOf, wasRefused, writtenBy } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const SEAT = { bucket: 'strong', key: 'seat' } as const
const A = { client: 1, node: 'n1', level: 'strong', ...SEAT } as const
const B = { client: 2, node: 'n2', level: 'strong', ...SEAT } as const

/** The first proposals of both clients at different nodes, if both were under way at one time. */
function rivals(scene: LessonScene): readonly [RequestView, RequestView] | undefined {
  const proposal = { do: 'put', level: 'strong', ifUnchanged: true } as const
  const one = requestOf(scene, { ...proposal, client: 1 })
  const other = requestOf(scene, { ...proposal, client: 2 })
  if (one === undefined || other === undefined) return undefined
  const isBefore = (a: RequestView, b: RequestView): boolean =>
    a.endedUs !== null && a.endedUs <= (b.sentUs as number)
  const isTogether = !isBefore(one, other) && !isBefore(other, one)
  return isTogether && one.action.node !== other.action.node ? [one, other] : undefined
}

/** The one proposal that was decided, if the other one was refused because of it. */
function winner(scene: LessonScene): RequestView | undefined {
  const both = rivals(scene) ?? []
  const won = both.find(({ state }) => state === 'ok')
  return won !== undefined && both.some((request) => wasRefused(request)) ? won : undefined
}

/** The node that cuts have left alone after the decision. */
function loneNode(scene: LessonScene): string | undefined {
  const [node] = sidesOf(scene).find((side) => side.length === 1) ?? []
  return winner(scene) === undefined ? undefined : node
}

export const CONSENSUS: Lesson = {
  id: '9',
  title: 'Consensus: two proposers, one seat',
  idea: 'A seat can be sold once. In the bucket “strong” every write of a key is a decision of a majority of its owners: the proposer asks them to promise (prepare), and then to accept.',
  key: SEAT,
  nodes: 3,
  clients: [
    { node: 'n1', level: 'strong', value: 'Ada', ifUnchanged: true },
    { node: 'n2', level: 'strong', value: 'Ben', ifUnchanged: true },
  ],
  question:
    'Ada asks n1 and Ben asks n2 for the same free seat, at the same instant. Each write says: only if the seat is free. Who gets it?',
  choices: [
    'Both, as siblings',
    'Exactly one of them; the other one is refused',
    'Neither: two proposers block each other',
  ],
  right: 1,
  because:
    'Any two majorities share a node, and that node promises only to the higher ballot. So two proposers never get two different decisions. The one that comes second sees the first decision, and its condition does not hold.',
  steps: [
    {
      todo: 'Press Pause, so that time stands still. A puts at n1, B puts at n2, both “only if unchanged”.',
      see: 'Both requests begin at the same instant. n1 and n2 are two proposers.',
      isDone: (scene) => rivals(scene) !== undefined,
    },
    {
      todo: 'Choose the speed “1000 times slower” and press Play. Watch the triangles until both are answered; a higher speed ends it sooner.',
      see: 'One is acknowledged. The other one is refused: the seat is not free any more. All owners hold the same name.',
      isDone: (scene) => winner(scene) !== undefined,
    },
    {
      todo: 'Choose the speed “real time”. Isolate n1: click n1, then “Cut all links of n1”. Then A gets the seat at n1.',
      see: 'n1 alone is no majority, so it does not even tell who has the seat. An old answer would be wrong.',
      isDone: (scene) => {
        const node = loneNode(scene)
        const sinceUs = timeOf(scene, 'cut')
        if (node === undefined || sinceUs === undefined) return false
        const read = requestOf(scene, { do: 'get', node, level: 'strong', sinceUs })
        return read?.state === 'rejected' || read?.state === 'unknown'
      },
    },
    {
      todo: 'B gets the seat at n2.',
      see: 'n2 and n3 are a majority, and tell the name that was decided. The judgement says: linearizable.',
      isDone: (scene) => {
        const node = loneNode(scene)
        const sinceUs = timeOf(scene, 'cut')
        if (node === undefined || sinceUs === undefined) return false
        const read = requestOf(scene, { do: 'get', level: 'strong', state: 'ok', sinceUs })
        const isLinearizable = scene.verdict.levels.some(
          ({ level, judgement }) => level === 'linearizable' && judgement === 'holds',
        )
        return read?.values?.join() === writtenBy(winner(scene)) && isLinearizable
      },
    },
  ],
  replay: {
    seed: 'lesson-9',
    nodes: 3,
    endMs: 13_000,
    actions: [
      { atMs: 2999, do: 'put', value: 'Ada', ifUnchanged: true, ...A },
      { atMs: 2999, do: 'put', value: 'Ben', ifUnchanged: true, ...B },
      { atMs: 6000, do: 'cut', from: ['n1'], to: ['n2', 'n3'] },
      { atMs: 7000, do: 'get', ...A },
      { atMs: 12_000, do: 'get', ...B },
    ],
  },
  commands: [
    'docker compose up --build -d',
    "curl -i -X PUT localhost:8001/v1/kv/strong/seat -H 'If-None-Match: *' -d Ada & curl -i -X PUT localhost:8002/v1/kv/strong/seat -H 'If-None-Match: *' -d Ben; wait",
    'curl localhost:8003/v1/kv/strong/seat',
    'npx quorate where strong seat',
    'npm run chaos -- partition n1,n2/n3,n4,n5',
    'curl -i localhost:8001/v1/kv/strong/seat',
    'curl -i localhost:8003/v1/kv/strong/seat',
    'npm run chaos -- heal',
  ],
}
