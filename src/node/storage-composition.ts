/** Opens the directory of a node: its disk, its stored state, the identity and the clock of this life. */
import { CheckedDisk } from './storage/checked-disk.ts'
import { DirectoryProof } from './identity/directory-proof.ts'
import { frameAll } from './storage/frame-migration.ts'
import { GroupCommit } from './storage/group-commit.ts'
import { HintStore } from './hints/hint-store.ts'
import { IndexRepair } from './storage/index-repair.ts'
import { LifeFences } from './peers/life-fences.ts'
import { distrust, distrustIndex, forgetLives, migrate } from './identity/migration.ts'
import type { NodeSettings } from './node-settings.ts'
import type { NodePorts } from './node-ports.ts'
import { NodeClock } from './identity/node-clock.ts'
import { type NodeIdentity, takeIdentity } from './identity/node-identity.ts'
import { NodeState } from './identity/node-state.ts'
import { ObjectTable } from './storage/object-table.ts'
import { objectBytesMax } from './replica/sibling-limits.ts'
import { PeerLives } from './identity/peer-lives.ts'
import { SET_BYTES_MAX } from './write/type-change.ts'
import { WatchedDisk } from './storage/watched-disk.ts'

export interface NodeStorage {
  /** The ports of the node, with `disk` as their disk. */
  readonly ports: NodePorts
  readonly disk: CheckedDisk
  readonly commits: GroupCommit
  readonly table: ObjectTable
  readonly indexes: IndexRepair
  readonly state: NodeState
  readonly identity: NodeIdentity
  readonly proof: DirectoryProof
  readonly clock: NodeClock
  readonly lives: PeerLives
  readonly fences: LifeFences
  readonly hints: HintStore
}

/**
 * Resolves once the identity and the bound of the clock are durable, and the hints of earlier lives are read. Rejects
 * like `composeNode`.
 */
export async function openStorage(given: NodePorts, settings: NodeSettings): Promise<NodeStorage> {
  await frameAll(given.disk, given.codec, given.log)
  const disk = new CheckedDisk(new WatchedDisk(given))
  const ports: NodePorts = { ...given, disk }
  const { codec, log, metrics } = ports
  const commits = new GroupCommit(ports)
  const table = new ObjectTable(ports, commits, settings.cacheBytesMax)
  const state = await NodeState.load(disk, codec, commits)
  const indexes = new IndexRepair(ports, { commits, table, markTorn: () => distrustIndex(state) })
  disk.damaged.listen((key) => {
    metrics.count('corrupt_records_total')
    log.error({ key }, 'a damaged record was found on the disk')
    indexes.damaged(key)
  })
  disk.onHealth(({ state: health, reason }) => {
    if (health === 'ok') log.info({}, 'the disk takes writes again')
    else log.error({ health, reason }, 'the disk takes no writes')
  })
  const chance = (bound: number): number => ports.random.below(bound)
  if (settings.hasLostData === true) await distrust(state)
  await forgetLives(state)
  await migrate(ports, commits, state)
  indexes.start()
  const startMs = Math.floor(ports.clock.wallMs())
  const identity = await takeIdentity(state, settings.nodeId, startMs, chance)
  // Stored before anything else, so that the node need not ask to join again after a restart.
  if (settings.joined !== undefined && state.get('topology') === undefined) {
    await state.set('topology', settings.joined)
  }
  const proof = await DirectoryProof.load(state, settings.hasLostData === true)
  const lives = new PeerLives(state.get('heard'))
  const clock = new NodeClock(ports, { state, lives, maxDriftMs: settings.maxClockDriftMs })
  const fences = new LifeFences(state)
  await clock.start()
  const hints = new HintStore(ports, {
    table,
    commits,
    bytesPerOwnerMax: settings.hintBytesPerOwnerMax,
    objectBytesMax: objectBytesMax(settings.maxValueBytes ?? SET_BYTES_MAX),
  })
  await hints.start()
  return {
    ports,
    disk,
    commits,
    table,
    indexes,
    state,
    identity,
    proof,
    clock,
    lives,
    fences,
    hints,
  }
}
