/** The commands against three real nodes: what they write, and with which exit code they end. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { type CliEnded, type CliOptions, quorate } from './cli-run.ts'

let cluster: TestCluster
let endpoints: readonly string[]

beforeAll(async () => {
  cluster = await startCluster(3)
  endpoints = cluster.nodes.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
})

afterAll(() => cluster.stop())

/** The tests have time: a machine that is busy must not make them fail. */
function run(line: string | readonly string[], options: CliOptions = {}): Promise<CliEnded> {
  const argv = typeof line === 'string' ? line.split(' ') : line
  return quorate(['--timeout', '30s', ...argv], { endpoints, ...options })
}

async function json(line: string | readonly string[], options: CliOptions = {}): Promise<unknown> {
  const { printed } = await run(
    ['--json', ...(typeof line === 'string' ? line.split(' ') : line)],
    options,
  )
  return JSON.parse(printed)
}

/** Two writes, of which neither has seen the other. */
async function makeSiblings(key: string): Promise<void> {
  const { context } = (await json(['put', 'default', key, 'base'])) as { context: string }
  await run(['put', 'default', key, 'apple', '--context', context])
  await run(['put', 'default', key, 'pear', '--context', context])
}

describe('get and put', () => {
  test('write the bytes of a value and nothing else', async () => {
    const value = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256))
    const written = await run('put default photo -', { input: value })
    expect(written).toMatchObject({ code: 0, printed: '', complained: '' })
    expect(await run('get default photo')).toMatchObject({ code: 0, bytes: value, complained: '' })
  })

  test('take a value from the command line, also one that looks like an option', async () => {
    await run(['put', 'default', 'dash', '--', '--help'])
    expect((await run('get default dash')).printed).toBe('--help')
    await run(['put', 'default', 'minus', '-5'])
    expect((await run('get default minus')).printed).toBe('-5')
    await run(['put', 'default', 'empty', ''])
    expect(await run('get default empty')).toMatchObject({ code: 0, printed: '' })
  })

  test('end the value with a new line on a terminal alone', async () => {
    await run(['put', 'default', 'line', 'text'])
    expect((await run('get default line', { terminal: 80 })).printed).toBe('text\n')
    await run(['put', 'default', 'line', 'text\n'])
    expect((await run('get default line', { terminal: 80 })).printed).toBe('text\n')
  })

  test.each([Buffer.from([0xff, 0xfe]), Buffer.from('\u001b[31mred')])(
    'do not write the binary value %j to a terminal',
    async (input) => {
      await run('put default binary -', { input })
      const { code, printed, complained } = await run('get default binary', { terminal: 80 })
      expect({ code, printed }).toEqual({ code: 1, printed: '' })
      expect(complained).toContain('default/binary is binary')
      expect(complained).toContain('npx quorate get default binary > FILE')
    },
  )

  test('tell on a terminal what was stored', async () => {
    const { printed } = await run(['put', 'default', 'told', 'x'], { terminal: 80 })
    expect(printed).toMatch(/^stored default\/told at quorum through n[123]: [23] copies\n$/)
    const weak = await run('put default told y --consistency weak', { terminal: 80 })
    expect(weak.printed).toMatch(
      /^n[123] has accepted default\/told in memory; nothing is stored yet\n$/,
    )
  })

  test('keep the type of the value', async () => {
    await run('put default typed {} --type application/json')
    expect(await json('get default typed')).toMatchObject({
      siblings: [{ contentType: 'application/json', size: 2, value: '{}' }],
    })
    await run('put default typed -', { input: Buffer.from([0xff]) })
    expect(await json('get default typed')).toMatchObject({
      siblings: [{ contentType: 'application/octet-stream', valueBase64: '/w==' }],
    })
  })

  test('let a value expire', async () => {
    expect((await run('put default aged x --ttl 1h')).code).toBe(0)
    const answer = await cluster.request(0, '/v1/kv/default/aged?consistency=all')
    expect(answer.status).toBe(200)
  })

  test('of a key that does not exist end with 3', async () => {
    expect(await run('get default absent')).toMatchObject({
      code: 3,
      printed: '',
      complained: 'quorate get: default/absent does not exist\n',
    })
    expect(await json('get default absent')).toMatchObject({ siblings: [] })
    const { code, complained } = await run('get no-such-bucket key')
    expect(code).toBe(3)
    expect(complained).toContain('code bucket_unknown, outcome rejected')
  })

  test('may name the level', async () => {
    expect(await json('get default line --consistency all')).toMatchObject({ level: 'all' })
    const refused = await run('put default line x --consistency strong')
    expect(refused.code).toBe(2)
    expect(refused.complained).toContain('allowed: weak, eventual, causal, quorum, all')
  })
})

