/**
 * A bank on strong keys, as a user of the client writes it: it uses nothing but the types of the client. The store has
 * no transactions over several keys, so a transfer is two updates. Each account keeps the names of its transfers, so an
 * update that is repeated takes effect once. Hence a transfer may be repeated until it is done, whatever happens to the
 * nodes meanwhile.
 */
import {
  type Bucket,
  type CounterBucket,
  json,
  type Quorate,
  RejectedError,
  type StrongBucket,
  UnknownOutcomeError,
} from '../../src/client/quorate.ts'

export interface Account {
  readonly cents: number
  /** The transfers that this account has seen, in their order, with what each changed. */
  readonly entries: readonly (readonly [transfer: string, cents: number])[]
}

export class Bank {
  readonly #accounts: StrongBucket<Account>
  readonly #counts: CounterBucket
  readonly #changes: Bucket<string>
  /** Transfers whose count is certain, and those that may be counted or not. */
  counted = 0
  perhapsCounted = 0

  constructor(client: Quorate) {
    this.#accounts = client.strong('strong', { format: json<Account>() })
    this.#counts = client.counters('counts')
    this.#changes = client.bucket('strong')
  }

  /** An account that exists keeps what it has. */
  async open(owner: string, cents: number): Promise<void> {
    await untilDone(() =>
      this.#accounts.update(owner, (account) => account ?? { cents, entries: [] }),
    )
  }

  /** Undefined while a majority of the nodes that keep the account is out of reach. */
  async look(owner: string): Promise<Account | undefined> {
    try {
      return (await this.#accounts.get(owner)).value
    } catch (error) {
      if (error instanceof RejectedError) return undefined
      throw error
    }
  }

  /** Tells the ETag of each account that changes, until the signal aborts. */
  async watch(tell: (owner: string, etag: string) => void, signal: AbortSignal): Promise<void> {
    try {
      for await (const event of this.#changes.watch({ signal, timeoutMs: 60_000 })) {
        if (event.type === 'put') tell(event.key, event.etag)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }

  async etag(owner: string): Promise<string | undefined> {
    return (await untilDone(() => this.#accounts.get(owner))).etag
  }

  /** Resolves with false if the money does not suffice. The name must be new. */
  async transfer(name: string, from: string, to: string, cents: number): Promise<boolean> {
    const payer = await untilDone(() =>
      this.#accounts.update(from, (account) => withEntry(account, name, -cents)),
    )
    if (payer.value?.entries.some(([transfer]) => transfer === name) !== true) return false
    await untilDone(() => this.#accounts.update(to, (account) => withEntry(account, name, cents)))
    await this.#count()
    return true
  }

  /** How many transfers have been counted. */
  async count(): Promise<number> {
    return untilDone(() => this.#counts.get('transfers'))
  }

  /** A failed increment is not repeated here: the client has repeated it under its name as long as its time allowed. */
  async #count(): Promise<void> {
    try {
      await this.#counts.increment('transfers')
      this.counted++
    } catch (error) {
      if (error instanceof UnknownOutcomeError) this.perhapsCounted++
      else if (!(error instanceof RejectedError)) throw error
    }
  }
}

/**
 * The same account if it has seen the transfer, or cannot pay. The update writes it again, and that ends every earlier
 * attempt of unknown outcome: the account is no longer the one that the attempt was to replace.
 */
function withEntry(account: Account | undefined, name: string, cents: number): Account {
  const { cents: before, entries } = account ?? { cents: 0, entries: [] }
  const isKnown = entries.some(([transfer]) => transfer === name)
  if (isKnown || before + cents < 0) return { cents: before, entries }
  return { cents: before + cents, entries: [...entries, [name, cents]] }
}

/** For a step that may take effect twice, because the second time changes nothing. */
async function untilDone<T>(step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof RejectedError || error instanceof UnknownOutcomeError)) throw error
    }
  }
}
