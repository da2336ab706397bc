/**
 * Bugs of the product that the simulator has found, with the run that showed each and the commit that mended
 * it. The runs are repeated by every test: a later change of the simulator may give a seed another story, but
 * what was once enough to find something is worth trying for ever.
 */
import { FAULT_KINDS, MEMBERSHIP, SKEW_ALL } from '../../src/simulation/fault.ts'
import type { Plan } from '../../src/simulation/plan.ts'

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
    what: 'a hint whose removal failed on the disk was forgotten in memory, and never delivered again',
    mendedIn: '0324aa9',
    plan: { seed: '2', seconds: 60, workloads: ['siblings', 'lww', 'ttl'], keys: 4 },
  },
  {
    what: 'a forwarded update that the network doubled was counted twice',
    mendedIn: '0324aa9',
    plan: { seed: '8', seconds: 60, workloads: ['counter', 'set'], keys: 4 },
  },
  {
    what: 'a vector entry was pruned while an owner with a lower horizon still held what it covers',
    mendedIn: '9d79c8f',
    plan: { seed: '15', seconds: 60, workloads: ['counter', 'set'], keys: 4 },
  },
  {
    what: 'a damaged record was never replaced where nobody else had the key, or while copies were being filled',
    mendedIn: 'dafb0c8',
    plan: { seed: '8', workloads: FIRST_FIVE, seconds: 120, keys: 4 },
  },
  {
    what: 'a clock gave stamps that it undercut once the wall clock was set back',
    mendedIn: 'd14c6d2',
    plan: { seed: '1', seconds: 10, workloads: ['siblings'], clients: 3 },
  },
  {
    what: 'a record that was being replaced was told as absent, and the peer dropped its own for a delete',
    mendedIn: '4d77915',
    plan: { seed: '56', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a damaged record that was replaced went on counting in the hash tree, which never matched again',
    mendedIn: '07bd80f',
    plan: { seed: '4', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a write was minted long after its deadline by a process that had been stopped',
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
    what: 'an ask to a silent peer did not end for as long as the wall clock had been set back',
    mendedIn: '6b99547',
    plan: { seed: '1058', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a read error while two copies were compared was handled by nobody, and ended the process',
    mendedIn: 'e2c78a4',
    plan: { seed: '1', seconds: 78, workloads: ['counter'], onlyFaults: [11] },
  },
  {
    what: 'a vector that covered another of its size was taken for equal, and a removed element came back',
    mendedIn: '6f7a3f5',
    plan: { seed: '128', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a hint whose removal failed, and that could not be read then, was not delivered before a restart',
    mendedIn: 'b90f31f',
    plan: { seed: '92', workloads: FIRST_FIVE, seconds: 120 },
  },
  {
    what: 'a causal read took the word of a stand-in, which knew nothing of what had settled',
    mendedIn: '9f0b2a3',
    plan: { seed: '7', seconds: 60, workloads: ['causal'] },
  },
  {
    what: 'a session took in the vector of what it had written, and was larger than a token may be',
    mendedIn: '00df8d6',
    plan: { seed: '1', seconds: 300, workloads: ['causal'] },
  },
  {
    what: 'a blind write of a session at an owner that had lost its copies did not replace what was settled',
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
    what: 'a member that had lost a partition made its new owners take for history what it had missed',
    mendedIn: '7353420',
    plan: { seed: '9', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a topology that came while the disk was full was never stored, and a change went on for ever',
    mendedIn: '7353420',
    plan: { seed: '25', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'an old directory took what it was sent of a partition gained since for history',
    mendedIn: '127800e',
    plan: { seed: '58', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'a quorum read of the only copy was not asked of the owner to come, and went back after the move',
    mendedIn: 'e69ae07',
    plan: {
      seed: '1',
      seconds: 120,
      workloads: ['set'],
      nemesis: ['membership', 'kill', 'partition'],
    },
  },
  {
    what: 'an lww write that lost to an earlier one of the very same timestamp was acknowledged all the same',
    mendedIn: 'ecd3caa',
    plan: { seed: '9', seconds: 119, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'the removal of a lost node that had been the only owner of some keys never ended',
    mendedIn: 'ce6238d',
    plan: {
      seed: '2',
      seconds: 60,
      nemesis: ['membership', 'kill', 'partition', 'isolate', 'pause', 'power'],
    },
  },
  {
    what: 'a node that a peer had heard before it asked that peer took its own directory for an old one',
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
    what: 'an old directory brought a forgotten delete back through a node that was just joining',
    mendedIn: 'aaeafb0',
    plan: { seed: '324', seconds: 120, nemesis: MIX_AND_CHANGES },
  },
  {
    what: 'an owner took a write before it had cleared away what was left of a partition, and cleared it away, too',
    mendedIn: 'fc8350c',
    plan: {
      seed: '339',
      seconds: 30,
      nemesis: MIX_AND_CHANGES,
      onlyFaults: [0, 1, 2, 3, 100_000, 100_001],
    },
  },
  {
    what: 'an owner that had lost its copies told what a blind write replaces, and what it had lost came back',
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
    what: 'the room of a hint was given away before it was gone, and the disk did not take its removal',
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
    what: 'a node without its directory knew too few members to follow the time that they had agreed on',
    mendedIn: '143d852',
    plan: { seed: '60004', seconds: 60, nemesis: [...MIX_AND_CHANGES, SKEW_ALL] },
  },
  {
    what: 'proposers of a topology waited for a voter without power until their deadline, again and again',
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
    what: 'writes were sent on to an owner whose clock had been set right, and whose answers nobody believed yet',
    mendedIn: '0940f0a',
    plan: { seed: '60080', seconds: 60, nemesis: [...MIX_AND_CHANGES, SKEW_ALL] },
  },
]
