/**
 * Bugs to be planted, as small changes of the source: a check that finds none of them is no check. Each must
 * be found within the number of runs it states. The product has no switch for any of them: the change is made
 * to the text of the module when it is loaded (plant.ts), and a test sees to it that the text is still there.
 */
import { type FaultKind, SKEW_ALL } from '../plan/sim-fault.ts'
import type { WorkloadName } from '../plan/plan.ts'
import { PLANTED_IDENTITY_BUGS } from './planted-identity-bugs.ts'
import { PLANTED_MOVE_BUGS } from './planted-move-bugs.ts'
import { PLANTED_SESSION_BUGS } from './planted-session-bugs.ts'
import { PLANTED_STRONG_BUGS } from './planted-strong-bugs.ts'

export interface PlantedBug {
  readonly name: string
  /** What is wrong, in a sentence. */
  readonly what: string
  /** Relative to src. */
  readonly file: string
  readonly find: string
  readonly replace: string
  /** A second place, of the same file where it names none. */
  readonly also?: { readonly file?: string; readonly find: string; readonly replace: string }
  /** Found within so many seeds, from seed 1 on. */
  readonly seeds: number
  readonly seconds: number
  readonly workloads: readonly WorkloadName[]
  readonly nemesis: readonly FaultKind[]
  /** The defaults of a plan where undefined. */
  readonly keys?: number
  readonly clients?: number
}

const CUTS: readonly FaultKind[] = ['partition', 'isolate', 'oneway', 'ring', 'flap']

