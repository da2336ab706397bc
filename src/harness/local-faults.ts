/** Faults of local processes, by chaos: which keeps them as leases, and ends only once they have been probed. */
import { parseFault } from '../chaos/fault.ts'
import { type LocalTarget, openLocalTarget } from '../chaos/local-target.ts'
import type { FaultDriver } from './nemesis.ts'

export function localFaults(dataDir: string): FaultDriver {
  return {
    inject: async (command, leaseMs) => {
      const target = await open(dataDir)
      await target.apply(parseFault(command, await target.nodes()), command, leaseMs)
    },
    heal: async () => (await open(dataDir)).heal(),
  }
}

async function open(dataDir: string): Promise<LocalTarget> {
  const target = await openLocalTarget(dataDir)
  if (target === undefined) throw new Error(`the local cluster on ${dataDir} is gone`)
  return target
}