describe('conditions', () => {
  test('hold or do not hold, in a bucket of mode strong', async () => {
    const first = (await json('put strong seat ada --if-absent')) as { etag: string }
    const second = await run('put strong seat bob --if-absent')
    expect(second).toMatchObject({ code: 5, printed: '' })
    expect(second.complained).toContain('code precondition_failed, outcome rejected')
    // Without the quotes, which are hard to type in a shell.
    const etag = first.etag.replaceAll('"', '')
    expect((await run(['put', 'strong', 'seat', 'eve', '--if-match', etag])).code).toBe(0)
    expect((await run(['del', 'strong', 'seat', '--if-match', first.etag])).code).toBe(5)
    expect((await run('get strong seat --consistency strong')).printed).toBe('eve')
  })

  test('are for buckets of mode strong', async () => {
    expect(await run('put default seat ada --if-absent')).toMatchObject({
      code: 2,
      complained:
        'quorate put: a condition needs a bucket of mode strong, such as the bucket strong\n',
    })
  })
})

describe('del', () => {
  test('deletes, and tells whether there was a value', async () => {
    await run('put default gone x')
    expect(await json('del default gone')).toMatchObject({ stored: true, existed: true })
    expect(await json('del default gone')).toMatchObject({ stored: true, existed: false })
    expect((await run('get default gone')).code).toBe(3)
    expect((await run('del default gone', { terminal: 80 })).printed).toContain(
      'deleted default/gone (there was no value) at quorum',
    )
  })
})

describe('siblings', () => {
  test('end get with 4, a table, and what to do', async () => {
    await makeSiblings('fruit')
    const { code, printed, complained } = await run('get default fruit')
    expect({ code, printed }).toEqual({ code: 4, printed: '' })
    expect(complained).toMatch(
      /^default\/fruit has 2 siblings.*\nid +node +time +bytes +type +value\n/,
    )
    expect(complained).toMatch(/ 5 {2}text\/plain; charset=utf-8 {2}apple\n/)
    expect(complained).toContain('npx quorate resolve --pick ID default fruit')
    const both = await run('get default fruit --json')
    expect(both.code).toBe(4)
    expect(JSON.parse(both.printed)).toMatchObject({
      siblings: [{ value: 'apple' }, { value: 'pear' }],
    })
  })

  test('are listed, and one of them can be read', async () => {
    await makeSiblings('listed')
    const listed = await run('siblings default listed')
    expect(listed).toMatchObject({ code: 0, complained: '' })
    expect(listed.printed).toMatch(/apple\n.*pear\n/)
    const { siblings } = (await json('siblings default listed')) as { siblings: { id: string }[] }
    const [, pear] = siblings
    const chosen = await run(['get', 'default', 'listed', '--sibling', pear?.id ?? ''])
    expect(chosen).toMatchObject({ code: 0, printed: 'pear' })
    expect((await run('get default listed --sibling n9.0')).code).toBe(3)
    expect((await run('siblings default no-such-key')).code).toBe(3)
  })

  test('are replaced with one of them', async () => {
    await makeSiblings('picked')
    const { siblings } = (await json('siblings default picked')) as { siblings: { id: string }[] }
    const [apple] = siblings
    const wrong = await run('resolve default picked --pick n9.0')
    expect(wrong.code).toBe(3)
    expect(wrong.complained).toContain('npx quorate siblings default picked lists them')
    expect((await run(['resolve', 'default', 'picked', '--pick', apple?.id ?? ''])).code).toBe(0)
    expect(await run('get default picked')).toMatchObject({ code: 0, printed: 'apple' })
    const again = await run(['resolve', 'default', 'picked', '--pick', apple?.id ?? ''])
    expect(again).toMatchObject({
      code: 3,
      complained: expect.stringMatching(/has one value, and it is not .* nothing to resolve/),
    })
  })

  test('need no choice once one of them is left', async () => {
    const { context } = (await json('put default left base')) as { context: string }
    const apple = ['put', 'default', 'left', 'apple', '--context', context]
    const { context: seen } = (await json(apple)) as { context: string }
    await run(['put', 'default', 'left', 'pear', '--context', context])
    const { siblings } = (await json('siblings default left')) as { siblings: { id: string }[] }
    expect(siblings).toHaveLength(2)
    await run(['del', 'default', 'left', '--context', seen])
    const [apples, pears] = siblings.map(({ id }) => ['get', 'default', 'left', '--sibling', id])
    expect(await run(pears ?? [])).toMatchObject({ code: 0, printed: 'pear', complained: '' })
    expect(await json(pears ?? [])).toMatchObject({
      siblings: [{ value: 'pear' }],
      context: expect.any(String),
      level: 'quorum',
    })
    expect(await run(apples ?? [])).toMatchObject({ code: 3, printed: '' })
    const ended = await run(['resolve', 'default', 'left', '--pick', siblings[1]?.id ?? ''])
    expect(ended).toMatchObject({
      code: 0,
      complained: expect.stringMatching(/has one value, which is .* nothing to resolve/),
    })
  })

  test('are replaced with a file, or with standard input', async () => {
    await makeSiblings('merged')
    const files = { 'merged.txt': Buffer.from('apple and pear') }
    expect((await run('resolve default merged --file merged.txt', { files })).code).toBe(0)
    expect((await run('get default merged')).printed).toBe('apple and pear')
    const input = Buffer.from('plum')
    expect((await run('resolve default merged --file -', { input })).code).toBe(0)
    expect((await run('get default merged')).printed).toBe('plum')
    expect(await run('resolve default merged --file no-such-file')).toMatchObject({
      code: 2,
      complained: expect.stringContaining('--file no-such-file: ENOENT'),
    })
    expect((await run('resolve default merged')).code).toBe(2)
  })
})

