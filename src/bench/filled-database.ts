/** Fills the databases of nodes that do not run, so that a cluster can start with a million keys. */
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

const BATCH = 5000

/** Writes so many keys of the bucket `default` into the directory of a node that owns all keys. */
export async function fillDatabase(
  nodeDir: string,
  keys: number,
  valueBytes: number,
): Promise<void> {
  await withDatabase(nodeDir, keys, (key) =>
    recordOperations(msgpackCodec, storageKeyOf(key), ABSENT_COPY, copyOf(key, valueBytes)),
  )
}

export function copyOf(key: string, valueBytes: number): Copy {
  const value = new Uint8Array(valueBytes).fill(key.length)
  const dot = { actor: 'bench~1', timestamp: timestampOf(1_767_225_600_000) }
  const content = { value, contentType: 'text/plain', tombstone: false, expiresAtMs: 0 }
  return encodeCopy(msgpackCodec, write('siblings', ABSENT_COPY.object, dot, content, undefined))
}

export function storageKeyOf(key: string): string {
  return dataKey(partitionOf('default', key), 'default', key)
}

export function nameOf(i: number): string {
  return `key-${i.toString(36).padStart(6, '0')}`
}

export async function withDatabase(
  nodeDir: string,
  count: number,
  operationsOf: (key: string, i: number) => ReturnType<typeof recordOperations>,
): Promise<void> {
  const database = new Level<string, Uint8Array>(join(nodeDir, 'db'), { valueEncoding: 'buffer' })
  try {
    for (let start = 0; start < count; start += BATCH) {
      const length = Math.min(BATCH, count - start)
      const operations = Array.from({ length }, (_, i) =>
        operationsOf(nameOf(start + i), start + i),
      ).flat()
      await database.batch(
        operations.map((operation) =>
          operation.type === 'put'
            ? { ...operation, value: frame(operation.key, operation.value) }
            : { type: 'del' as const, key: operation.key },
        ),
      )
    }
  } finally {
    await database.close()
  }
}
