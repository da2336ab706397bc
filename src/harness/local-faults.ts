/**
 * Faults of local processes. Kill and pause are leases of the cluster's supervisor; a network partition is a
 * file of cut links in each node's directory, each with the moment at which it ends by itself.
 */
import { rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openControl, type NodeStatus } from '../cluster/control.ts'
import type { FaultDriver } from './nemesis.ts'

/** The file each node watches, and twice the time between its looks. */
const LINK_FAULTS_FILE = 'links.json'
const LINK_FAULTS_SEEN_MS = 400

export function localFaults(dataDir: string): FaultDriver {
  const control = openControl(dataDir)
  return {
    inject: async ([fault = '', whom = ''], leaseMs) => {
      switch (fault) {
        case 'kill':
          return control.kill(whom, leaseMs)
        case 'pause':
          return control.pause(whom, leaseMs)
        case 'partition':
          return cut(
            await control.status(),
            whom.split('/').map((group) => group.split(',')),
            leaseMs,
          )
        case 'isolate':
          return cut(await control.status(), [[whom]], leaseMs)
        default:
          throw new Error(`${fault} is no fault of local processes`)
      }
    },
    heal: async () => {
      await cut(await control.status(), [], 0)
      await control.heal()
    },
  }
}

/** Cuts every link between two groups. Who is in none is in a group with all others that are in none. */
async function cut(
  nodes: readonly NodeStatus[],
  groups: readonly (readonly string[])[],
  leaseMs: number,
): Promise<void> {
  const untilMs = Date.now() + leaseMs
  const groupOf = (id: string): number => groups.findIndex((group) => group.includes(id))
  for (const { id, dataDir } of nodes) {
    const beyond = nodes.filter((other) => groupOf(other.id) !== groupOf(id))
    const faults = beyond.map((peer) => ({
      id: 'check',
      peer: peer.id,
      direction: 'both',
      lossPercent: 100,
      untilMs,
    }))
    // Renamed into place, so that a node never reads half a file.
    const file = path.join(dataDir, LINK_FAULTS_FILE)
    await writeFile(`${file}.new`, JSON.stringify({ faults }))
    await rename(`${file}.new`, file)
  }
  await sleep(LINK_FAULTS_SEEN_MS)
}
