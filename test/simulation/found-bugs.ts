/**
 * Bugs of the product that the simulator has found: each with the run that showed it and the commit that fixed it.
 * `npm test` repeats the first 12 seconds of each run, and `npm run soak -- found-bugs` the whole runs. A later change of
 * the simulator may give a seed another story, but a run that once found something is worth repeating for ever.
 * src/simulation/README.md shows this list as a table; generated-tables.test.ts in test/tidy keeps it equal, and writes
 * it.
 */
import { FAULT_KINDS, MEMBERSHIP, SKEW_ALL } from '../../src/simulation/plan/sim-fault.ts'
import type { Plan } from '../../src/simulation/plan/plan.ts'

/** All that there were when most of them were found. */
const FIRST_FIVE: Plan['workloads'] = ['siblings', 'lww', 'counter', 'set', 'ttl']

const MIX_AND_CHANGES: Plan['nemesis'] = [...FAULT_KINDS, MEMBERSHIP]

export interface FoundBug {
  readonly what: string
  readonly mendedIn: string
  readonly plan: Partial<Plan> & { readonly seed: string; readonly seconds: number }
}

export const FOUND_BUGS: readonly FoundBug[] = [
  {
    what: 'a node forgot a hint in memory although its disk had failed to remove it, and never delivered it again',
    mendedIn: '0324aa9',
    plan: { seed: '2', seconds: 60, workloads: ['siblings', 'lww', 'ttl'], keys: 4 },
  },
  {
    what: 'an owner counted a forwarded update twice after the network had duplicated it',
    mendedIn: '0324aa9',
    plan: { seed: '8', seconds: 60, workloads: ['counter', 'set'], keys: 4 },
  },
  {
    what: 'an owner pruned a version vector entry while an owner with a lower horizon still held a write that the entry covers',
    mendedIn: '9d79c8f',
    plan: { seed: '15', seconds: 60, workloads: ['counter', 'set'], keys: 4 },
  },
  {
    what: 'a damaged record was never replaced if no other owner had the key, or while copies were being filled',
    mendedIn: 'dafb0c8',
    plan: { seed: '8', workloads: FIRST_FIVE, seconds: 120, keys: 4 },
  },
  {
    what: 'a hybrid clock issued timestamps below earlier ones after the wall clock had been set back',
    mendedIn: 'd14c6d2',
    plan: { seed: '1', seconds: 10, workloads: ['siblings'], clients: 3 },
  },
  {
    what: 'a node reported a record as absent while it was replacing it, so its peer took that for a delete and dropped its copy',
    mendedIn: '4d77915',
    plan: { seed: '56', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a damaged record stayed in the hash tree after its replacement, so the trees of two owners never matched again',
    mendedIn: '07bd80f',
    plan: { seed: '4', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a process that had been paused executed a write long after the deadline of the write',
    mendedIn: 'f6cc7c1',
    plan: {
      seed: '53',
      seconds: 120,
      workloads: ['siblings', 'counter'],
      nemesis: ['isolate', 'partition', 'pause'],
      keys: 60,
    },
  },
  {
    what: 'a request to a silent peer outlived its deadline by as much as the wall clock had been set back',
    mendedIn: '6b99547',
    plan: { seed: '1058', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a read error during the comparison of two copies was not caught, and ended the process',
    mendedIn: 'e2c78a4',
    plan: { seed: '1', seconds: 78, workloads: ['counter'], onlyFaults: [11] },
  },
  {
    what: 'two version vectors with equally many entries were taken for equal although one covered the other, and a removed element came back',
    mendedIn: '6f7a3f5',
    plan: { seed: '128', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a hint that could be neither removed nor read was not delivered until the node restarted',
    mendedIn: 'b90f31f',
    plan: { seed: '92', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a causal read trusted a fallback node, which does not know the settled writes',
    mendedIn: '9f0b2a3',
    plan: { seed: '7', seconds: 60, workloads: ['causal'] },
  },
  {
    what: 'a session token outgrew its limit because it took in the whole version vector of a write',
    mendedIn: '00df8d6',
    plan: { seed: '1', seconds: 300, workloads: ['causal'] },
  },
  {
    what: 'a write of a session, without a context and at an owner that had lost its copies, did not replace a settled value',
    mendedIn: 'ef5dd05',
    plan: {
      seed: '21005',
      nodes: 3,
      seconds: 67,
      clients: 3,
      onlyFaults: [0, 1, 3, 4, 5, 6, 8, 9],
    },
  },
  {
    what: 'a member that had lost a data partition made the new owners discard writes that it had missed',
    mendedIn: '7353420',
    plan: { seed: '9', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a node never stored a topology that arrived while its disk was full, so a membership change never ended',
    mendedIn: '7353420',
    plan: { seed: '25', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a node on an old data directory discarded the copies of a partition that it had gained later',
    mendedIn: '127800e',
    plan: { seed: '58', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'with N=1 a quorum read did not ask the future owner, and later reads went back after the move',
    mendedIn: 'e69ae07',
    plan: {
      seed: '1',
      seconds: 120,
      workloads: ['set'],
      nemesis: ['kill', 'partition', 'membership'],
    },
  },
  {
    what: 'an lww write was acknowledged although an earlier write with the same timestamp had won',
    mendedIn: 'ecd3caa',
    plan: { seed: '9', seconds: 119, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'the removal of a lost node never ended if that node had been the only owner of some keys',
    mendedIn: 'ce6238d',
    plan: {
      seed: '2',
      seconds: 60,
      nemesis: ['kill', 'partition', 'isolate', 'pause', 'power', 'membership'],
    },
  },
  {
    what: 'a node took its newest data directory for an old one because a peer had heard from it before it asked that peer',
    mendedIn: 'd4e13ac',
    plan: {
      seed: '122',
      seconds: 60,
      workloads: ['lww'],
      nemesis: MIX_AND_CHANGES,
      clients: 2,
      keys: 1,
      onlyFaults: [6, 7, 9, 100_000, 100_002, 100_003],
    },
  },
  {
    what: 'a node on an old data directory brought a deleted value back through a node that was joining',
    mendedIn: 'aaeafb0',
    plan: { seed: '324', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a new owner accepted a write before it had cleared the remains of a data partition, and cleared the write away, too',
    mendedIn: 'fc8350c',
    plan: {
      seed: '339',
      seconds: 30,
      nemesis: MIX_AND_CHANGES,
      onlyFaults: [0, 1, 2, 3, 100_000, 100_001],
    },
  },
  {
    what: 'an owner that had lost its copies decided what a write without a context replaces, and an older value came back',
    mendedIn: 'f773dc7',
    plan: {
      seed: '143',
      seconds: 105,
      nemesis: MIX_AND_CHANGES,
      onlyFaults: [
        0, 1, 2, 3, 4, 5, 9, 10, 11, 13, 14, 100_000, 100_001, 100_002, 100_003, 100_005,
      ],
    },
  },
  {
    what: 'a node reused the space of a hint before the disk had removed the hint, and exceeded the bound',
    mendedIn: 'acacf57',
    plan: {
      seed: '476',
      seconds: 105,
      nemesis: MIX_AND_CHANGES,
      onlyFaults: [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 100_000, 100_001, 100_002,
        100_003, 100_004,
      ],
    },
  },
  {
    what: 'a node that had lost its data directory knew too few members to follow the time of the cluster',
    mendedIn: '143d852',
    plan: { seed: '60004', seconds: 60, nemesis: [...MIX_AND_CHANGES, SKEW_ALL] },
  },
  {
    what: 'topology proposers waited until their deadline for a voter that had no power, again and again',
    mendedIn: '65c8e00',
    plan: {
      seed: '60004',
      seconds: 60,
      workloads: ['lww'],
      nemesis: [...MIX_AND_CHANGES, SKEW_ALL],
      clients: 1,
      keys: 1,
      onlyFaults: [100_004],
    },
  },
  {
    what: 'nodes forwarded writes to an owner whose clock had just been corrected and whose answers they still refused',
    mendedIn: '0940f0a',
    plan: { seed: '60080', seconds: 60, nemesis: [...MIX_AND_CHANGES, SKEW_ALL] },
  },
  {
    what: 'a set without elements was stored as a record of nothing, which no owner compared and none removed',
    mendedIn: 'ca5742a',
    plan: { seed: '700131', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'two members that followed an agreed time stayed further apart than the allowed drift, so one refused the other for ever',
    mendedIn: '9424540',
    plan: { seed: '800019', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a node that gained a partition waited for a leaving node without a disk to be filled, which waited for a lost member, whose removal waited for that leave',
    mendedIn: '24e337a',
    plan: {
      seed: '1310096',
      seconds: 52,
      workloads: ['strong'],
      nemesis: MIX_AND_CHANGES,
      clients: 3,
      onlyFaults: [1, 2, 4, 7, 100_000, 100_001, 100_002],
    },
  },
  {
    what: 'a join waited for a member that was being refilled, which waited for a lost member, whose removal waited for that join',
    mendedIn: 'fa89edf',
    plan: { seed: '1330002', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
]
