/** Shares one expensive read of the cluster between the clients that ask for it at the same time. */

/** Runs one read at a time. Callers that come while it runs share its result. */
export class SharedRead<T> {
  readonly #read: () => Promise<T>
  #running: Promise<T> | undefined

  constructor(read: () => Promise<T>) {
    this.#read = read
  }

  run(): Promise<T> {
    this.#running ??= this.#read().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }
}
