import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Lease, LeaseFile } from '../../src/chaos/lease-file.ts'

const LEASE: Lease = {
  id: 'a',
  fault: { type: 'kill', node: 'n2' },
  words: ['kill', 'n2'],
  untilMs: 1_800_000_000_000,
}

let directory: string
let leases: LeaseFile
let lock: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-leases-'))
  leases = new LeaseFile(join(directory, 'made'), 'p')
  lock = join(directory, 'made', 'p.lock')
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

/** A process that has been here and is gone. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'close')
  return child.pid as number
}

test('what one command writes another one reads', () => {
  expect(leases.read()).toEqual([])
  leases.write([LEASE])
  expect(new LeaseFile(join(directory, 'made'), 'p').read()).toEqual([LEASE])
  expect(new LeaseFile(join(directory, 'made'), 'other').read()).toEqual([])
})

test('garbage in the file is no lease', () => {
  writeFileSync(join(directory, 'made', 'p.json'), '{"leases":[{')
  expect(leases.read()).toEqual([])
  leases.write([LEASE])
  expect(leases.read()).toEqual([LEASE])
})

test('the lock is held while the work goes on, and let go of when it fails', async () => {
  const inside = leases.exclusively(async () => readFileSync(lock, 'utf8'))
  expect(await inside).toBe(String(process.pid))
  expect(existsSync(lock)).toBe(false)
  await expect(leases.exclusively(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})

test('of two works one waits for the other', async () => {
  const events: string[] = []
  const { promise: gate, resolve: open } = Promise.withResolvers<void>()
  const first = leases.exclusively(async () => {
    events.push('first begins')
    await gate
    events.push('first ends')
  })
  const second = new LeaseFile(join(directory, 'made'), 'p').exclusively(async () => {
    events.push('second begins')
  })
  open()
  await Promise.all([first, second])
  expect(events).toEqual(['first begins', 'first ends', 'second begins'])
})

test('a lock of a process that is dead is taken over', async () => {
  writeFileSync(lock, String(await deadPid()))
  expect(await leases.exclusively(async () => readFileSync(lock, 'utf8'))).toBe(String(process.pid))
})

test('a lock that nobody has touched for long is taken over, whoever has its number', async () => {
  writeFileSync(lock, String(process.pid))
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(lock, longAgo, longAgo)
  await leases.exclusively(async () => {
    expect(Date.now() - statSync(lock).mtimeMs).toBeLessThan(30_000)
  })
  expect(existsSync(lock)).toBe(false)
})

test('a lock of a process that lives is respected', async () => {
  const holder = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await once(holder, 'spawn')
  writeFileSync(lock, String(holder.pid))
  let isHolderAlive = true
  const work = leases.exclusively(async () => isHolderAlive)
  holder.stdin.end()
  await once(holder, 'close')
  isHolderAlive = false
  expect(await work).toBe(false)
})
