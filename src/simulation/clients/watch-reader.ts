/**
 * A client that watches a bucket, and keeps a picture of it: each live key with its entity tag. It begins with every
 * key, and continues at other nodes from its last position. At rest the picture must equal the bucket.
 */
import { entityTag } from '../../core/causality/entity-tag.ts'
import { QuorateError } from '../../core/errors.ts'
import type { NodeService } from '../../node/service/service.ts'
import type { Watch, WatchPosition, WatchStep } from '../../node/service/watch.ts'
import type { SeededRandom } from '../../random/seeded-random.ts'
import type { Schedule } from '../world/schedule.ts'
import type { CallEnd, SimulatedNode } from '../world/simulated-node.ts'

const RETRY_US = 200_000

export interface WatchReaderParts {
  readonly schedule: Schedule
  readonly random: SeededRandom
  /** The nodes that clients can ask. */
  readonly nodes: () => readonly SimulatedNode[]
  readonly onCall: (node: string, text: string) => void
  readonly onViolation: (error: unknown) => void
}

export interface ReaderHabits {
  readonly bucket: string
  readonly prefix?: string
  /** How long the reader takes for each step. */
  readonly pauseUs: number
  /** After this time at one node, the reader goes to another one. */
  readonly stayUs: number
}

/** An open watch. It ends with the process that serves it. */
interface OpenWatch {
  readonly node: SimulatedNode
  readonly service: NodeService | undefined
  readonly watch: Watch
}

export class WatchReader {
  readonly name: string
  readonly #parts: WatchReaderParts
  readonly #habits: ReaderHabits
  /** Key → entity tag. */
  readonly #picture = new Map<string, string>()
  #position: WatchPosition = 'everything'
  /** Rises with each visit of a node, so that steps of an earlier visit do not count. */
  #visit = 0
  #isStopped = false

  constructor(name: string, parts: WatchReaderParts, habits: ReaderHabits) {
    this.name = name
    this.#parts = parts
    this.#habits = habits
    this.#open()
  }

  get picture(): ReadonlyMap<string, string> {
    return this.#picture
  }

  stop(): void {
    this.#isStopped = true
    this.#visit++
  }

  #open(): void {
    if (this.#isStopped) return
    const visit = ++this.#visit
    const { schedule, random, onCall } = this.#parts
    const up = this.#parts.nodes().filter(({ isUp }) => isUp)
    if (up.length === 0) {
      schedule.after(RETRY_US, () => this.#open())
      return
    }
    const node = up[random.below(up.length)] as SimulatedNode
    const { bucket, prefix = '' } = this.#habits
    if (this.#position === 'everything') this.#picture.clear()
    // A client has the position as a text.
    const from = structuredClone(this.#position)
    const { service } = node
    node.call(
      (its) => its.watch({ bucket, prefix, from }),
      (end) => {
        onCall(node.address, `${this.name} watches: ${wordsOf(end)}`)
        if (end.type === 'answered') this.#opened({ node, service, watch: end.answer }, visit)
        else this.#retry(end, visit)
      },
    )
  }

  #retry(end: CallEnd<unknown>, visit: number): void {
    if (this.#isStopped || visit !== this.#visit) return
    if (end.type === 'failed') {
      const { error } = end
      if (!(error instanceof QuorateError)) this.#parts.onViolation(error)
      else if (error.code === 'watch_position_gone') this.#forget()
    }
    this.#parts.schedule.after(RETRY_US, () => this.#open())
  }

  #forget(): void {
    this.#position = 'everything'
    this.#picture.clear()
  }

  #opened(open: OpenWatch, visit: number): void {
    if (visit !== this.#visit) {
      close(open)
      return
    }
    this.#next(open, visit)
    this.#parts.schedule.after(this.#habits.stayUs, () => {
      close(open)
      if (visit === this.#visit) this.#open()
    })
  }

  #next(open: OpenWatch, visit: number): void {
    const { node, watch } = open
    const take = (end: CallEnd<WatchStep>): void => {
      if (this.#isStopped || visit !== this.#visit) return
      if (end.type !== 'answered' || end.answer.type === 'end') {
        this.#retry(end, visit)
        return
      }
      this.#take(end.answer)
      this.#parts.schedule.after(this.#habits.pauseUs, () => {
        if (visit === this.#visit) this.#next(open, visit)
      })
    }
    if (isOver(open)) take({ type: 'died' })
    else node.call(() => watch.next(), take)
  }

  #take(step: Exclude<WatchStep, { type: 'end' }>): void {
    if (step.type === 'reset') {
      this.#forget()
      return
    }
    this.#position = step.position
    if (step.type !== 'changes') return
    for (const { key, siblings, dots } of step.keys) {
      if (siblings === 0) this.#picture.delete(key)
      else this.#picture.set(key, entityTag(dots))
    }
  }
}

function close(open: OpenWatch): void {
  if (isOver(open)) return
  open.node.call(
    () => Promise.resolve(open.watch.close()),
    () => undefined,
  )
}

/** Without this, a reader that paused would wake the watch of a process that was killed meanwhile. */
function isOver({ node, service }: OpenWatch): boolean {
  return node.service !== service
}

function wordsOf(end: CallEnd<unknown>): string {
  if (end.type !== 'failed') return end.type
  return end.error instanceof QuorateError ? end.error.code : String(end.error)
}
