/** Arbitrary requests and answers of every kind of ask. */
import fc from 'fast-check'
import { type ErrorCode, ERRORS, QuorateError } from '../../../src/core/errors.ts'
import { PARTITION_COUNT } from '../../../src/core/placement/topology.ts'
import { PLAIN_LEVELS } from '../../../src/core/quorum/level.ts'
import type { AnswerOf, AskKind, RequestOf } from '../../../src/node/wire/asks/ask-formats.ts'
import { NO_FIELDS } from '../../../src/node/wire/asks/ask-format.ts'
import { encodeVersion, type Version } from '../../../src/node/wire/object-record.ts'
import { vectorOf } from '../../../src/core/causality/version-vector.ts'

type Samples = {
  readonly [Kind in AskKind]: {
    readonly request: fc.Arbitrary<RequestOf<Kind>>
    readonly answer: fc.Arbitrary<AnswerOf<Kind>>
  }
}

const text = fc.string({ maxLength: 12 })
const record = fc.uint8Array({ maxLength: 40 })
const count = fc.maxSafeNat()
const flag = fc.boolean()
const ballot = fc.record({ counter: fc.nat(), node: text })
const dot = fc.record({ actor: text, timestamp: count })
const dots = fc.array(dot, { maxLength: 4 })
const vector = fc
  .dictionary(text, count, { maxKeys: 4, noNullPrototype: true })
  .map((entries) => vectorOf(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))))
const hash = fc.record({ low: fc.nat(), high: fc.nat() })
const nothing = fc.constant(NO_FIELDS)
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined })

const key = { bucket: text, key: text }
const about = { request: fc.record(key) }
const copyAnswer = { answer: fc.record({ record }) }
const version: fc.Arbitrary<Version> = fc
  .tuple(vector, dots)
  .map(([seen, siblings]) => encodeVersion({ vector: seen, siblings: siblings as never }))

const report = fc
  .record({
    node: text,
    status: fc.constantFrom('ok', 'hinted', 'repaired', 'refused', 'timeout', 'error', 'pending'),
    error: maybe(text),
    ms: fc.float({ noNaN: true, noDefaultInfinity: true }),
  })
  .map(({ error, ...rest }) => (error === undefined ? rest : { ...rest, error }))
const reports = fc.array(report, { maxLength: 3 })
const error = fc
  .record({
    code: fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[])),
    message: text,
    details: fc.record(
      { replicas: reports, required: fc.nat(), received: fc.nat(), retryAfterSeconds: fc.nat() },
      { requiredKeys: ['replicas'] },
    ),
  })
  .map(({ code, message, details }) => new QuorateError(code, message, details))
const forwarded = <Result>(result: fc.Arbitrary<Result>) =>
  fc.oneof(
    fc.record({ type: fc.constant('done' as const), result }),
    fc.record({ type: fc.constant('failed' as const), error }),
  )

const session = fc
  .dictionary(text, vector, { maxKeys: 3, noNullPrototype: true })
  .map((entries) => new Map(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))))
const content = fc
  .record({
    value: record,
    contentType: text,
    tombstone: flag,
    expiresAtMs: fc.nat(),
    dependencies: maybe(session),
  })
  .map(({ dependencies, ...rest }) =>
    dependencies === undefined ? rest : { ...rest, dependencies },
  )
const options = {
  ...key,
  level: fc.constantFrom(...PLAIN_LEVELS),
  r: fc.nat(),
  w: fc.nat(),
  sloppy: flag,
  timeoutMs: fc.nat(),
  requestId: text,
  past: maybe(vector),
  idempotencyKey: maybe(text),
  fingerprint: maybe(text),
}
const written = forwarded(
  fc.record({
    level: fc.constantFrom(...PLAIN_LEVELS),
    coordinator: text,
    quorum: fc.record({ need: fc.nat(), got: fc.nat(), hinted: fc.nat() }),
    context: vector,
    durable: flag,
    siblings: dots,
    existed: flag,
    seen: maybe(vector),
    replicas: reports,
  }),
)

const acceptorAnswer = <Value>(value: fc.Arbitrary<Value>) =>
  fc.oneof(
    fc.record({ type: fc.constant('accepted' as const) }),
    fc.record({ type: fc.constant('promise' as const), accepted: ballot, value: fc.option(value) }),
    fc.record({
      type: fc.constant('conflict' as const),
      phase: fc.constantFrom('prepare' as const, 'accept' as const),
      seen: ballot,
      mayHaveAccepted: flag,
    }),
  )
