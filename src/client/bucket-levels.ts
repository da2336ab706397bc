/**
 * The default level of each bucket, as answers told it. Only `causal` matters: requests at that level belong to the
 * client's session. While the level of a bucket is not known, one request asks, and the others wait for its answer.
 */
export class BucketLevels {
  readonly #levels = new Map<string, string>()
  readonly #asking = new Map<string, Promise<unknown>>()

  find(bucket: string): string | undefined {
    return this.#levels.get(bucket)
  }

  learn(bucket: string, level: string | null): void {
    if (level !== null) this.#levels.set(bucket, level)
  }

  /** The bucket is deleted. Another one with its name may have another level. */
  forget(bucket: string): void {
    this.#levels.delete(bucket)
  }

  /** Settles when the request that asks for the level has ended; undefined if none does. */
  asking(bucket: string): Promise<unknown> | undefined {
    return this.#asking.get(bucket)
  }

  /** The answer to `request` will tell the level. */
  ask<T>(bucket: string, request: Promise<T>): Promise<T> {
    const ended = request.then(
      () => this.#asking.delete(bucket),
      () => this.#asking.delete(bucket),
    )
    this.#asking.set(bucket, ended)
    return request
  }
}
