/** The kinds of buckets that a client and a session give: one method for each. */
import { Bucket, type BucketOptions } from './bucket.ts'
import { CounterBucket, type TypeOptions } from './counter-bucket.ts'
import { KeyRequests, type RequestParts } from './key-requests.ts'
import { SetBucket } from './set-bucket.ts'
import { StrongBucket, type StrongOptions } from './strong-bucket.ts'
import { type Format, text } from './value-format.ts'

/** Options that name no format: the values are text. */
type AsText<O> = Omit<O, 'format'> & { readonly format?: undefined }
/** Options with a format, of which the type of the values follows. */
type Formatted<O, T> = O & { readonly format: Format<T> }

export class Handles {
  readonly #parts: RequestParts

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  /** A bucket of mode `siblings` or `lww`. Throws TypeError if that cannot be the name of a bucket. */
  bucket(name: string, options?: AsText<BucketOptions<string>>): Bucket<string>
  bucket<T>(name: string, options: Formatted<BucketOptions<T>, T>): Bucket<T>
  bucket<T>(
    name: string,
    options: AsText<BucketOptions<string>> | Formatted<BucketOptions<T>, T> = {},
  ): Bucket<string> | Bucket<T> {
    const requests = new KeyRequests(name, this.#parts)
    return options.format === undefined
      ? new Bucket(requests, text, options)
      : new Bucket(requests, options.format, options)
  }

  /** A bucket of mode `strong`. */
  strong(name: string, options?: AsText<StrongOptions<string>>): StrongBucket<string>
  strong<T>(name: string, options: Formatted<StrongOptions<T>, T>): StrongBucket<T>
  strong<T>(
    name: string,
    { format }: { readonly format?: Format<T> | undefined } = {},
  ): StrongBucket<string> | StrongBucket<T> {
    const requests = new KeyRequests(name, this.#parts)
    return format === undefined
      ? new StrongBucket(requests, text)
      : new StrongBucket(requests, format)
  }

  /** A bucket of mode `counter`. */
  counters(name: string, options: TypeOptions = {}): CounterBucket {
    return new CounterBucket(new KeyRequests(name, this.#parts), options)
  }

  /** A bucket of mode `set`. */
  sets(name: string, options: TypeOptions = {}): SetBucket {
    return new SetBucket(new KeyRequests(name, this.#parts), options)
  }
}
