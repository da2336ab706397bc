/** Reads all keys of a workload when a run has come to rest. Every read must succeed then. */
import type { SeededRandom } from '../../random/seeded-random.ts'
import { Violation } from '../checks/violation.ts'
import type { SimulatedNode } from '../world/simulated-node.ts'
import type { Workload } from './client-workload.ts'

const READ_ATTEMPTS = 5

export interface FinalReadParts {
  readonly random: (attempt: number) => SeededRandom
  readonly nowUs: () => number
  readonly onCall: (node: string, text: string) => void
  readonly onBroken: (error: unknown) => void
  /** Runs the world until that, or for a minute. */
  readonly until: (isDone: () => boolean) => Promise<void>
}

/** Rejects with a `Violation`. */
export async function readFinally(
  workload: Workload,
  nodes: readonly SimulatedNode[],
  { random: randomOf, nowUs, onCall, onBroken, until }: FinalReadParts,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    let unread: number | undefined
    const random = randomOf(attempt)
    workload.readAll(
      {
        random,
        client: 'final',
        nowUs,
        call: (text, ask, done) => {
          const node = nodes[random.below(nodes.length)] as SimulatedNode
          node.call(ask, (end) => {
            onCall(node.id, `${text}: ${end.type}`)
            try {
              done(
                end.type === 'answered'
                  ? { type: 'ok', answer: end.answer }
                  : { type: 'unknown', error: end.type },
              )
            } catch (error) {
              onBroken(error)
            }
          })
        },
      },
      (count) => void (unread = count),
    )
    await until(() => unread !== undefined)
    if (unread === 0) return
    if (attempt === READ_ATTEMPTS) {
      throw new Violation(
        'unavailable',
        `${unread ?? 'all'} final reads failed although the cluster is healthy`,
      )
    }
  }
}
