/**
 * Two clusters of three nodes with the same names, both under writes, and their third nodes have changed places: each
 * listens at the address at which the other cluster looks for its own. No key, delete, or update crosses, every node
 * says why it has no link, and when the nodes are back in their places all is well again. CROSSED_SECONDS sets the time.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { SeededRandom } from '../../src/random/seeded-random.ts'
import { NamedProcess } from './named-process.ts'

const SECONDS = Number(process.env['CROSSED_SECONDS'] ?? 180)
const WAIT = { timeout: 60_000, interval: 200 }
const IDS = ['n1', 'n2', 'n3'] as const
const LEVELS = ['weak', 'eventual', 'causal', 'quorum'] as const
const KEYS = 50
const PAUSE_MS = 15
const WELL = /reads and writes at quorum work for every key\.$/
const CROSSED = /another cluster/
const JSON_TYPE = { 'content-type': 'application/json' }

type Id = (typeof IDS)[number]
type Ports = Record<Id, number>

let directory: string
let clusters: Cluster[] = []

/** The keys of both have the same names, and their values say whose they are. */
class Cluster {
  readonly name: string
  readonly peerPorts: Ports
  readonly #clientPorts: Ports
  readonly #nodes = new Map<Id, NamedProcess>()
  readonly #random: SeededRandom
  /** Bucket and key → what may be there: the last acknowledged value, and later ones of unknown outcome. */
  readonly #allowed = new Map<string, Set<string>>()
  readonly foreign: string[] = []
  readonly counts = new Map<string, number>()
  /** Increments are multiples of it. */
  readonly #step: number
  #isOver = false
  #load: Promise<unknown> = Promise.resolve()

  constructor(name: string, ports: readonly number[], step: number) {
    this.name = name
    this.#random = new SeededRandom(name)
    this.#step = step
    this.peerPorts = Object.fromEntries(IDS.map((id, i) => [id, ports[i]])) as Ports
    this.#clientPorts = Object.fromEntries(IDS.map((id, i) => [id, ports[3 + i]])) as Ports
  }

  get nodes(): NamedProcess[] {
    return [...this.#nodes.values()]
  }

  /** At its own address, or at another; its list has the place where it listens. */
  async start(id: Id, peerPort = this.peerPorts[id]): Promise<void> {
    const node = new NamedProcess({
      id,
      dataDir: join(directory, this.name, id),
      clientPort: this.#clientPorts[id],
      peerPort,
      members: { ...this.peerPorts, [id]: peerPort },
    })
    this.#nodes.set(id, node)
    await node.start()
  }

  async stop(id: Id): Promise<void> {
    await this.#nodes.get(id)?.stop()
  }

  async ready(): Promise<void> {
    for (const node of this.nodes)
      await expect.poll(async () => (await node.ask('/readyz?verbose')).text, WAIT).toMatch(/ok/)
  }

  /** What only one of them has, and what the other one deletes. */
  async prepare(): Promise<void> {
    const [n1] = this.nodes as [NamedProcess]
    for (const [bucket, mode] of [
      ['counters', 'counter'],
      ['sets', 'set'],
    ]) {
      const body = JSON.stringify({ mode })
      const made = await n1.ask(`/v1/buckets/${bucket}`, {
        method: 'PUT',
        headers: JSON_TYPE,
        body,
      })
      expect(made.status).toBe(201)
    }
    for (const bucket of ['default', 'latest', 'strong']) {
      await this.#put(n1, bucket, `only-${this.name}`)
      await this.#put(n1, bucket, `deleted-by-${this.name === 'a' ? 'b' : 'a'}`)
    }
  }

  startLoad(): void {
    this.#load = Promise.all(IDS.map((id) => this.#run(this.#nodes.get(id) as NamedProcess)))
  }

  async stopLoad(): Promise<void> {
    this.#isOver = true
    await this.#load
  }

  /** Every key has what it may have, through each of these nodes. */
  async expectKept(ids: readonly Id[]): Promise<void> {
    for (const [place, allowed] of this.#allowed) {
      for (const id of ids) {
        const node = this.#nodes.get(id) as NamedProcess
        const answer = await node.ask(`/v1/kv/${place}${oneOf(place)}`)
        expect([...allowed], place).toContain(answer.status === 404 ? 'absent' : answer.text)
      }
    }
    for (const bucket of ['default', 'latest', 'strong']) {
      const { text } = await (this.nodes[0] as NamedProcess).ask(`/v1/keys/${bucket}?limit=1000`)
      expect(text).not.toContain(`only-${this.name === 'a' ? 'b' : 'a'}`)
    }
  }

  async #run(node: NamedProcess): Promise<void> {
    while (!this.#isOver) {
      await this.#turn(node)
      await sleep(PAUSE_MS)
    }
  }

