/**
 * An event that one mechanism reports and others react to. The listeners run at once, in the order in which they were
 * added. So the order in which a node is composed decides the order of the effects, and runs with equal seeds are equal.
 */
export class Signal<Told extends readonly unknown[] = []> {
  readonly #listeners: ((...told: Told) => void)[] = []

  listen(listener: (...told: Told) => void): void {
    this.#listeners.push(listener)
  }

  emit(...told: Told): void {
    for (const listener of this.#listeners) listener(...told)
  }
}
