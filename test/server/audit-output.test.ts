/** Where the audit log goes: a file that grows, a pipe that nobody reads, a device that is full. */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogDestination } from '../../src/adapters/log/log-destination.ts'
import { openAudit } from '../../src/server/audit-output.ts'
import { SettingError } from '../../src/server/settings/setting-syntax.ts'

const LINE = `${'x'.repeat(1000)}\n`
/** More than any buffer takes. */
const LINES = 3000

let directory: string
let log: LogDestination

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-audit-'))
  log = new LogDestination({ fd: 1 })
})

afterEach(() => rmSync(directory, { recursive: true }))

function writeAll(write: (line: string) => boolean): number {
  let dropped = 0
  for (let i = 0; i < LINES; i++) if (!write(LINE)) dropped++
  return dropped
}

test('a file gets the lines at its end, and only its owner may read it', async () => {
  const file = join(directory, 'audit.jsonl')
  for (const line of ['a\n', 'b\n']) {
    const audit = openAudit(file, log)
    expect(audit.write(line)).toBe(true)
    await audit.close()
  }
  expect(readFileSync(file, 'utf8')).toBe('a\nb\n')
  expect(statSync(file).mode & 0o777).toBe(0o600)
})

test('lines that a full device does not take are dropped and told, and nothing waits', async () => {
  const audit = openAudit('/dev/full', log)
  expect(writeAll(audit.write)).toBeGreaterThan(0)
  await audit.close()
})

test('lines that a pipe without a reader does not take are dropped and told', async () => {
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  expect(() => openAudit(pipe, log)).toThrow(SettingError)
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK)
  const audit = openAudit(pipe, log)
  expect(writeAll(audit.write)).toBeGreaterThan(0)
  await audit.close()
  closeSync(reader)
})

test('a file that cannot be opened is named', () => {
  const file = join(directory, 'none', 'audit')
  expect(() => openAudit(file, log)).toThrow(/^QUORATE_AUDIT_LOG=".*none/)
})