  async #turn(node: NamedProcess): Promise<void> {
    const random = this.#random
    const bucket = random.pick(['default', 'latest', 'strong', 'counters', 'sets'])
    // A writer of its own for each key: then the last acknowledged value is known.
    const key = `${node.id}-${random.below(KEYS)}`
    if (bucket === 'counters' || bucket === 'sets') await this.#update(node, bucket)
    else if (random.chance(5)) await this.#delete(node, bucket)
    else await this.#put(node, bucket, key)
    const other = random.pick(IDS)
    await this.#read(
      this.#nodes.get(random.pick(IDS)) as NamedProcess,
      bucket,
      `${other}-${random.below(KEYS)}`,
    )
  }

  async #put(node: NamedProcess, bucket: string, key: string): Promise<void> {
    const place = `${bucket}/${key}`
    const value = `${this.name} ${node.id} ${this.counts.get('PUT 204') ?? 0}`
    const { status, text } = await node.put(place, value)
    this.#count('PUT', status)
    const before = this.#allowed.get(place) ?? new Set(['absent'])
    if (status === 204) this.#allowed.set(place, new Set([value]))
    else if (!text.includes('"outcome":"rejected"')) this.#allowed.set(place, before.add(value))
  }

  async #delete(node: NamedProcess, bucket: string): Promise<void> {
    const path = `/v1/kv/${bucket}/deleted-by-${this.name}`
    this.#count('DELETE', (await node.ask(path, { method: 'DELETE' })).status)
  }

  async #update(node: NamedProcess, bucket: string): Promise<void> {
    const change = bucket === 'counters' ? { increment: this.#step } : { add: [this.name] }
    const body = JSON.stringify(change)
    const sent = { method: 'POST', headers: JSON_TYPE, body }
    this.#count('POST', (await node.ask(`/v1/kv/${bucket}/all`, sent)).status)
    const { status, text } = await node.ask(`/v1/kv/${bucket}/all`)
    if (status !== 200) return
    const { value } = JSON.parse(text) as { value: number | string[] }
    const isOwn =
      typeof value === 'number'
        ? value % this.#step === 0 && (this.#step > 1 || value < 1_000_000)
        : value.every((element) => element === this.name)
    if (!isOwn) this.foreign.push(`${node.id} ${bucket}/all: ${text}`)
  }

  async #read(node: NamedProcess, bucket: string, key: string): Promise<void> {
    if (bucket === 'counters' || bucket === 'sets') return
    const level = this.#random.pick(LEVELS)
    const place = `${bucket}/${key}`
    const { status, text } = await node.ask(`/v1/kv/${place}${oneOf(place)}consistency=${level}`)
    this.#count(`GET ${level}`, status)
    if (status === 200 && !text.startsWith(`${this.name} `))
      this.foreign.push(`${node.id} ${place} at ${level}: ${text.slice(0, 100)}`)
  }

  #count(what: string, status: number): void {
    const told = `${what} ${status}`
    this.counts.set(told, (this.counts.get(told) ?? 0) + 1)
  }
}

/** The beginning of a query that asks for one value, where siblings could be. */
function oneOf(place: string): string {
  return place.startsWith('default/') ? '?resolve=lww&' : '?'
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-crossed-'))
  const ports = await freePorts(12)
  clusters = [new Cluster('a', ports.slice(0, 6), 1), new Cluster('b', ports.slice(6), 1_000_000)]
})
afterAll(async () => {
  await Promise.all(clusters.flatMap(({ nodes }) => nodes.map((node) => node.stop())))
  await rm(directory, { recursive: true })
})

async function verdicts(): Promise<string[]> {
  return Promise.all(clusters.flatMap(({ nodes }) => nodes.map((node) => node.verdict())))
}

test(`two clusters whose third nodes have changed places keep apart for ${SECONDS} s`, async () => {
  const [a, b] = clusters as [Cluster, Cluster]
  await Promise.all(clusters.flatMap((cluster) => IDS.map((id) => cluster.start(id))))
  for (const cluster of clusters) {
    await cluster.ready()
    await cluster.prepare()
  }
  console.log('before', await verdicts())
  for (const cluster of clusters) cluster.startLoad()
  await Promise.all([a.stop('n3'), b.stop('n3')])
  await Promise.all([a.start('n3', b.peerPorts.n3), b.start('n3', a.peerPorts.n3)])
  const startMs = performance.now()
  await expect
    .poll(async () => (await verdicts()).filter((verdict) => !CROSSED.test(verdict)), WAIT)
    .toEqual([])
  console.log(`all say why after ${Math.round(performance.now() - startMs)} ms`, await verdicts())
  await sleep(SECONDS * 1000)
  const after = await verdicts()
  console.log('after', after)
  expect(after.filter((verdict) => !CROSSED.test(verdict))).toEqual([])
  for (const cluster of clusters) {
    await cluster.stopLoad()
    console.log(`cluster ${cluster.name}`, Object.fromEntries(cluster.counts))
    expect(cluster.foreign).toEqual([])
    expect(cluster.counts.get('PUT 204')).toBeGreaterThan(100)
    await cluster.expectKept(['n1', 'n2'])
  }

  await Promise.all([a.stop('n3'), b.stop('n3')])
  await Promise.all([a.start('n3'), b.start('n3')])
  await expect
    .poll(async () => (await verdicts()).filter((verdict) => !WELL.test(verdict)), WAIT)
    .toEqual([])
  console.log('back in their places', await verdicts())
  for (const cluster of clusters) {
    await cluster.ready()
    await cluster.expectKept(IDS)
    expect(cluster.nodes.flatMap(({ ends }) => ends)).toEqual([])
  }
})
