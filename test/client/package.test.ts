/** The client as an installed package: compiled, in a `node_modules`, where Node.js runs no TypeScript. */
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importsOf } from '../tidy/import-rules.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

let directory: string
let installed: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-package-'))
  installed = join(directory, 'node_modules', 'quorate')
  mkdirSync(installed, { recursive: true })
  // Without the types of Node.js: whatever the client used of them would not compile.
  const tsc = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc')
  const project = join(PROJECT_ROOT, 'src/client/tsconfig.json')
  execFileSync(process.execPath, [tsc, '--project', project, '--outDir', join(installed, 'dist')])
  writeFileSync(
    join(installed, 'package.json'),
    readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'),
  )
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('imports nothing but its own files', () => {
  const files = globSync('dist/client/**/*.js', { cwd: installed })
  const imports = files.flatMap((file) => importsOf(readFileSync(join(installed, file), 'utf8')))

  expect(files.length).toBeGreaterThan(10)
  expect(imports.filter((target) => !/^\.\.?\/.*\.js$/.test(target))).toEqual([])
})

test('has types for each of its files', () => {
  const code = globSync('dist/client/**/*.js', { cwd: installed })
  const types = globSync('dist/client/**/*.d.ts', { cwd: installed })

  expect(types.map((file) => file.replace(/\.d\.ts$/, '.js')).sort()).toEqual(code.sort())
})

test('is found by its name, and runs', () => {
  const program = `
    import { createClient, Quorate } from 'quorate/client'
    const answer = async () => new Response('world', { headers: { 'content-type': 'text/plain' } })
    const client = createClient({ endpoints: ['http://n1:8001'], fetch: answer })
    const { value } = await client.bucket('default').get('hello')
    console.log(client instanceof Quorate, value())
    await client.close()
  `
  writeFileSync(join(directory, 'program.mjs'), program)
  const printed = execFileSync(process.execPath, ['program.mjs'], { cwd: directory })

  expect(printed.toString()).toBe('true world\n')
})
