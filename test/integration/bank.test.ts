/**
 * Transfers between strong accounts, a counter of them, and a watch of the accounts, while nodes of a real cluster are
 * cut off and killed. No cent is lost or made, no transfer is applied in part, no read is older than one that ended
 * before it began, and the watch tells the last state of each account.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseFault } from '../../src/chaos/chaos-fault.ts'
import { type LocalTarget, openLocalTarget } from '../../src/chaos/local-chaos-target.ts'
import { createClient, type Quorate } from '../../src/client/quorate.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { type Account, Bank } from './bank.ts'

const OWNERS = ['ada', 'ben', 'cleo', 'dan']
const OPENING_CENTS = 1000
const TELLERS = 3
/** That many transfers must end under each fault. */
const TRANSFERS_PER_FAULT = 5
/** Each round ends with all nodes whole again. In the last one, the network is cut while a node is dead. */
const ROUNDS = [['partition n1,n2/n3,n4,n5'], ['kill n3', 'isolate n4']]
const FAULT_MS = 600_000
/** A machine that is busy has just started five processes. */
const CREATE_MS_MAX = 60_000

let dir: string
let cluster: LocalCluster
let client: Quorate

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorate-bank-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(dir, 'data'), basePort: 0 })
  const endpoints = cluster.nodes.map(({ id, clientUrl }) => [id, clientUrl])
  client = createClient({ endpoints: Object.fromEntries(endpoints) })
  await client.createBucket('counts', { mode: 'counter' }, { timeoutMs: CREATE_MS_MAX })
})
afterAll(async () => {
  await client.close()
  await cluster.stop()
  await rm(dir, { recursive: true })
})

test('money is moved and never lost while nodes are killed and cut', async () => {
  const bank = new Bank(client)
  for (const owner of OWNERS) await bank.open(owner, OPENING_CENTS)
  const run = new Run(bank)
  const working = Promise.all(Array.from({ length: TELLERS }, (_, i) => run.work(i)))
  // Told where it is awaited.
  working.catch(() => undefined)
  const told = new Map<string, string>()
  const over = new AbortController()
  const watching = bank.watch((owner, etag) => told.set(owner, etag), over.signal)
  watching.catch(() => undefined)
  const moreTransfers = (): Promise<unknown> =>
    Promise.race([run.moreTransfers(TRANSFERS_PER_FAULT), working])
  const target = (await openLocalTarget(cluster.dataDir)) as LocalTarget
  for (const round of ROUNDS) {
    for (const [i, command] of round.entries()) {
      const words = command.split(' ')
      await target.apply(parseFault(words, await target.nodes()), words, FAULT_MS)
      // Under one fault, a majority of the owners of each account is still in reach.
      if (i === 0) await moreTransfers()
    }
    await target.heal()
  }
  await moreTransfers()
  run.stop()
  await working

  const accounts = await Promise.all(OWNERS.map((owner) => run.look(owner)))
  const moved = new Map<string, number[]>()
  for (const { entries } of accounts) {
    for (const [name, cents] of entries) moved.set(name, [...(moved.get(name) ?? []), cents])
  }
  expect(accounts.reduce((sum, { cents }) => sum + cents, 0)).toBe(OWNERS.length * OPENING_CENTS)
  expect([...moved.keys()].sort()).toEqual([...run.done].sort())
  for (const [name, changes] of moved) {
    expect(changes, name).toHaveLength(2)
    expect((changes[0] as number) + (changes[1] as number), name).toBe(0)
  }
  const count = await bank.count()
  expect(count).toBeGreaterThanOrEqual(bank.counted)
  expect(count).toBeLessThanOrEqual(bank.counted + bank.perhapsCounted)
  for (const owner of OWNERS) {
    const etag = await bank.etag(owner)
    await expect.poll(() => told.get(owner), { message: owner }).toBe(etag)
  }
  over.abort()
  await watching
  console.info(
    `${run.done.size} transfers, ${run.audits} audits; ${bank.counted} counted, ${bank.perhapsCounted} perhaps`,
  )
})

/** Tellers that transfer money and look at accounts until they are stopped. They finish what they have begun. */
class Run {
  readonly done = new Set<string>()
  audits = 0
  readonly #bank: Bank
  readonly #stopped = new AbortController()
  /** How many entries each account had at least, by what has been read. */
  readonly #entries = new Map<string, number>()
  readonly #onDone: (() => void)[] = []

  constructor(bank: Bank) {
    this.#bank = bank
  }

  stop(): void {
    this.#stopped.abort()
  }

  async work(teller: number): Promise<void> {
    for (let i = 0; !this.#stopped.signal.aborted; i++) {
      const from = OWNERS[(teller + i) % OWNERS.length] as string
      const to = OWNERS[(teller + i + 1 + (i % 3)) % OWNERS.length] as string
      const name = `t${teller}-${i}`
      if (await this.#bank.transfer(name, from, to, 1 + ((teller + i) % 7))) this.done.add(name)
      for (const tell of this.#onDone.splice(0)) tell()
      await this.#check(to)
    }
  }

  /** Resolves when so many more transfers are done. */
  async moreTransfers(count: number): Promise<void> {
    const enough = this.done.size + count
    while (this.done.size < enough) {
      await new Promise<void>((resolve) => void this.#onDone.push(resolve))
    }
  }

  async look(owner: string): Promise<Account> {
    for (;;) {
      const account = await this.#check(owner)
      if (account !== undefined) return account
    }
  }

  async #check(owner: string): Promise<Account | undefined> {
    const before = this.#entries.get(owner) ?? 0
    const account = await this.#bank.look(owner)
    if (account === undefined) return undefined
    const { cents, entries } = account
    const changed = entries.reduce((sum, [, change]) => sum + change, 0)
    expect(cents).toBe(OPENING_CENTS + changed)
    expect(cents).toBeGreaterThanOrEqual(0)
    expect(entries.length, `a read of ${owner} went back`).toBeGreaterThanOrEqual(before)
    this.#entries.set(owner, Math.max(before, entries.length, this.#entries.get(owner) ?? 0))
    this.audits++
    return account
  }
}
