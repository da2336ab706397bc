/**
 * What a node keeps about itself across restarts, under `m/`: format, node id, incarnation, the clock's bound and correction,
 * the horizon, when it last heard its peers, whether the directory is known to be the newest and which lives had
 * it, the topology document, the acceptor of the topology register, what an acceptor that lost its promises has
 * to refuse, how far it has come in taking over what it gains, and which version of the protocol each member speaks. `names` lists which of these are stored, because
 * a record that damage has hidden must not pass for one that was never written.
 */
import type { Codec, Encodable } from '../../ports/codec.ts'
import type { Disk, DiskOperation } from '../../ports/disk.ts'
import { CheckedDisk, DamagedStateError } from '../storage/checked-disk.ts'
import { unframedFormat } from '../storage/frame-migration.ts'
import type { GroupCommit } from '../storage/group-commit.ts'
import { metaKey } from '../storage/storage-keys.ts'

const NAMES = [
  'format',
  'node',
  'incarnation',
  'clock',
  'clock-correction',
  'horizon',
  'heard',
  'proof',
  'own-lives',
  'topology',
  'acceptor',
  'ballot-floor',
  'gained',
  'intake',
  'ballot-floors',
  'fences',
  'versions',
] as const
/** Which of them are stored. */
const NAMES_KEY = metaKey('names')
export type StateName = (typeof NAMES)[number]

export class NodeState {
  readonly #codec: Codec
  readonly #commits: GroupCommit
  readonly #values: Map<StateName, Encodable>
  /** Those that are stored, or on their way to the disk. */
  readonly #listed: Set<StateName>

  private constructor(codec: Codec, commits: GroupCommit, values: Map<StateName, Encodable>) {
    this.#codec = codec
    this.#commits = commits
    this.#values = values
    this.#listed = new Set(values.keys())
  }

  /** Rejects with `DamagedStateError` where something of it cannot be believed. */
  static async load(disk: Disk, codec: Codec, commits: GroupCommit): Promise<NodeState> {
    return new NodeState(codec, commits, await storedValues(disk, codec))
  }

  get(name: StateName): Encodable | undefined {
    return this.#values.get(name)
  }

  /** Resolves once durable. */
  async set(name: StateName, value: Encodable): Promise<void> {
    const isNew = !this.#listed.has(name)
    this.#values.set(name, value)
    this.#listed.add(name)
    const operations: DiskOperation[] = [
      { type: 'put', key: metaKey(name), value: this.#codec.encode(value) },
    ]
    if (isNew) {
      const names = this.#codec.encode([...this.#listed])
      operations.push({ type: 'put', key: NAMES_KEY, value: names })
    }
    try {
      await this.#commits.store(operations, 'sync')
    } catch (error) {
      // A name that is listed without its record would pass for damage at the next start.
      if (isNew) this.#listed.delete(name)
      throw error
    }
  }
}

async function storedValues(disk: Disk, codec: Codec): Promise<Map<StateName, Encodable>> {
  const [listed, ...records] = await disk.getMany([NAMES_KEY, ...NAMES.map(metaKey)])
  const values = new Map<StateName, Encodable>()
  NAMES.forEach((name, i) => {
    const record = records[i]
    if (record !== undefined) values.set(name, codec.decode(record))
  })
  const names = listed === undefined ? [] : (codec.decode(listed) as readonly StateName[])
  const hidden = names.find((name) => NAMES.includes(name) && !values.has(name))
  if (hidden !== undefined) throw new DamagedStateError(`${metaKey(hidden)} has vanished`)
  return values
}

/**
 * The topology document that a disk holds, for callers that need it before a node starts on that disk. Rejects with
 * `DamagedStateError` where anything that the node has stored of itself cannot be believed.
 */
export async function storedTopology(disk: Disk, codec: Codec): Promise<string | undefined> {
  const isFramed = (await unframedFormat(disk, codec)) === undefined
  const values = await storedValues(isFramed ? new CheckedDisk(disk) : disk, codec)
  return values.get('topology') as string | undefined
}
