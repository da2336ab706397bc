/** Planted bugs (planted-bugs.ts) in changes of the members: each breaks one rule that protects moving data. */
import type { FaultKind } from '../plan/sim-fault.ts'
import type { PlantedBug } from './planted-bug.ts'

const CUTS: readonly FaultKind[] = ['membership', 'partition', 'isolate', 'flap', 'kill', 'pause']
/** Sets have a single copy in such runs (sim-workloads.ts), so an element that its owner lacks is lost. */
const SINGLE_COPIES = {
  seconds: 60,
  workloads: ['set'],
  nemesis: ['membership', 'isolate', 'pause'],
  keys: 20,
  clients: 12,
} as const

export const PLANTED_MOVE_BUGS: readonly PlantedBug[] = [
  {
    name: 'move-decided-by-the-old',
    what: 'while a strong key moves, only its old owners decide',
    file: 'node/strong/register-proposer.ts',
    find: 'const groups = groupsOf(queue.placed)',
    replace: 'const groups = [queue.placed.owners]',
    seeds: 60,
    seconds: 120,
    workloads: ['strong'],
    nemesis: CUTS,
    keys: 20,
    clients: 12,
  },
  {
    name: 'move-quorum-of-the-old',
    what: 'while a key moves, only its old owners get its writes and are counted',
    file: 'node/round/placed-request.ts',
    find: 'return next === undefined ? [owners] : [owners, next]',
    replace: 'return next === undefined ? [owners] : [owners]',
    seeds: 10,
    ...SINGLE_COPIES,
  },
  {
    name: 'move-not-compared',
    what: 'a node that gains keys reports them complete before it has compared them with every owner',
    file: 'node/moves/intake.ts',
    find: 'while (this.#unheard(work).length > 0) {',
    replace: 'while (this.#unheard(work).length < 0) {',
    seeds: 40,
    ...SINGLE_COPIES,
  },
  {
    name: 'move-keeps-the-horizon',
    what: 'a node that gains keys discards writes that it lacks as settled history',
    file: 'node/moves/gained-partitions.ts',
    find: 'if (gain.partition === partition && horizon < gain.since) return 0',
    replace: 'if (gain.partition === partition && horizon < 0) return 0',
    seeds: 10,
    seconds: 60,
    workloads: ['siblings'],
    nemesis: ['membership'],
    keys: 200,
    clients: 6,
  },
  {
    name: 'move-swept-early',
    what: 'a node that loses keys drops them before their new owners have copied them once more',
    file: 'node/moves/sweep.ts',
    find: 'isKeeper(topology, bucket.n, partition, self) || isHolder(topology, bucket.n, partition, self)',
    replace: 'isKeeper(topology, bucket.n, partition, self)',
    seeds: 160,
    ...SINGLE_COPIES,
    nemesis: ['membership', 'isolate'],
    keys: 60,
  },
]
