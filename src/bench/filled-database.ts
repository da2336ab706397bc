/** Fills the databases of nodes that do not run, so that a cluster can start with a million keys. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Level } from 'level'
import { msgpackCodec } from '../adapters/codec/msgpack-codec.ts'
import { timestampOf } from '../core/causality/hybrid-clock.ts'
import { write } from '../core/causality/stored-object.ts'
import { partitionOf } from '../core/placement/data-partition.ts'
import { recordOperations } from '../node/storage/data-index.ts'
import { ABSENT_COPY, type Copy, encodeCopy } from '../node/wire/object-record.ts'
import { frame } from '../node/storage/record-frame.ts'
import { dataKey } from '../node/storage/storage-keys.ts'
import { keyName } from './systems/system.ts'

const BATCH = 2000
/** Values are parts of this text, because LevelDB would compress repeated bytes. */
const TEXT = Buffer.from(randomBytes(2 ** 20).toString('base64'))
/** A prime number, so that the values of successive keys begin far apart. */
const STEP = 104_729

/** Writes so many keys of the bucket `default` into the directories of nodes that own all keys. */
export async function fillDatabases(
  nodeDirs: readonly string[],
  keys: number,
  valueBytes: number,
): Promise<void> {
  await withDatabases(nodeDirs, keys, (key, i) =>
    recordOperations(msgpackCodec, storageKeyOf(key), ABSENT_COPY, copyOf(i, valueBytes)),
  )
}

/** The copy of the key of this number. In one process it is always the same. */
export function copyOf(number: number, valueBytes: number): Copy {
  const start = (number * STEP) % (TEXT.length - valueBytes)
  const value = new Uint8Array(TEXT.subarray(start, start + valueBytes))
  const dot = { actor: 'bench~1', timestamp: timestampOf(1_767_225_600_000) }
  const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
  return encodeCopy(msgpackCodec, write('siblings', ABSENT_COPY.object, dot, content, undefined))
}

export function storageKeyOf(key: string): string {
  return dataKey(partitionOf('default', key), 'default', key)
}

/** Applies the same operations to each database. */
export async function withDatabases(
  nodeDirs: readonly string[],
  count: number,
  operationsOf: (key: string, i: number) => ReturnType<typeof recordOperations>,
): Promise<void> {
  const databases = nodeDirs.map(
    (nodeDir) => new Level<string, Uint8Array>(join(nodeDir, 'db'), { valueEncoding: 'buffer' }),
  )
  try {
    for (let start = 0; start < count; start += BATCH) {
      const length = Math.min(BATCH, count - start)
      const operations = Array.from({ length }, (_, i) =>
        operationsOf(keyName(start + i), start + i),
      ).flat()
      const framed = operations.map((operation) =>
        operation.type === 'put'
          ? { ...operation, value: frame(operation.key, operation.value) }
          : { type: 'del' as const, key: operation.key },
      )
      await Promise.all(databases.map((database) => database.batch(framed)))
    }
  } finally {
    await Promise.all(databases.map((database) => database.close()))
  }
}
