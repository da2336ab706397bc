/**
 * Random runs of many writes of one key, over the shipped objects and the shipped protocol (core/replication): three owners
 * with a durable and an unsynced copy each, a fallback, messages and answers that are lost, repeated and late, crashes and
 * failed commits that lose what was not synced, clients that write blindly or with what they have seen.
 *
 * The judge does not trust vectors. A write is *safe* while it is among the siblings, or once a safe write
 * replaced it rightly: its client had been shown it, or it is a newer blind write that met it at an owner.
 * What a client was promised (an acknowledged write, a value that a quorum read returned) must stay safe.
 */
import { assert } from '../../src/core/assert.ts'
import type { Dot } from '../../src/core/causality/dot.ts'
import { standInActor } from '../../src/core/causality/stand-in-actor.ts'
import {
  ABSENT,
  contextAfter,
  coverDots,
  merge,
  type StoredObject,
  uncoveredDots,
  write,
} from '../../src/core/causality/stored-object.ts'
import { covers, dominates, type VersionVector } from '../../src/core/causality/version-vector.ts'
import { WriteProtocol } from '../../src/core/replication/write-protocol.ts'
import type { WriteRound } from '../../src/core/replication/write-round.ts'
import { contentOf } from './replica-runs.ts'

const OWNERS = ['n0', 'n1', 'n2'] as const
const COUNT = OWNERS.length
const MAJORITY = 2
/** How far each owner's clock is ahead of the one before. */
const SKEW = 10

/** Rules to leave out, each of which must be missed. */
export interface ModelFlaws {
  /** A crashed owner mints on with its old actor. */
  readonly sameIncarnation?: boolean
  /** An owner whose disk refused a commit mints on with its old actor. */
  readonly sameActorAfterFailedCommit?: boolean
  /** A write's dot may be below dots that its client has seen: clocks differ, contexts carry them ahead. */
  readonly mintsBelowContext?: boolean
  /** A blind write covers whatever owners report, not only what is older than itself. */
  readonly coversNewer?: boolean
  /** A fallback does not build on what its actor has written before. */
  readonly forgetfulFallback?: boolean
}

export interface ModelRun {
  /** Dots that were promised, and are gone without having been replaced. */
  readonly lost: readonly string[]
  readonly promised: number
}

interface Owner {
  actor: string
  lives: number
  /** What a crash leaves, and what there is in memory. */
  durable: StoredObject
  latest: StoredObject
  clock: number
}

/** What a client sends along, and which writes it was really shown. */
interface Context {
  readonly vector: VersionVector
  readonly shown: ReadonlySet<string>
}

interface ModelWrite {
  readonly dot: Dot
  readonly coordinator: number
  readonly need: number
  readonly context: Context | undefined
  readonly protocol: WriteProtocol
  /** Writes that this one may replace. */
  readonly replaces: Set<string>
  object: StoredObject
  round: WriteRound
  /** Owners of which the present round has heard. */
  heard: Set<number>
  state: 'open' | 'acknowledged' | 'dead'
}

interface Message {
  readonly to: number
  readonly object: StoredObject
  readonly write: ModelWrite
  readonly round: WriteRound
}

