/** The part of the topology keeper that the traffic between nodes depends on (topology-keeper.ts). */
import type { AskFormat } from '../wire/asks/ask-format.ts'
import type { Reply } from './reply.ts'

export interface EpochSource {
  readonly epoch: number
  /** Fetches the topology from a node that has a newer one. Calls back after success and after failure. */
  catchUp(from: string, peers: AskSender, done: () => void): void
}

/** The part of `Peers` that fetches a topology (peers.ts). */
export interface AskSender {
  ask<Request, Answer>(
    to: string,
    format: AskFormat<Request, Answer>,
    request: Request,
    deadlineMs: number,
    done: (reply: Reply<Answer>) => void,
  ): void
}
