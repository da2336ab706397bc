/** Planted bugs (planted-bugs.ts) in the consensus on strong keys: each breaks one rule that makes it safe. */
import type { FaultKind } from '../plan/sim-fault.ts'
import type { PlantedBug } from './planted-bug.ts'

const CUTS: readonly FaultKind[] = ['partition', 'isolate', 'oneway', 'ring', 'flap', 'loss']
/** Few keys and many clients, so that proposals compete. */
const CROWD = { workloads: ['strong'], keys: 2, clients: 12, seconds: 60 } as const

export const PLANTED_STRONG_BUGS: readonly PlantedBug[] = [
  {
    name: 'promise-not-persisted',
    // This forgets the promise at once, as if the acceptor crashed after each answer. A real crash comes too late in
    // nearly every run: the proposer continues within a millisecond of the promise, and its message to the dead process
    // is lost. test/node/strong/register-acceptor.test.ts checks that a promise survives a crash.
    what: 'an acceptor answers with a promise that it does not store',
    file: 'node/strong/register-acceptor.ts',
    find: "const operation = this.#promises.raise(entry.storageKey, state.promised)\n        this.#parts.commits.add([operation], 'sync', end)",
    replace: 'end(undefined)',
    seeds: 20,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'acceptance-not-synced',
    what: 'an acceptor confirms an acceptance before it is durable',
    file: 'node/strong/register-acceptor.ts',
    find: "value,\n      'sync',",
    replace: "value,\n      'os',",
    seeds: 20,
    ...CROWD,
    nemesis: ['blackout', 'power'],
  },
  {
    name: 'lease-ballot-reused',
    what: 'a proposer uses one promised ballot for two proposals',
    file: 'node/strong/leases.ts',
    find: 'const lease = this.#remove(storageKey)',
    replace: 'const lease = this.#leases.get(storageKey)',
    seeds: 20,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'repair-to-the-older-proposal',
    what: 'a merge of two copies of a strong key keeps the older proposal',
    file: 'core/causality/stored-object.ts',
    find: 'const order = compareDots(ballotA, ballotB)',
    replace: 'const order = compareDots(ballotB, ballotA)',
    seeds: 20,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'register-erased-early',
    what: 'the register of a deleted key is erased before every owner has the delete',
    file: 'node/repair/collector.ts',
    find: 'if (!isSettled(object, this.#horizonOf(at.partition))) return',
    replace: 'if (!isSettled(object, Infinity)) return',
    also: {
      find: 'graveRange(wallMsOf(horizon) - EXPIRY_MARGIN_MS)',
      replace: 'graveRange(2 ** 43)',
    },
    // Few clients and many keys: a deleted key must stay deleted until the collector comes.
    workloads: ['strong'],
    keys: 12,
    clients: 4,
    seconds: 60,
    seeds: 60,
    nemesis: CUTS,
  },
  {
    name: 'accept-below-promise',
    what: 'an acceptor accepts a proposal below the ballot that it has promised',
    file: 'core/consensus/acceptor.ts',
    find: 'if (compareBallots(ballot, state.promised) < 0) {',
    replace: 'if (compareBallots(ballot, state.accepted) < 0) {',
    seeds: 40,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'stale-fast-read',
    what: 'a strong read is answered by one copy',
    file: 'core/replication/agreed-read.ts',
    find: 'if (received >= this.#required) return',
    replace: 'if (received >= 1) return',
    seeds: 20,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'read-not-completed',
    what: 'if owners differ, a read returns the latest proposal without deciding it',
    file: 'core/consensus/proposer.ts',
    find: "return this.#phase === 'prepare' ? this.#propose() : this.#decide()",
    replace:
      "if (this.#phase === 'prepare') { const step = this.#propose(); return this.#next?.changed === false ? this.#decide() : step } return this.#decide()",
    seeds: 40,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'condition-of-the-first',
    what: 'all conditions of a batch are checked against the value before the batch',
    file: 'core/consensus/register.ts',
    find: 'const live = liveSiblings(object, nowMs)',
    replace: 'const live = liveSiblings(before, nowMs)',
    seeds: 20,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'idempotency-key-forgotten',
    what: 'a write that is sent again under its idempotency key is applied again',
    file: 'core/consensus/register.ts',
    find: 'const { idempotencyKey } = operation\n  if (idempotencyKey === undefined) return undefined',
    replace:
      'const { idempotencyKey } = operation\n  if (idempotencyKey !== null) return undefined',
    seeds: 40,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'doubtful-write-made-again',
    what: 'a proposer repeats a write without checking whether its last attempt was decided',
    file: 'core/consensus/register.ts',
    find: "if (found === 'made') return done",
    replace: "if (found === 'not made' && ballot.counter < 0) return done",
    also: {
      find: 'return earlier && repeatedResult(earlier, operation)',
      replace: 'return earlier === null ? earlier : undefined',
    },
    seeds: 40,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'lease-without-a-promise',
    what: 'a proposer skips the prepare phase although the acceptors have promised a later ballot',
    file: 'node/strong/register-proposer.ts',
    find: 'const ballot = lease?.ballot ?? {',
    replace: 'const ballot = {',
    seeds: 60,
    ...CROWD,
    nemesis: CUTS,
  },
  {
    name: 'promises-lost-with-the-directory',
    what: 'an acceptor that has lost its directory accepts ballots that it may have promised to refuse',
    file: 'node/strong/register-acceptor.ts',
    find: 'if (!replica.mayRead(at)) {',
    replace: 'if (!replica.mayRead(at) && ballot.counter < 0) {',
    also: { find: 'if (floor <= this.#floor) return', replace: 'if (floor > 0) return' },
    seeds: 60,
    ...CROWD,
    nemesis: ['lost-data', 'lost-quorum'],
  },
]
