/** One connection in the own protocol of a store. It has at most one request under way. */
export interface StoreConnection {
  /** Resolves when the store has acknowledged the write as durable as the workload wants it. */
  put(key: string, value: string): Promise<void>
  /** Undefined if there is no such key. */
  get(key: string): Promise<string | undefined>
  close(): Promise<void>
}
