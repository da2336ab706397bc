/**
 * Interactive worlds in a browser: bundled for a page they import nothing of Node.js, and a thread that has only the
 * globals of a browser's worker runs a plan to the hash and verdict of the command line.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { beforeAll, expect, it } from 'vitest'
import { playPlan } from '../../../src/simulation/interactive/play-plan.ts'
import { simCommand } from '../../../src/simulation/sim-command.ts'
import { SPLIT_PLAN } from './split-plan.ts'
import { NO_PROGRESS } from '../../terminal/no-progress.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const ENTRY = 'src/simulation/interactive/play-plan.ts'
const GZIP_BYTES_MAX = 160_000

let code = ''
let imports: readonly string[] = []
beforeAll(async () => {
  const options = { input: ENTRY, cwd: ROOT, platform: 'browser', tsconfig: false } as const
  await using bundle = await rolldown({ ...options, logLevel: 'silent' })
  const { output } = await bundle.generate({ format: 'iife', name: 'bundled', minify: true })
  const [chunk, ...others] = output
  expect(others).toEqual([])
  code = chunk.code
  imports = [...chunk.imports, ...chunk.dynamicImports]
})

it('bundled for a browser they import nothing, and are small', () => {
  expect(imports).toEqual([])
  expect(code).not.toMatch(/["'`]node:/)
  expect(code).not.toMatch(/\brequire\(/)
  expect(gzipSync(code).length).toBeLessThan(GZIP_BYTES_MAX)
})

it('a thread without the globals of Node.js ends with the same hash and verdict', async () => {
  const { hash, verdict } = await playPlan(SPLIT_PLAN)
  expect(await playedInPage()).toEqual({ hash, verdict })
})

it('the command line prints the same hash and verdict', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-plan-'))
  const file = join(folder, 'split.json')
  const printed: string[] = []
  try {
    writeFileSync(file, JSON.stringify(SPLIT_PLAN))
    const print = (line: string): number => printed.push(line)
    const output = { print, complain: print, progress: NO_PROGRESS }
    expect(await simCommand(['--plan', file], output)).toBe(0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const { hash, verdict } = await playPlan(SPLIT_PLAN)
  expect(printed.at(-1)).toBe(`no violation found; trace hash ${hash}`)
  expect(printed.slice(-1 - verdict.lines.length, -1)).toEqual(verdict.lines)
})

/** The globals of Node.js that no browser has. */
const NODE_GLOBALS = ['Buffer', 'process', 'setImmediate', 'clearImmediate', 'global', 'require']

function playedInPage(): Promise<unknown> {
  const script = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { runInThisContext } = require('node:vm')
    // Node.js loads this class when it is first needed, with code that needs Buffer.
    void globalThis.MessageEvent
    for (const name of workerData.hidden) delete globalThis[name]
    const left = runInThisContext(workerData.hidden.map((name) => 'typeof ' + name).join('+'))
    if (left !== 'undefined'.repeat(workerData.hidden.length)) throw new Error(left)
    const events = new EventTarget()
    globalThis.addEventListener = events.addEventListener.bind(events)
    globalThis.removeEventListener = events.removeEventListener.bind(events)
    const page = runInThisContext(workerData.code + '; bundled')
    void page.playPlan(workerData.plan).then(({ hash, verdict }) => {
      parentPort.postMessage({ hash, verdict })
    })
  `
  return new Promise((resolve, reject) => {
    const workerData = { code, plan: SPLIT_PLAN, hidden: NODE_GLOBALS }
    const worker = new Worker(script, { eval: true, workerData })
    worker.once('message', (answer) => {
      resolve(answer)
      void worker.terminate()
    })
    worker.once('error', reject)
  })
}
