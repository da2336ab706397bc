/** `backup` and `restore`: a file goes from one cluster into another, and a file that is not whole goes nowhere. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyBackup } from '../../src/restore/verify-backup.ts'
import { saveFile } from '../../src/cli/store/saved-file.ts'
import { startCluster, type TestCluster } from '../api/test-cluster.ts'
import { olderBackup } from '../core/backup/older-backup.ts'
import { quorate } from './cli-run.ts'

let from: TestCluster
let to: TestCluster
const saved: Record<string, Uint8Array> = {}

beforeAll(async () => {
  ;[from, to] = await Promise.all([startCluster(1), startCluster(1)])
  for (const line of ['put default fruit apple', 'put latest seen today', 'put strong lock held']) {
    expect(await quorate(line, at(from))).toMatchObject({ code: 0 })
  }
})

afterAll(() => Promise.all([from.stop(), to.stop()]))

function at({ nodes }: TestCluster) {
  return { endpoints: nodes.map(({ clientPort }) => `http://127.0.0.1:${clientPort}`), saved }
}

test('backup and restore: carry all keys from one cluster to another', async () => {
  const made = await quorate('backup all.backup', at(from))
  expect(made).toMatchObject({ code: 0, complained: '' })
  expect(made.printed).toContain(
    'all.backup: 3 keys of 3 buckets, 14 bytes of values\nIt has every write',
  )
  const verified = await quorate('backup --verify all.backup --json', { saved })
  expect(JSON.parse(verified.printed)).toMatchObject({ keys: 3, covers: 'all', keysAfterCut: 0 })
  const dry = await quorate('restore all.backup --dry-run', at(to))
  expect(dry.printed).toBe(
    '3 keys would be written, 0 would be replaced, 0 already there, 0 expired\n',
  )
  expect(await quorate('get default fruit', at(to))).toMatchObject({ code: 3 })
  const restored = await quorate('restore all.backup', at(to))
  expect(restored).toMatchObject({ code: 0 })
  expect(restored.printed).toBe('3 keys written, 0 replaced, 0 already there, 0 expired\n')
  expect(await quorate('get default fruit', at(to))).toMatchObject({ printed: 'apple' })
  expect(await quorate('get strong lock', at(to))).toMatchObject({ printed: 'held' })
  await quorate('put default fruit pear', at(to))
  const again = await quorate('restore all.backup --json', at(to))
  expect(JSON.parse(again.printed)).toMatchObject({ dryRun: false, written: 0, same: 2, kept: 1 })
  expect(await quorate('get default fruit', at(to))).toMatchObject({ printed: 'pear' })
})

test('backup and restore: show progress on a terminal alone, and leave nothing of it', async () => {
  const erase = '\r\u001b[2K'
  const terminal = 60
  const made = await quorate('backup seen.backup --covers quorum', { ...at(from), terminal })
  expect(made.complained.split(erase)).toEqual([
    '',
    'Waiting for the snapshots of the members',
    '0.0 MiB have arrived',
    '',
  ])
  const restored = await quorate('restore seen.backup --dry-run', { ...at(to), terminal })
  expect(restored.complained.split(erase)).toEqual([
    '',
    '[########################] 100 % 3 of 3 keys',
    '',
  ])
  const quiet = await quorate('restore seen.backup --dry-run', at(to))
  expect(quiet.complained).toBe('')
})

test('backup: says which buckets were deleted while a file of an older version was made', async () => {
  await quorate('backup all.backup --covers quorum', at(from))
  const { header } = await verifyBackup(piecesOf(saved['all.backup'] as Uint8Array))
  const files = { some: Buffer.concat(olderBackup(header, [], ['latest'])) }
  const { code, printed } = await quorate('backup --verify some', { files })
  expect(code).toBe(0)
  expect(printed).toContain('some: 0 keys of 2 buckets')
  expect(printed).toContain(
    'Bucket latest was deleted while the backup was made, so it is left out.',
  )
  const json = await quorate('backup --verify some --json', { files })
  expect(JSON.parse(json.printed)).toMatchObject({
    buckets: ['default', 'strong'],
    deletedBuckets: ['latest'],
  })
})

async function* piecesOf(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content
}

test('backup: saves the named buckets, also if the option is repeated', async () => {
  for (const line of [
    'backup some.backup --covers quorum --bucket strong --bucket default --json',
    'backup some.backup --covers quorum --bucket strong,default --json',
  ]) {
    const { printed } = await quorate(line, at(from))
    expect(JSON.parse(printed)).toMatchObject({
      buckets: ['default', 'strong'],
      keys: 2,
      covers: 'quorum',
    })
  }
})

test('backup: with a time in the past, has every write before now', async () => {
  const { printed } = await quorate(
    'backup old.backup --covers quorum --at 2026-01-01T00:00:00Z',
    at(from),
  )
  const { header } = await verifyBackup(piecesOf(saved['old.backup'] as Uint8Array))
  expect(header.cutMs).toBeGreaterThan(Date.parse('2026-01-01T00:00:00Z'))
  expect(printed).toContain(`before ${new Date(header.cutMs).toISOString()}.\n`)
})

test('backup: counts the keys that were written after the cut', async () => {
  const { header } = await verifyBackup(piecesOf(saved['old.backup'] as Uint8Array))
  const value = { timestamp: 0, expiresAtMs: 0, contentType: '', value: Buffer.from('7') }
  const entry = { bucket: 0, key: 'k', isAfterCut: true, values: [value] }
  const files = { some: Buffer.concat(olderBackup(header, [entry], [])) }
  const { printed } = await quorate('backup --verify some', { files })
  expect(printed).toContain(
    '.\n1 keys were written after that: the backup has their newer state.\n',
  )
})

test('backup and restore: refuse a file that is not whole, and a wrong command line', async () => {
  await quorate('backup all.backup --covers quorum', at(from))
  const whole = saved['all.backup'] as Uint8Array
  const altered = Uint8Array.from(whole)
  altered[200] = (altered[200] as number) ^ 1
  const files = { cut: whole.subarray(0, -1), altered }
  for (const [line, code, words] of [
    ['backup --verify cut', 1, 'it was cut off'],
    ['backup --verify altered', 1, 'it was altered'],
    ['backup --verify nothing', 1, 'no such file'],
    ['restore cut', 1, 'it was cut off'],
    ['restore altered', 1, 'it was altered'],
    ['restore nothing', 1, 'no such file'],
    ['restore', 2, 'FILE'],
    ['backup', 2, 'FILE'],
    ['backup new.backup --at soon', 2, 'must be a time'],
    ['backup new.backup --bucket nonsense', 3, 'no bucket nonsense'],
    ['backup new.backup --timeout 1ms', 6, 'no answer after 1 ms'],
    ['backup --verify all.backup --bucket default', 2, '--verify'],
  ] as const) {
    const ended = await quorate(line, { ...at(from), files })
    expect([line, ended.code, ended.complained]).toEqual([
      line,
      code,
      expect.stringContaining(words),
    ])
  }
  const away = { endpoints: ['http://127.0.0.1:1'], saved }
  expect(await quorate('backup new.backup', away)).toMatchObject({ code: 8 })
  expect(saved['new.backup']).toBeUndefined()
})

describe('backup --timeout', () => {
  let server: Server
  let silent: string
  let answer: (request: IncomingMessage, response: ServerResponse) => void

  beforeAll(async () => {
    server = createServer((request, response) => answer(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    silent = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })

  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  test('bounds the waiting for a silent node, before and after it has answered', async () => {
    answer = () => undefined
    const line = 'backup new.backup --timeout 900ms'
    expect(await quorate(line, { endpoints: [silent], saved })).toMatchObject({
      code: 6,
      complained: expect.stringContaining('/livez: no answer after 900 ms'),
    })
    answer = ({ url }, response) => void (url === '/livez' && response.end())
    expect(await quorate(line, { endpoints: [silent], saved })).toMatchObject({
      code: 6,
      complained: expect.stringMatching(/\/v1\/backup\?.*: no answer after \d+ ms/),
    })
    answer = ({ url }, response) => {
      if (url === '/livez') response.end()
      else response.writeHead(200).write('Q')
    }
    expect(await quorate(line, { endpoints: [silent], saved })).toMatchObject({
      code: 1,
      complained: expect.stringContaining('the node has sent nothing for 900ms'),
    })
    expect(saved['new.backup']).toBeUndefined()
  })

  test('leaves time for another node after a silent one, and may exceed the time of a node', async () => {
    answer = () => undefined
    const { endpoints } = at(from)
    const line = 'backup after-silence.backup --covers quorum --timeout 10s'
    const ended = await quorate(line, { endpoints: [silent, ...endpoints], saved })
    expect(ended).toMatchObject({ code: 0, complained: '' })
    const waits: string[] = []
    answer = ({ url = '' }, response) => {
      waits.push(new URL(url, silent).searchParams.get('timeout') ?? '')
      response.writeHead(url === '/livez' ? 200 : 500).end()
    }
    await quorate('backup new.backup --timeout 10m', { endpoints: [silent], saved })
    expect(waits).toEqual(['', '60000'])
  })
})

test('a saved file takes the place of an older one only if it is whole', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quorate-saved-'))
  const path = join(folder, 'all.backup')
  await writeFile(path, 'old')
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('ne')
    throw new Error('broken')
  }
  await expect(saveFile(path, broken())).rejects.toThrow('broken')
  expect([await readdir(folder), await readFile(path, 'utf8')]).toEqual([['all.backup'], 'old'])
  const whole = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('ne')
    yield Buffer.from('w')
  }
  await saveFile(path, whole())
  expect([await readdir(folder), await readFile(path, 'utf8')]).toEqual([['all.backup'], 'new'])
  await rm(folder, { recursive: true })
})
