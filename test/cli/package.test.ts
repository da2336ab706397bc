/** The command of an installed package: compiled, in a `node_modules`, where Node.js runs no TypeScript. */
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importsOf } from '../tidy/import-rules.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

let directory: string
let installed: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-installed-'))
  installed = join(directory, 'node_modules', 'quorate')
  mkdirSync(installed, { recursive: true })
  const tsc = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc')
  const project = join(PROJECT_ROOT, 'src/cli/tsconfig.json')
  const options = ['--project', project, '--outDir', join(installed, 'dist')]
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stdout)
  // A package contains its manifest and its commands besides its `files`.
  for (const file of ['package.json', 'scripts/quorate.mjs']) {
    cpSync(join(PROJECT_ROOT, file), join(installed, file))
  }
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

function run(...argv: readonly string[]): ReturnType<typeof spawnSync> {
  const script = join(installed, 'scripts', 'quorate.mjs')
  return spawnSync(process.execPath, [script, ...argv], { encoding: 'utf8' })
}

test('needs no other package', () => {
  const files = globSync('dist/**/*.js', { cwd: installed })
  const imports = files.flatMap((file) => importsOf(readFileSync(join(installed, file), 'utf8')))
  expect(files.length).toBeGreaterThan(20)
  expect(imports.filter((target) => !/^(?:node:|\.\.?\/.*\.js$)/.test(target))).toEqual([])
})

test('has its help, its version and its exit codes', () => {
  expect(run('--help').stdout).toMatch(/^Usage: npx quorate COMMAND/)
  expect(run('--version').stdout).toMatch(/^quorate \d+\.\d+\.\d+\n$/)
  expect(run('get', 'default').status).toBe(2)
  expect(run('get', 'default', 'k', '--endpoints', 'http://127.0.0.1:1').status).toBe(8)
})

test('has no commands that need a checkout', () => {
  expect(run('up')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('needs a checkout'),
  })
})
