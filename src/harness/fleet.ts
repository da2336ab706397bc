/** The nodes that clients ask: the present members, which change during a run. */
import { type Endpoint, StoreClient } from './store-client.ts'

export class Fleet {
  readonly #token: string | undefined
  #present: readonly StoreClient[]
  /** Rises with each change. A client that sees a new version takes a new seat. */
  version = 0

  /** `token`: for nodes with QUORATE_AUTH=on. */
  constructor(endpoints: readonly Endpoint[], token?: string) {
    this.#token = token
    this.#present = endpoints.map((endpoint) => new StoreClient(endpoint, token))
  }

  get present(): readonly StoreClient[] {
    return this.#present
  }

  /** The node for the client with this index. Clients are spread evenly. */
  at(index: number): StoreClient {
    return this.#present[index % this.#present.length] as StoreClient
  }

  add(endpoint: Endpoint): void {
    this.#present = [...this.#present, new StoreClient(endpoint, this.#token)]
    this.version++
  }

  /** Removes the node, so that no client asks it any more, and closes its connections. */
  async remove(node: string): Promise<void> {
    const gone = this.#present.filter((client) => client.node === node)
    this.#present = this.#present.filter((client) => client.node !== node)
    this.version++
    await Promise.all(gone.map((client) => client.close()))
  }

  async close(): Promise<void> {
    await Promise.all(this.#present.map((client) => client.close()))
  }
}
