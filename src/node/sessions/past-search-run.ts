/** Runs the search for copies of a key that cover what a session has seen of it (core/replication/past-search.ts). */
import { assert } from '../../core/assert.ts'
import type { Timestamp } from '../../core/causality/dot.ts'
import type { VersionVector } from '../../core/causality/version-vector.ts'
import { QuorateError } from '../../core/errors.ts'
import type { OwnerCopies } from '../../core/replication/owner-copies.ts'
import {
  type OwnersWanted,
  PastSearch,
  type SearchEffect,
} from '../../core/replication/past-search.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Codec } from '../../ports/codec.ts'
import type { Reply } from '../peers/reply.ts'
import type { ReadParts } from '../read/read-parts.ts'
import { TOO_FEW_HAVE_TOLD } from '../replica/not-ready-reasons.ts'
import { modeOf } from '../replica/replica.ts'
import { HEDGE_DELAY_MS } from '../round/hedge.ts'
import { groupsOf, type PlacedRequest, ReplicaReports } from '../round/placed-request.ts'
import { ProtocolRun } from '../round/protocol-run.ts'
import { copyIn, copyRules } from '../round/received-copies.ts'
import { FETCH, type FetchedCopy, keyRequest, type RecordAnswer } from '../wire/asks/copy-asks.ts'
import { READ_HINTS } from '../wire/asks/hint-asks.ts'
import { ABSENT_COPY, type Copy, type Version } from '../wire/object-record.ts'

type Parts = 'self' | 'replica' | 'peers' | 'hints' | 'clock' | 'deadlines' | 'isProven'

export interface SearchParts extends Pick<ReadParts, Parts> {
  /** Everything in the data partition up to this time is settled, so this node may have forgotten it. */
  readonly horizonOf: (partition: number) => Timestamp
}

export interface FoundPast {
  readonly copies: OwnerCopies<Copy, Version>
  /** The owners' copies and the fallbacks' hints, merged. */
  readonly merged: Copy
  readonly reports: ReplicaReports
  /** Number of owners and fallbacks that told what they hold. */
  readonly answered: number
  /** Number of fallbacks among them. */
  readonly hinted: number
}

/**
 * Asks all owners, and then the fallbacks, for what they hold of the key. Resolves once `past` is covered and the
 * wanted number of owners has answered. Rejects with session_past_unreachable: the error tells whether a write was
 * found nowhere or too few owners answered, and names the nodes that did not answer.
 */
export function searchPast(
  parts: SearchParts,
  ports: { readonly clock: Clock; readonly codec: Codec },
  placed: PlacedRequest,
  past: VersionVector,
  wanted: OwnersWanted,
): Promise<FoundPast> {
  return new Promise((resolve, reject) => {
    new SearchRun(parts, ports, placed, { past, wanted }, { resolve, reject }).start()
  })
}

interface SearchEnd {
  readonly resolve: (found: FoundPast) => void
  readonly reject: (error: QuorateError) => void
}

class SearchRun {
  readonly #parts: SearchParts
  readonly #placed: PlacedRequest
  readonly #end: SearchEnd
  readonly #search: PastSearch<Copy, Version>
  readonly #run: ProtocolRun<SearchEffect>
  readonly #reports: ReplicaReports

  constructor(
    parts: SearchParts,
    ports: { readonly clock: Clock; readonly codec: Codec },
    placed: PlacedRequest,
    searched: { readonly past: VersionVector; readonly wanted: OwnersWanted },
    end: SearchEnd,
  ) {
    this.#parts = parts
    this.#placed = placed
    this.#end = end
    const mode = modeOf(placed.at.bucket)
    const { fallbacks } = placed
    const plan = { groups: groupsOf(placed), fallbacks, mode, ...searched }
    this.#search = new PastSearch(plan, copyRules(ports.codec, mode))
    this.#run = new ProtocolRun(parts.deadlines, (effect) => this.#perform(effect))
    this.#reports = new ReplicaReports(ports.clock)
  }