export function runWriteModel(
  random: (bound: number) => number,
  steps: number,
  flaws: ModelFlaws = {},
): ModelRun {
  const owners: Owner[] = Array.from({ length: COUNT }, (_, i) => ({
    actor: `n${i}~0`,
    lives: 0,
    durable: ABSENT,
    latest: ABSENT,
    clock: i * SKEW,
  }))
  const messages: Message[] = []
  const writes: ModelWrite[] = []
  /** Of the fallback: durable, and kept for good. */
  const hints: StoredObject[] = []
  let fallbackClock = 0
  let standIn: { readonly actor: string; object: StoredObject } | undefined
  const replacements = new Map<string, ReadonlySet<string>>()
  const contexts: Context[] = []
  const promised = new Set<string>()
  const owner = (i: number): Owner => owners[i] as Owner
  const anyContext = (): Context | undefined => contexts[random(Math.max(1, contexts.length))]

  const send = (current: ModelWrite): void => {
    const { object, round } = current
    for (let to = 0; to < COUNT; to++) {
      if (to !== current.coordinator) messages.push({ to, object, write: current, round })
    }
  }

  /** Merges what arrives, and notes the time it tells. */
  const accept = (i: number, object: StoredObject): void => {
    const node = owner(i)
    node.latest = merge('siblings', node.latest, object)
    node.clock = Math.max(node.clock, ticksOf(object))
  }

  const sync = (i: number): void => {
    const node = owner(i)
    node.durable = node.latest
    for (const current of writes) {
      if (current.coordinator !== i || current.state !== 'open') continue
      if (!dominates(node.durable.vector, current.object.vector)) continue
      hear(current, i, [])
    }
  }

  const beginRound = (protocol: WriteProtocol, coordinator: number, need: number): WriteRound => {
    const others = OWNERS.filter((_, i) => i !== coordinator)
    const targets = { storesHere: true, owners: others, standIns: [], missed: [] }
    const self = OWNERS[coordinator] as string
    const plan = { self, groups: [OWNERS], need, sloppy: false, targets }
    return protocol.begin({ ...plan, wholeNeed: 0, isSelfWhole: true })
  }

  /** The coordinator hears that the copy of the present round is durable at an owner, and what that had held. */
  const hear = (current: ModelWrite, from: number, uncovered: readonly Dot[]): void => {
    if (current.state !== 'open' || current.heard.has(from)) return
    current.heard.add(from)
    const node = OWNERS[from] as string
    const told = { existed: false, uncovered, newest: 0, isWhole: true }
    current.round.record({ node, owner: node }, 'stored', told)
    if (current.round.settled === undefined) return
    const step = current.protocol.next(true)
    if (step.type === 'cover') {
      for (const dot of step.dots) {
        if (dot.timestamp < current.dot.timestamp) current.replaces.add(nameOf(dot))
      }
      current.object = coverDots(current.object, step.dots)
      current.round = beginRound(current.protocol, current.coordinator, current.need)
      current.heard = new Set()
      accept(current.coordinator, current.object)
      send(current)
      return
    }
    assert(step.type === 'acknowledge', `a round that is met ends with ${step.type}`)
    current.state = 'acknowledged'
    promised.add(nameOf(current.dot))
    contexts.push({
      vector: contextAfter(current.object, current.context?.vector, current.dot),
      shown: new Set(current.context?.shown).add(nameOf(current.dot)),
    })
  }

  const beginAtOwner = (): void => {
    const coordinator = random(COUNT)
    const node = owner(coordinator)
    const context = random(2) === 0 ? undefined : anyContext()
    if (flaws.mintsBelowContext !== true) node.clock = Math.max(node.clock, ticksOf(context))
    node.clock += 1 + random(3)
    const dot = { actor: node.actor, timestamp: node.clock * COUNT + coordinator }
    // Only with a flaw: a dot minted twice.
    if (covers(node.latest.vector, dot)) return
    const held = node.latest
    const object = write('siblings', held, dot, contentOf(nameOf(dot)), context?.vector)
    const replaces = new Set(context?.shown ?? held.siblings.map(nameOf))
    const need = 1 + random(MAJORITY)
    const judged = flaws.coversNewer === true ? { ...dot, timestamp: Infinity } : dot
    const protocol = new WriteProtocol(
      context === undefined ? 'covers-unseen' : 'leaves-unseen',
      judged,
    )
    const begun = { dot, coordinator, need, context, protocol, replaces, object }
    const round = beginRound(protocol, coordinator, need)
    const current: ModelWrite = { ...begun, round, heard: new Set(), state: 'open' }
    node.latest = object
    writes.push(current)
    replacements.set(nameOf(dot), replaces)
    send(current)
  }

  const beginAtFallback = (): void => {
    const context = random(2) === 0 ? undefined : anyContext()
    fallbackClock = Math.max(fallbackClock, ticksOf(context)) + 1
    const timestamp = fallbackClock * COUNT
    // It ends with its placement, its time, and whenever its owners may have forgotten what it wrote.
    if (random(6) === 0) standIn = undefined
    standIn ??= { actor: standInActor('n9~0', timestamp), object: ABSENT }
    const held = flaws.forgetfulFallback === true ? ABSENT : standIn.object
    const dot = { actor: standIn.actor, timestamp }
    const seen = context?.vector ?? held.vector
    const object = write('siblings', held, dot, contentOf(nameOf(dot)), seen)
    const replaced = held.siblings.filter((sibling) => covers(seen, sibling)).map(nameOf)
    standIn.object = object
    hints.push(object)
    replacements.set(nameOf(dot), new Set([...(context?.shown ?? []), ...replaced]))
    contexts.push({
      vector: contextAfter(object, context?.vector, dot),
      shown: new Set([...(context?.shown ?? replaced), nameOf(dot)]),
    })
    promised.add(nameOf(dot))
  }

  const deliver = (): void => {
    if (messages.length === 0) return
    const at = random(messages.length)
    const message = messages[at] as Message
    // One in four stays, to come again; one in eight is lost.
    if (random(4) > 0) messages.splice(at, 1)
    if (random(8) === 0) return
    const current = message.write
    const uncovered = uncoveredDots(owner(message.to).latest, message.object.vector)
    accept(message.to, message.object)
    // An owner answers only after its fsync; its answer may be lost.
    sync(message.to)
    if (random(8) === 0 || current.round !== message.round) return
    hear(current, message.to, current.context === undefined ? uncovered : [])
  }

  const deliverHint = (): void => {
    const hint = hints[random(Math.max(1, hints.length))]
    if (hint === undefined) return
    const i = random(COUNT)
    accept(i, hint)
    sync(i)
  }

  /** Two owners' durable copies, both repaired before the answer. */
  const readAtQuorum = (): void => {
    const skipped = random(COUNT)
    const asked = [0, 1, 2].filter((i) => i !== skipped)
    const found = asked.reduce((all, i) => merge('siblings', all, owner(i).durable), ABSENT)
    for (const i of asked) {
      accept(i, found)
      sync(i)
    }
    const shown = new Set(found.siblings.map(nameOf))
    for (const name of shown) promised.add(name)
    contexts.push({ vector: found.vector, shown })
  }

  const readAtOne = (): void => {
    const { vector, siblings } = owner(random(COUNT)).durable
    contexts.push({ vector, shown: new Set(siblings.map(nameOf)) })
  }

  /** What was not synced is gone. */
  const loseTail = (i: number, sameActor: boolean): void => {
    const node = owner(i)
    node.latest = node.durable
    node.lives++
    if (!sameActor) node.actor = `n${i}~${node.lives}`
    for (const current of writes) {
      if (current.coordinator === i && current.state === 'open') current.state = 'dead'
    }
  }

  const crash = (): void => {
    const i = random(COUNT)
    loseTail(i, flaws.sameIncarnation === true)
    // The clock comes back from what the disk knows: an owner that reuses its actor may mint a dot again.
    owner(i).clock = Math.max(i * SKEW, ticksOf(owner(i).durable))
  }

  for (let step = 0; step < steps; step++) {
    const dice = random(40)
    if (dice < 8) beginAtOwner()
    else if (dice < 9) beginAtFallback()
    else if (dice < 27) deliver()
    else if (dice < 29) deliverHint()
    else if (dice < 33) sync(random(COUNT))
    else if (dice < 35) readAtQuorum()
    else if (dice < 37) readAtOne()
    else if (dice < 38) loseTail(random(COUNT), flaws.sameActorAfterFailedCommit === true)
    else crash()
  }
  const lost = new Set<string>()
  // Of the unsynced tails, all may be kept at the end, or none.
  for (const tail of ['latest', 'durable'] as const) {
    const copies = [...owners.map((node) => node[tail]), ...hints]
    const merged = copies.reduce((all, copy) => merge('siblings', all, copy), ABSENT)
    const safe = safeWrites(merged, replacements)
    for (const name of promised) if (!safe.has(name)) lost.add(name)
  }
  return { lost: [...lost], promised: promised.size }
}

/** The siblings, and all that they replaced, directly or through others. */
function safeWrites(
  { siblings }: StoredObject,
  replacements: ReadonlyMap<string, ReadonlySet<string>>,
): Set<string> {
  const safe = new Set(siblings.map(nameOf))
  // A set's iteration reaches what is added meanwhile.
  for (const name of safe) {
    for (const replaced of replacements.get(name) ?? []) safe.add(replaced)
  }
  return safe
}

/** The least reading of a model clock that is not below any dot that the vector covers. */
function ticksOf(seen: { readonly vector: VersionVector } | undefined): number {
  return Math.ceil((seen?.vector.newest ?? 0) / COUNT)
}

function nameOf({ actor, timestamp }: Dot): string {
  return `${actor}@${timestamp}`
}
