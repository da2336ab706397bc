/** The settings of every node in a simulated world. */
import type { NodeSettings } from '../../node/node-settings.ts'

export const SETTINGS: Omit<NodeSettings, 'nodeId' | 'members'> = {
  durability: 'sync',
  requestTimeoutMs: 2000,
  maxClockDriftMs: 500,
  // Small, so that what is not in memory is met often.
  cacheBytesMax: 24 * 1024,
  // So that some hints are dropped.
  hintBytesPerOwnerMax: 24 * 1024,
  inflightRequestsMax: 1000,
}
