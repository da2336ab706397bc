/** The nodes that clients ask: the members there are, as they come and go. */
import { type Endpoint, StoreClient } from './store-client.ts'

export class Fleet {
  #present: readonly StoreClient[]
  /** Rises with each change: who has a place at some node then takes another. */
  version = 0

  constructor(endpoints: readonly Endpoint[]) {
    this.#present = endpoints.map((endpoint) => new StoreClient(endpoint))
  }

  get present(): readonly StoreClient[] {
    return this.#present
  }

  /** Clients are spread evenly. */
  at(index: number): StoreClient {
    return this.#present[index % this.#present.length] as StoreClient
  }

  add(endpoint: Endpoint): void {
    this.#present = [...this.#present, new StoreClient(endpoint)]
    this.version++
  }

  /** Asked no more; what is under way ends. */
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
