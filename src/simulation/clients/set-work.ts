/**
 * The workload `set`: clients add each element once and remove elements, through any node at any level. An acknowledged
 * element that no remove named is present. An element is absent if a quorum saw its remove.
 */
import { elementsOf } from '../../core/causality/element-set.ts'
import type { PlainLevel } from '../../core/quorum/level.ts'
import type { ReadAnswer, TypeChange } from '../../node/service/service.ts'
import { requestOptions, type Via } from './client.ts'
import type { Write } from '../checks/key-history.ts'
import { chooseKey, type KeySet, siblingsKeys } from './value-work.ts'
import { readEach, type Workload } from './client-workload.ts'

const LEVELS: readonly PlainLevel[] = ['eventual', 'quorum', 'quorum', 'all']
/** A larger set is mostly emptied, so that sets stay small. */
const ELEMENTS_PLENTY = 8

export function setWork(bucket: string, keys: readonly string[]): Workload {
  const set = siblingsKeys(bucket, keys)
  let nextId = 0
  /** Elements that a client saw at quorum. A later remove at quorum certainly sees them. */
  const known = new Map<string, readonly string[]>()
  return {
    work: {
      turn: (via, done) => {
        const key = chooseKey(keys, via.random)
        const level = LEVELS[via.random.below(LEVELS.length)] as PlainLevel
        const seen = known.get(key)
        if (seen === undefined || via.random.chance(30)) {
          readSet(set, via, key, level, (elements) => {
            if (elements !== undefined) known.set(key, elements)
            done()
          })
          return
        }
        known.delete(key)
        const remove = seen.filter(() => via.random.chance(seen.length > ELEMENTS_PLENTY ? 90 : 20))
        const id = nextId++
        const add = remove.length > 0 && via.random.chance(50) ? [] : [`${key}:${id}`]
        if (via.random.chance(20) && add.length > 0) add.push(`${key}:${id}b`)
        update(set, via, key, level, id, { type: 'set', add, remove }, done)
      },
    },
    readAll: readEach(
      keys,
      (key) => ({ label: key, options: requestOptions({ bucket, key, level: 'all' }) }),
      (via, key, answer) => set.histories.get(key)?.seenAtRest(elementsIn(answer), via.nowUs()),
    ),
  }
}

function readSet(
  set: KeySet,
  via: Via,
  key: string,
  level: PlainLevel,
  done: (elements: readonly string[] | undefined) => void,
): void {
  const startUs = via.nowUs()
  via.call(
    `get ${key} ${level}`,
    (service) => service.get(requestOptions({ bucket: set.bucket, key, level })),
    (outcome) => {
      if (outcome.type !== 'ok') {
        done(undefined)
        return
      }
      const elements = elementsIn(outcome.answer)
      const history = set.histories.get(key)
      if (level === 'eventual') history?.seen(elements)
      else history?.seenAtQuorum(elements, startUs, via.nowUs())
      done(level === 'eventual' ? undefined : elements)
    },
  )
}

/** Sends one request. For the history it is one write for each added element, and one for all removed elements. */
function update(
  set: KeySet,
  via: Via,
  key: string,
  level: PlainLevel,
  id: number,
  change: Extract<TypeChange, { type: 'set' }>,
  done: () => void,
): void {
  const isQuorum = level !== 'eventual'
  const made = (value: string | undefined, replaced: readonly string[]): Write => ({
    id,
    value,
    startUs: via.nowUs(),
    endUs: Infinity,
    outcome: 'pending',
    isQuorum,
    isCounted: true,
    replaced,
    isSure: isQuorum || replaced.length === 0,
    expiresUs: Infinity,
  })
  const writes = change.add.map((element) => made(element, []))
  if (change.remove.length > 0) writes.push(made(undefined, change.remove))
  const history = set.histories.get(key)
  for (const write of writes) history?.begin(write)
  via.call(
    `update ${key} add [${change.add.join(' ')}] remove [${change.remove.join(' ')}] ${level}`,
    (service) => service.update({ ...requestOptions({ bucket: set.bucket, key, level }), change }),
    (outcome) => {
      for (const write of writes) history?.end(write, outcome.type, via.nowUs())
      done()
    },
  )
}

function elementsIn({ siblings }: ReadAnswer): string[] {
  return elementsOf(siblings).map((element) =>
    typeof element === 'string' ? element : decoder.decode(element),
  )
}

const decoder = new TextDecoder()
