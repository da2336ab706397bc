/** Asks the members of a cut: other nodes by messages, and this node directly. */
import type { Timers } from '../../ports/timers.ts'
import type { NodeClock } from '../identity/node-clock.ts'
import type { Peers } from '../peers/peers.ts'
import type { Reply } from '../peers/reply.ts'
import type { AskFormat } from '../wire/asks/ask-format.ts'
import { ASK_FORMATS, type AnswerOf, type RequestOf } from '../wire/asks/ask-formats.ts'
import type { HeldCuts } from './held-cuts.ts'

export type CutAsk = 'cut-hold' | 'cut-taken' | 'cut-open' | 'cut-page' | 'cut-end'

export interface CutMemberParts {
  readonly self: string
  readonly peers: Peers
  readonly clock: NodeClock
  readonly held: HeldCuts
}

export class CutMembers {
  readonly #timers: Timers
  readonly #parts: CutMemberParts
  readonly #answers: ReturnType<HeldCuts['answers']>

  constructor(timers: Timers, parts: CutMemberParts) {
    this.#timers = timers
    this.#parts = parts
    this.#answers = parts.held.answers()
  }

  ask<Kind extends CutAsk>(
    node: string,
    kind: Kind,
    request: RequestOf<Kind>,
    timeoutMs: number,
  ): Promise<Reply<AnswerOf<Kind>>> {
    const { self, peers, clock } = this.#parts
    const deadlineMs = clock.nowMs() + timeoutMs
    // One kind has one format and one handler, which a map of all kinds cannot express.
    const format = ASK_FORMATS[kind] as unknown as AskFormat<RequestOf<Kind>, AnswerOf<Kind>>
    if (node !== self) return peers.request(node, format, request, deadlineMs)
    return new Promise((resolve) => {
      // The disk of this node may stall, too.
      const timer = this.#timers.after(timeoutMs, () => end({ type: 'lost', reason: 'deadline' }))
      const end = (reply: Reply<AnswerOf<Kind>>): void => {
        timer.cancel()
        resolve(reply)
      }
      this.#answers[kind](request as never, {
        node,
        deadlineMs,
        answer: (answer: unknown) => end({ type: 'ok', answer: answer as AnswerOf<Kind> }),
        refuse: (refusal) => end({ type: 'refused', ...refusal }),
      })
    })
  }

  /** Asks all these nodes at once. */
  async askAll<Kind extends CutAsk>(
    nodes: readonly string[],
    kind: Kind,
    request: RequestOf<Kind>,
    timeoutMs: number,
  ): Promise<ReadonlyMap<string, Reply<AnswerOf<Kind>>>> {
    const replies = await Promise.all(
      nodes.map(async (node) => [node, await this.ask(node, kind, request, timeoutMs)] as const),
    )
    return new Map(replies)
  }

  /** Sends a message to all these nodes, and waits for nothing. */
  tell(nodes: readonly string[], kind: 'cut-taken' | 'cut-open' | 'cut-end', cut: string): void {
    const { self, peers } = this.#parts
    for (const node of nodes) {
      if (node === self) void this.ask(node, kind, { cut }, 0)
      else peers.tell(node, ASK_FORMATS[kind], { cut })
    }
  }
}
