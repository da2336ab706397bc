/** Runs plans on several threads at once. */
import { Worker } from 'node:worker_threads'
import type { Plan } from './plan/plan.ts'
import type { WorkerAnswer, WorkerTask } from './run-worker.ts'

interface Waiting {
  readonly task: WorkerTask
  readonly resolve: (answer: WorkerAnswer) => void
  readonly reject: (error: Error) => void
}

export class RunPool {
  readonly #queue: Waiting[] = []
  readonly #idle: Worker[] = []
  readonly #all: Worker[] = []

  /** `planted` is the name of a bug that is planted in all threads. */
  constructor(threads: number, planted?: string) {
    for (let i = 0; i < threads; i++) {
      const worker = new Worker(new URL('./run-worker.ts', import.meta.url), {
        workerData: { planted },
        // A run that goes wrong must not use up all memory.
        resourceLimits: { maxOldGenerationSizeMb: 2048 },
      })
      this.#all.push(worker)
      this.#idle.push(worker)
    }
  }

  run(plan: Plan, wantsStory = false): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ task: { plan, wantsStory }, resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((worker) => worker.terminate()))
  }

  #next(): void {
    const worker = this.#idle.pop()
    if (worker === undefined) return
    const waiting = this.#queue.shift()
    if (waiting === undefined) {
      this.#idle.push(worker)
      return
    }
    const onError = (error: Error): void => waiting.reject(error)
    worker.once('error', onError)
    worker.once('message', (answer: WorkerAnswer) => {
      worker.off('error', onError)
      this.#idle.push(worker)
      waiting.resolve(answer)
      this.#next()
    })
    worker.postMessage(waiting.task)
  }
}
