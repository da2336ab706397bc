/** Makes local processes join and leave, through the supervisor of their cluster. */
import { join } from 'node:path'
import { openControl } from '../../local-cluster/control.ts'
import { countLeftovers } from './leftovers.ts'
import type { MembershipDriver } from '../check-membership.ts'

export function localMembership(dataDir: string, nodes: readonly string[]): MembershipDriver {
  const numbers = nodes.map((node) => Number(node.slice(1)))
  const next = Math.max(...numbers) + 1
  return {
    newcomers: [`n${next}`, `n${next + 1}`],
    join: async (id, replaces) => {
      const { clientUrl } = await openControl(dataDir).join(id, replaces)
      return { node: id, url: clientUrl }
    },
    retire: async (id) => {
      // The supervisor stops a node that has left when somebody asks for the status.
      const rest = await openControl(dataDir).status()
      if (rest.some((node) => node.id === id))
        throw new Error(`${id} does not report that it has left`)
      return countLeftovers(join(dataDir, id))
    },
  }
}
