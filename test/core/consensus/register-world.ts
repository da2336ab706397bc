/**
 * Acceptors and proposers of one register over a network that loses, repeats and reorders, with crashes of
 * both. The register holds the list of the changes applied to it, so that its history can be read off any
 * decided value. Deterministic in its seed.
 */
import {
  accept,
  emptyAcceptor,
  prepare,
  type AcceptorReply,
  type AcceptorState,
} from '../../../src/core/consensus/acceptor.ts'
import {
  ballotAbove,
  BALLOT_ZERO,
  maxBallot,
  type Ballot,
} from '../../../src/core/consensus/ballot.ts'
import {
  Proposer,
  type ProposerMessage,
  type ProposerResult,
  type ProposerStep,
} from '../../../src/core/consensus/proposer.ts'

export type Applied = readonly string[]

/** Bugs that may be planted, to see that the checks can fail. */
export type Flaw =
  | 'none'
  | 'promise forgotten at restart'
  | 'acceptance forgotten at restart'
  | 'accepted values ignored'
  | 'reads not confirmed'

export interface WorldSettings {
  readonly acceptors: number
  readonly proposers: number
  readonly steps: number
  readonly flaw: Flaw
}

/** One finished attempt of a proposer to append `id` (a change), or to read (`id` undefined). */
export interface Attempt {
  readonly id: string | undefined
  readonly startedAt: number
  readonly endedAt: number
  readonly result: ProposerResult<Applied, null>
}

interface Running {
  readonly proposer: Proposer<Applied, null>
  readonly id: string | undefined
  readonly startedAt: number
}

interface Client {
  readonly name: string
  /** Lost in a crash, so that a ballot may be tried twice. */
  seen: Ballot
  running: Running | undefined
}

type Packet =
  | {
      readonly kind: 'ask'
      readonly from: string
      readonly to: string
      readonly message: ProposerMessage<Applied>
    }
  | {
      readonly kind: 'reply'
      readonly from: string
      readonly to: string
      readonly reply: AcceptorReply<Applied>
    }

/** Packets under way beyond this are lost. */
const PACKETS_MAX = 200

/** Runs a world with faults, then heals it and reads the register once more. Returns all attempts. */
export function runRegister(settings: WorldSettings, below: (bound: number) => number): Attempt[] {
  const world = new RegisterWorld(settings, below)
  for (let i = 0; i < settings.steps; i += 1) world.step()
  world.settle()
  return world.attempts
}

class RegisterWorld {
  readonly attempts: Attempt[] = []
  readonly #settings: WorldSettings
  readonly #below: (bound: number) => number
  readonly #states = new Map<string, AcceptorState<Applied>>()
  readonly #stopped = new Set<string>()
  readonly #clients: Client[]
  #packets: Packet[] = []
  #now = 0
  #changes = 0

