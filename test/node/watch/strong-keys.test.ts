/** A watch tells no value of a strong key that is older than the proposal which it was told of. */
import { expect, it } from 'vitest'
import { ABSENT, type StoredObject } from '../../../src/core/causality/stored-object.ts'
import { atBallot } from '../../../src/core/consensus/register.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import { decidedValue } from '../../../src/node/watch/strong-keys.ts'
import type { Timers } from '../../../src/ports/timers.ts'

const AT_ONCE: Timers = {
  after: (_, task) => {
    queueMicrotask(task)
    return { cancel: () => undefined }
  },
  every: () => ({ cancel: () => undefined }),
  soon: queueMicrotask,
}

function at(counter: number): StoredObject {
  return atBallot(ABSENT, { counter, node: 'n1' })
}

/** Reads these values, one after the other, and the last one again and again. */
function reading(counters: readonly number[]): () => Promise<StoredObject> {
  const left = [...counters]
  return () => Promise.resolve(at((left.length > 1 ? left.shift() : left[0]) as number))
}

it('waits until the proposal, or a later one, is decided', async () => {
  expect(await decidedValue(AT_ONCE, at(5), reading([3, 4, 5]), () => false)).toEqual(at(5))
  expect(await decidedValue(AT_ONCE, at(5), reading([7]), () => false)).toEqual(at(7))
})

it('gives up for now if the proposal is not decided in time, or nothing can be read', async () => {
  expect(await decidedValue(AT_ONCE, at(5), reading([3]), () => false)).toBeUndefined()
  expect(await decidedValue(AT_ONCE, at(5), reading([3]), () => true)).toBeUndefined()
  const cut = (): Promise<never> => Promise.reject(new QuorateError('quorum_unreachable', 'cut'))
  expect(await decidedValue(AT_ONCE, at(5), cut, () => false)).toBeUndefined()
})
