/** The asks with which two owners compare their copies (anti-entropy.ts). */
import type { Timestamp } from '../../../core/causality/dot.ts'
import type { HeardVersion } from '../../../core/membership/member-versions.ts'
import type { TreeHash } from '../../../core/repair/hash-tree.ts'
import { decodeHashes, encodeHashes } from '../hash-list.ts'
import { decodeVersions, encodeVersions } from '../wire-version.ts'
import type { AskFormat } from './ask-format.ts'
import { countIn, countsIn, listIn, textIn, wholeIn } from './fields.ts'

/** The largest number of numbers in one request. A place takes two of them. */
const NUMBERS_MAX = 2048

/** The progress of one member (horizon-keeper.ts). */
export type MemberFloor = readonly [member: string, floor: Timestamp, settled: Timestamp]

export interface SyncRequest {
  readonly floors: readonly MemberFloor[]
  /** The replica counts whose trees are compared. */
  readonly copyCounts: readonly number[]
  /** The versions of the protocol that the members speak. A node of version 2 sends none. */
  readonly versions: readonly HeardVersion[] | undefined
}

export interface SyncAnswer {
  readonly floors: readonly MemberFloor[]
  /** The root of the trees for each replica count. */
  readonly hashes: readonly TreeHash[]
  readonly versions: readonly HeardVersion[] | undefined
}

/** Begins a comparison. [floors, copyCounts, versions] → [floors, hashes, versions] */
export const SYNC: AskFormat<SyncRequest, SyncAnswer> = {
  kind: 'sync',
  encode({ floors, copyCounts, versions }, message) {
    message.push(floors.flat(), copyCounts)
    if (versions !== undefined) message.push(encodeVersions(versions))
  },
  decode([floors, copyCounts, versions]) {
    return {
      floors: floorsIn(floors),
      copyCounts: numbersIn(copyCounts),
      versions: versions === undefined ? undefined : decodeVersions(versions),
    }
  },
  encodeAnswer({ floors, hashes, versions }, message) {
    message.push(floors.flat(), encodeHashes(hashes))
    if (versions !== undefined) message.push(encodeVersions(versions))
  },
  decodeAnswer([floors, hashes, versions]) {
    return {
      floors: floorsIn(floors),
      hashes: decodeHashes(hashes),
      versions: versions === undefined ? undefined : decodeVersions(versions),
    }
  },
}

/** A node of the hash tree of one data partition, on a given level. */
export interface TreePlace {
  readonly partition: number
  readonly index: number
}

export interface TreeRequest {
  /** The replica count of the tree. */
  readonly copies: number
  readonly level: number
  readonly places: readonly TreePlace[]
}

export interface TreeAnswer {
  /** One for each place. */
  readonly hashes: readonly TreeHash[]
}

/** Asks for the hashes of some nodes of the trees. [copies, level, places] → [hashes] */
export const TREE: AskFormat<TreeRequest, TreeAnswer> = {
  kind: 'tree',
  encode({ copies, level, places }, message) {
    message.push(copies, level, flat(places))
  },
  decode([copies, level, places]) {
    return { copies: countIn(copies), level: countIn(level), places: placesIn(places) }
  },
  encodeAnswer: ({ hashes }, message) => void message.push(encodeHashes(hashes)),
  decodeAnswer: ([hashes]) => ({ hashes: decodeHashes(hashes) }),
}

export interface LeavesRequest {
  readonly copies: number
  readonly places: readonly TreePlace[]
}

export interface LeavesAnswer {
  /** `bucket/key` → the hash of the copy. */
  readonly copies: ReadonlyMap<string, TreeHash>
  /**
   * The keys among them that hold only tombstones or expired values, with the horizon at which each may be forgotten.
   */
  readonly dying: ReadonlyMap<string, Timestamp>
  /** Everything up to this time is settled at the node. */
  readonly horizon: Timestamp
}

/** Asks for the keys in some leaves. [copies, places] → [names, hashes, dying, horizon] */
export const LEAVES: AskFormat<LeavesRequest, LeavesAnswer> = {
  kind: 'leaves',
  encode({ copies, places }, message) {
    message.push(copies, flat(places))
  },
  decode([copies, places]) {
    return { copies: countIn(copies), places: placesIn(places) }
  },
  encodeAnswer({ copies, dying, horizon }, message) {
    const hashes = encodeHashes([...copies.values()])
    message.push([...copies.keys()], hashes, [...dying].flat(), horizon)
  },
  decodeAnswer([names, encodedHashes, dying, horizon]) {
    const hashes = decodeHashes(encodedHashes)
    if (listIn(names).length !== hashes.length) throw new Error('not a hash for each key')
    const copies = new Map(listIn(names).map((name, i) => [textIn(name), hashes[i] as TreeHash]))
    return { copies, dying: dyingIn(dying), horizon: countIn(horizon) }
  },
}

function flat(places: readonly TreePlace[]): number[] {
  const numbers: number[] = []
  for (const { partition, index } of places) numbers.push(partition, index)
  return numbers
}

function placesIn(field: unknown): TreePlace[] {
  const numbers = numbersIn(field)
  if (numbers.length % 2 !== 0) throw new Error('not a list of places')
  return Array.from({ length: numbers.length / 2 }, (_, i) => ({
    partition: numbers[2 * i] as number,
    index: numbers[2 * i + 1] as number,
  }))
}

function numbersIn(field: unknown): readonly number[] {
  if (listIn(field).length > NUMBERS_MAX) throw new Error('a list has too many numbers')
  return countsIn(field)
}

function floorsIn(field: unknown): MemberFloor[] {
  const fields = listIn(field)
  const floors: MemberFloor[] = []
  for (let i = 0; i < fields.length; i += 3) {
    floors.push([textIn(fields[i]), wholeIn(fields[i + 1]), wholeIn(fields[i + 2])])
  }
  return floors
}

function dyingIn(field: unknown): Map<string, Timestamp> {
  const pairs = listIn(field)
  const dying = new Map<string, Timestamp>()
  for (let i = 0; i < pairs.length; i += 2) dying.set(textIn(pairs[i]), wholeIn(pairs[i + 1]))
  return dying
}
