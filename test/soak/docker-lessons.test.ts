/**
 * The commands of the lab's lessons, as a learner types them, on the containers of docker-compose.yml: they show what
 * the lesson promises. Only names differ: this project has ports of its own, and a name of its own.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LESSONS } from '../../src/lab/lessons/lessons.ts'
import { NODES, type NodeId, Stack } from '../docker/stack.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const START = 'docker compose up --build -d'
const COMMAND_TIMEOUT_MS = 300_000
/** What a learner copies from the header of an earlier answer into a command. */
const COPIED: Readonly<Record<string, RegExp>> = {
  CONTEXT: /^quorate-context: (\S+)/gim,
  SESSION: /^quorate-session: (\S+)/gim,
}

interface Sight {
  /** The id of the lesson. */
  readonly lesson: string
  /** The last command that contains this text. It is repeated until it shows all, because copies need a moment. */
  readonly command: string
  readonly shows: readonly RegExp[]
}

/** What the learner is to see. */
const SIGHTS: readonly Sight[] = [
  { lesson: '1', command: 'consistency=quorum', shows: [/apple/] },
  { lesson: '2', command: 'consistency=quorum', shows: [/bread/, /cheese/] },
  { lesson: '3', command: 'npx quorate where', shows: [/n2/] },
  {
    lesson: '3',
    command: 'consistency=quorum',
    shows: [/^HTTP\/1.1 50[34]/, /quorum_unreachable/],
  },
  { lesson: '3', command: 'consistency=eventual', shows: [/^HTTP\/1.1 200/, /10$/] },
  { lesson: '4', command: 'consistency=eventual', shows: [/^HTTP\/1.1 200/, /10$/] },
  { lesson: '4', command: 'SESSION', shows: [/^HTTP\/1.1 50[34]/] },
  { lesson: '5', command: 'curl -i localhost:8002', shows: [/^HTTP\/1.1 404/] },
  { lesson: '6', command: 'consistency=eventual', shows: [/^HTTP\/1.1 404/] },
  {
    lesson: '6',
    command: '8003/v1/kv/latest/question?consistency=causal',
    shows: [/^HTTP\/1.1 503/],
  },
  { lesson: '7', command: 'curl localhost', shows: [/^12$/] },
  { lesson: '8', command: 'curl -i', shows: [/^HTTP\/1.1 300/, /apple/, /bread/] },
  { lesson: '8', command: 'npx quorate siblings', shows: [/apple/, /bread/] },
  { lesson: '9', command: 'curl localhost:8003', shows: [/^(?:Ada|Ben)$/] },
  { lesson: '9', command: 'curl -i localhost:8001', shows: [/quorum_unreachable/] },
  { lesson: '9', command: 'curl -i localhost:8003', shows: [/^HTTP\/1.1 200/] },
  { lesson: '10', command: 'localhost:8003', shows: [/bread/] },
  { lesson: '11', command: 'consistency=all', shows: [/^HTTP\/1.1 404/] },
  { lesson: '12a', command: 'npx quorate siblings', shows: [/book, mug/, /book, pen, ink/] },
  { lesson: '12b', command: 'curl localhost:8004', shows: [/^bread$/] },
  {
    lesson: '12b',
    command: 'status --endpoints localhost:8003',
    shows: [/does not reach n1, n2/, /quorum still work for every key/],
  },
  {
    lesson: '12b',
    command: 'status --endpoints localhost:8002',
    shows: [/does not reach n1, n3/, /work for \d+ % of the keys/],
  },
  { lesson: '12c', command: "*' -d '1 by A'", shows: [/^HTTP\/1.1 412/] },
]

let stack: Stack
beforeAll(async () => {
  stack = await Stack.start()
})
afterAll(async () => {
  await (stack as Stack | undefined)?.stop()
})

test.each(LESSONS.filter(({ id }) => SIGHTS.some(({ lesson }) => lesson === id)))(
  'lesson $id: $title',
  async ({ id, key, commands }) => {
    const sights = SIGHTS.filter(({ lesson }) => lesson === id)
    const lines = commands.filter((command) => command !== START)
    // An earlier lesson may have used the key.
    await run(
      `curl -X DELETE '${stack.url('n1', `/v1/kv/${key.bucket}/${key.key}?consistency=all`)}'`,
    )
    const at = (sight: Sight): number => lines.findLastIndex((line) => line.includes(sight.command))
    let told = ''
    for (const [i, line] of lines.entries()) {
      const shown = sights.filter((sight) => at(sight) === i).flatMap(({ shows }) => shows)
      const answer = async (): Promise<string> => (await run(typed(line, told))).trim()
      let latest = await answer()
      if (line.includes('docker compose up')) await allReady()
      for (const words of shown) {
        await expect.poll(async () => (latest = await answer()), { message: line }).toMatch(words)
      }
      told += latest + '\n'
    }
    for (const sight of sights) expect(at(sight), sight.command).toBeGreaterThanOrEqual(0)
    await run(typed('npm run chaos -- heal', ''))
  },
)

/** The command with the names of this project, and with the latest headers in place of `CONTEXT`. */
function typed(command: string, told: string): string {
  let line = command
    .replaceAll(/localhost:800([1-5])/g, (_, n: string) => hostOf(`n${n}` as NodeId))
    .replace(/^npx quorate/, 'node scripts/quorate.mjs')
  for (const [word, header] of Object.entries(COPIED)) {
    line = line.replaceAll(word, [...told.matchAll(header)].at(-1)?.[1] ?? word)
  }
  return line.replaceAll(
    /npm run chaos -- [^&]+/g,
    (chaos) => `${chaos.trim()} --target docker --project ${stack.project} `,
  )
}

/** A learner waits, too. */
async function allReady(): Promise<void> {
  for (const id of NODES) {
    const ask = (): Promise<number> =>
      fetch(stack.url(id, '/readyz')).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(ask, { message: `${id} is ready` }).toBe(200)
  }
}

/** What the commands have set in the shell of the learner. */
const variables: Record<string, string> = {}

function hostOf(id: NodeId): string {
  return new URL(stack.url(id, '/')).host
}

/** What a shell prints, whatever the exit code: `quorate status` tells a fault by its code, too. */
async function run(line: string): Promise<string> {
  const endpoints = { QUORATE_ENDPOINTS: stack.url('n1', '') }
  const env = { ...process.env, ...stack.environment, ...endpoints, ...variables }
  const options = { cwd: ROOT, timeout: COMMAND_TIMEOUT_MS, env }
  const set = /^(?:export )?(\w+)=/.exec(line)?.[1]
  const script = set === undefined ? line : `${line}\nprintf %s "$${set}"`
  const ended = promisify(execFile)('bash', ['-c', script], options)
  const { stdout } = await ended.catch((error: unknown) => error as { stdout: string })
  if (set !== undefined) variables[set] = stdout
  return stdout
}
