/** One acceptor of strong keys on a virtual disk, asked directly: what counts as accepted, and as settled. */
import { expect, test } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import type { Timestamp } from '../../../src/core/causality/dot.ts'
import { TICKS_PER_MS, timestampOf } from '../../../src/core/causality/hybrid-clock.ts'
import { type Ballot, BALLOT_ZERO } from '../../../src/core/consensus/ballot.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { APPLY_IS_REPAIR } from '../../../src/node/wire/asks/copy-asks.ts'
import type { Refusal } from '../../../src/node/wire/messages.ts'
import { NodeClock } from '../../../src/node/identity/node-clock.ts'
import { PeerLives } from '../../../src/node/identity/peer-lives.ts'
import { NodeState } from '../../../src/node/identity/node-state.ts'
import { type Copy, encodeCopy } from '../../../src/node/wire/object-record.ts'
import { ObjectTable } from '../../../src/node/storage/object-table.ts'
import { RegisterAcceptor, type RegisterReply } from '../../../src/node/strong/register-acceptor.ts'
import { type Location, Replica } from '../../../src/node/replica/replica.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

const AT: Location = {
  bucket: {
    name: 'strong',
    mode: 'strong',
    n: 3,
    consistency: 'strong',
    durability: 'sync',
    ttlSeconds: null,
  },
  key: 'k',
  partition: 1,
}

/** Of a key in another partition. */
const ELSEWHERE: Location = { ...AT, partition: 2 }
const DRIFT_MS = 500

type Told = RegisterReply | Refusal | undefined

/** An acceptor, through its lives. */
class Acceptor {
  readonly #schedule = new Schedule()
  readonly #host = new Host('n1', 0, this.#schedule)
  readonly #random = new SeededRandom('acceptor')
  readonly #platter = new Platter(this.#random.child('platter'))
  #replica: Replica | undefined
  #acceptor: RegisterAcceptor | undefined
  /** The generation of its placement, and its horizon for each partition. */
  generation = 7
  readonly horizons = new Map<number, Timestamp>()
  /** A ballot of now, so many ticks later. */
  readonly at = (ticks: number, node: string): Ballot => ({
    counter: timestampOf(this.#host.wallMs()) + ticks,
    node,
  })

  async start(): Promise<void> {
    const silent = (): undefined => undefined
    const ports = {
      clock: this.#host,
      timers: this.#host.timers(),
      disk: new VirtualDisk(this.#platter, this.#host, this.#random.child('disk')),
      codec: msgpackCodec,
      log: { debug: silent, info: silent, warn: silent, error: silent },
      metrics: { count: silent, gauge: silent, seconds: silent },
    }
    const commits = new GroupCommit(ports)
    await this.#during(async () => {
      const state = await NodeState.load(ports.disk, ports.codec, commits)
      const lives = new PeerLives(state.get('heard'))
      const clock = new NodeClock(ports, { state, lives, maxDriftMs: DRIFT_MS })
      const table = new ObjectTable(ports, commits, 1_000_000)
      const horizon = (partition: number): number => this.horizons.get(partition) ?? 0
      this.#replica = new Replica(ports, {
        table,
        commits,
        clock,
        durability: 'sync',
        horizon: () => 0,
        notKept: () => undefined,
        closed: () => undefined,
        mayRead: () => true,
      })
      this.#acceptor = await RegisterAcceptor.load(ports, {
        replica: this.#replica,
        table,
        commits,
        clock,
        state,
        placementVersion: () => this.generation,
        horizon,
        isProven: () => true,
      })
    })
  }

  /** Its machine loses all that is not synced, and starts again. */
  async crash(): Promise<void> {
    this.#host.end()
    this.#platter.endMachine()
    await this.start()
  }

  prepare(ballot: Ballot, { at = AT, placementVersion = this.generation } = {}): Promise<Told> {
    return this.#during(
      () =>
        new Promise((resolve) =>
          this.#acceptor?.prepare(at, placementVersion, ballot, (reply, refusal) =>
            resolve(reply ?? refusal),
          ),
        ),
    )
  }

  accept(copy: Copy, { placementVersion = this.generation, movesOn = false } = {}): Promise<Told> {
    return this.#during(
      () =>
        new Promise((resolve) => {
          this.#acceptor?.accept(AT, placementVersion, copy, (reply, refusal) =>
            resolve(reply ?? refusal),
          )
          if (movesOn) this.generation++
        }),
    )
  }

  raiseFloorOf(partitions: readonly number[], promisedUpTo: Timestamp): Promise<void> {
    return this.#during(
      () => this.#acceptor?.raiseFloorOf(partitions, promisedUpTo) ?? Promise.resolve(),
    )
  }

  promisedUnder(placementVersion: number): Timestamp | undefined {
    return this.#acceptor?.promisedUnder(placementVersion)
  }

  /** As anti-entropy and the repair of reads do. */
  repair(copy: Copy): Promise<unknown> {
    return this.#during(
      () => new Promise((resolve) => this.#replica?.apply(AT, copy, APPLY_IS_REPAIR, resolve)),
    )
  }

  isUncontested(): Promise<boolean | undefined> {
    return this.#during(
      () =>
        new Promise((resolve) =>
          this.#acceptor?.read(AT, (state) => resolve(state?.isUncontested)),
        ),
    )
  }

  async #during<T>(run: () => Promise<T>): Promise<T> {
    const end: { value?: T; isOver?: boolean } = {}
    this.#host.run(() => {
      run().then(
        (value) => Object.assign(end, { value, isOver: true }),
        (error: unknown) => {
          throw error
        },
      )
    })
    await runSchedule(this.#schedule, this.#schedule.nowUs + 10_000_000, () => end.isOver === true)
    if (end.isOver !== true) throw new Error('no answer within ten seconds')
    return end.value as T
  }
}

