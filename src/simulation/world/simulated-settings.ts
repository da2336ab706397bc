/** The settings of every node in a simulated world. */
import type { NodeSettings } from '../../node/node-settings.ts'

export const SETTINGS: Omit<NodeSettings, 'nodeId' | 'members'> = {
  durability: 'sync',
  requestTimeoutMs: 2000,
  maxClockDriftMs: 500,
  // Small, so that many reads miss the cache.
  cacheBytesMax: 24 * 1024,
  // Small, so that some hints are dropped.
  hintBytesPerOwnerMax: 24 * 1024,
  inflightRequestsMax: 1000,
}
