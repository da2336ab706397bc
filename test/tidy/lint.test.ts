/** Plants a violation for each ban of the lint configuration and expects it to be found: rules that are mistyped find nothing. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PROJECT_ROOT } from './project-files.ts'

const OXLINT = join(PROJECT_ROOT, 'node_modules/oxlint/bin/oxlint')

const BANNED = [
  'Date.now()',
  'new Date()',
  'performance.now()',
  'Math.random()',
  'setTimeout(f, 1)',
  'setInterval(f, 1)',
  'setImmediate(f)',
  'queueMicrotask(f)',
  'crypto.randomUUID()',
  "fetch('http://n1')",
  'process.exit()',
  "console.log('')",
  'globalThis.x',
]
const PURE_FOLDERS = ['src/core', 'src/node', 'src/ports']
const TOO_LONG = Array.from({ length: 401 }, (_, i) => `export const line${i} = ${i}`).join('\n')

const PLANTED: readonly { readonly path: string; readonly source: string }[] = [
  ...PURE_FOLDERS.flatMap((folder) =>
    BANNED.map((call, i) => ({ path: `${folder}/banned-${i}.ts`, source: banned(call) })),
  ),
  { path: 'src/api/too-long.ts', source: TOO_LONG },
  { path: 'src/api/wrongName.ts', source: 'export const a = 1' },
  { path: 'src/api/loose.ts', source: 'export const a = (b: unknown): boolean => b == 1' },
  { path: 'src/api/swallowed.ts', source: 'try {\n  f()\n} catch {}\nexport function f() {}' },
]
const INNOCENT = [
  ...BANNED.map((call, i) => ({ path: `src/adapters/allowed-${i}.ts`, source: banned(call) })),
  { path: 'src/core/pure.ts', source: 'export const a = Math.max(1, 2)' },
]

function banned(call: string): string {
  return `export const f = (): unknown => ${call}`
}

describe('lint', () => {
  let project = ''
  let found: { filename: string; code: string }[] = []

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'quorate-lint-'))
    copyFileSync(join(PROJECT_ROOT, '.oxlintrc.json'), join(project, '.oxlintrc.json'))
    for (const { path, source } of [...PLANTED, ...INNOCENT]) {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), `${source}\n`)
    }
    const { stdout } = spawnSync(process.execPath, [OXLINT, '--format=json', 'src'], {
      cwd: project,
      encoding: 'utf8',
    })
    found = (JSON.parse(stdout) as { diagnostics: typeof found }).diagnostics
  })

  afterAll(() => rmSync(project, { recursive: true, force: true }))

  test.each(PLANTED)('finds what is wrong with $path: $source', ({ path }) => {
    expect(found.map(({ filename }) => filename)).toContain(path)
  })

  test('finds nothing else', () => {
    const planted = new Set(PLANTED.map(({ path }) => path))

    expect(found.filter(({ filename }) => !planted.has(filename))).toEqual([])
  })
})
