import { describe, expect, test } from 'vitest'
import { readFiles } from './project-files.ts'
import {
  findAsync,
  findLateFunctions,
  findLockFileFaults,
  findMachinePlaces,
  findPutOffWork,
  isKebabCase,
  opensWithComment,
} from './source-rules.ts'

const TEXT_FILES = [
  '*.{json,md,yml}',
  '.*rc*',
  '.ci/*',
  'docker/**',
  'src/**/*',
  'scripts/**/*',
  'test/**/*.{ts,json,jsonl,edn}',
]

describe('core', () => {
  test('waits for nothing', () => {
    const files = readFiles('src/core/**/*.ts')

    expect(files).not.toEqual([])
    expect(files.filter(({ text }) => findAsync(text).length > 0).map(({ path }) => path)).toEqual(
      [],
    )
  })

  test.each(['async function f() {}', 'const x = await y', 'let p: Promise<void>'])(
    'would be told of %s',
    (source) => {
      expect(findAsync(`/** A promise of words. */\n${source}\n`)).toHaveLength(1)
    },
  )

  test('may speak of promises', () => {
    expect(findAsync('/** async, await, Promise */\nlet promised = 1 // no await\n')).toEqual([])
  })
})

describe('core and node', () => {
  test('set no function of an object after it was made', () => {
    const late = readFiles('src/{core,node}/**/*.ts').flatMap(({ path, text }) =>
      findLateFunctions(text).map((field) => `${path}: ${field}`),
    )

    expect(late).toEqual([])
  })

  test.each([
    ['  onLost: (peer: string) => void = () => undefined\n', 1],
    ['  beforeStore: () => Promise<void> = () => Promise.resolve()\n', 1],
    ['  readonly nowMs: () => number = () => 0\n', 0],
  ])('in %j', (source, count) => {
    expect(findLateFunctions(`class A {\n${source}}\n`)).toHaveLength(count)
  })
})

describe('source files', () => {
  test('open with what they are for', () => {
    const silent = readFiles('src/**/*.{ts,tsx}', 'scripts/*').filter(
      ({ text }) => !opensWithComment(text),
    )

    expect(silent.map(({ path }) => path)).toEqual([])
  })

  test.each([
    [true, '/** Why. */\nexport const a = 1\n'],
    [true, "import { b } from './b.ts'\n\n/** Why. */\nexport const a = b\n"],
    [true, '#!/usr/bin/env node\n/** Why. */\nexport const a = 1\n'],
    [false, '#!/usr/bin/env node\nexport const a = 1\n'],
    [false, 'export const a = 1\n'],
    [false, "import { b } from './b.ts'\n\nexport const a = b\n/** Too late. */\n"],
  ])('opening with a comment: %s for %j', (expected, source) => {
    expect(opensWithComment(source)).toBe(expected)
  })

  test('have names in kebab case', () => {
    const files = readFiles('src/**/*', 'scripts/**/*', 'test/**/*.ts').filter(
      ({ path }) => !path.endsWith('/README.md'),
    )

    expect(files.filter(({ path }) => !isKebabCase(path)).map(({ path }) => path)).toEqual([])
  })

  test.each(['src/readCoordinator.ts', 'src/Node/node.ts', 'test/tally_test.ts'])(
    '%s would be refused',
    (path) => {
      expect(isKebabCase(path)).toBe(false)
    },
  )
})

describe('text', () => {
  test('puts no work off', () => {
    const found = readFiles(...TEXT_FILES).flatMap(({ path, text }) =>
      findPutOffWork(text).map((word) => `${path}: ${word}`),
    )

    expect(found).toEqual([])
  })

  test('names no place of one machine', () => {
    const found = readFiles(...TEXT_FILES).flatMap(({ path, text }) =>
      findMachinePlaces(text).map((place) => `${path}: ${place}`),
    )

    expect(found).toEqual([])
  })

  // Put together here, so that this file does not hold what it looks for.
  test.each(['TO' + 'DO later', '// FIX' + 'ME'])('%s would be refused', (text) => {
    expect(findPutOffWork(text)).toHaveLength(1)
  })

  test.each([
    '/ro' + 'ot/x',
    'cd /wo' + 'rk/main',
    '/ho' + 'me/me',
    'https://regis' + 'try.x.org/',
  ])('%s would be refused', (text) => {
    expect(findMachinePlaces(text)).toHaveLength(1)
  })

  test('may name places of a container and of the project', () => {
    expect(findMachinePlaces('/home/node /var/lib src/work/main')).toEqual([])
  })
})

describe('the lock file', () => {
  test('installs anywhere', () => {
    const [lockFile] = readFiles('package-lock.json')

    expect(findLockFileFaults(lockFile?.text ?? '{}')).toEqual([])
  })

  test.each([
    { 'node_modules/a': { resolved: 'https://example.org/a.tgz' } },
    { 'node_modules/a': { optionalDependencies: { 'a-linux': '1.0.0' } } },
    { '': { optionalDependencies: { a: '1.0.0' } }, 'node_modules/b/node_modules/a': {} },
  ])('%j would be refused', (packages) => {
    expect(findLockFileFaults(JSON.stringify({ packages }))).toHaveLength(1)
  })

  test('finds a package where Node.js would', () => {
    const packages = {
      'node_modules/a': { optionalDependencies: { b: '1' } },
      'node_modules/a/node_modules/c': { optionalDependencies: { b: '1', d: '1' } },
      'node_modules/a/node_modules/d': {},
      'node_modules/b': {},
    }

    expect(findLockFileFaults(JSON.stringify({ packages }))).toEqual([])
  })
})
