/**
 * A lock with a fence, on one strong key. The entry names the holder and its fence, and the holder writes it again and
 * again. A waiter that has seen the same ETag for the whole time to live, on its own clock, takes the lock over. So no
 * two clocks are compared.
 *
 * Invariants: each holder's fence is above that of every earlier one. A holder counts its time from before it sent the
 * write, a waiter from after it read it. So the holder's signal aborts before a waiter takes over, if both clocks run
 * at the same rate.
 */
import type { CallOptions } from './key-requests.ts'
import { RejectedError, RequestError, UnknownOutcomeError } from './request/request-error.ts'
import type { Budget, Sender } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'
import type { StrongBucket } from './strong-bucket.ts'

const TTL_MS = 10_000
/** A lock of a shorter time would be lost in every short pause of the process. */
const TTL_MS_MIN = 100
/** How long a call waits, in times to live: long enough to take over the lock of a holder that crashed. */
const WAIT_TTLS = 3
/** How often a holder renews within the time to live. */
const RENEWALS = 3
/** A waiter looks again after this time. The time doubles with each look, up to a tenth of the time to live. */
const LOOK_MS = 50
const LOOKS = 10
/** A release that meets an own write of unknown outcome needs a second round. */
const RELEASE_ROUNDS = 3

export interface LockOptions extends CallOptions {
  /** Three times `ttlMs` if left out. A call that waits for less than `ttlMs` takes over no lock of a crashed holder. */
  readonly timeoutMs?: number | undefined
  /** How long the lock outlives a holder that cannot renew it. */
  readonly ttlMs?: number | undefined
}

/**
 * What the key of a lock holds. It stays after a release, because it keeps the fence. So the bucket must not let its
 * keys expire.
 */
export interface LockEntry {
  readonly fence: number
  /** Null if the lock is free. */
  readonly holder: string | null
  readonly ttlMs: number
}

/** The lock was lost before it was released. */
export class LockLostError extends Error {
  override readonly name = 'LockLostError'
}

/** A held lock. Leaving the block of `await using` releases it. */
export interface Lock extends AsyncDisposable {
  /** Higher than that of every earlier holder. */
  readonly fence: number
  /** Aborts with a LockLostError when the lock is lost. */
  readonly signal: AbortSignal
  /** Never rejects: if the store cannot be reached, the lock ends after its time to live. */
  release(): Promise<void>
}

/**
 * Rejects with a RejectedError if the lock does not become free within `timeoutMs`; with an UnknownOutcomeError if the
 * entry may name this claim, although nobody holds the lock.
 */
export async function acquireLock(
  bucket: StrongBucket<LockEntry>,
  sender: Sender,
  key: string,
  options: LockOptions = {},
): Promise<Lock> {
  const { ttlMs = TTL_MS } = options
  assertUsage(ttlMs >= TTL_MS_MIN, `ttlMs must be at least ${TTL_MS_MIN}, not ${ttlMs}`)
  const claim = new LockClaim({ bucket, sender, key, ttlMs })
  await claim.wait(sender.budget({ ...options, timeoutMs: options.timeoutMs ?? WAIT_TTLS * ttlMs }))
  return claim.hold()
}

interface LockParts {
  readonly bucket: StrongBucket<LockEntry>
  readonly sender: Sender
  readonly key: string
  readonly ttlMs: number
}

class LockClaim {
  readonly #parts: LockParts
  /** Unique, so that a claim recognises its own write if the outcome of that write was unknown. */
  readonly #holder: string
  readonly #lost = new AbortController()
  readonly #released = new AbortController()
  #renewing: Promise<void> = Promise.resolve()
  #fence = 0
  #etag: string | undefined
  /** When the last write that succeeded was sent. */
  #sentMs = 0
  /** The last write of this claim whose outcome is unknown. */
  #unknown: UnknownOutcomeError | undefined

  constructor(parts: LockParts) {
    this.#parts = parts
    this.#holder = parts.sender.ports.random.name()
  }

  /** Resolves when the lock is held. */
  async wait(budget: Budget): Promise<void> {
    try {
      await this.#take(budget)
    } catch (error) {
      // The entry may name this claim until another client has waited for its time to live. That is what to tell.
      throw this.#unknown ?? error
    }
  }

