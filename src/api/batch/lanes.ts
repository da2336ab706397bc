/**
 * Runs the operations of a batch side by side, a bounded number at once. Operations of one key run in their order, so
 * that a read sees the writes before it. So do all operations in the session, because a session is a sequence.
 */
import type { BatchOperation } from './batch-request.ts'

/** How many operations of one batch run at once. */
const RUNNING_MAX = 16
/** No key of any bucket has this name. */
const SESSION_LANE = ''
/** What the first operation of a lane waits for. */
const BEGUN = Promise.resolve()

/** Resolves when `run` has ended for every operation. `run` gets the place of its operation, and never rejects. */
export async function runInLanes(
  operations: readonly BatchOperation[],
  inSession: ReadonlySet<BatchOperation>,
  run: (operation: BatchOperation, at: number) => Promise<void>,
): Promise<void> {
  const slots = new Slots(RUNNING_MAX)
  const last = new Map<string, Promise<void>>()
  const ends = operations.map((operation, at) => {
    const { bucket, key } = operation
    const lanes = [`${bucket}/${key}`, ...(inSession.has(operation) ? [SESSION_LANE] : [])]
    const end = Promise.all(lanes.map((lane) => last.get(lane) ?? BEGUN)).then(() =>
      slots.use(() => run(operation, at)),
    )
    for (const lane of lanes) last.set(lane, end)
    return end
  })
  await Promise.all(ends)
}

class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async use(task: () => Promise<void>): Promise<void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      await task()
    } finally {
      const next = this.#waiting.shift()
      // A waiting task takes over the slot of the one that ends.
      if (next === undefined) this.#free++
      else next()
    }
  }
}