function proposal({ counter, node }: Ballot): Copy {
  const sibling = { tombstone: false, contentType: 'x', expiresAtMs: 0, value: new Uint8Array(1) }
  return encodeCopy(msgpackCodec, {
    vector: vectorOf([[node, counter]]),
    siblings: [{ actor: `${node}~1`, timestamp: counter, ...sibling }],
  })
}

async function started(): Promise<Acceptor> {
  const acceptor = new Acceptor()
  await acceptor.start()
  return acceptor
}

test('a proposal that came by repair after a later promise is not accepted, however often it is asked for', async () => {
  const acceptor = await started()
  const early = acceptor.at(1, 'n2')
  expect(await acceptor.prepare(acceptor.at(5000, 'n3'))).toMatchObject({ type: 'promise' })
  await acceptor.repair(proposal(early))
  expect(await acceptor.isUncontested()).toBe(false)
  expect(await acceptor.accept(proposal(early))).toMatchObject({
    type: 'conflict',
    mayHaveAccepted: true,
  })
})

test('the same where the later promise has the same counter, and another node', async () => {
  const acceptor = await started()
  const early = acceptor.at(1, 'n2')
  await acceptor.prepare({ ...early, node: 'n3' })
  await acceptor.repair(proposal(early))
  expect(await acceptor.isUncontested()).toBe(false)
  expect(await acceptor.accept(proposal(early))).toMatchObject({ type: 'conflict' })
})

test('a repeated question is answered alike, and what was accepted is settled', async () => {
  const acceptor = await started()
  const ballot = acceptor.at(1, 'n2')
  await acceptor.prepare(ballot)
  expect(await acceptor.accept(proposal(ballot))).toMatchObject({ type: 'accepted' })
  expect(await acceptor.isUncontested()).toBe(true)
  expect(await acceptor.accept(proposal(ballot))).toMatchObject({ type: 'accepted' })
  // A later promise is told apart from the acceptance: it may have come by repair, as far as is known here.
  await acceptor.prepare(acceptor.at(5000, 'n3'))
  expect(await acceptor.isUncontested()).toBe(false)
  expect(await acceptor.accept(proposal(ballot))).toMatchObject({ mayHaveAccepted: true })
})

test('accepting promises the next ballot of the same node: what lies between is refused', async () => {
  const acceptor = await started()
  const ballot = acceptor.at(1, 'n2')
  await acceptor.accept(proposal(ballot))
  expect(await acceptor.prepare({ ...ballot, node: 'n3' })).toMatchObject({ type: 'conflict' })
  const next = { ...ballot, counter: ballot.counter + 1 }
  expect(await acceptor.accept(proposal(next))).toMatchObject({ type: 'accepted' })
})