describe('list', () => {
  beforeAll(async () => {
    for (const key of ['list/a', 'list/b', 'list/\u001b[2J', 'list/日本', 'lines/a\nb\\n']) {
      await run(['put', 'latest', key, key])
    }
  })

  test('writes one key a line, whatever is in the key', async () => {
    expect(await run('list latest --prefix list/')).toMatchObject({
      code: 0,
      printed: 'list/\\u{1b}[2J\nlist/a\nlist/b\nlist/日本\n',
      complained: '',
    })
    expect((await run('list latest --prefix list/ --after list/a --limit 1')).printed).toBe(
      'list/b\n',
    )
    expect((await run('list latest --prefix lines/')).printed).toBe('lines/a\\nb\\\\n\n')
    expect((await run('list latest --prefix nothing')).printed).toBe('')
  })

  test('writes a table to a terminal, in which no key can change the terminal', async () => {
    const { printed, complained } = await run('list latest --prefix list/', { terminal: 80 })
    expect(printed).toContain('    bytes  siblings  key\n')
    expect(printed).toContain('        9         1  list/\\u{1b}[2J\n')
    expect(complained).toBe('4 keys\n')
  })

  test('writes an object for each key, and tells with --partial whether the list is complete', async () => {
    const { printed } = await run('list latest --prefix list/ --limit 2 --partial --json')
    const lines = printed
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown)
    expect(lines).toMatchObject([
      { key: 'list/\u001b[2J', size: 9, siblings: 1 },
      { key: 'list/a' },
      { complete: true, missingPartitions: [] },
    ])
  })

  test('lists keys with siblings alone', async () => {
    await makeSiblings('conflict')
    expect((await run('list default --prefix con --conflicted')).printed).toBe('conflict\n')
  })
})

describe('the cluster', () => {
  test('status shows the members, the matrix, the levels, and one sentence', async () => {
    await expect
      .poll(async () => (await run('status')).printed)
      .toContain(
        'Everything works: all 3 members reach each other, and every level works for every key.\n',
      )
    const { code, printed } = await run('status')
    expect(code).toBe(0)
    expect(printed).toMatch(/^n2 +default +up +2 of 2 +100 %/m)
    expect(printed).toMatch(/^n3 +yes +yes +·$/m)
    expect(printed).toMatch(/^n1, n2, n3 +yes +yes +yes +yes +yes +yes$/m)
    expect(await json('status')).toMatchObject({
      groups: [{ nodes: ['n1', 'n2', 'n3'], quorumShare: 1, all: 'every', brokenLinks: [] }],
      silent: [],
    })
  })

  test('ring shows what each member owns', async () => {
    const { printed } = await run('ring')
    expect(printed).toMatch(/^n1 +default +128 +100 % +voter$/m)
    expect(await json('ring')).toMatchObject({ partitions: 128, members: [{ id: 'n1' }, {}, {}] })
  })

  test('where shows the owners of a key and what they hold', async () => {
    await run('put latest placed x --consistency all')
    const { code, printed } = await run('where latest placed')
    expect(code).toBe(0)
    expect(printed).toMatch(/^n1 +owner +up +1 +0 +n/m)
    expect(printed).toMatch(
      /latest\/placed is in data partition \d+\. The owners that answered hold the same\./,
    )
    expect((await run('where latest never-written')).printed).toContain('hold nothing of it')
    expect((await run('where no-such-bucket key')).code).toBe(3)
  })
})
