/** A log destination over real descriptors that fail: a full device, an unread pipe, a broken pipe. */
import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LogDestination } from '../../../src/adapters/log/log-destination.ts'
import { createProcessLog } from '../../../src/adapters/log/pino-log.ts'

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
const BYTES_MAX = 20_000
const LINES = 3000

let directory: string
let pipe: string
const open: number[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-log-'))
  pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
})

afterEach(() => {
  for (const fd of open.splice(0)) closeSync(fd)
  rmSync(directory, { recursive: true })
})

function opened(path: string, flags: number): number {
  const fd = openSync(path, flags | O_NONBLOCK)
  open.push(fd)
  return fd
}

function close(fd: number): void {
  open.splice(open.indexOf(fd), 1)
  closeSync(fd)
}

/** What lies in the pipe now. */
function readNow(fd: number): string {
  const buffer = Buffer.alloc(65_536)
  let text = ''
  try {
    for (;;) {
      const count = readSync(fd, buffer)
      if (count === 0) return text
      text += buffer.toString('latin1', 0, count)
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return text
  }
}

interface Line {
  readonly msg: string
  readonly i?: number
  readonly droppedLines?: number
}

/** Reads until every line that was logged has come, or is told to be dropped. */
async function readAll(reader: number, logged: number): Promise<Line[]> {
  let text = ''
  let lines: Line[] = []
  const accounted = (): number => lines.reduce((sum, { droppedLines = 1 }) => sum + droppedLines, 0)
  await expect
    .poll(
      () => {
        text += readNow(reader)
        const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
        lines = whole.slice(0, -1).map((line) => JSON.parse(line) as Line)
        return accounted()
      },
      { timeout: 45_000, interval: 10 },
    )
    .toBe(logged)
  return lines
}

describe('log destination', () => {
  it('drops and counts what an unread pipe does not take, and says so when it is read', async () => {
    const reader = opened(pipe, O_RDONLY)
    const destination = new LogDestination({ fd: opened(pipe, O_WRONLY), bytesMax: BYTES_MAX })
    const { log } = createProcessLog({ node: 'n1', level: 'info' }, destination)
    for (let i = 0; i < LINES; i++) {
      log.info({ i }, 'a line')
      // Lets the writes of the thread pool end in between.
      if (i % 100 === 0) await new Promise(setImmediate)
    }
    expect(destination.droppedLines).toBeGreaterThan(0)
    const lines = await readAll(reader, LINES)
    const numbers = lines.flatMap(({ i }) => i ?? [])
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b))
    const told = lines.reduce((sum, { droppedLines = 0 }) => sum + droppedLines, 0)
    expect(told).toBe(destination.droppedLines)
    // The note stands where lines are missing.
    const at = lines.findIndex(({ droppedLines }) => droppedLines !== undefined)
    expect(lines[at - 1]?.i).toBe(at - 1)
    log.info({ i: LINES }, 'the next')
    expect((await readAll(reader, 1))[0]).toMatchObject({ i: LINES })
  })

  it('goes on with a broken pipe once somebody reads it again', async () => {
    const first = opened(pipe, O_RDONLY)
    const destination = new LogDestination({ fd: opened(pipe, O_WRONLY), bytesMax: BYTES_MAX })
    const { log } = createProcessLog({ node: 'n1', level: 'info' }, destination)
    close(first)
    for (let i = 0; i < LINES; i++) log.info({ i }, 'a line')
    await destination.flush(60_000)
    expect(destination.droppedLines).toBeGreaterThan(0)
    await readAll(opened(pipe, O_RDONLY), LINES)
  })

  it('goes on without a word on a full device, and ends without waiting for it', async () => {
    // Stays open: the destination tries again for ever. Closed, the number would soon be that of another test's file.
    const fd = openSync('/dev/full', O_WRONLY | O_NONBLOCK)
    const destination = new LogDestination({ fd, bytesMax: BYTES_MAX })
    const { log } = createProcessLog({ node: 'n1', level: 'info' }, destination)
    for (let i = 0; i < LINES; i++) log.info({ i }, 'a line')
    await destination.flush(60_000)
    expect(destination.droppedLines).toBeGreaterThan(LINES / 2)
    expect(destination.isStuck).toBe(false)
    destination.flushSync()
  })

  it('writes what waits at the end of a process, and gives an unread pipe up', () => {
    const reader = opened(pipe, O_RDONLY)
    const destination = new LogDestination({ fd: opened(pipe, O_WRONLY), bytesMax: 1e6 })
    destination.write('under way\n')
    destination.write('last words\n')
    destination.flushSync()
    expect(readNow(reader)).toContain('last words\n')
    for (let i = 0; i < LINES; i++) destination.write(`${'x'.repeat(99)}\n`)
    destination.flushSync()
  })
})
