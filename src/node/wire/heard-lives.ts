/** The stamps that one node has heard from the lives of another, as they are sent and stored. */
import type { Timestamp } from '../../core/causality/dot.ts'
import type { Encodable } from '../../ports/codec.ts'

export interface HeardLives {
  /** Life → its highest stamp, for the lives that were heard last. */
  readonly named: ReadonlyMap<number, Timestamp>
  /** The highest stamp of all other lives; 0 if there are none. */
  readonly unnamed: Timestamp
}

/** The highest stamp of all lives. */
export function latestOf({ named, unnamed }: HeardLives): Timestamp {
  return Math.max(unnamed, ...named.values())
}

/** Gives `[latest, unnamed, life, stamp, …]`. A node that does not know named lives reads only `latest`. */
export function encodeLives(lives: HeardLives): Encodable[] {
  return [latestOf(lives), lives.unnamed, ...[...lives.named].flat()]
}

/** Decodes `encodeLives`. An older version sends one number, the highest stamp. Returns undefined for garbage. */
export function parseLives(encoded: readonly unknown[]): HeardLives | undefined {
  if (!encoded.every((number) => Number.isSafeInteger(number))) return undefined
  const [latest, unnamed = latest, ...pairs] = encoded as readonly number[]
  if (latest === undefined || unnamed === undefined) return undefined
  const named = new Map<number, Timestamp>()
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    named.set(pairs[i] as number, pairs[i + 1] as Timestamp)
  }
  return { named, unnamed }
}
