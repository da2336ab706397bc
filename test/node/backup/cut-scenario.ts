/**
 * Clients write and read at five nodes on virtual time, with clocks that disagree, faults, and changes of the members.
 * Meanwhile nodes make backups, and each one that succeeds is judged: if it has a write, it has everything that had been
 * acknowledged to any client, or read by its own, before that write began, or a successor of it. It also has everything
 * acknowledged before the backup began, nothing that was rejected before, and nothing that had expired at its cut. A key
 * may be missing if it was deleted, or if its value had expired.
 *
 * Imports nothing of the test runner, so that it also runs with a planted bug (planted-cut.ts).
 */
import type { BackupEntry } from '../../../src/core/backup/backup-parts.ts'
import { QuorateError } from '../../../src/core/errors.ts'
import type { ChangeRequest } from '../../../src/core/placement/change-target.ts'
import type { Bucket, Topology } from '../../../src/core/placement/topology.ts'
import type { NodeService } from '../../../src/node/service/service.ts'
import { encodeTopology } from '../../../src/node/topology/topology-document.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { type CallEnd, SimulatedNode } from '../../../src/simulation/world/simulated-node.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'
import {
  type Begun,
  Client,
  type ClientWorld,
  IDS,
  numberIn,
  type Progress,
  raise,
} from './cut-client.ts'

export interface CutRun {
  readonly violations: readonly string[]
  /** The number of backups that succeeded, and of the failed ones by their code. */
  readonly made: number
  readonly failed: Readonly<Record<string, number>>
  readonly acknowledged: number
  /** How often the member has left or joined. */
  readonly changes: number
  readonly broken: readonly string[]
}

export interface CutPlan {
  readonly seed: string
  readonly seconds: number
  readonly clients: number
  /** The number of backups at once. */
  readonly makers: number
  /** Added to the latency of each frame: the longer it is, the more happens between two snapshots. */
  readonly delayMs: number
  readonly hasFaults: boolean
  /** Whether a member leaves, and a new one joins. */
  readonly changesMembers: boolean
}

const SKEW_MS = 180

/** A write, and what had been acknowledged or read before it began. */
interface Noted extends Begun {
  readonly before: Progress
  readonly begunUs: number
}

/** What a backup has of each key, and when. */
interface Found {
  readonly sequences: Progress
  readonly cutMs: number
  /** The world's time at which the backup had its cut. */
  readonly cutUs: number
}

export async function runCuts(plan: CutPlan): Promise<CutRun> {
  const world = new World(plan)
  await world.run()
  return world
}

class World implements CutRun, ClientWorld {
  readonly violations: string[] = []
  made = 0
  readonly failed: Record<string, number> = {}
  acknowledged = 0
  changes = 0
  readonly broken: string[] = []
  readonly #plan: CutPlan
  readonly #random: SeededRandom
  readonly #schedule = new Schedule()
  readonly #wires: Wires
  readonly #nodes: ReadonlyMap<string, SimulatedNode>
  readonly #acknowledged: Progress = new Map()
  readonly #begun = new Map<string, Noted>()
  /** `bucket/key` → the writes that show no value, or will not show one from some time on. */
  readonly #fading = new Map<string, Noted[]>()
  readonly #rejected = new Set<string>()
  #isOver = false