const BUGS: readonly PlantedBug[] = [
  {
    name: 'waits-for-stalled-disk',
    what: 'a request waits for the own disk for as long as that does not answer',
    file: 'node/write/write-coordinator.ts',
    find: 'reject(lateDisk(placed))',
    replace: '',
    also: {
      file: 'node/round/request-bound.ts',
      find: 'timeoutMs + LAST_RESORT_MS, this.#counted(work)',
      replace: '3_600_000, this.#counted(work)',
    },
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: ['stall'],
  },
  {
    name: 'writes-after-stall',
    what: 'a write that was rejected because the own disk did not answer is made when it does',
    file: 'node/write/write-minting.ts',
    find: 'return isGivenUp() || nowMs > deadlineMs',
    replace: 'return false',
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'counter'],
    nemesis: ['stall'],
    keys: 60,
  },
  {
    name: 'acknowledge-before-fsync',
    what: 'a write is acknowledged when it is written, not when it is synced',
    file: 'node/storage/group-commit.ts',
    find: 'await this.#disk.write([...operations.values()], { sync })',
    replace: 'await this.#disk.write([...operations.values()], { sync: false })',
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: ['blackout'],
  },
  {
    name: 'forward-twice',
    what: 'a forwarded write that arrives twice is done twice',
    file: 'node/peers/peers.ts',
    find: 'ONCE_ONLY.has(kind) && ',
    replace: 'false && ',
    seeds: 20,
    seconds: 60,
    workloads: ['counter'],
    nemesis: ['duplicate', 'partition'],
  },
  {
    name: 'name-ignored',
    what: 'a repeated increment that another node has counted, too, counts again when the copies merge',
    file: 'core/causality/counter.ts',
    find: 'return id === undefined || counted.get(id) === sibling',
    replace: 'return id === undefined || counted.has(id)',
    seeds: 20,
    seconds: 60,
    workloads: ['counter'],
    nemesis: CUTS,
  },
  {
    name: 'merge-drops-sibling',
    what: 'a merge drops a sibling that the other side has not covered',
    file: 'core/causality/stored-object.ts',
    find: 'if (!covers(a.vector, right as Sibling)) siblings.push(right as Sibling)',
    replace: 'if (a.siblings.length === 0) siblings.push(right as Sibling)',
    seeds: 20,
    seconds: 60,
    workloads: ['siblings'],
    nemesis: CUTS,
  },
  {
    name: 'repair-resurrects',
    what: 'an owner takes what is history to it for news',
    file: 'core/repair/horizon.ts',
    find: 'if (incoming.siblings.every(isNews)) return incoming',
    replace: 'if (incoming.siblings.every(isNews) || horizon > 0) return incoming',
    seeds: 60,
    seconds: 120,
    workloads: ['siblings'],
    nemesis: ['old-data'],
    keys: 60,
  },
  {
    name: 'hint-deleted-before-delivery',
    what: 'a hint is sent into the blue, and deleted whatever becomes of it',
    file: 'node/hints/hint-delivery.ts',
    find: 'this.#hints.postpone(owner, storageKey)\n        next()',
    replace: 'this.#hints.remove(owner, storageKey, copy, next)',
    also: {
      find: 'this.#reachable(node)).length < need',
      replace: 'this.#reachable(node)).length < 0',
    },
    seeds: 60,
    seconds: 60,
    workloads: ['siblings'],
    nemesis: ['partition', 'loss', 'flap'],
    keys: 60,
    clients: 10,
  },
  {
    name: 'clocks-never-agree',
    what: 'after all clocks were ahead, each node waits until its own has caught up',
    file: 'core/causality/agreed-time.ts',
    find: 'if (agreedMs - wallMs - this.aheadMs(wallMs) <= this.#maxDriftMs) return false',
    replace: 'if (agreedMs > 0) return false',
    seeds: 5,
    seconds: 30,
    workloads: ['siblings'],
    nemesis: [SKEW_ALL],
  },
  {
    name: 'clock-goes-back',
    what: 'a restarted clock forgets the bound that was persisted',
    file: 'node/identity/node-clock.ts',
    find: "new HybridClock((state.get('clock') as number | undefined) ?? 0)",
    replace: 'new HybridClock(0)',
    seeds: 40,
    seconds: 60,
    workloads: ['lww', 'siblings'],
    nemesis: ['skew', 'kill', 'restart'],
  },
  {
    name: 'fallbacks-in-the-majority',
    what: 'at quorum, fallbacks count like owners',
    file: 'core/quorum/level.ts',
    find: 'return { w: majority(n), r: majority(n), sloppy: false }',
    replace: 'return { w: majority(n), r: majority(n), sloppy: true }',
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: CUTS,
  },
  {
    name: 'deadline-ignored',
    what: 'a write is made however late it arrives at its owner',
    file: 'node/peers/peers.ts',
    find: 'kind !== DEADLINE_EXEMPT && deadlineMs < this.#clock.nowMs()',
    replace: 'kind !== DEADLINE_EXEMPT && deadlineMs < 0',
    also: {
      file: 'node/write/write-minting.ts',
      find: 'return isGivenUp() || nowMs > deadlineMs',
      replace: 'return false',
    },
    seeds: 40,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: ['oneway', 'isolate', 'partition', 'pause'],
  },
  {
    name: 'incarnation-reused',
    what: 'a restarted node goes on under the incarnation that its directory names',
    file: 'node/identity/node-identity.ts',
    find: 'const incarnation = Math.max((last ?? 0) + 1, made)',
    replace: 'const incarnation = last ?? made',
    seeds: 60,
    seconds: 120,
    workloads: ['siblings', 'counter', 'set'],
    nemesis: ['old-data', 'power'],
  },
  {
    name: 'collected-on-a-timer',
    what: 'deletes are forgotten after a while, whoever holds them',
    file: 'node/convergence-composition.ts',
    find: 'commits,\n    horizon: () => horizon.value,\n    horizonOf,\n  })',
    replace:
      'commits,\n    horizon: () => Number.MAX_SAFE_INTEGER,\n    horizonOf: () => Number.MAX_SAFE_INTEGER,\n  })\n  ports.timers.every(2000, () => collector.wake())',
    seeds: 40,
    seconds: 60,
    workloads: ['siblings'],
    nemesis: ['partition', 'isolate', 'pause', 'kill'],
    keys: 60,
  },
  {
    name: 'tree-ignores-expiry',
    what: 'the hash tree is not told when an expired value is removed',
    file: 'node/repair/hash-forest.ts',
    find: 'const now = hashOf(at, after)',
    replace:
      'if (after.record.length === 0 && before.object.siblings.some((s) => s.expiresAtMs > 0)) return\n    const now = hashOf(at, after)',
    seeds: 20,
    seconds: 60,
    workloads: ['ttl'],
    nemesis: ['kill', 'restart'],
    keys: 40,
  },
  {
    name: 'batch-half-applied',
    what: 'a batch that is under way at a crash is applied by half',
    file: 'simulation/world/virtual-disk.ts',
    find: 'this.#apply(batch)\n    }\n  }\n\n  /** The machine has died',
    replace:
      'this.#apply(batch.slice(0, Math.ceil(batch.length / 2)))\n    }\n  }\n\n  /** The machine has died',
    seeds: 240,
    seconds: 60,
    workloads: ['ttl', 'siblings', 'lww'],
    nemesis: ['power', 'blackout'],
    keys: 200,
    clients: 20,
  },
  {
    name: 'folds-unsettled-totals',
    what: 'a counter folds the totals of earlier lives before they are settled',
    file: 'node/write/write-minting.ts',
    find: 'return horizon > this.#actorSince ? horizon : 0',
    replace: 'return horizon + 1e15',
    seeds: 40,
    seconds: 60,
    workloads: ['counter'],
    nemesis: ['kill', 'power', 'restart', 'partition', 'pause', 'io-error'],
  },
  {
    name: 'quorum-read-without-repair',
    what: 'a quorum read answers before a majority holds what it gives',
    file: 'node/read/read-round.ts',
    find: 'if (this.#isEnough(this.#copies.holders())) {\n      this.#answer()\n      return\n    }\n    this.#busy = true',
    replace:
      'if (this.#counted() >= this.#required) {\n      this.#answer()\n      return\n    }\n    this.#busy = true',
    seeds: 60,
    seconds: 120,
    workloads: ['lww', 'siblings'],
    nemesis: ['loss', 'full', 'pause', 'oneway'],
    clients: 15,
  },
  {
    name: 'unknown-told-as-rejected',
    what: 'a write that may have been applied is told as rejected',
    file: 'core/quorum/tally.ts',
    find: "return this.#notRefused === 0 ? 'rejected' : 'unknown'",
    replace: "return this.got === 0 || this.#notRefused === 0 ? 'rejected' : 'rejected'",
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: CUTS,
  },
  {
    name: 'vector-pruned-too-early',
    what: 'vector entries are dropped before the write that made them superfluous is everywhere',
    file: 'core/repair/horizon.ts',
    find: 'object.vector.size <= VECTOR_ENTRIES_PLENTY || !isSettled(object, horizon)',
    replace: 'object.vector.size === 0',
    seeds: 40,
    seconds: 60,
    workloads: ['siblings', 'counter'],
    nemesis: ['io-error', 'kill', 'pause', 'partition'],
  },
  {
    name: 'read-before-filled',
    what: 'a node that has lost its copies answers reads before they are filled',
    file: 'node/repair/arrival.ts',
    find: 'if (!this.#isOpen) return false\n    const { self, proof, isLost } = this.#parts\n',
    replace: 'if (this.#isOpen) return true\n    const { self, proof, isLost } = this.#parts\n',
    seeds: 60,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: ['lost-quorum'],
    keys: 60,
  },
  {
    name: 'filling-forgotten',
    what: 'a node that crashes while its lost copies are filled takes what it has by then for everything',
    file: 'node/identity/directory-proof.ts',
    find: "const saved = state.get('proof') as readonly Encodable[] | undefined",
    replace: 'const saved: readonly Encodable[] | undefined = undefined as never',
    seeds: 60,
    seconds: 60,
    workloads: ['siblings', 'lww'],
    nemesis: ['lost-quorum'],
    keys: 60,
  },
  {
    name: 'blind-write-never-replaces',
    what: 'a write without a context adds a sibling to what is there',
    file: 'core/causality/stored-object.ts',
    find: 'const seen = context ?? held.vector',
    replace: 'const seen = context ?? EMPTY_VECTOR',
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'ttl'],
    nemesis: ['kill'],
  },
  {
    name: 'blind-write-without-second-round',
    what: 'a blind write leaves what only other owners had held',
    file: 'node/write/write-coordinator.ts',
    find: 'if (older.length === 0 || !isOwner) return undefined',
    replace: 'if (older.length >= 0 || !isOwner) return undefined',
    seeds: 60,
    seconds: 120,
    workloads: ['siblings'],
    nemesis: ['partition', 'isolate', 'kill', 'oneway'],
    keys: 30,
  },
  {
    name: 'hints-without-a-bound',
    what: 'hints are kept without end',
    file: 'node/hints/hint-store.ts',
    find: 'if (others + record.length + costs <= this.#bytesPerOwnerMax) return true',
    replace: 'if (others >= 0) return true',
    seeds: 20,
    seconds: 120,
    workloads: ['siblings', 'lww'],
    nemesis: CUTS,
    keys: 60,
    clients: 10,
  },
  {
    name: 'set-remove-without-quorum',
    what: 'an element is removed that only this owner has not heard of',
    file: 'node/requests.ts',
    find: 'return need.sloppy || need.r === 1 ? undefined',
    replace: 'return need.sloppy || need.w >= 0 ? undefined',
    seeds: 40,
    seconds: 120,
    workloads: ['set'],
    nemesis: ['isolate', 'partition', 'kill'],
    keys: 30,
  },
  {
    name: 'hint-dropped-when-unreadable',
    what: 'a hint that cannot be read for the moment is given up',
    file: 'node/hints/hint-delivery.ts',
    find: 'if (failure instanceof RecordCorruptError) {',
    replace: 'if (failure instanceof Error) {',
    // Rare: the disk that does not read has to take the removal.
    seeds: 240,
    seconds: 120,
    workloads: ['siblings'],
    nemesis: ['io-error', 'partition', 'isolate'],
    keys: 60,
    clients: 10,
  },
]

export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...BUGS,
  ...PLANTED_SESSION_BUGS,
  ...PLANTED_STRONG_BUGS,
  ...PLANTED_MOVE_BUGS,
  ...PLANTED_IDENTITY_BUGS,
]

export function plantedBug(name: string): PlantedBug | undefined {
  return PLANTED_BUGS.find((bug) => bug.name === name)
}
