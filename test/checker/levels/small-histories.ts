/** Small random histories of registers: mostly what a store with one copy would answer, and sometimes anything. */
import fc from 'fast-check'
import { type HistoryEvent, type Json, MISMATCH } from '../../../src/checker/history/history.ts'

interface Turn {
  readonly client: number
  readonly key: number
  readonly what: number
  readonly luck: number
}

interface Shape {
  readonly beginning: readonly Turn[]
  readonly turns: readonly Turn[]
  readonly clients: number
  readonly keys: number
  /** How many of 100 answers are not those of a store with one copy. */
  readonly wrongPercent: number
  readonly features: {
    readonly cas: boolean
    /** Whether it begins with a compare-and-set that needs the value of a later write. */
    readonly cycle: 'none' | 'two' | 'session'
    readonly deletes: boolean
    readonly repeats: boolean
    readonly siblings: boolean
    readonly unknowns: boolean
  }
}

/** A turn that ends as in a store with one copy. */
const RIGHT = 199
const READ = 0
const WRITE = 99

/** Causes and effects between clients are rare unless they are there to begin with. */
const BEGINNINGS: readonly (readonly Turn[])[] = [
  [],
  [],
  [...both(0, 0, WRITE), ...both(0, 1, WRITE), ...both(1, 1, READ)],
  [...both(0, 0, WRITE), ...both(1, 0, READ), ...both(1, 1, WRITE), ...both(2, 1, READ)],
]

/** The beginning and the end of one operation. */
function both(client: number, key: number, what: number): Turn[] {
  const turn = { client, key, what, luck: RIGHT }
  return [turn, turn]
}

const EARLIER = 101
const LATER = 102

/** Beginnings in which an effect comes before its cause. */
const CYCLES: Readonly<
  Record<Shape['features']['cycle'], readonly Omit<HistoryEvent, 'index' | 'time'>[]>
> = {
  none: [],
  two: [
    event(0, 'invoke', 'cas', [LATER, EARLIER]),
    event(1, 'invoke', 'cas', [EARLIER, LATER]),
    event(0, 'ok', 'cas', [LATER, EARLIER]),
    event(1, 'ok', 'cas', [EARLIER, LATER]),
  ],
  session: [
    event(0, 'invoke', 'cas', [LATER, EARLIER]),
    event(1, 'invoke', 'read', null),
    event(1, 'ok', 'read', EARLIER),
    event(1, 'invoke', 'read', null, 'k1'),
    event(1, 'ok', 'read', null, 'k1'),
    event(1, 'invoke', 'write', LATER),
    event(1, 'ok', 'write', LATER),
    event(0, 'ok', 'cas', [LATER, EARLIER]),
  ],
}

function event(
  process: number,
  type: HistoryEvent['type'],
  f: string,
  value: Json,
  key = 'k0',
): Omit<HistoryEvent, 'index' | 'time'> {
  return { process, type, f, key, value }
}

export const smallHistories: fc.Arbitrary<HistoryEvent[]> = fc
  .record<Shape>({
    beginning: fc.constantFrom(...BEGINNINGS),
    turns: fc.array(
      fc.record({
        client: fc.nat({ max: 1000 }),
        key: fc.nat({ max: 1000 }),
        what: fc.nat({ max: 99 }),
        luck: fc.nat({ max: 1_000_000 }),
      }),
      { minLength: 4, maxLength: 14 },
    ),
    clients: fc.integer({ min: 2, max: 4 }),
    keys: fc.integer({ min: 1, max: 2 }),
    wrongPercent: fc.constantFrom(0, 10, 40, 80, 80),
    features: fc.record({
      cas: fc.boolean(),
      cycle: fc.constantFrom('none', 'none', 'none', 'none', 'none', 'none', 'two', 'session'),
      deletes: fc.integer({ min: 0, max: 3 }).map((drawn) => drawn === 0),
      repeats: fc.integer({ min: 0, max: 3 }).map((drawn) => drawn === 0),
      siblings: fc.integer({ min: 0, max: 5 }).map((drawn) => drawn === 0),
      unknowns: fc.boolean(),
    }),
  })
  .map(historyOf)

