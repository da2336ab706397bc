/**
 * Five nodes, their logs and another program share a small filesystem, and the other program fills it to the last
 * byte under load, for two minutes. No node may end or hang: writes are rejected with storage_full, reads and health
 * checks go on, and writes return by themselves when there is room again. Nothing acknowledged is lost.
 *
 * Mounts a tmpfs: skipped where that is not allowed.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startCluster, type LocalCluster } from '../../src/local-cluster/local-cluster.ts'

const FILESYSTEM_MIB = 600
const BEFORE_MS = 10_000
const FULL_MS = 120_000
const RETURN_MS = 30_000
const KEYS_PER_WRITER = 300
const PAUSE_MS = 20
const VALUE_BYTES = 1024
const REQUEST_MS_MAX = 5000

/** What a key may hold: the value of the last acknowledged write, or of one after it whose outcome is unknown. */
type Allowed = Map<string, Set<string>>

class Load {
  readonly allowed: Allowed = new Map()
  /** Status and problem code → how often; of writes and of reads. */
  readonly writes = new Map<string, number>()
  readonly reads = new Map<string, number>()
  /** Keys that could not be read although the outcome of their last write is known. */
  readonly unreadable: string[] = []
  slowestReadMs = 0
  #isOver = false
  readonly #done: Promise<unknown>

  constructor(urls: readonly string[]) {
    this.#done = Promise.all(urls.map((url, i) => this.#run(url, urls[i - 1] ?? url, i)))
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#done
  }

  clearCounts(): void {
    this.writes.clear()
    this.reads.clear()
    this.unreadable.length = 0
    this.slowestReadMs = 0
  }

  async #run(writeUrl: string, readUrl: string, writer: number): Promise<void> {
    for (let i = 0; !this.#isOver; i++) {
      const key = `${writer}-${i % KEYS_PER_WRITER}`
      const value = `${key}-${i}-`.padEnd(VALUE_BYTES, 'x')
      const before = this.allowed.get(key) ?? new Set(['absent'])
      const put = await ask(`${writeUrl}/v1/kv/latest/${key}`, { method: 'PUT', body: value })
      add(this.writes, put.told)
      if (put.status === 204) this.allowed.set(key, new Set([value]))
      else if (put.outcome !== 'rejected') this.allowed.set(key, new Set([...before, value]))
      const startMs = performance.now()
      const read = await ask(`${readUrl}/v1/kv/latest/${key}`)
      this.slowestReadMs = Math.max(this.slowestReadMs, performance.now() - startMs)
      add(this.reads, read.told)
      if (!isHonest(read, this.allowed.get(key))) this.unreadable.push(`${key}: ${read.told}`)
      await sleep(PAUSE_MS)
    }
  }
}

/**
 * Whether a read may end so. Owners that differ cannot be made alike while their disks are full, so a key whose last
 * write may have reached only some of them may have no quorum that agrees.
 */
function isHonest({ status, text }: Answer, allowed: ReadonlySet<string> | undefined): boolean {
  if (status === 504) return (allowed?.size ?? 1) > 1
  return status === 404 ? text.includes('key_absent') : status === 200
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly outcome: string | undefined
  /** Status and code, for the counts. */
  readonly told: string
}

async function ask(url: string, request: RequestInit = {}): Promise<Answer> {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(REQUEST_MS_MAX) })
    const text = await answer.text()
    const isProblem = answer.headers.get('content-type')?.includes('problem+json') === true
    const { code = '', outcome } = (isProblem ? JSON.parse(text) : {}) as Record<string, string>
    return { status: answer.status, text, outcome, told: `${answer.status} ${code}`.trim() }
  } catch (error) {
    return { status: 0, text: '', outcome: undefined, told: `no answer: ${String(error)}` }
  }
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

/** The other program: takes every byte there is, and every byte that comes free, until it is stopped. */
function fillDisk(directory: string): { stop: () => void } {
  const path = join(directory, 'others')
  const file = openSync(path, 'w')
  const fill = (): void => {
    for (let bytes = 1024 * 1024; bytes >= 1; bytes = Math.floor(bytes / 16)) {
      const zeros = Buffer.alloc(bytes)
      try {
        for (;;) if (writeSync(file, zeros) === 0) break
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
    }
  }
  fill()
  const timer = setInterval(fill, 200)
  return {
    stop: () => {
      clearInterval(timer)
      closeSync(file)
      rmSync(path)
    },
  }
}

async function pids(cluster: LocalCluster): Promise<(number | null)[]> {
  return (await cluster.control.status()).map(({ pid }) => pid)
}

test('a disk without a free byte stops writes and nothing else', async ({ skip }) => {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-full-'))
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${FILESYSTEM_MIB}m`, 'quorate', directory]
    execFileSync('mount', options, { stdio: 'ignore' })
  } catch {
    rmSync(directory, { recursive: true })
    skip('a filesystem of its own needs the right to mount one')
  }
  const reported: string[] = []
  let cluster: LocalCluster | undefined
  let others: { stop: () => void } | undefined
  let load: Load | undefined
  try {
    cluster = await startCluster({
      nodes: 5,
      dataDir: join(directory, 'data'),
      basePort: 0,
      report: (line) => reported.push(line),
    })
    const urls = cluster.nodes.map(({ clientUrl }) => clientUrl)
    const processes = await pids(cluster)
    load = new Load(urls)
    await sleep(BEFORE_MS)
    expect(load.writes.get('204')).toBeGreaterThan(0)

    others = fillDisk(directory)
    // A node looks at its disk twice a second.
    await sleep(2000)
    load.clearCounts()
    await sleep(FULL_MS)
    const health = await Promise.all(urls.map((url) => ask(`${url}/readyz?verbose`)))
    const alive = await Promise.all(urls.map((url) => ask(`${url}/livez`)))
    const whileFull = { writes: [...load.writes], reads: [...load.reads], slow: load.slowestReadMs }
    console.log('while the disk was full', whileFull)
    expect(await pids(cluster)).toEqual(processes)
    expect([...load.writes.keys()]).toEqual(['503 storage_full'])
    expect(load.unreadable).toEqual([])
    expect(alive.map(({ status }) => status)).toEqual(urls.map(() => 200))
    for (const { status, text } of health) {
      expect(status).toBe(503)
      expect(text).toContain('disk is full')
    }

    others.stop()
    others = undefined
    const freedMs = performance.now()
    for (const url of urls) {
      const put = () => ask(`${url}/v1/kv/latest/returned`, { method: 'PUT', body: 'v' })
      await expect.poll(async () => (await put()).status, { timeout: RETURN_MS }).toBe(204)
    }
    console.log(`writes returned after ${Math.round(performance.now() - freedMs)} ms`)
    await load.stop()
    expect(await pids(cluster)).toEqual(processes)
    const lost: string[] = []
    for (const [key, allowed] of load.allowed) {
      const read = await ask(`${urls[0]}/v1/kv/latest/${key}`)
      const value = read.status === 404 ? 'absent' : read.text
      if (!allowed.has(value)) lost.push(`${key}: ${read.told} ${value.slice(0, 40).trim()}`)
    }
    console.log(`${load.allowed.size} keys read again, ${lost.length} of them wrong`)
    expect(lost).toEqual([])
    expect(reported).toEqual([])
    expect(await cluster.stop()).toEqual([])
  } finally {
    others?.stop()
    await load?.stop()
    await cluster?.stop()
    execFileSync('umount', [directory])
    rmSync(directory, { recursive: true })
  }
})
