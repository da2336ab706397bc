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

test('one command reads the leases that another has written', () => {
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

test('the lock is held during the work, and released if the work fails', async () => {
  const inside = leases.exclusively(async () => readFileSync(lock, 'utf8'))
  expect(await inside).toBe(String(process.pid))
  expect(existsSync(lock)).toBe(false)
  await expect(leases.exclusively(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})

test('a second command waits for the lock of the first', async () => {
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

test('a lock of a dead process is taken over', async () => {
  writeFileSync(lock, String(await deadPid()))
  expect(await leases.exclusively(async () => readFileSync(lock, 'utf8'))).toBe(String(process.pid))
})

test('an old lock is taken over, even if another process has its process id', async () => {
  writeFileSync(lock, String(process.pid))
  const longAgo = new Date(Date.now() - 60_000)
  utimesSync(lock, longAgo, longAgo)
  await leases.exclusively(async () => {
    expect(Date.now() - statSync(lock).mtimeMs).toBeLessThan(30_000)
  })
  expect(existsSync(lock)).toBe(false)
})

test('a lock of a live process is respected', async () => {
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