const vote = fc.record({ instance: count, ballot })

const place = fc.record({ partition: fc.nat({ max: PARTITION_COUNT - 1 }), index: fc.nat() })
const places = fc.array(place, { maxLength: 6 })
const floors = fc.array(fc.tuple(text, count, count), { maxLength: 4 })
const versions = maybe(
  fc.array(fc.record({ member: text, version: fc.nat(), stamp: count }), { maxLength: 4 }),
)
const pageParts = { until: maybe(text), doubtful: fc.array(fc.nat(), { maxLength: 4 }) }
const nodeId = fc.stringMatching(/^[a-z0-9-]{1,8}$/)
const memberState = fc.constantFrom('up' as const, 'suspect' as const, 'down' as const)
const updates = fc.array(fc.tuple(nodeId, fc.nat(), memberState), { maxLength: 4 })

export const SAMPLES: Samples = {
  read: { ...about, ...copyAnswer },
  version: { ...about, answer: fc.record({ version }) },
  'read-hints': { ...about, ...copyAnswer },
  fetch: {
    ...about,
    answer: fc.record({ record, horizon: count, isWhole: flag, isFilled: flag }),
  },
  apply: {
    request: fc.record({ ...key, record, flags: fc.nat({ max: 15 }) }),
    answer: fc.record({ existed: flag, uncovered: dots, newest: count, isWhole: flag }),
  },
  hint: { request: fc.record({ owner: text, ...key, record }), answer: nothing },
  hello: {
    request: nothing,
    answer: fc.record({
      named: fc.array(fc.tuple(count, count), { maxLength: 4 }).map((entries) => new Map(entries)),
      unnamed: count,
    }),
  },
  sync: {
    request: fc.record({ floors, copyCounts: fc.array(fc.nat(), { maxLength: 3 }), versions }),
    answer: fc.record({ floors, hashes: fc.array(hash, { maxLength: 3 }), versions }),
  },
  tree: {
    request: fc.record({ copies: fc.nat(), level: fc.nat(), places }),
    answer: fc.record({ hashes: fc.array(hash, { maxLength: 6 }) }),
  },
  leaves: {
    request: fc.record({ copies: fc.nat(), places }),
    answer: fc.record({
      copies: fc.array(fc.tuple(text, hash), { maxLength: 4 }).map((entries) => new Map(entries)),
      dying: fc.array(fc.tuple(text, count), { maxLength: 4 }).map((entries) => new Map(entries)),
      horizon: count,
    }),
  },
  put: { request: fc.record({ ...options, content, context: maybe(vector) }), answer: written },
  update: {
    request: fc.record({
      ...options,
      change: fc.oneof(
        fc.record({ type: fc.constant('counter' as const), increment: fc.integer() }),
        fc.record({
          type: fc.constant('set' as const),
          add: fc.array(text, { maxLength: 3 }),
          remove: fc.array(text, { maxLength: 3 }),
        }),
      ),
    }),
    answer: written,
  },
  list: {
    request: fc.record({
      bucket: text,
      prefix: text,
      after: text,
      limit: fc.nat(),
      readsEncodedHeads: flag,
    }),
    answer: fc.oneof(
      fc.record({
        heads: fc.constant('encoded' as const),
        ...pageParts,
        entries: fc.array(fc.record({ key: text, head: record }), { maxLength: 4 }),
      }),
      // With doubtful partitions, such a page would be garbage. The room checks what is in a decoded head.
      fc.record({
        heads: fc.constant('decoded' as const),
        until: maybe(text),
        doubtful: fc.constant([]),
        entries: fc.array(fc.record({ key: text, head: fc.constant([]) }), {
          maxLength: 4,
        }),
      }),
    ),
  },
  changes: {
    request: fc.record({
      bucket: text,
      prefix: text,
      life: count,
      after: count,
      until: maybe(count),
      partitions: fc
        .uniqueArray(fc.nat({ max: PARTITION_COUNT - 1 }))
        .map((some) => some.sort((a, b) => a - b)),
      limit: fc.nat(),
    }),
    answer: fc.record({
      life: count,
      sequence: count,
      isEnd: flag,
      settled: count,
      stamp: count,
      nowMs: count,
      gone: fc.array(fc.nat({ max: PARTITION_COUNT - 1 }), { maxLength: 4 }),
      entries: fc.array(fc.record({ key: text, head: record }), { maxLength: 4 }),
    }),
  },
  news: { request: nothing, answer: nothing },
  status: {
    request: nothing,
    answer: fc.record({
      epoch: count,
      states: fc.dictionary(nodeId, memberState, { maxKeys: 4, noNullPrototype: true }),
      unsettled: fc.record({ hints: fc.nat(), writes: fc.nat(), exchanges: fc.nat() }),
      twins: fc.array(text, { maxLength: 3 }),
    }),
  },
  stream: {
    request: fc.record({ partition: fc.nat({ max: PARTITION_COUNT - 1 }), after: text }),
    answer: fc.record({
      records: fc.array(fc.record({ storageKey: text, record }), { maxLength: 4 }),
      next: maybe(text),
    }),
  },
  'took-over': { request: fc.record({ placementVersion: count }), answer: nothing },
  moves: {
    request: nothing,
    answer: fc.record({
      progress: maybe(
        fc.record({
          state: fc.constantFrom('streaming' as const, 'comparing' as const, 'done' as const),
          partitions: fc.nat(),
          partitionsDone: fc.nat(),
          keys: fc.nat(),
          bytes: count,
          secondsLeft: fc.option(fc.nat()),
          waitsFor: text,
        }),
      ),
    }),
  },
  topology: { request: nothing, answer: fc.record({ document: text }) },
  decided: { request: fc.record({ document: text }), answer: nothing },
  prepare: { request: vote, answer: acceptorAnswer(text) },
  recall: { request: vote, answer: acceptorAnswer(text) },
  accept: {
    request: fc.record({ instance: count, ballot, document: text }),
    answer: acceptorAnswer(text),
  },
  'register-prepare': {
    request: fc.record({ ...key, placementVersion: count, ballot }),
    answer: acceptorAnswer(record),
  },
  'register-accept': {
    request: fc.record({ ...key, placementVersion: count, record }),
    answer: acceptorAnswer(record),
  },
  'register-read': {
    request: fc.record({ ...key, wantsCopy: flag }),
    answer: fc.oneof(
      fc.record({ type: fc.constant('copy' as const), isUncontested: flag, record }),
      fc.record({ type: fc.constant('ballot' as const), isUncontested: flag, ballot }),
    ),
  },
  'register-promised': {
    request: fc.record({ placementVersion: count }),
    answer: fc.record({ promisedUpTo: count }),
  },
  'register-change': {
    request: fc.record({
      ...key,
      timeoutMs: fc.nat(),
      requestId: text,
      operation: fc.oneof(
        fc.record({ type: fc.constant('read' as const) }),
        fc.record({
          type: fc.constant('write' as const),
          content,
          condition: maybe(
            fc.record({
              type: fc.constantFrom('match' as const, 'none-match' as const),
              tags: fc.oneof(fc.constant('*' as const), fc.array(text, { maxLength: 3 })),
            }),
          ),
          idempotencyKey: maybe(text),
          fingerprint: maybe(text),
        }),
      ),
    }),
    answer: forwarded(
      fc.record({
        coordinator: text,
        record: maybe(record),
        dot: maybe(dot),
        existed: flag,
        received: fc.nat(),
        replicas: reports,
      }),
    ),
  },
  'bucket-contents': {
    request: fc.record({ bucket: text, deletion: text }),
    answer: fc.record({ live: text }),
  },
  'cut-hold': {
    request: fc.record({ cut: text, at: count }),
    answer: fc.record({ isHeld: flag }),
  },
  'cut-taken': {
    request: fc.record({ cut: text }),
    answer: fc.record({
      placementVersion: count,
      hintOwners: fc.array(nodeId, { maxLength: 3 }),
      horizon: count,
    }),
  },
  'cut-open': { request: fc.record({ cut: text }), answer: nothing },
  'cut-page': {
    request: fc.record({ cut: text, bucket: text, owner: text, after: text }),
    answer: fc.record({
      records: fc.array(fc.record({ key: text, record }), { maxLength: 4 }),
      next: maybe(text),
    }),
  },
  'cut-end': { request: fc.record({ cut: text }), answer: nothing },
  swim: {
    request: fc.record({
      message: fc.oneof(
        fc.tuple(fc.constantFrom('ping' as const, 'ack' as const, 'nack' as const), count, updates),
        fc.tuple(fc.constant('pingRequest' as const), count, updates, nodeId),
      ),
    }),
    answer: nothing,
  },
  trace: {
    request: fc.record({ ask: count, traceparent: text, tracestate: text }),
    answer: nothing,
  },
}
