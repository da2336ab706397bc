/** Operations on a strong key, and what stands in it, in short. */
import { TIMESTAMP_EPOCH_MS } from '../../../src/core/causality/hybrid-clock.ts'
import type { StoredObject } from '../../../src/core/causality/stored-object.ts'
import type { Content } from '../../../src/core/causality/sibling.ts'
import type { Ballot } from '../../../src/core/consensus/ballot.ts'
import type {
  Attempted,
  Condition,
  OperationEnd,
  Requested,
  RegisterRound,
} from '../../../src/core/consensus/register.ts'

export const ACTOR = 'n1~life'
/** Of all rounds whose time does not matter. */
export const NOW_MS = TIMESTAMP_EPOCH_MS + 1_000_000

export interface WriteOptions {
  readonly condition?: Condition
  readonly idempotencyKey?: string
  readonly fingerprint?: string
  readonly doubtful?: readonly Attempted[]
  readonly expiresAtMs?: number
  readonly tombstone?: boolean
}

export function at(counter: number, node = 'n1'): Ballot {
  return { counter, node }
}

export function contentNamed(text: string, { expiresAtMs = 0, tombstone = false } = {}): Content {
  const value = new TextEncoder().encode(tombstone ? '' : text)
  return { value, contentType: tombstone ? '' : 'text/plain', tombstone, expiresAtMs }
}

export function put(timestamp: number, text: string, options: WriteOptions = {}): Requested {
  return {
    operation: {
      type: 'write',
      content: contentNamed(text, options),
      condition: options.condition,
      idempotencyKey: options.idempotencyKey,
      fingerprint: options.fingerprint,
    },
    doubtful: options.doubtful ?? [],
    dot: { actor: ACTOR, timestamp },
  }
}

export function remove(timestamp: number, options: WriteOptions = {}): Requested {
  return put(timestamp, '', { ...options, tombstone: true })
}

export const READ: Requested = { operation: { type: 'read' }, doubtful: [], dot: undefined }

/** The text that stands there, `-` for a tombstone, nothing where nothing ever did. */
export function textOf({ siblings }: StoredObject): string {
  return siblings
    .map(({ value, tombstone }) => (tombstone ? '-' : new TextDecoder().decode(value)))
    .join()
}

/** What became of each operation: its timestamp where it was written. */
export function told({ ends }: RegisterRound): (string | number)[] {
  return ends.map(({ result }: OperationEnd) =>
    result.type === 'written' ? result.dot.timestamp : result.type,
  )
}