interface Open {
  readonly event: HistoryEvent
  readonly luck: number
  /** Whether a write has already taken effect. */
  readonly isEarly: boolean
}

/** Each turn begins an operation of its client, or ends the one that is open. */
function historyOf(shape: Shape): HistoryEvent[] {
  const { wrongPercent, features } = shape
  const turns = [...shape.beginning, ...shape.turns]
  const clients = shape.beginning.length > 0 ? 3 : shape.clients
  const keys = shape.beginning.length > 0 ? 2 : shape.keys
  const events: HistoryEvent[] = []
  const held = new Map<string, Json>()
  const written = new Map<string, Json[]>()
  const open = new Map<number, Open>()
  const processes = Array.from({ length: clients }, (_, client) => client)
  let nextProcess = clients
  let nextValue = 1
  const add = (event: Omit<HistoryEvent, 'index' | 'time'>): HistoryEvent => {
    const added = { ...event, index: events.length, time: events.length }
    events.push(added)
    return added
  }
  const anyValue = (key: string, luck: number): Json => {
    const all = [null, ...(written.get(key) ?? [])]
    return luck % 23 === 0 ? 99 : (all[luck % all.length] as Json)
  }
  for (const event of CYCLES[features.cycle]) {
    add({ ...event, session: event.process as number, node: 'n0' })
    if (event.f !== 'read') held.set('k0', LATER)
  }
  for (const { client: drawn, key: drawnKey, what, luck } of turns) {
    const session = drawn % clients
    const own = open.get(session)
    if (own === undefined) {
      const key = `k${drawnKey % keys}`
      const node = `n${luck % 2}`
      const common = {
        process: processes[session] as number,
        session,
        key,
        node,
        type: 'invoke',
      } as const
      const value = features.repeats && luck % 3 === 0 ? 1 : nextValue++
      const f =
        what < 50
          ? 'read'
          : what < 60 && features.cas
            ? 'cas'
            : what < 66 && features.deletes
              ? 'delete'
              : 'write'
      const expected = luck % 2 === 0 ? (held.get(key) ?? null) : anyValue(key, luck)
      const asked: Json =
        f === 'read' || f === 'delete' ? null : f === 'cas' ? [expected, value] : value
      if (f === 'write' || f === 'cas') written.set(key, [...(written.get(key) ?? []), value])
      const isEarly = luck % 3 === 0 && (f === 'write' || f === 'delete')
      if (isEarly) held.set(key, f === 'delete' ? null : asked)
      open.set(session, { event: add({ ...common, f, value: asked }), luck, isEarly })
      continue
    }
    open.delete(session)
    const { event, isEarly } = own
    const { f, key = '', value: asked } = event
    const isWrong = luck % 100 < wrongPercent
    const end = { ...event, value: asked }
    const now = held.get(key) ?? null
    if (features.unknowns && luck % 7 === 0) {
      add({ ...end, type: 'info' })
      processes[session] = nextProcess++
      continue
    }
    if (f === 'read') {
      const wrong = anyValue(key, luck >> 4)
      const other = anyValue(key, luck >> 9)
      const isPair =
        features.siblings && luck % 5 === 0 && wrong !== null && other !== null && wrong !== other
      const answer = isPair ? [wrong, other] : isWrong ? wrong : now
      add({ ...end, type: 'ok', value: answer })
    } else if (f === 'cas') {
      const [expected, next] = asked as [Json, Json]
      if ((now === expected) !== isWrong) {
        held.set(key, next)
        add({ ...end, type: 'ok' })
      } else add({ ...end, type: 'fail', error: luck % 5 === 0 ? 'timeout' : MISMATCH })
    } else {
      const isFailed = !isEarly && luck % 11 === 0
      if (!isEarly && !isFailed) held.set(key, f === 'delete' ? null : asked)
      add({ ...end, type: isFailed ? 'fail' : 'ok' })
    }
  }
  return events
}