  start(): void {
    const leftMs = this.#parts.clock.leftMs(this.#placed.deadlineMs)
    this.#run.after(leftMs, () => this.#search.expire())
    this.#run.after(HEDGE_DELAY_MS, () => this.#search.hedge())
    this.#run.go(this.#search.start())
  }

  #perform(effect: SearchEffect): void {
    switch (effect.type) {
      case 'fetch':
        return effect.owner === this.#parts.self ? this.#readSelf() : this.#fetch(effect.owner)
      case 'ask-hints':
        return this.#askHints(effect.node)
      case 'covered':
        this.#run.end()
        return this.#end.resolve(this.#found())
      case 'fail':
        this.#run.end()
        return this.#end.reject(this.#errorOf(effect))
      default:
        return effect satisfies never
    }
  }

  #found(): FoundPast {
    const { copies, answered } = this.#search
    // Counted now: a late answer still adds an owner to `copies`.
    const hinted = answered - copies.count
    assert(hinted >= 0, 'an owner whose copy was taken has answered')
    return {
      copies,
      merged: copies.merged ?? ABSENT_COPY,
      reports: this.#reports,
      answered,
      hinted,
    }
  }

  #readSelf(): void {
    const { self, replica, isProven, horizonOf } = this.#parts
    const { at } = this.#placed
    // The data directory may be an old one, and then it lacks settled writes.
    if (!isProven()) {
      this.#fail(self, TOO_FEW_HAVE_TOLD)
      return
    }
    replica.read(at, (copy, refusal) => {
      if (copy === undefined) this.#fail(self, refusal?.message ?? '')
      else {
        this.#reports.set(self, 'ok')
        const horizon = horizonOf(at.partition)
        // The copy is whole: `read` refuses while this node's copies are being refilled.
        this.#run.go(this.#search.found(self, { copy, horizon, isWhole: true }))
      }
    })
  }

  #fetch(owner: string): void {
    const { peers, replica } = this.#parts
    const { at, deadlineMs, span } = this.#placed
    const take = (reply: Reply<FetchedCopy>): void => {
      if (reply.type !== 'ok') {
        this.#reports.setReply(owner, reply)
        this.#run.go(this.#search.failed())
        return
      }
      const copy = copyIn(replica, reply.answer.record)
      if (copy === undefined) this.#fail(owner, 'a damaged record')
      else {
        this.#reports.set(owner, 'ok')
        this.#run.go(this.#search.found(owner, { ...reply.answer, copy }))
      }
    }
    peers.ask(owner, FETCH, keyRequest(at), deadlineMs, take, span)
  }

  #fail(owner: string, reason: string): void {
    this.#reports.set(owner, 'error', reason)
    this.#run.go(this.#search.failed())
  }

  #askHints(node: string): void {
    const { self, peers, hints, replica } = this.#parts
    const { at, deadlineMs, span } = this.#placed
    const take = (copy: Copy): void => {
      if (copy.record.length > 0) this.#reports.set(node, 'hinted')
      this.#run.go(this.#search.hinted(node, copy))
    }
    if (node === self) {
      hints.read(at, take)
      return
    }
    const takeReply = (reply: Reply<RecordAnswer>): void => {
      const copy = reply.type === 'ok' ? copyIn(replica, reply.answer.record) : undefined
      if (copy !== undefined) {
        take(copy)
        return
      }
      if (reply.type !== 'ok') this.#reports.setReply(node, reply)
      this.#run.go(this.#search.failed())
    }
    peers.ask(node, READ_HINTS, keyRequest(at), deadlineMs, takeReply, span)
  }

  #errorOf({ silent, isMissing }: Extract<SearchEffect, { type: 'fail' }>): QuorateError {
    const { at } = this.#placed
    const name = `${at.bucket.name}/${at.key}`
    const missing = isMissing
      ? `this session has seen a write of ${name} that none of the nodes that answered has`
      : `this session has seen ${name}, but too few of its owners answered`
    return new QuorateError(
      'session_past_unreachable',
      silent.length === 0 ? missing : `${missing}; no answer from ${silent.join(', ')}`,
      { replicas: this.#reports.list(), retryAfterSeconds: 1 },
    )
  }
}
