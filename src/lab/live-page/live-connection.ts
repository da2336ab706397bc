/// <reference lib="dom" />
/**
 * Follows the node that serves the page: its stream of events, and the owners of the chosen key. It keeps a token only in
 * memory, and sends it to this node alone, in a header.
 */
import { followEvents, isNotLetIn, sentenceIn, type StreamListener } from '../live/event-stream.ts'
import type { ParsedEvent } from '../live/event-parser.ts'
import { LiveLog } from '../live/live-log.ts'
import type { LiveScene } from '../live/live-scene.ts'
import { liveSight } from '../live/live-sight.ts'
import { NodeClock } from '../live/node-clock.ts'
import type { NodeRepairs, NodeRequests, NodeRing, NodeStatus } from '../live/node-status.ts'
import { RequestSlots } from '../live/request-slots.ts'
import type { ChosenKey } from '../run/scene.ts'
import type { Listener, Source } from '../run/source.ts'

/** How often the owners of the chosen key are asked what they hold. */
const RING_MS = 2000
/** The page of a node is at `/ui/`, maybe below the path of a proxy. */
const NODE = new URL('..', location.href)

/** Whether a node may have served the page. Only the node itself knows. */
export const CAN_BE_LIVE = location.pathname.endsWith('/ui/')

/** The part of the address after the page's own while the live cluster is shown. */
export const LIVE_HASH = '#live'

export class LiveConnection implements Source<LiveScene> {
  #token: string | null = null
  #status: NodeStatus | null = null
  #ring: NodeRing | null = null
  #key: ChosenKey | null = null
  #trouble: string | null = null
  #notLetIn: string | null = null
  #isAsking = false
  #log = new LiveLog()
  #clock = new NodeClock()
  #requests = new RequestSlots()
  #listener: Listener<LiveScene> | undefined
  #stopStream = (): void => undefined

  listen(listener: Listener<LiveScene>): () => void {
    this.#listener = listener
    this.#follow()
    const looks = setInterval(() => void this.#look(), RING_MS)
    this.#tell()
    return () => {
      this.#listener = undefined
      this.#stopStream()
      clearInterval(looks)
      this.#requests.interrupt()
    }
  }

  /** Shows the owners of that key; of none if it is null. */
  choose(key: ChosenKey | null): void {
    this.#key = key
    this.#ring = null
    this.#tell()
    void this.#look()
  }

  /** Sends that token from now on; none if it is null. */
  useToken(token: string | null): void {
    this.#token = token
    this.#isAsking = this.#notLetIn !== null
    this.#forget()
    this.#tell()
    this.#follow()
  }

  #follow(): void {
    this.#stopStream()
    const listener: StreamListener = {
      event: (event) => this.#take(event),
      refused: (status, why) => this.#refused(status, why),
      ended: () => this.#ended(),
    }
    const ways = {
      open: (signal: AbortSignal) => this.#fetch('v1/events', { signal, cache: 'no-store' }),
      after: (ms: number, task: () => void): (() => void) => {
        const timer = setTimeout(task, ms)
        return () => clearTimeout(timer)
      },
    }
    this.#stopStream = followEvents(ways, listener)
  }

  #take({ name, data }: ParsedEvent): void {
    const told: unknown = JSON.parse(data)
    this.#clock.hear((told as { readonly time: string }).time, Date.now())
    this.#endTrouble()
    if (name === 'status') {
      this.#status = told as NodeStatus
      this.#log.status(this.#status)
    } else if (name === 'requests') {
      this.#log.requests(told as NodeRequests)
      this.#requests.take(told as NodeRequests)
    } else if (name === 'repairs') this.#log.repairs(told as NodeRepairs)
    this.#tell()
  }

  #ended(): void {
    this.#interrupt(`${this.#node()} does not answer this page.`, 'does not answer this page')
  }

  #refused(status: number, why: string): void {
    if (!isNotLetIn(status)) {
      this.#interrupt(`${this.#node()} refuses this page: ${why}`, 'refuses this page')
      return
    }
    this.#notLetIn = why
    this.#isAsking = false
    // What only callers with a right may see does not stay on the page.
    this.#forget()
    this.#tell()
  }

  #interrupt(trouble: string, words: string): void {
    const isNew = this.#trouble === null
    this.#trouble = trouble
    this.#isAsking = false
    if (isNew && this.#status !== null) this.#note('▲', words)
    this.#requests.interrupt()
    this.#tell()
  }

  #endTrouble(): void {
    if (this.#trouble !== null && this.#status !== null) {
      this.#note('△', 'answers this page again')
    }
    this.#trouble = null
    this.#notLetIn = null
    this.#isAsking = false
  }

  #note(sign: '▲' | '△', words: string): void {
    this.#log.note(this.#clock.at(Date.now()), sign, `${this.#node()} ${words}`)
  }

  #forget(): void {
    this.#status = null
    this.#ring = null
    this.#trouble = null
    this.#log = new LiveLog()
    this.#requests = new RequestSlots()
  }

  #node(): string {
    return this.#status?.node ?? 'The node'
  }

  async #look(): Promise<void> {
    const key = this.#key
    if (key === null || document.hidden || this.#notLetIn !== null) return
    const query = new URLSearchParams({ bucket: key.bucket, key: key.key })
    try {
      const response = await this.#fetch(`v1/cluster/ring?${query}`)
      if (key !== this.#key) return
      if (response.ok) this.#ring = (await response.json()) as NodeRing
      else this.#listener?.refused(await sentenceIn(response))
      this.#tell()
    } catch {
      // The stream of events tells that the node does not answer.
    }
  }

  #fetch(path: string, options: RequestInit = {}): Promise<Response> {
    const token = this.#token
    const headers = token === null ? {} : { Authorization: `Bearer ${token}` }
    // No redirect may take the token elsewhere.
    return fetch(new URL(path, NODE), { ...options, headers, redirect: 'error' })
  }

  #tell(): void {
    const status = this.#status
    this.#listener?.scene({
      status,
      sight: status && liveSight(status, this.#ring),
      ring: this.#ring,
      log: this.#log.entries,
      clock: this.#clock,
      requests: this.#requests,
      hasToken: this.#token !== null,
      notLetIn: this.#notLetIn,
      isAsking: this.#isAsking,
      trouble: this.#trouble,
    })
  }
}