test('what was promised or accepted is so after a crash', async () => {
  const acceptor = await started()
  const [first, second] = [acceptor.at(1, 'n2'), acceptor.at(5000, 'n3')]
  await acceptor.prepare(second)
  await acceptor.crash()
  expect(await acceptor.accept(proposal(first))).toMatchObject({ type: 'conflict' })
  expect(await acceptor.accept(proposal(second))).toMatchObject({ type: 'accepted' })
  await acceptor.crash()
  const later = acceptor.at(9000, 'n2')
  expect(await acceptor.prepare(later)).toMatchObject({ type: 'promise', accepted: second })
})

test('a question that was asked under another placement than the one in force is refused', async () => {
  const acceptor = await started()
  const ballot = acceptor.at(1, 'n2')
  for (const placementVersion of [6, 8]) {
    expect(await acceptor.prepare(ballot, { placementVersion })).toMatchObject({
      code: 'not_owner',
    })
    expect(await acceptor.accept(proposal(ballot), { placementVersion })).toMatchObject({
      code: 'not_owner',
    })
  }
  // Nothing of it is left: the ballot is as good as new.
  expect(await acceptor.prepare(ballot)).toMatchObject({ type: 'promise', accepted: BALLOT_ZERO })
  acceptor.generation = 8
  expect(await acceptor.accept(proposal(ballot), { placementVersion: 7 })).toMatchObject({
    code: 'not_owner',
  })
})

test('a proposal that is stored while the placement changes is not told as accepted', async () => {
  const acceptor = await started()
  await acceptor.accept(proposal(acceptor.at(1, 'n2')))
  const ballot = acceptor.at(5000, 'n2')
  expect(await acceptor.accept(proposal(ballot), { movesOn: true })).toMatchObject({
    code: 'failed',
  })
  // It may have been applied, and was.
  expect(await acceptor.prepare(acceptor.at(9000, 'n3'))).toMatchObject({ accepted: ballot })
})

test('below the floor of a partition nothing is promised, in this life and the next', async () => {
  const acceptor = await started()
  const [first, second, floor] = [1, 2, 100].map((ticks) => acceptor.at(ticks, 'n2')) as [
    Ballot,
    Ballot,
    Ballot,
  ]
  await acceptor.raiseFloorOf([AT.partition], floor.counter)
  await acceptor.raiseFloorOf([AT.partition], floor.counter - 50)
  for (const ballot of [first, second]) {
    expect(await acceptor.prepare(ballot)).toMatchObject({ type: 'conflict' })
    expect(await acceptor.prepare(ballot, { at: ELSEWHERE })).toMatchObject({ type: 'promise' })
    await acceptor.crash()
  }
  expect(await acceptor.prepare({ ...floor, node: 'n9' })).toMatchObject({ type: 'conflict' })
  const later = { counter: floor.counter + 1, node: 'n1' }
  expect(await acceptor.prepare(later)).toMatchObject({ type: 'promise' })
})

test('it tells up to where it has promised, once it takes nothing of older placements, in each life', async () => {
  const acceptor = await started()
  const ahead = acceptor.at((DRIFT_MS - 1) * TICKS_PER_MS, 'n2')
  await acceptor.prepare(ahead)
  for (const _life of [1, 2]) {
    expect(acceptor.promisedUnder(acceptor.generation - 1)).toBeUndefined()
    expect(acceptor.promisedUnder(acceptor.generation)).toBeGreaterThanOrEqual(ahead.counter)
    await acceptor.crash()
  }
  await acceptor.raiseFloorOf([ELSEWHERE.partition], ahead.counter + 5000)
  expect(acceptor.promisedUnder(acceptor.generation)).toBe(ahead.counter + 5000)
})

test('the horizon of its partition counts as promised for a key that is not held', async () => {
  const acceptor = await started()
  const ballot = acceptor.at(1, 'n2')
  acceptor.horizons.set(AT.partition, ballot.counter)
  expect(await acceptor.prepare(ballot)).toMatchObject({ type: 'conflict' })
  expect(await acceptor.prepare(ballot, { at: ELSEWHERE })).toMatchObject({ type: 'promise' })
})
