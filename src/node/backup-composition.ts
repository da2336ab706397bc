/** Composes backups: the snapshots that this node holds, and the backups that it makes. */
import { Backups } from './backup/backups.ts'
import { HeldCuts } from './backup/held-cuts.ts'
import type { NodeCluster } from './cluster-composition.ts'
import type { NodeCopies } from './copies-composition.ts'
import type { NodeStorage } from './storage-composition.ts'

export interface NodeBackups {
  readonly held: HeldCuts
  readonly backups: Backups
}

export function composeBackups(
  { ports, clock, indexes, hints }: NodeStorage,
  { keeper, peers, gate, arrival, isProven }: NodeCluster,
  { gained, horizon, replaceVanished }: NodeCopies,
  self: string,
): NodeBackups {
  const held = new HeldCuts(ports, {
    self,
    keeper,
    clock,
    peers,
    gained,
    gate,
    trust: arrival,
    isComplete: () => isProven() && !arrival.isFilling,
    indexes,
    horizon: () => horizon.value,
    hintOwners: () => [...hints.owners().keys()],
    replaceVanished,
  })
  const backups = new Backups(ports, {
    self,
    keeper,
    peers,
    clock,
    horizon,
    held,
  })
  return { held, backups }
}