  constructor(plan: CutPlan) {
    this.#plan = plan
    this.#random = new SeededRandom(plan.seed)
    this.#wires = new Wires(this.#schedule, this.#random.child('wires'))
    const members = IDS.map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
    const settings = {
      members,
      durability: 'sync' as const,
      requestTimeoutMs: 2000,
      maxClockDriftMs: 500,
      cacheBytesMax: 1_000_000,
      hintBytesPerOwnerMax: 1_000_000,
      inflightRequestsMax: 500,
    }
    const events = {
      onBroken: (_node: string, error: unknown) => this.broken.push(String(error)),
      onMessages: () => undefined,
      onLog: () => undefined,
    }
    this.#nodes = new Map(
      IDS.map((id, i) => [
        id,
        new SimulatedNode(
          i,
          this.#schedule,
          this.#wires,
          { ...settings, nodeId: id },
          this.#random.child(id),
          events,
        ),
      ]),
    )
  }

  async run(): Promise<void> {
    const { seconds, clients, makers, delayMs, hasFaults, changesMembers } = this.#plan
    for (const node of this.#nodes.values()) {
      node.host.jump(this.#random.below(2 * SKEW_MS) - SKEW_MS)
      node.start()
    }
    await this.#until(() => [...this.#nodes.values()].every(({ isUp }) => isUp))
    await this.#pass(2)
    const common = { n: 3, consistency: 'quorum', durability: 'sync', ttlSeconds: null } as const
    const visits: Bucket = { name: 'visits', mode: 'counter', ...common }
    const tags: Bucket = { name: 'tags', mode: 'set', ...common }
    for (const bucket of [visits, tags]) {
      let isCreated = false
      this.#call(
        'n1',
        (service) => service.createBucket(bucket, 10_000),
        () => {
          isCreated = true
        },
      )
      await this.#until(() => isCreated)
    }
    this.#wires.faults.delayMs = delayMs
    for (let i = 0; i < clients; i++) new Client(i, this.#random.child(`client ${i}`), this).go()
    for (let i = 0; i < makers; i++) this.#backUpAgain()
    if (hasFaults) this.#breakAgain()
    if (changesMembers) this.#changeMembers()
    await this.#pass(seconds)
    this.#isOver = true
    await this.#pass(12)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  after(ms: number, task: () => void): void {
    this.#schedule.after(ms * 1000, task)
  }

  anyNode(random: SeededRandom): string {
    return IDS[random.below(IDS.length)] as string
  }

  anyPlace(random: SeededRandom): string | undefined {
    const places = [...this.#acknowledged.keys()]
    return places[random.below(Math.max(1, places.length))]
  }

  call<T>(
    id: string,
    ask: (service: NodeService) => Promise<T>,
    end: (answer: T | undefined, isRejected: boolean) => void,
  ): void {
    this.#call(id, ask, (ended) => {
      if (ended.type === 'answered') end(ended.answer, false)
      else end(undefined, ended.type === 'failed' && isRejection(ended.error))
    })
  }

  wallMs(id: string): number {
    return (this.#nodes.get(id) as SimulatedNode).host.wallMs()
  }

  begin(write: Begun, known: Progress): void {
    const { place, sequence, fadesMs } = write
    const before = new Map(this.#acknowledged)
    for (const [other, read] of known) raise(before, other, read)
    const noted = { ...write, before, begunUs: this.#schedule.nowUs }
    this.#begun.set(`${place} ${sequence}`, noted)
    if (fadesMs < Infinity) this.#fading.set(place, [...(this.#fading.get(place) ?? []), noted])
  }

  acknowledge(place: string, sequence: number): void {
    this.acknowledged++
    raise(this.#acknowledged, place, sequence)
  }

  reject(place: string, sequence: number): void {
    this.#rejected.add(`${place} ${sequence}`)
  }

  #call<T>(
    id: string,
    ask: (service: NodeService) => Promise<T>,
    end: (ended: CallEnd<T>) => void,
  ): void {
    // Calls back in a turn of its own, as over a network.
    const node = this.#nodes.get(id) as SimulatedNode
    node.call(ask, (ended) => this.#schedule.after(50, () => end(ended)))
  }

  #backUpAgain(): void {
    if (this.#isOver) return
    const before = new Map(this.#acknowledged)
    const rejected = new Set(this.#rejected)
    const make = async (service: NodeService) => {
      const isGivenUp = (): boolean => this.#isOver
      const asked = { buckets: undefined, covers: 'all', atMs: undefined, timeoutMs: 6000 } as const
      const { header, entries, close } = await service.backup({ ...asked, isGivenUp })
      const cutUs = this.#schedule.nowUs
      const all: BackupEntry[] = []
      try {
        for await (const entry of entries) all.push(entry)
      } finally {
        close()
      }
      return { header, entries: all, cutUs }
    }
    this.#call(this.anyNode(this.#random), make, (ended) => {
      if (ended.type === 'answered') {
        this.made++
        const { header, entries, cutUs } = ended.answer
        const { cutMs } = header
        const names = header.buckets.map(({ name }) => name)
        const at = (entry: BackupEntry): string => `${names[entry.bucket]}/${entry.key}`
        const sequences = new Map(entries.map((entry) => [at(entry), sequenceIn(entry)]))
        this.#judge(before, { sequences, cutMs, cutUs })
        for (const entry of entries) {
          for (const { value, expiresAtMs } of entry.values) {
            const write = `${at(entry)} ${numberIn(value)}`
            if (rejected.has(write)) this.violations.push(`rejected before: ${write}`)
            const isExpired = expiresAtMs !== 0 && expiresAtMs <= cutMs
            if (isExpired) this.violations.push(`expired before: ${write}`)
          }
        }
      } else {
        const { error } = ended as { error?: unknown }
        const code = error instanceof QuorateError ? error.code : ended.type
        this.failed[code] = (this.failed[code] ?? 0) + 1
      }
      this.after(50 + this.#random.below(150), () => this.#backUpAgain())
    })
  }

  #judge(before: Progress, { sequences, cutMs, cutUs }: Found): void {
    const hasFaded = (place: string, sequence: number): boolean =>
      this.#fading.get(place)?.some((write) => {
        const isInTime = write.begunUs <= cutUs && write.fadesMs <= cutMs
        return isInTime && write.sequence >= sequence
      }) === true
    const missing = (wanted: Progress): string[] =>
      [...wanted]
        .filter(([place, sequence]) => (sequences.get(place) ?? 0) < sequence)
        .filter(([place, sequence]) => sequences.has(place) || !hasFaded(place, sequence))
        .map(([place, sequence]) => `${place} ${sequence} (has ${sequences.get(place) ?? 0})`)
    for (const lost of missing(before)) this.violations.push(`acknowledged before: ${lost}`)
    for (const [place, sequence] of sequences) {
      const begun = this.#begun.get(`${place} ${sequence}`)
      if (begun === undefined) continue
      const [first] = missing(begun.before)
      if (first !== undefined) this.violations.push(`${place} ${sequence} without ${first}`)
    }
  }

  #breakAgain(): void {
    if (this.#isOver) return
    const random = this.#random
    const id = this.anyNode(random)
    const node = this.#nodes.get(id) as SimulatedNode
    const forMs = 200 + random.below(1500)
    const kind = random.below(5)
    if (kind === 0 && !node.isGone) {
      node.crash(random.below(2) === 0 ? 'process' : 'machine')
      this.after(forMs, () => node.start())
    } else if (kind === 1) {
      const cuts = IDS.filter((other) => other !== id).flatMap((other) => [
        this.#wires.cut(id, other, 'mute'),
        this.#wires.cut(other, id, 'mute'),
      ])
      this.after(forMs, () => {
        for (const cut of cuts) cut.undo()
      })
    } else if (kind === 2) {
      const other = IDS[(IDS.indexOf(id as 'n1') + 1) % IDS.length] as string
      const cut = this.#wires.cut(id, other, 'hold')
      this.after(forMs / 4, () => cut.undo())
    } else if (kind === 3) {
      node.host.jump(Math.round(this.#random.below(2 * SKEW_MS) - SKEW_MS - node.host.skewMs))
    } else {
      node.platter.stall()
      this.after(forMs / 4, () => node.platter.answerAgain())
    }
    this.after(500 + random.below(2500), () => this.#breakAgain())
  }

  /** The last member leaves, and then a new machine joins under its name. */
  #changeMembers(): void {
    const id = 'n5'
    const node = this.#nodes.get(id) as SimulatedNode
    const members = this.#nodes.get('n1')?.service?.topology().members
    const again = (): void => {
      if (!this.#isOver) this.after(500, () => this.#changeMembers())
    }
    const change = (request: ChangeRequest, done: (topology: Topology) => void): void =>
      this.call(
        'n1',
        (service) => service.applyChange(request, 2000),
        (topology) => {
          if (topology !== undefined) done(topology)
          again()
        },
      )
    if (node.isGone) {
      const member = { id, peerUrl: `sim://${id}`, zone: id }
      change({ kind: 'join', member }, (topology) => {
        this.changes++
        node.join(encodeTopology(topology))
      })
    } else if (members?.some((member) => member.id === id) === false) {
      this.changes++
      node.lose()
      again()
    } else change({ kind: 'leave', node: id }, () => undefined)
  }

  async #until(isDone: () => boolean): Promise<void> {
    await runSchedule(this.#schedule, this.#schedule.nowUs + 60_000_000, isDone)
    if (!isDone()) throw new Error('it did not come within a minute')
  }

  async #pass(seconds: number): Promise<void> {
    await runSchedule(this.#schedule, this.#schedule.nowUs + seconds * 1_000_000)
  }
}

function sequenceIn({ values }: BackupEntry): number {
  return Math.max(0, ...values.map(({ value }) => numberIn(value)))
}

function isRejection(error: unknown): boolean {
  return error instanceof QuorateError && error.kind.outcome === 'rejected'
}
