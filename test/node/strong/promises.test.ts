import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { type Ballot, parseBallot } from '../../../src/core/consensus/ballot.ts'
import { Promises } from '../../../src/node/strong/promises.ts'
import { dataKey } from '../../../src/node/storage/storage-keys.ts'
import type { DiskOperation } from '../../../src/ports/disk.ts'

const KEY = dataKey(1, 'locks', 'k')
const LOW: Ballot = { counter: 5, node: 'n1' }
const HIGH: Ballot = { counter: 9, node: 'n2' }

function storedBy(operation: DiskOperation): Ballot | undefined {
  return operation.type === 'put' ? parseBallot(msgpackCodec.decode(operation.value)) : undefined
}

it.each([
  ['rises', [LOW, HIGH]],
  // A lower promise on the disk would count after a restart.
  ['never falls, in memory or on the disk', [HIGH, LOW]],
])('a promise %s', (_, ballots) => {
  const promises = new Promises(msgpackCodec)
  const operations = ballots.map((ballot) => promises.raise(KEY, ballot))

  expect(promises.of(KEY)).toEqual(HIGH)
  expect(storedBy(operations.at(-1) as DiskOperation)).toEqual(HIGH)
})
