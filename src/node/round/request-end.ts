/** The end of a request, as callbacks: the path of a request makes no promise at each step. */

/** Receives the outcome of a request. One of the two is called, once. */
export interface RequestEnd<T> {
  readonly answered: (answer: T) => void
  readonly failed: (error: unknown) => void
}

/** Starts a request, and returns its outcome as a promise. */
export function asPromise<T>(run: (end: RequestEnd<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => run({ answered: resolve, failed: reject }))
}

/** Ends with the outcome of `running`. */
export function endWith<T>(running: Promise<T>, { answered, failed }: RequestEnd<T>): void {
  running.then(answered, failed)
}

/** Runs a step that may throw before it has ended the request. */
export function orFail<T>(end: RequestEnd<T>, step: () => void): void {
  try {
    step()
  } catch (error) {
    end.failed(error)
  }
}
