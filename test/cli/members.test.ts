/** Changes of the members, against three real nodes and a fourth that never comes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { type CliEnded, type CliOptions, quorate } from './cli-run.ts'

/** The new node, and an address at which nothing listens. */
const JOIN = ['join', 'n4', '--peer-url', 'http://127.0.0.1:1']

let cluster: TestCluster
let endpoints: readonly string[]

beforeAll(async () => {
  cluster = await startCluster(3)
  endpoints = cluster.nodes.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
})

afterAll(() => cluster.stop())

function run(line: string | readonly string[], options: CliOptions = {}): Promise<CliEnded> {
  const argv = typeof line === 'string' ? line.split(' ') : line
  return quorate(['--timeout', '30s', ...argv], { endpoints, ...options })
}

test('a plan shows what would move, and changes nothing', async () => {
  const { code, printed, complained } = await run(['plan', ...JOIN])
  expect(code).toBe(0)
  expect(printed).toMatch(/^member +partitions +then +takes over\n/)
  expect(printed).toMatch(/^n4 +- +\d+ +\d+$/m)
  expect(printed).toMatch(/^\d+ copies of data partitions would move\.$/m)
  expect(complained).toContain('To make this change: npx quorate apply join n4')
  const plan = JSON.parse((await run(['plan', ...JOIN, '--json'])).printed) as object
  expect(plan).toMatchObject({
    kind: 'join',
    before: { n1: 128 },
    after: { n4: expect.any(Number) },
  })
  expect((await run('moves')).printed).toBe('No change of the members is under way.\n')
})

test('a change begins, shows its progress, and ends', async () => {
  const begun = await run(['apply', ...JOIN])
  expect(begun).toMatchObject({
    code: 0,
    printed: 'n4 is joining: copies are being moved.\n',
    complained: 'To see its progress: npx quorate moves --wait\n',
  })
  const moves = await run('moves')
  expect(moves.printed).toMatch(/^member +state +partitions +keys +MiB +left +waits for$/m)
  expect(moves.printed).toMatch(/^n4 is joining: copies are being moved, waiting for .*n4.*\.$/m)
  expect(moves.printed).toContain(
    '\nn4 does not answer. Start it, or take it out: npx quorate apply remove n4\n',
  )
  expect((await run('status')).complained).toBe('')
  expect(await run('apply leave n1')).toMatchObject({
    code: 6,
    complained: expect.stringContaining('npx quorate moves shows its progress'),
  })

  const waiting = run('moves --wait', { terminal: 100 })
  expect(await run('apply cancel')).toMatchObject({
    code: 0,
    printed: 'The change is being undone.\n',
  })
  expect((await run('moves')).printed).toContain('n4 is handing over its hints')
  // Nobody waits for a node that never comes.
  const removed = await run('apply remove n4 --wait')
  expect(removed).toMatchObject({ code: 0, printed: expect.stringContaining('has ended') })
  const waited = await waiting
  expect(waited).toMatchObject({ code: 0, printed: 'No change of the members is under way.\n' })
  expect(await run('apply cancel')).toMatchObject({ code: 1, printed: '' })
})

test('Ctrl-C ends the waiting, and not the change', async () => {
  await run(['apply', ...JOIN])
  const stop = new AbortController()
  const waiting = run('moves --wait', { terminal: 60, stop: stop.signal })
  await expect.poll(async () => (await run('moves')).printed).toContain('n4 is joining')
  stop.abort(new DOMException('stopped', 'AbortError'))
  const { code, complained } = await waiting
  expect(code).toBe(130)
  // The line of the bar is erased before anything else is written.
  expect(complained.split('\u001b[2K').at(-1)).toBe('The change goes on without this command.\n')
  expect((await run('moves')).printed).toContain('n4 is joining')
  await run('apply remove n4 --wait')
})

describe('a change that cannot be', () => {
  test.each([
    ['plan leave n9', 1, ''],
    ['plan leave N9', 2, 'NODE N9: must be the id of a node'],
    ['plan', 0, ''],
    ['plan replace n1', 2, 'replace needs OLD NEW'],
    ['plan leave n1 --zone a', 2, 'leave takes no --zone'],
    ['apply remove n1 --lost', 2, 'remove takes no --lost'],
    ['plan cancel', 2, 'there is no command cancel'],
    ['apply jion n4', 2, 'did you mean join?'],
  ])('%s', async (line, code, told) => {
    expect(await run(line)).toMatchObject({ code, complained: expect.stringContaining(told) })
  })
})
