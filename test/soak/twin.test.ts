/**
 * A second process with the id of a node that lives: one that was started by hand with an empty directory, and one with
 * a copy of the directory, as of a cloned machine. Two hundred writes at quorum and two hundred strong ones go through
 * both processes, and are read through all: none is stale, at most one of the two takes part, and both say why.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { NamedProcess } from './named-process.ts'

const WRITES = 200
/** No multiple of the number of writers, so that each key is written through each of them. */
const KEYS = 21
const STALE_TOLD_MAX = 20
const INITIAL = 'before'
const WAIT = { timeout: 60_000, interval: 100 }
const IDS = ['n1', 'n2', 'n3'] as const

let directory: string
let ports: number[]
const processes: NamedProcess[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-twins-'))
  ports = await freePorts(8)
})
afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()))
  await rm(directory, { recursive: true })
})

/** The one of that number; `place` is of its directory. */
function processOf(id: string, number: number, place: string): NamedProcess {
  const members = Object.fromEntries(IDS.map((member, i) => [member, ports[i] as number]))
  const options = { id, dataDir: join(directory, place), members }
  const [peerPort, clientPort] = [ports[number] as number, ports[4 + number] as number]
  const process = new NamedProcess({ ...options, peerPort, clientPort })
  processes.push(process)
  return process
}

/** One writer: a read that is answered gives the last acknowledged value, or a later one of unknown outcome. */
class Writer {
  readonly stale: string[] = []
  /** Bucket and process → acknowledged writes. */
  readonly acknowledged = new Map<string, number>()
  readonly refusals = new Set<string>()
  reads = 0
  readonly #allowed = new Map<string, Set<string>>()
  readonly #named: ReadonlyMap<string, NamedProcess>

  constructor(named: ReadonlyMap<string, NamedProcess>) {
    this.#named = named
  }

  /** Through that process; then reads through every one. */
  async write(by: string, place: string, value: string): Promise<void> {
    const { status, text } = await (this.#named.get(by) as NamedProcess).put(place, value)
    const before = this.#allowed.get(place) ?? new Set([INITIAL])
    if (status === 204) {
      this.#allowed.set(place, new Set([value]))
      const told = `${place.split('/')[0]} ${by}`
      this.acknowledged.set(told, (this.acknowledged.get(told) ?? 0) + 1)
    } else if (status > 0 && !text.includes('"outcome":"rejected"')) {
      this.#allowed.set(place, before.add(value))
    }
    if (status !== 204) this.refusals.add(`${by}: ${status} ${/"code":"(\w+)"/.exec(text)?.[1]}`)
    for (const [name, process] of this.#named) {
      const read = await process.ask(`/v1/kv/${place}`)
      if (read.status !== 200 && read.status !== 404) continue
      this.reads++
      const got = read.status === 404 ? 'absent' : read.text
      const allowed = this.#allowed.get(place) ?? new Set([INITIAL])
      if (!allowed.has(got) && this.stale.length < STALE_TOLD_MAX)
        this.stale.push(`${place} through ${name}: ${got}, not ${[...allowed].join(' or ')}`)
    }
  }
}

test.each(['an empty directory', 'a copy of its directory'])(
  'a twin of n1 with %s',
  async (kind) => {
    const [n1, n2, n3] = IDS.map((id, i) => processOf(id, i, id)) as [
      NamedProcess,
      NamedProcess,
      NamedProcess,
    ]
    await Promise.all([n1, n2, n3].map((node) => node.start()))
    for (const node of [n1, n2, n3])
      await expect.poll(async () => (await node.ask('/readyz')).status, WAIT).toBe(200)
    for (const bucket of ['default', 'strong'])
      for (let i = 0; i < KEYS; i++)
        expect((await n1.put(`${bucket}/k${i}`, INITIAL)).status).toBe(204)
    if (kind !== 'an empty directory') {
      await n1.stop()
      await cp(n1.dataDir, join(directory, 'twin'), { recursive: true })
      await n1.start()
      await expect.poll(async () => (await n1.ask('/readyz')).status, WAIT).toBe(200)
    }
    const twin = processOf('n1', 3, 'twin')
    const startedMs = performance.now()
    await twin.start().catch((error: unknown) => twin.ends.push(String(error)))

    const saysWhy = async (process: NamedProcess): Promise<string> => {
      const verbose = (await process.ask('/readyz?verbose')).text
      return [await process.verdict(), verbose, ...process.ends].join('\n')
    }
    const aboutTwin = /(?:second|another|newer) process (?:has|is|took|has taken)/
    for (const process of [n1, twin])
      await expect.poll(() => saysWhy(process), WAIT).toMatch(aboutTwin)
    console.log(
      `both say so ${Math.round(performance.now() - startedMs)} ms after the twin's start`,
    )
    console.log('n1 says', await saysWhy(n1))
    console.log('its twin says', await saysWhy(twin))

    const named = new Map([
      ['n1', n1],
      ['twin', twin],
      ['n2', n2],
      ['n3', n3],
    ])
    const writer = new Writer(named)
    const writers = ['n1', 'twin', 'n2', 'twin']
    for (let i = 0; i < WRITES; i++) {
      for (const bucket of ['default', 'strong']) {
        const by = writers[i % writers.length] as string
        await writer.write(by, `${bucket}/k${i % KEYS}`, `${bucket} ${i}`)
      }
    }
    const { stale, acknowledged, refusals, reads } = writer
    console.log({ reads, acknowledged: Object.fromEntries(acknowledged), refusals: [...refusals] })
    expect(stale).toEqual([])
    const taking = ['n1', 'twin'].filter((name) =>
      [...acknowledged.keys()].some((told) => told.endsWith(` ${name}`)),
    )
    expect(taking.length).toBeLessThanOrEqual(1)
    // The others are not held up.
    expect(acknowledged.get('default n2')).toBe(WRITES / writers.length)
    expect(acknowledged.get('strong n2')).toBe(WRITES / writers.length)
    // Both still say so, and so do the other members.
    for (const process of [n1, n2, n3]) expect(await process.verdict()).toMatch(/n1/)
  },
)
