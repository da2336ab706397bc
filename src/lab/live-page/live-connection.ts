/// <reference lib="dom" />
/**
 * Follows the node that serves the page: its stream of events, and the owners of the chosen key. If the stream ends, it
 * asks why and begins again, for as long as somebody listens.
 */
import { LiveLog } from '../live/live-log.ts'
import type { LiveScene } from '../live/live-scene.ts'
import { liveSight } from '../live/live-sight.ts'
import type { NodeRepairs, NodeRequests, NodeRing, NodeStatus } from '../live/node-status.ts'
import type { ChosenKey } from '../run/scene.ts'
import type { Listener, Source } from '../run/source.ts'

const RETRY_MS = 1000
/** How often the owners of the chosen key are asked what they hold. */
const RING_MS = 2000
/** The page of a node is at `/ui/`, maybe below the path of a proxy. */
const NODE = new URL('..', location.href)

/** Whether a node may have served the page. Only the node itself knows. */
export const CAN_BE_LIVE = location.pathname.endsWith('/ui/')

/** The part of the address after the page's own while the live cluster is shown. */
export const LIVE_HASH = '#live'

export class LiveConnection implements Source<LiveScene> {
  #status: NodeStatus | null = null
  #ring: NodeRing | null = null
  #key: ChosenKey | null = null
  #trouble: string | null = null
  readonly #log = new LiveLog()
  #listener: Listener<LiveScene> | undefined

  listen(listener: Listener<LiveScene>): () => void {
    this.#listener = listener
    let stream = this.#open()
    const retry = setInterval(() => {
      if (stream.readyState === EventSource.CLOSED) stream = this.#open()
    }, RETRY_MS)
    const looks = setInterval(() => void this.#look(), RING_MS)
    this.#tell()
    return () => {
      this.#listener = undefined
      stream.close()
      clearInterval(retry)
      clearInterval(looks)
    }
  }

  /** Shows the owners of that key; of none if it is null. */
  choose(key: ChosenKey | null): void {
    this.#key = key
    this.#ring = null
    this.#tell()
    void this.#look()
  }

  #open(): EventSource {
    const stream = new EventSource(new URL('v1/events', NODE))
    const take = <T>(name: string, use: (data: T) => void): void =>
      stream.addEventListener(name, ({ data }: MessageEvent<string>) => {
        this.#endTrouble()
        use(JSON.parse(data) as T)
        this.#tell()
      })
    take<NodeStatus>('status', (status) => {
      this.#status = status
      this.#log.status(status)
    })
    take<NodeRequests>('requests', (requests) => this.#log.requests(requests))
    take<NodeRepairs>('repairs', (repairs) => this.#log.repairs(repairs))
    stream.addEventListener('error', () => void this.#explain())
    return stream
  }

  /** An EventSource does not tell why it failed. */
  async #explain(): Promise<void> {
    const node = this.#status?.node ?? 'The node'
    const isNew = this.#trouble === null
    this.#trouble = `${node} does not answer this page.`
    if (isNew && this.#status !== null)
      this.#log.note(Date.now(), '▲', `${node} does not answer this page`)
    this.#tell()
    const said = await asked('v1/cluster')
    // The stream may have begun again meanwhile.
    if (said.type === 'refused' && this.#trouble !== null) {
      this.#trouble = `${node} refuses this page: ${said.why}`
    }
    this.#tell()
  }

  #endTrouble(): void {
    if (this.#trouble !== null && this.#status !== null) {
      this.#log.note(Date.now(), '△', `${this.#status.node} answers this page again`)
    }
    this.#trouble = null
  }

  async #look(): Promise<void> {
    const key = this.#key
    if (key === null || document.hidden) return
    const { bucket } = key
    const query = new URLSearchParams({ bucket, key: key.key })
    const said = await asked<NodeRing>(`v1/cluster/ring?${query}`)
    if (key !== this.#key) return
    if (said.type === 'told') this.#ring = said.data
    if (said.type === 'refused') this.#listener?.refused(said.why)
    this.#tell()
  }

  #tell(): void {
    const status = this.#status
    this.#listener?.scene({
      status,
      sight: status && liveSight(status, this.#ring),
      ring: this.#ring,
      log: this.#log.entries,
      trouble: this.#trouble,
    })
  }
}

type Said<T> =
  | { readonly type: 'told'; readonly data: T }
  | { readonly type: 'refused'; readonly why: string }
  | { readonly type: 'silent' }

async function asked<T>(path: string): Promise<Said<T>> {
  try {
    const response = await fetch(new URL(path, NODE))
    const data = (await response.json()) as T & { readonly detail?: string }
    if (response.ok) return { type: 'told', data }
    return { type: 'refused', why: data.detail ?? `status ${response.status}` }
  } catch {
    return { type: 'silent' }
  }
}