  constructor(settings: WorldSettings, below: (bound: number) => number) {
    this.#settings = settings
    this.#below = below
    for (let i = 0; i < settings.acceptors; i += 1) this.#states.set(`a${i}`, emptyAcceptor())
    this.#clients = Array.from({ length: settings.proposers }, (_, i) => ({
      name: `p${i}`,
      seen: BALLOT_ZERO,
      running: undefined,
    }))
  }

  step(): void {
    this.#now += 1
    const dice = this.#below(100)
    if (dice < 4) this.#crashOrRestart()
    else if (dice < 5) this.#crashClient()
    else if (dice < 6) this.#abandon(this.#pick(this.#clients))
    else if (dice < 11) this.#begin(this.#pick(this.#clients))
    else this.#deliverOne()
  }

  /** No more faults: everything running ends, then one proposer reads until it succeeds. */
  settle(): void {
    this.#packets = []
    for (const id of this.#stopped) this.#restart(id)
    for (const client of this.#clients) this.#abandon(client)
    const reader = this.#clients[0] as Client
    for (let tries = 0; tries < 20; tries += 1) {
      this.#start(reader, undefined)
      while (reader.running !== undefined && this.#packets.length > 0) {
        this.#now += 1
        const [packet] = this.#packets.splice(0, 1)
        this.#deliver(packet as Packet)
      }
      this.#abandon(reader)
      if (this.attempts.at(-1)?.result.type === 'decided') return
    }
    throw new Error('the healed register could not be read')
  }

  #begin(client: Client): void {
    if (client.running !== undefined) return
    const read = this.#below(4) === 0
    if (!read) this.#changes += 1
    this.#start(client, read ? undefined : `c${this.#changes}`)
  }

  #start(client: Client, id: string | undefined): void {
    this.#now += 1
    const ballot = ballotAbove(client.seen, client.name)
    client.seen = ballot
    const proposer = new Proposer<Applied, null>({
      groups: [[...this.#states.keys()]],
      ballot,
      change: (current) =>
        id === undefined
          ? { changed: false, result: null }
          : { changed: true, value: [...(current ?? []), id], result: null },
    })
    client.running = { proposer, id, startedAt: this.#now }
    this.#take(client, proposer.start())
  }

  #deliverOne(): void {
    if (this.#packets.length === 0) return
    const index = this.#below(this.#packets.length)
    const packet = this.#packets[index] as Packet
    const fate = this.#below(100)
    // In one of ten cases a copy stays under way.
    if (fate >= 10) this.#packets.splice(index, 1)
    if (fate >= 93) {
      this.#drop(packet)
      return
    }
    this.#deliver(packet)
  }

  /** Sometimes the proposer notices that an answer will not come. */
  #drop(packet: Packet): void {
    if (packet.kind !== 'ask' || this.#below(2) === 0) return
    const client = this.#client(packet.from)
    if (client.running !== undefined) this.#take(client, client.running.proposer.lost(packet.to))
  }

  #deliver(packet: Packet): void {
    if (packet.kind === 'reply') {
      const client = this.#client(packet.to)
      if (packet.reply.type === 'conflict') client.seen = maxBallot(client.seen, packet.reply.seen)
      if (client.running === undefined) return
      const reply = this.#misread(packet.reply)
      this.#take(client, client.running.proposer.receive(packet.from, reply))
      return
    }
    if (this.#stopped.has(packet.to)) return
    const state = this.#states.get(packet.to) as AcceptorState<Applied>
    const { message } = packet
    const step =
      message.type === 'prepare'
        ? prepare(state, message.ballot)
        : accept(state, message.ballot, message.value)
    this.#states.set(packet.to, step.state)
    this.#send({ kind: 'reply', from: packet.to, to: packet.from, reply: step.reply })
  }

  #misread(reply: AcceptorReply<Applied>): AcceptorReply<Applied> {
    if (this.#settings.flaw !== 'accepted values ignored' || reply.type !== 'promise') return reply
    return this.#below(2) === 0 ? reply : { ...reply, accepted: BALLOT_ZERO, value: null }
  }

  #take(client: Client, step: ProposerStep<Applied, null>): void {
    const { running } = client
    if (running === undefined) return
    for (const { to, message } of step.send) {
      if (
        this.#settings.flaw === 'reads not confirmed' &&
        running.id === undefined &&
        message.type === 'accept'
      ) {
        this.#end(client, {
          type: 'decided',
          value: message.value,
          changed: false,
          result: null,
          received: 0,
          isContested: false,
        })
        return
      }
      this.#send({ kind: 'ask', from: client.name, to, message })
    }
    if (step.result !== undefined) this.#end(client, step.result)
  }

  #end(client: Client, result: ProposerResult<Applied, null>): void {
    const { running } = client
    if (running === undefined) return
    if (result.type === 'conflict') client.seen = maxBallot(client.seen, result.seen)
    client.running = undefined
    this.#now += 1
    this.attempts.push({ id: running.id, startedAt: running.startedAt, endedAt: this.#now, result })
  }

  #abandon(client: Client): void {
    const result = client.running?.proposer.abandon()
    if (result !== undefined) this.#end(client, result)
  }

  /** The proposer forgets everything, its ballots too; what it sent is still under way. */
  #crashClient(): void {
    const client = this.#pick(this.#clients)
    client.running = undefined
    client.seen = BALLOT_ZERO
  }

  #crashOrRestart(): void {
    const id = this.#pick([...this.#states.keys()])
    if (!this.#stopped.has(id) && this.#below(3) === 0) this.#stopped.add(id)
    else this.#restart(id)
  }

  /** The state was durable before each reply left, so it is all there. */
  #restart(id: string): void {
    this.#stopped.delete(id)
    const state = this.#states.get(id) as AcceptorState<Applied>
    if (this.#settings.flaw === 'promise forgotten at restart') {
      this.#states.set(id, { ...state, promised: state.accepted })
    }
    if (this.#settings.flaw === 'acceptance forgotten at restart') {
      this.#states.set(id, { promised: state.promised, accepted: BALLOT_ZERO, value: null })
    }
  }

  #send(packet: Packet): void {
    if (this.#packets.length < PACKETS_MAX) this.#packets.push(packet)
  }

  #client(name: string): Client {
    return this.#clients.find((client) => client.name === name) as Client
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T
  }
}

/**
 * Undefined where the attempts fit one register, else what does not: decided values form one chain (each a
 * prefix of the longer ones) that never goes back in real time, each decided change is in it once and stays,
 * and no rejected change is in it.
 */
export function findViolation(attempts: readonly Attempt[]): string | undefined {
  const decided: { attempt: Attempt; value: Applied }[] = []
  for (const attempt of attempts) {
    if (attempt.result.type !== 'decided') continue
    const value = attempt.result.value ?? []
    if (new Set(value).size !== value.length) return `a change was applied twice: ${value.join()}`
    if (attempt.id !== undefined && value.at(-1) !== attempt.id)
      return `${attempt.id} is not the last of its own value`
    decided.push({ attempt, value })
  }
  const chain = [...decided].sort((a, b) => a.value.length - b.value.length)
  for (const [i, { value }] of chain.entries()) {
    const longer = chain[i + 1]?.value ?? value
    if (value.some((id, j) => longer[j] !== id))
      return `two histories: ${value.join()} and ${longer.join()}`
  }
  for (const a of decided)
    for (const b of decided) {
      if (a.attempt.endedAt < b.attempt.startedAt && a.value.length > b.value.length) {
        return `went back from ${a.value.join()} to ${b.value.join()}`
      }
    }
  const final = new Set(chain.at(-1)?.value)
  for (const { id, result } of attempts) {
    if (
      result.type !== 'decided' &&
      result.outcome === 'rejected' &&
      id !== undefined &&
      final.has(id)
    ) {
      return `${id} was called rejected, but is applied`
    }
  }
  return undefined
}
