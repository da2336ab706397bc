/**
 * The state that a node keeps about itself across restarts, under `m/`. Each value has a name (`NAMES`).
 *
 * One more record, `names`, lists the values that are stored. So a value that damage has hidden is not taken for one
 * that was never written.
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
/** The record that lists the stored names. */
const NAMES_KEY = metaKey('names')
export type StateName = (typeof NAMES)[number]

export class NodeState {
  readonly #codec: Codec
  readonly #commits: GroupCommit
  readonly #values: Map<StateName, Encodable>
  /** The names of the values that are stored, or on their way to the disk. */
  readonly #listed: Set<StateName>

  private constructor(codec: Codec, commits: GroupCommit, values: Map<StateName, Encodable>) {
    this.#codec = codec
    this.#commits = commits
    this.#values = values
    this.#listed = new Set(values.keys())
  }

  /** Rejects with `DamagedStateError` if a stored value is damaged or missing. */
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
      // A name that is listed without its record would be taken for damage at the next start.
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
 * The topology document on a disk, for callers that need it before a node starts on that disk. Rejects with
 * `DamagedStateError` if any of the node's own values is damaged or missing.
 */
export async function storedTopology(disk: Disk, codec: Codec): Promise<string | undefined> {
  const isFramed = (await unframedFormat(disk, codec)) === undefined
  const values = await storedValues(isFramed ? new CheckedDisk(disk) : disk, codec)
  return values.get('topology') as string | undefined
}
