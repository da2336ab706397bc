/**
 * `npm start` as a person or a service manager runs it: a real npm, the launcher, the supervisor and the nodes.
 * However the end is brought about, every process ends, and the nodes are told exactly once.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openControl, readClusterFile } from '../../src/local-cluster/control.ts'
import { isAlive } from './process-life.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const WAIT = { timeout: 90_000, interval: 20 }

interface Started {
  readonly npm: ChildProcess
  readonly lines: string[]
  readonly supervisorPid: number
  readonly nodePids: readonly (number | null)[]
}

let scratch = ''
let dataDir = ''
let toEnd: number[] = []

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'quorate-start-'))
  dataDir = join(scratch, 'data')
  toEnd = []
})

afterEach(() => {
  for (const pid of toEnd.filter(isAlive)) process.kill(pid, 'SIGKILL')
  rmSync(scratch, { recursive: true, force: true })
})

function npmStart(...args: readonly string[]): { npm: ChildProcess; lines: string[] } {
  const npm = spawn('npm', ['start', '--silent', '--', '--data', dataDir, ...args], {
    cwd: root,
    // As a shell starts the job in the foreground: a process group of its own, all of which gets Ctrl-C.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  for (const stream of [npm.stdout, npm.stderr]) {
    createInterface({ input: stream as NodeJS.ReadableStream }).on('line', (line) => {
      lines.push(line)
      if (line.startsWith('curl ')) npm.emit('ready')
    })
  }
  return { npm, lines }
}

async function startTwoNodes(): Promise<Started> {
  const { npm, lines } = npmStart('--nodes', '2', '--base-port', '0')
  toEnd.push(npm.pid as number)
  await Promise.race([once(npm, 'ready'), once(npm, 'close')])
  if (npm.exitCode !== null) throw new Error(lines.join('\n'))
  const supervisorPid = readClusterFile(dataDir)?.pid as number
  const nodePids = (await openControl(dataDir).status()).map(({ pid }) => pid)
  toEnd.push(supervisorPid, ...(nodePids as number[]))
  return { npm, lines, supervisorPid, nodePids }
}

function timesTold(id: string): number {
  const log = readFileSync(join(dataDir, id, 'node.log'), 'utf8')
  return log.split('\n').filter((line) => line.includes('"msg":"stopping"')).length
}

function isStopped(id: string): boolean {
  return readFileSync(join(dataDir, id, 'node.log'), 'utf8').includes('"msg":"stopped"')
}

async function expectNothingLeft({ supervisorPid, nodePids }: Started): Promise<void> {
  await expect.poll(() => [supervisorPid, ...nodePids].filter(isAlive), WAIT).toEqual([])
  expect(['n1', 'n2'].map(isStopped)).toEqual([true, true])
  expect(['n1', 'n2'].map(timesTold)).toEqual([1, 1])
}

test('nodes are told when they are ready, the last line can be copied, and Ctrl-C stops every node once', async () => {
  const started = await startTwoNodes()
  const urls = started.lines.flatMap((line) => /n\d is ready on (\S+)$/.exec(line)?.[1] ?? [])
  const ready = await Promise.all(urls.map((url) => fetch(`${url}/readyz`)))
  expect(ready.map(({ status }) => status)).toEqual([200, 200])
  const copied = spawnSync('sh', ['-c', started.lines.at(-1) as string], { encoding: 'utf8' })
  expect(copied.stdout).toBe('world')

  process.kill(-(started.npm.pid as number), 'SIGINT')
  await once(started.npm, 'close')

  await expectNothingLeft(started)
  expect(started.lines.slice(-2)).toEqual(['Stopping …', 'All nodes stopped cleanly'])
})

test('SIGTERM to npm alone stops every node once', async () => {
  const started = await startTwoNodes()
  started.npm.kill('SIGTERM')

  await expectNothingLeft(started)
})

test('nodes notice that their supervisor was killed, the paused one too', async () => {
  const started = await startTwoNodes()
  await openControl(dataDir).pause('n2', 600_000)
  process.kill(started.supervisorPid, 'SIGKILL')

  await expectNothingLeft(started)
})

test('the directory of a killed supervisor can be used again at once', async () => {
  const first = await startTwoNodes()
  process.kill(first.supervisorPid, 'SIGKILL')
  await once(first.npm, 'close')
  const second = await startTwoNodes()
  process.kill(second.supervisorPid, 'SIGTERM')
  await once(second.npm, 'close')

  expect(second.lines).toContain('All nodes stopped cleanly')
})

test('a bad argument ends the start with its name and exit code 2', async () => {
  const { npm, lines } = npmStart('--nodes', 'many')
  const [code] = (await once(npm, 'close')) as [number]

  expect(code).toBe(2)
  expect(lines).toEqual([
    'start: --nodes many: must be a whole number from 1 to 9',
    'start: npm start -- --help lists the options',
  ])
})
