/** The client as an installed package: compiled, in a `node_modules`, where Node.js runs no TypeScript. */
import { execFileSync, spawnSync } from 'node:child_process'
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
  compile(join(PROJECT_ROOT, 'src/client/tsconfig.json'), '--outDir', join(installed, 'dist'))
  writeFileSync(
    join(installed, 'package.json'),
    readFileSync(join(PROJECT_ROOT, 'package.json'), 'utf8'),
  )
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** Throws what the compiler complains of. */
function compile(project: string, ...options: readonly string[]): void {
  const tsc = join(PROJECT_ROOT, 'node_modules/typescript/bin/tsc')
  const { status, stdout } = spawnSync(process.execPath, [tsc, '--project', project, ...options], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stdout)
}

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

test.each([
  ['of Node.js', 'nodenext', 'nodenext'],
  ['of a bundler', 'esnext', 'bundler'],
])('compiles in a program %s that checks all types', (_of, module, moduleResolution) => {
  const program = `
    import { createClient, json, type Entry, RejectedError, UnknownOutcomeError } from 'quorate/client'
    await using client = createClient({ endpoints: { n1: 'http://n1:8001' } })
    const carts = client.bucket('default', { format: json<string[]>(), merge: (all) => all.flat() })
    const entry: Entry<string[]> = await carts.get('cart')
    const items: readonly string[] = entry.value() ?? []
    // @ts-expect-error A cart is no number.
    await carts.put('cart', items.length)
    await using lock = await client.lock('strong', 'job')
    const fence: number = lock.fence
    for await (const { key } of carts.keys()) if (key.length === fence) break
    const told = (error: unknown) =>
      error instanceof RejectedError || error instanceof UnknownOutcomeError ? error.outcome : 'done'
    const outcome: 'rejected' | 'unknown' | 'done' = told(undefined)
    export { outcome }
  `
  const lib = ['ES2022', 'DOM', 'ESNext.Disposable']
  const emits = { noEmit: true, target: 'ES2022' }
  const compilerOptions = { ...emits, module, moduleResolution, lib, strict: true, types: [] }
  writeFileSync(join(directory, 'program.mts'), program)
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: ['program.mts'] }),
  )
  compile(join(directory, 'tsconfig.json'))
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
