/**
 * The order in which members are probed: all of them in random order, then again in a new one (SWIM section 4.3). So a
 * member is probed at least once in any 2 · members − 1 turns, and nodes do not probe in step.
 */
export type RandomBelow = (bound: number) => number

export class ProbeOrder {
  #ids: readonly string[] = []
  #rest: string[] = []

  reset(ids: readonly string[]): void {
    this.#ids = ids
    this.#rest = []
  }

  /** Undefined only if there is no member to probe. */
  next(random: RandomBelow): string | undefined {
    if (this.#rest.length === 0) this.#rest = shuffled(this.#ids, random)
    return this.#rest.pop()
  }
}

/** In random order, but those in this node's reach first: others could hardly pass an answer on. */
export function relayOrder<T extends { readonly id: string }>(
  relays: readonly T[],
  isInReach: (relay: T) => boolean,
  random: RandomBelow,
): string[] {
  const inTurn = shuffled(relays, random)
  const others = inTurn.filter((relay) => !isInReach(relay))
  return [...inTurn.filter(isInReach), ...others].map(({ id }) => id)
}

/** The shuffle of Fisher and Yates. */
export function shuffled<T>(items: readonly T[], random: RandomBelow): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = random(i + 1)
    const swapped = result[i] as T
    result[i] = result[j] as T
    result[j] = swapped
  }
  return result
}
