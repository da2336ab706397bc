/** The copies that a read collects: how they compare and merge, and how they arrive from other nodes. */
import type { MergeMode } from '../../core/causality/stored-object.ts'
import type { CopyRules, Found } from '../../core/replication/copy-rules.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Reply } from '../peers/reply.ts'
import { mergeCopies, type Replica } from '../replica/replica.ts'
import type { RecordAnswer, VersionAnswer } from '../wire/asks/copy-asks.ts'
import {
  ABSENT_COPY,
  type Copy,
  encodeVersion,
  equalVersions,
  type Version,
} from '../wire/object-record.ts'

export type FoundCopy = Found<Copy, Version>

export function copyRules(codec: Codec, mode: MergeMode): CopyRules<Copy, Version> {
  return {
    versionOf: ({ object }) => encodeVersion(object),
    isSame: equalVersions,
    merge: (a, b) => mergeCopies(codec, mode, a, b),
    isAbsent: ({ record }) => record.length === 0,
  }
}

export function foundCopy(copy: Copy): FoundCopy {
  return { version: encodeVersion(copy.object), copy }
}

/** The owner's copy or version in an answer. Returns undefined if there is none, or if the copy is damaged. */
export function foundIn(
  replica: Replica,
  reply: Reply<RecordAnswer | VersionAnswer>,
): FoundCopy | undefined {
  if (reply.type !== 'ok') return undefined
  const { answer } = reply
  if ('version' in answer) return { version: answer.version, copy: undefined }
  const copy = copyIn(replica, answer.record)
  return copy && foundCopy(copy)
}

/** Decodes a record that a peer sent. Returns undefined if it is damaged. */
export function copyIn(replica: Replica, record: Uint8Array): Copy | undefined {
  if (record.length === 0) return ABSENT_COPY
  const received = replica.receive(record)
  return 'code' in received ? undefined : received
}
