/**
 * Collects the owners' copies for one read: the full copy of some owners, only the version of others, and the merge of
 * all full copies. From these it decides which owners to ask for their full copy, and which owners to repair.
 */
import type { MergeMode } from '../../core/causality/stored-object.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Reply } from '../peers/reply.ts'
import type { RecordAnswer, VersionAnswer } from '../wire/asks/copy-asks.ts'
import {
  ABSENT_COPY,
  type Copy,
  encodeVersion,
  equalVersions,
  type Version,
} from '../wire/object-record.ts'
import { mergeCopies, type Replica } from '../replica/replica.ts'

/** One owner's answer: its full copy, or only its version. */
export interface Found {
  readonly version: Version
  readonly copy: Copy | undefined
}

/** A copy, and all owners that are known to hold it. */
export interface HeldCopy {
  readonly copy: Copy
  readonly owners: ReadonlySet<string>
}

export class OwnerCopies {
  readonly #codec: Codec
  readonly #mode: MergeMode
  readonly #found = new Map<string, Found>()
  /** Copies of owners whose repair failed. */
  readonly #unrepaired = new Map<string, Found>()
  /** Owners whose record cannot be read. They are repaired like laggards, but never counted. */
  readonly #corrupt = new Set<string>()
  #merged: Copy | undefined

  constructor(codec: Codec, mode: MergeMode) {
    this.#codec = codec
    this.#mode = mode
  }

  /** Number of owners that have answered with a readable copy or version. */
  get count(): number {
    return this.#found.size
  }

  /** Whether this owner has answered with a readable copy or version. */
  has(owner: string): boolean {
    return this.#found.has(owner)
  }

  /** All full copies merged; undefined before the first. */
  get merged(): Copy | undefined {
    return this.#merged
  }

  take(owner: string, found: Found): void {
    this.#found.set(owner, found)
    if (found.copy !== undefined) this.merge(found.copy)
  }

  /** Adds a copy that belongs to no owner, because fallbacks keep it. */
  merge(copy: Copy): void {
    this.#merged =
      this.#merged === undefined ? copy : mergeCopies(this.#codec, this.#mode, this.#merged, copy)
  }

  /** Stops counting an owner whose version is known, but whose full copy could not be read. */
  lose(owner: string): void {
    this.#found.delete(owner)
  }

  /** Stops counting an owner whose repair failed. It is not repaired again. Its copy stays merged. */
  markUnrepaired(owner: string): void {
    const found = this.#found.get(owner)
    if (found !== undefined) this.#unrepaired.set(owner, found)
    this.#found.delete(owner)
    this.#corrupt.delete(owner)
  }

  markCorrupt(owner: string): void {
    this.#corrupt.add(owner)
  }

  markRepaired(owner: string, copy: Copy): void {
    this.#corrupt.delete(owner)
    this.#found.set(owner, { version: encodeVersion(copy.object), copy })
  }

  /** Owners known only by a version that differs from the merged copy. The merged copy may lack some of their writes. */
  lacking(): string[] {
    if (this.#merged === undefined) return [...this.#found.keys()]
    const merged = encodeVersion(this.#merged.object)
    return this.#matching(
      ({ copy, version }) => copy === undefined && !equalVersions(version, merged),
    )
  }

  /** Owners that do not have the merged copy, those with damaged records included. */
  laggards(): string[] {
    if (this.#merged === undefined) return []
    const merged = encodeVersion(this.#merged.object)
    return [...this.#matching(({ version }) => !equalVersions(version, merged)), ...this.#corrupt]
  }

  /** Owners that have the merged copy. */
  holders(): Set<string> {
    const holders = new Set(this.#found.keys())
    for (const laggard of this.laggards()) holders.delete(laggard)
    return holders
  }

  /** Finds a copy that enough owners hold without any repair. Owners whose repair failed count here. */
  heldByEnough(isEnough: (owners: ReadonlySet<string>) => boolean): HeldCopy | undefined {
    const all = [...this.#found, ...this.#unrepaired]
    for (const [, { copy, version }] of all) {
      if (copy === undefined) continue
      const alike = all.filter(([, other]) => equalVersions(other.version, version))
      const owners = new Set(alike.map(([owner]) => owner))
      if (isEnough(owners)) return { copy, owners }
    }
    return undefined
  }

  #matching(wanted: (found: Found) => boolean): string[] {
    const owners: string[] = []
    for (const [owner, found] of this.#found) if (wanted(found)) owners.push(owner)
    return owners
  }
}

/** The owner's copy or version in an answer. Returns undefined if there is none, or if the copy is damaged. */
export function foundIn(
  replica: Replica,
  reply: Reply<RecordAnswer | VersionAnswer>,
): Found | undefined {
  if (reply.type !== 'ok') return undefined
  const { answer } = reply
  if ('version' in answer) return { version: answer.version, copy: undefined }
  const copy = copyIn(replica, answer.record)
  return copy && { version: encodeVersion(copy.object), copy }
}

/** Decodes a record that a peer sent. Returns undefined if it is damaged. */
export function copyIn(replica: Replica, record: Uint8Array): Copy | undefined {
  if (record.length === 0) return ABSENT_COPY
  const received = replica.receive(record)
  return 'code' in received ? undefined : received
}
