/** Planted bugs (planted-bugs.ts) in the rules that decide which process, with which directory, speaks for a node. */
import { SWAP, TWIN } from '../plan/sim-fault.ts'
import type { PlantedBug } from './planted-bug.ts'

export const PLANTED_IDENTITY_BUGS: readonly PlantedBug[] = [
  {
    name: 'twin-let-in',
    what: 'a node accepts every process that has the id of a peer, even one that another process has superseded',
    file: 'core/membership/life-fence.ts',
    find: "return isLinked ? 'in_use' : 'newcomer'",
    replace: "return 'newcomer'",
    also: {
      find: "if (known.superseded.includes(life)) return 'superseded'",
      replace: '',
    },
    seeds: 20,
    seconds: 60,
    workloads: ['strong', 'siblings'],
    nemesis: [TWIN],
    keys: 4,
    clients: 8,
  },
  {
    name: 'foreign-directory-taken',
    what: 'a node starts with the directory of another node',
    file: 'node/identity/node-identity.ts',
    find: 'if (owner !== undefined && owner !== nodeId) {',
    replace: "if (owner === '') {",
    seeds: 20,
    seconds: 60,
    workloads: ['siblings', 'strong'],
    nemesis: [SWAP],
    keys: 30,
    clients: 8,
  },
]
