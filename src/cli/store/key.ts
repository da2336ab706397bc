/** One key of a bucket, as commands read and write it: a value is bytes with a type of its own. */
import { isUtf8 } from 'node:buffer'
import {
  bytes,
  type Entry,
  type Format,
  type Level,
  type PlainLevel,
  type Quorate,
  RejectedError,
  type Sibling,
} from '../../client/quorate.ts'
import { entryOf } from '../../client/entry.ts'
import { encodeKey } from '../../client/key-requests.ts'
import type { Sender } from '../../client/request/sender.ts'
import { shellWord } from '../../terminal/terminal-text.ts'

export interface KeyName {
  readonly bucket: string
  readonly key: string
}

export type Bytes = Uint8Array<ArrayBuffer>

const TEXT_TYPE = 'text/plain; charset=utf-8'
const BYTES_TYPE = 'application/octet-stream'
const NOT_FOUND = 404

/** Rejects as `Bucket.get` does. */
export function readKey(
  client: Quorate,
  { bucket, key }: KeyName,
  level: Level | undefined,
  signal: AbortSignal,
): Promise<Entry<Bytes>> {
  const consistency = plainly(level)
  return client.bucket(bucket, { format: bytes }).get(key, { consistency, signal })
}

/**
 * The sibling with this id alone; undefined if the key has none. The ordinary read does not tell the id of a value that
 * has no siblings, so only the node can compare it.
 */
export async function readSibling(
  sender: Sender,
  at: KeyName,
  id: string,
  level: Level | undefined,
  signal: AbortSignal,
): Promise<Entry<Bytes> | undefined> {
  const request = {
    method: 'GET',
    path: `/v1/kv/${at.bucket}/${encodeKey(at.key)}`,
    query: { sibling: id, ...(level === undefined ? {} : { consistency: level }) },
    headers: {},
    statuses: [200],
  } as const
  try {
    const answer = await sender.send(request, sender.budget({ signal }))
    return entryOf(answer, bytes, undefined, nameOf(at))
  } catch (error) {
    const isAbsent = error instanceof RejectedError && error.problem?.status === NOT_FOUND
    if (!isAbsent) throw error
    return undefined
  }
}

/** The mode of the bucket is not known here. A node refuses a level that the mode does not allow. */
export function plainly(level: Level | undefined): PlainLevel | undefined {
  return level as PlainLevel | undefined
}

export function formatOf(contentType: string): Format<Bytes> {
  return { ...bytes, contentType }
}

export function typeOf(value: Uint8Array): string {
  return isUtf8(value) ? TEXT_TYPE : BYTES_TYPE
}

/** The name for messages. */
export function nameOf({ bucket, key }: KeyName): string {
  return `${bucket}/${key}`
}

/** The words of a command line that name the key. */
export function wordsOf({ bucket, key }: KeyName): string {
  return `${bucket} ${key.startsWith('-') ? '-- ' : ''}${shellWord(key)}`
}

/** The promised form of a read (README.md). */
export function entryJson(at: KeyName, entry: Entry<Bytes>): object {
  return {
    ...at,
    siblings: entry.siblings.map(siblingJson),
    context: entry.context ?? null,
    etag: entry.etag ?? null,
    level: entry.level,
    node: entry.node,
  }
}

function siblingJson({ id, contentType, node, time, value }: Sibling<Bytes>): object {
  return {
    id: id ?? null,
    contentType,
    size: value.byteLength,
    node: node ?? null,
    time: time?.toISOString() ?? null,
    ...(isUtf8(value)
      ? { value: Buffer.from(value).toString('utf8') }
      : { valueBase64: Buffer.from(value).toString('base64') }),
  }
}
