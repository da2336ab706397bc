/**
 * A small model of the write rules of the coordinator, over the real objects: three owners with a durable
 * and an unsynced copy each, messages that are lost, repeated and late, crashes that lose what was not
 * synced, clients that write blindly or with what they read.
 *
 * A run has a story in which each acknowledged write may be followed: it was *replaced* by a write whose
 * context held it, or by a newer blind write that found it among what a quorum held. What neither is left
 * among the siblings at the end nor was replaced is lost.
 */
import type { Dot } from '../../src/core/causality/dot.ts'
import {
  ABSENT,
  coverDots,
  merge,
  type StoredObject,
  uncoveredDots,
  write,
} from '../../src/core/causality/stored-object.ts'
import { covers, type VersionVector } from '../../src/core/causality/version-vector.ts'
import { contentOf } from './replica-runs.ts'

const OWNERS = 3
const MAJORITY = 2

export interface ModelFlaws {
  /** A crashed owner mints on with its old actor. */
  readonly sameIncarnation?: boolean
  /** A blind write covers whatever owners report, not only what is older than itself. */
  readonly coversNewer?: boolean
}

interface Owner {
  actor: string
  lives: number
  /** What a crash leaves, and what there is in memory. */
  durable: StoredObject
  latest: StoredObject
  /** Timestamps minted in this life; lost with it where the bound was not persisted. */
  clock: number
}

interface Message {
  readonly to: number
  readonly object: StoredObject
  readonly write: ModelWrite
  readonly round: 1 | 2
}

interface ModelWrite {
  readonly dot: Dot
  readonly coordinator: number
  readonly blind: boolean
  readonly context: VersionVector
  object: StoredObject
  round: 1 | 2
  /** Owners whose copy of this round is durable. */
  stored: Set<number>
  uncovered: Dot[]
  acknowledged: boolean
  dead: boolean
}

export interface ModelRun {
  /** Acknowledged writes that are gone without having been replaced. */
  readonly lost: readonly Dot[]
  readonly acknowledged: number
}

export function runWriteModel(
  random: (bound: number) => number,
  steps: number,
  flaws: ModelFlaws = {},
): ModelRun {
  const owners: Owner[] = Array.from({ length: OWNERS }, (_, i) => ({
    actor: `n${i}~0`,
    lives: 0,
    durable: ABSENT,
    latest: ABSENT,
    clock: i,
  }))
  const messages: Message[] = []
  const writes: ModelWrite[] = []
  /** What clients have read: any of it may come back as a context. */
  const contexts: VersionVector[] = []
  const owner = (i: number): Owner => owners[i] as Owner

  const send = (from: number, current: ModelWrite): void => {
    for (let to = 0; to < OWNERS; to++) {
      if (to !== from)
        messages.push({ to, object: current.object, write: current, round: current.round })
    }
  }

  const sync = (i: number): void => {
    const node = owner(i)
    node.durable = node.latest
    for (const current of writes) {
      if (current.coordinator === i && !current.dead && covered(node.durable, current)) {
        current.stored.add(i)
        advance(current)
      }
    }
  }

  const advance = (current: ModelWrite): void => {
    if (current.acknowledged || current.dead) return
    if (current.stored.size < MAJORITY || !current.stored.has(current.coordinator)) return
    const report = current.uncovered.filter(
      (dot) => flaws.coversNewer === true || dot.timestamp < current.dot.timestamp,
    )
    if (current.blind && current.round === 1 && report.length > 0) {
      current.round = 2
      current.object = coverDots(current.object, report)
      current.stored = new Set()
      const node = owner(current.coordinator)
      node.latest = merge('siblings', node.latest, current.object)
      send(current.coordinator, current)
      return
    }
    current.acknowledged = true
  }

  const begin = (): void => {
    const i = random(OWNERS)
    const node = owner(i)
    node.clock += 1 + random(3)
    const dot = { actor: node.actor, timestamp: node.clock * OWNERS + i }
    const given = contexts[random(Math.max(1, contexts.length))]
    const context = random(2) === 0 ? undefined : given
    if (covers(node.latest.vector, dot)) return
    const object = write(
      'siblings',
      node.latest,
      dot,
      contentOf(`${dot.actor}@${dot.timestamp}`),
      context,
    )
    const current: ModelWrite = {
      dot,
      coordinator: i,
      blind: context === undefined,
      context: context ?? node.latest.vector,
      object,
      round: 1,
      stored: new Set(),
      uncovered: [],
      acknowledged: false,
      dead: false,
    }
    node.latest = object
    writes.push(current)
    send(i, current)
  }

  const deliver = (): void => {
    if (messages.length === 0) return
    const at = random(messages.length)
    const message = messages[at] as Message
    // One in four stays, to come again; one in eight is lost.
    if (random(4) > 0) messages.splice(at, 1)
    if (random(8) === 0) return
    const node = owner(message.to)
    const current = message.write
    const uncovered = uncoveredDots(node.latest, message.object.vector)
    node.latest = merge('siblings', node.latest, message.object)
    node.clock = Math.max(node.clock, Math.ceil(current.dot.timestamp / OWNERS))
    // An owner answers only after its fsync.
    sync(message.to)
    if (current.dead || current.round !== message.round) return
    current.stored.add(message.to)
    if (message.round === 1) current.uncovered.push(...uncovered)
    advance(current)
  }

  const crash = (): void => {
    const i = random(OWNERS)
    const node = owner(i)
    node.latest = node.durable
    node.lives++
    if (flaws.sameIncarnation !== true) node.actor = `n${i}~${node.lives}`
    // The clock comes back from what the disk knows: an owner that reuses its actor may mint a dot again.
    const seen = [...node.durable.vector.values()].map((timestamp) => Math.ceil(timestamp / OWNERS))
    node.clock = Math.max(i, ...seen)
    for (const current of writes)
      if (current.coordinator === i && !current.acknowledged) current.dead = true
  }

  for (let step = 0; step < steps; step++) {
    const dice = random(20)
    if (dice < 4) begin()
    else if (dice < 14) deliver()
    else if (dice < 17) sync(random(OWNERS))
    else if (dice < 19) contexts.push(owner(random(OWNERS)).durable.vector)
    else crash()
  }
  return judge(owners, writes)
}

/** Whether the object is at or beyond what the write made. */
function covered(object: StoredObject, current: ModelWrite): boolean {
  return [...current.object.vector].every(
    ([actor, timestamp]) => (object.vector.get(actor) ?? 0) >= timestamp,
  )
}

function judge(owners: readonly Owner[], writes: readonly ModelWrite[]): ModelRun {
  const merged = owners.reduce((all, { latest }) => merge('siblings', all, latest), ABSENT)
  const left = new Set(merged.siblings.map(({ actor, timestamp }) => `${actor}@${timestamp}`))
  const acknowledged = writes.filter((current) => current.acknowledged)
  const lost = acknowledged
    .filter(({ dot }) => !left.has(`${dot.actor}@${dot.timestamp}`))
    .filter((current) => !writes.some((other) => other !== current && replaced(other, current)))
    .map(({ dot }) => dot)
  return { lost, acknowledged: acknowledged.length }
}

/** Whether `other` had the right to replace `current`: it had seen it, or is blind and newer. */
function replaced(other: ModelWrite, current: ModelWrite): boolean {
  if (covers(other.context, current.dot)) return true
  return (
    other.blind &&
    other.dot.timestamp > current.dot.timestamp &&
    covers(other.object.vector, current.dot)
  )
}
