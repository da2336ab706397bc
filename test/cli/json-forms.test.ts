/** The form of JSON that README.md promises: what commands print has the members of its examples, with their types. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { blocksOf } from '../tidy/documents.ts'
import { readFiles } from '../tidy/project-files.ts'
import { quorate } from './cli-run.ts'

let cluster: TestCluster
let endpoints: readonly string[]
const saved: Record<string, Uint8Array> = {}

beforeAll(async () => {
  cluster = await startCluster(1)
  endpoints = cluster.nodes.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
  await quorate('put default one x --timeout 30s', { endpoints })
  const { context } = JSON.parse(
    (await quorate('put default two x --json', { endpoints })).printed,
  ) as {
    context: string
  }
  await quorate(['put', 'default', 'two', 'a', '--context', context], { endpoints })
  await quorate(['put', 'default', 'two', 'b', '--context', context], { endpoints })
})

afterAll(() => cluster.stop())

const EXAMPLES: readonly Record<string, unknown>[] = readFiles('src/cli/README.md')
  .flatMap(blocksOf)
  .filter(({ language }) => language === 'json')
  .flatMap(({ text }) => text.trimEnd().split('\n'))
  .map((line) => JSON.parse(line) as Record<string, unknown>)

test('a watch', async () => {
  const { printed } = await quorate('watch default --everything --limit 1 --json --timeout 30s', {
    endpoints,
  })
  const lines = printed
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string })
  expect(lines.map(({ type }) => type)).toEqual(['progress', 'put'])
  for (const line of lines) {
    const example = EXAMPLES.find(({ type }) => type === line.type)
    expect(example).toBeDefined()
    expect(differences(line, example)).toEqual([])
  }
})

test.each([
  ['get default one', 'context'],
  ['get default two', 'context'],
  ['siblings default absent', 'context'],
  ['put default one x', 'stored'],
  ['put strong one x', 'stored'],
  ['del strong one', 'stored'],
  ['list default --limit 1', 'size'],
  ['status', 'groups'],
  ['ring', 'partitions'],
  ['where default one', 'preference'],
  ['backup all.backup --covers quorum', 'keysAfterCut'],
  ['restore all.backup', 'dryRun'],
  ['plan join n2', 'warnings'],
  ['apply join n2', 'change'],
  ['moves', 'nodes'],
  ['doctor', 'findings'],
])('%s', async (line, member) => {
  const { printed } = await quorate([...line.split(' '), '--json', '--timeout', '30s'], {
    endpoints,
    saved,
  })
  const example = EXAMPLES.find((candidate) => Object.hasOwn(candidate, member))
  expect(example).toBeDefined()
  expect(differences(JSON.parse(printed), example)).toEqual([])
})

test('an error', async () => {
  const { complained } = await quorate('get nothing one --json', { endpoints })
  const example = EXAMPLES.find((candidate) => Object.hasOwn(candidate, 'error'))
  expect(differences(JSON.parse(complained), example)).toEqual([])
})

/** The members that only one of the two has, and those of other types. A null has every type. */
function differences(actual: unknown, promised: unknown, path = ''): string[] {
  if (actual === null || promised === null) return []
  if (Array.isArray(actual) && Array.isArray(promised)) {
    return actual.flatMap((item, i) => differences(item, promised[0], `${path}[${i}]`))
  }
  if (typeof actual !== 'object' || typeof promised !== 'object') {
    const [is, should] = [typeof actual, typeof promised]
    return is === should ? [] : [`${path} is ${is}, not ${should}`]
  }
  const [has, should] = [actual, promised as object]
  // A member that is empty in the example has names of its own choice.
  if (Object.keys(should).length === 0) return []
  const members = new Set([...Object.keys(has), ...Object.keys(should)])
  return [...members].flatMap((name) => {
    const [a, b] = [has, should].map((object) => (object as Record<string, unknown>)[name])
    if (a === undefined || b === undefined) return [`${path}.${name} is in one of them alone`]
    return differences(a, b, `${path}.${name}`)
  })
}
