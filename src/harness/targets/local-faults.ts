/** Makes faults of local processes through chaos, which keeps them as leases and returns only after a probe. */
import { parseFault } from '../../chaos/chaos-fault.ts'
import { type LocalTarget, openLocalTarget } from '../../chaos/local-chaos-target.ts'
import { openControl } from '../../local-cluster/control.ts'
import { whenFilled } from './filled-nodes.ts'
import { type FaultDriver, isFileFault } from '../check-nemesis.ts'

/** `token`: for nodes with QUORATE_AUTH=on. */
export function localFaults(dataDir: string, token?: string): FaultDriver {
  let isDamaged = false
  return {
    inject: async (command, leaseMs) => {
      const target = await open(dataDir, token)
      isDamaged ||= isFileFault(command)
      await target.apply(parseFault(command, await target.nodes()), command, leaseMs)
    },
    heal: async () => {
      await (await open(dataDir, token)).heal()
      if (isDamaged) await whenFilled(() => urlsOf(dataDir))
      isDamaged = false
    },
  }
}

async function urlsOf(dataDir: string): Promise<Map<string, string>> {
  const nodes = await openControl(dataDir).status()
  return new Map(nodes.map(({ id, clientUrl }) => [id, clientUrl]))
}

async function open(dataDir: string, token: string | undefined): Promise<LocalTarget> {
  const target = await openLocalTarget(dataDir, token)
  if (target === undefined) throw new Error(`the local cluster on ${dataDir} is gone`)
  return target
}
