/** Lesson 12c: a lock whose holder was paused, and the token that keeps the holder from doing harm. */
import type { RequestView } from '../../simulation/interactive/timed-clients.ts'
import { requestOf, wasRefused, writtenBy } from './checks.ts'
import type { Lesson, LessonScene } from './lesson.ts'

const LOCK = { bucket: 'strong', key: 'lock' } as const
const REPORT = { bucket: 'strong', key: 'report' } as const
const A = { client: 1, node: 'n1', level: 'strong' } as const
const B = { client: 2, node: 'n2', level: 'strong' } as const

/** The fencing token at the beginning of a value such as "2 B"; 0 if there is none. */
function tokenOf(request: RequestView | undefined): number {
  return Number(/^\d+/.exec(writtenBy(request))?.[0] ?? 0)
}

function endOf(request: RequestView | undefined): number | undefined {
  return request?.endedUs ?? undefined
}

function lockTaken(scene: LessonScene, client: number): RequestView | undefined {
  const write = { do: 'put', client, key: 'lock', ifUnchanged: true, state: 'ok' } as const
  return requestOf(scene, write)
}

/** When B took the lock over from A, with a higher token. */
function takenOverUs(scene: LessonScene): number | undefined {
  const [first, second] = [lockTaken(scene, 1), lockTaken(scene, 2)]
  return tokenOf(first) > 0 && tokenOf(second) > tokenOf(first) ? endOf(second) : undefined
}

/** When that client wrote the report at that time or later. */
function reportedUs(
  scene: LessonScene,
  client: number,
  ifUnchanged: boolean,
  sinceUs: number | undefined,
): number | undefined {
  if (sinceUs === undefined) return undefined
  return endOf(
    scene.view.requests.find(
      ({ action, state, sentUs }) =>
        action.do === 'put' &&
        action.client === client &&
        action.key === 'report' &&
        (action.ifUnchanged === true) === ifUnchanged &&
        state === 'ok' &&
        (sentUs ?? -1) >= sinceUs,
    ),
  )
}

function firstReportUs(scene: LessonScene): number | undefined {
  return reportedUs(scene, 2, true, takenOverUs(scene))
}

/** When A, which had lost the lock, wrote over the report of B. */
function overwrittenUs(scene: LessonScene): number | undefined {
  return reportedUs(scene, 1, false, firstReportUs(scene))
}

export const LEASE: Lesson = {
  id: '12c',
  title: 'Case: the lock of Google, and its fencing tokens',
  idea: 'Google’s lock service Chubby gives a lock for a time. If its holder does not answer, another one gets it. But the old holder may only have been paused, and wakes up in the belief that it still has the lock.',
  key: LOCK,
  otherKeys: [REPORT],
  nodes: 3,
  clients: [
    { node: 'n1', level: 'strong', value: '1 A', ifUnchanged: true },
    { node: 'n2', level: 'strong', value: '2 B', ifUnchanged: true },
  ],
  question:
    'A has the lock and freezes. Its time is over, so B takes the lock and writes a report. Then A wakes up and writes its report with a plain put. What does the lock do?',
  choices: [
    'It refuses the write of A',
    'Nothing: A overwrites the report of B',
    'It keeps both reports as siblings',
  ],
  right: 1,
  because:
    'A lock is a note that clients read. Between the look at it and the write any time may pass. Only the store can refuse the write: it must say which state it replaces, or carry a token that rises with each holder. `client.lock` gives such a token, the fence.',
  steps: [
    {
      todo: 'A takes the lock: it puts “1 A” at n1, only if unchanged.',
      see: 'The key “lock” names its holder and a token, 1. Now A freezes: do nothing with it.',
      isDone: (scene) => tokenOf(lockTaken(scene, 1)) > 0,
    },
    {
      todo: 'The time of A is over. B gets the lock at n2, and puts “2 B”, only if unchanged.',
      see: 'B has the lock, with the token 2. A does not know.',
      isDone: (scene) => takenOverUs(scene) !== undefined,
    },
    {
      todo: 'Choose the key “report”. B puts “2 by B” at n2.',
      see: 'The report of the holder of the lock.',
      isDone: (scene) => firstReportUs(scene) !== undefined,
    },
    {
      todo: 'A wakes up. Switch off “only if unchanged” for A: it puts “1 by A” at n1.',
      see: 'It is acknowledged, and the report of B is gone. The lock did not help.',
      isDone: (scene) => overwrittenUs(scene) !== undefined,
    },
    {
      todo: 'B gets the report, and puts “2 by B again”, only if unchanged.',
      see: 'B has looked first, so its write replaces just what it has seen.',
      isDone: (scene) => reportedUs(scene, 2, true, overwrittenUs(scene)) !== undefined,
    },
    {
      todo: 'Switch “only if unchanged” on for A: it puts “1 by A again” at n1.',
      see: 'Refused: the report is not what A has last seen. If A looks again, it finds the token 2 above its own, and gives up.',
      isDone: (scene) => {
        const sinceUs = reportedUs(scene, 2, true, overwrittenUs(scene))
        if (sinceUs === undefined) return false
        const write = { do: 'put', client: 1, key: 'report', ifUnchanged: true, sinceUs } as const
        return wasRefused(requestOf(scene, write))
      },
    },
  ],
  replay: {
    seed: 'lesson-12c',
    nodes: 3,
    endMs: 12_000,
    actions: [
      { atMs: 3000, do: 'put', value: '1 A', ifUnchanged: true, ...A, ...LOCK },
      { atMs: 4000, do: 'get', ...B, ...LOCK },
      { atMs: 5000, do: 'put', value: '2 B', ifUnchanged: true, ...B, ...LOCK },
      { atMs: 6000, do: 'put', value: '2 by B', ifUnchanged: true, ...B, ...REPORT },
      { atMs: 7000, do: 'put', value: '1 by A', ...A, ...REPORT },
      { atMs: 8000, do: 'get', ...B, ...REPORT },
      { atMs: 9000, do: 'put', value: '2 by B again', ifUnchanged: true, ...B, ...REPORT },
      { atMs: 11_000, do: 'put', value: '1 by A again', ifUnchanged: true, ...A, ...REPORT },
    ],
  },
  commands: [
    'docker compose up --build -d',
    "curl -i -X PUT localhost:8001/v1/kv/strong/lock -H 'If-None-Match: *' -d '1 A'",
    'curl -i localhost:8002/v1/kv/strong/lock',
    "curl -i -X PUT localhost:8002/v1/kv/strong/lock -H 'If-Match: ETAG' -d '2 B'",
    "curl -i -X PUT localhost:8002/v1/kv/strong/report -H 'If-None-Match: *' -d '2 by B'",
    "curl -i -X PUT localhost:8001/v1/kv/strong/report -H 'If-None-Match: *' -d '1 by A'",
    "curl -i -X PUT localhost:8001/v1/kv/strong/report -d '1 by A'",
    'curl localhost:8003/v1/kv/strong/report',
  ],
}