  async #take(budget: Budget): Promise<void> {
    const { bucket, key, sender, ttlMs } = this.#parts
    const { clock, random } = sender.ports
    let failure: RejectedError | undefined
    let seen: { readonly etag: string | undefined; readonly sinceMs: number } | undefined
    for (let looks = 0; ; looks++) {
      const leftMs = budget.deadlineMs - clock.nowMs()
      if (leftMs <= 0) throw failure ?? this.#busy()
      const { value, etag } = await bucket.get(key, this.#optionsOf(budget))
      if (seen === undefined || seen.etag !== etag) seen = { etag, sinceMs: clock.nowMs() }
      const isOwn = value?.holder === this.#holder
      // Another write came first, so the condition of the own write can never hold again.
      if (etag !== this.#etag && !isOwn) this.#unknown = undefined
      if (isOwn || isFree(value, clock.nowMs() - seen.sinceMs)) {
        this.#etag = etag
        this.#fence = isOwn ? value.fence : (value?.fence ?? 0) + 1
        // A lock that is taken has at least half of its time left.
        const endMs = Math.min(budget.deadlineMs, clock.nowMs() + ttlMs / 2)
        const taken = await this.#swap(this.#holder, { ...budget, deadlineMs: endMs })
        if (taken === true) return
        if (taken instanceof UnknownOutcomeError) this.#unknown = taken
        else if (taken !== false) failure = taken
      }
      const longestMs = Math.min(ttlMs / LOOKS, LOOK_MS * 2 ** looks)
      const untilMs = clock.nowMs() + longestMs * (0.5 + random.fraction() / 2)
      await sender.pause(budget, Math.min(untilMs, budget.deadlineMs))
    }
  }

  hold(): Lock {
    this.#renewing = this.#renew()
    const release = (): Promise<void> => this.#release()
    const { signal } = this.#lost
    return { fence: this.#fence, signal, release, [Symbol.asyncDispose]: release }
  }

  /** Writes the entry again and again until the lock is released or lost. Never rejects. */
  async #renew(): Promise<void> {
    const { sender, ttlMs, key } = this.#parts
    const { clock } = sender.ports
    const { signal } = this.#released
    let state: Rewritten = 'done'
    try {
      while (state !== 'lost') {
        const budget = { deadlineMs: this.#sentMs + ttlMs, signal }
        const renewMs = this.#sentMs + ttlMs / RENEWALS
        const nextMs = state === 'done' ? renewMs : clock.nowMs() + LOOK_MS
        await sender.pause(budget, Math.min(nextMs, budget.deadlineMs))
        state =
          clock.nowMs() < budget.deadlineMs ? await this.#rewrite(this.#holder, budget) : 'lost'
      }
    } catch {
      if (signal.aborted) return
      // Otherwise the client was closed: nobody renews the lock any more.
    }
    this.#lost.abort(new LockLostError(`The lock ${key} is lost: it was not renewed in time.`))
  }

  async #release(): Promise<void> {
    if (this.#released.signal.aborted) return
    this.#released.abort()
    await this.#renewing
    const budget = { deadlineMs: this.#sentMs + this.#parts.ttlMs, signal: undefined }
    let state: Rewritten = this.#lost.signal.aborted ? 'lost' : 'again'
    try {
      for (let round = 0; round < RELEASE_ROUNDS && state === 'again'; round++) {
        state = await this.#rewrite(null, budget)
      }
    } catch {
      // The client was closed. The lock ends after its time to live.
    }
  }

  /** Rejects only if a signal aborts. */
  async #rewrite(holder: string | null, budget: Budget): Promise<Rewritten> {
    const { bucket, key } = this.#parts
    try {
      const swapped = await this.#swap(holder, budget)
      if (swapped === true) return 'done'
      if (swapped !== false) return 'again'
      const { value, etag } = await bucket.get(key, this.#optionsOf(budget))
      if (value?.holder !== this.#holder) return 'lost'
      // An earlier write of this claim, of unknown outcome, was applied.
      this.#etag = etag
      return 'again'
    } catch (error) {
      if (error instanceof RequestError) return 'again'
      throw error
    }
  }

  /** Whether the entry was written, or the error if the store could not do it or did not tell. */
  async #swap(
    holder: string | null,
    budget: Budget,
  ): Promise<boolean | RejectedError | UnknownOutcomeError> {
    const { bucket, key, ttlMs, sender } = this.#parts
    const sentMs = sender.ports.clock.nowMs()
    const entry = { fence: this.#fence, holder, ttlMs }
    try {
      const swap = await bucket.compareAndSet(key, this.#etag, entry, this.#optionsOf(budget))
      if (!swap.isSet) return false
      this.#etag = swap.etag
      this.#sentMs = sentMs
      return true
    } catch (error) {
      if (error instanceof UnknownOutcomeError || error instanceof RejectedError) return error
      throw error
    }
  }

  #optionsOf({ deadlineMs, signal }: Budget): CallOptions {
    return { timeoutMs: Math.max(1, deadlineMs - this.#parts.sender.ports.clock.nowMs()), signal }
  }

  #busy(): RejectedError {
    const { bucket, key } = this.#parts
    return new RejectedError({
      code: 'deadline_passed',
      detail: `The lock ${bucket.name}/${key} was not taken: others held it until the deadline.`,
      retryable: true,
      attempts: [],
    })
  }
}

/** `again`: not written, or not known to be written. */
type Rewritten = 'done' | 'again' | 'lost'

/** A key that never was a lock is free, too. */
function isFree(entry: LockEntry | undefined, unchangedMs: number): boolean {
  return entry === undefined || entry.holder === null || unchangedMs >= entry.ttlMs
}
