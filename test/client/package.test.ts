/** The client as an installed package: it needs nothing, it has types, and it runs. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { InstalledPackage } from './installed-package.ts'

let client: InstalledPackage

beforeAll(() => {
  // Its project has no types of Node.js: whatever the client used of them would not compile.
  client = new InstalledPackage('client')
})

afterAll(() => client.remove())

test('imports nothing but its own files', () => {
  expect(client.files('dist/client/**/*.js').length).toBeGreaterThan(10)
  expect(client.imports().filter((target) => !/^\.\.?\/.*\.js$/.test(target))).toEqual([])
})

test('has types for each of its files', () => {
  const types = client.files('dist/client/**/*.d.ts')
  const code = client.files('dist/client/**/*.js')
  expect(types.map((file) => file.replace(/\.d\.ts$/, '.js')).sort()).toEqual([...code].sort())
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
  client.check(program, { ...emits, module, moduleResolution, lib, strict: true, types: [] })
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
  expect(client.run(program)).toBe('true world\n')
})
