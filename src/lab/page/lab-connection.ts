/// <reference lib="dom" />
/** The page's ends of the threads: of the one that holds the world, and of those that run a whole plan. */
import type { Drawn, News, Order, PlayedPlan, Scene } from '../run/scene.ts'
import type { Listener, Source } from '../run/source.ts'

export class LabConnection implements Source<Scene> {
  readonly #worker = newThread()

  send(order: Order): void {
    this.#worker.postMessage(order)
  }

  listen(listener: Listener<Scene>): () => void {
    let newest: Scene | undefined
    const tellDrawn = (): void => this.#worker.postMessage({ do: 'drawn' } satisfies Drawn)
    // The last scene of the listener before may have been lost.
    tellDrawn()
    this.#worker.onmessage = ({ data }: { readonly data: News }) => {
      if (data.type === 'scene') {
        // A browser that draws slowly draws only the newest scene.
        if (newest === undefined) {
          requestAnimationFrame(() => {
            if (newest !== undefined) listener.scene(newest)
            newest = undefined
            tellDrawn()
          })
        }
        newest = data.scene
      }
      if (data.type === 'refused') listener.refused(data.message)
    }
    this.#worker.onerror = ({ message }) => {
      listener.refused(`the thread of the cluster has failed: ${message}`)
    }
    return () => {
      this.send({ do: 'pause' })
      this.#worker.onmessage = null
      this.#worker.onerror = null
    }
  }
}

/** Runs a plan to its end in a thread of its own. Rejects with the reason if the plan is wrong. */
export function runPlan(plan: unknown): Promise<PlayedPlan> {
  const worker = newThread()
  return new Promise<PlayedPlan>((resolve, reject) => {
    worker.onmessage = ({ data }: { readonly data: News }) => {
      if (data.type === 'played') resolve(data.played)
      if (data.type === 'refused') reject(new Error(data.message))
    }
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage({ do: 'run', plan })
  }).finally(() => worker.terminate())
}

function newThread(): Worker {
  return new Worker(new URL('../run/worker.ts', import.meta.url), { type: 'module' })
}
