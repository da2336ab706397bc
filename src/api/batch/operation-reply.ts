/**
 * The answer to an operation of a batch, as the text of a JSON object. Its members are the status, the headers and the
 * body that the single request is answered with.
 */
import { isUtf8 } from 'node:buffer'
import type { Content, Sibling } from '../../core/causality/sibling.ts'
import { type ErrorCode, type ErrorDetails, ERRORS } from '../../core/errors.ts'
import { problemDocument, retryAfterOf } from '../http/problem.ts'
import type { HeaderList } from '../http/respond.ts'
import type { KvReply } from '../values/kv-reply.ts'
import { siblingList } from '../values/sibling-body.ts'
import type { AnswerRoom } from './answer-room.ts'

export class OperationReply implements KvReply {
  /** The answer; '' before there is one. */
  text = ''
  /** 0 before there is an answer. */
  status = 0
  /** The session after the operation; undefined if the answer has none. */
  session: string | undefined
  readonly #id: string
  readonly #room: AnswerRoom

  constructor(id: string, room: AnswerRoom) {
    this.#id = id
    this.#room = room
  }

  empty(status: 202 | 204 | 304, headers: HeaderList): void {
    this.#answer(status, headers, {})
  }

  value(headers: HeaderList, { contentType, value }: Content): void {
    this.#room.take(value.byteLength)
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    const shown = isUtf8(value)
      ? { value: bytes.toString() }
      : { valueBase64: bytes.toString('base64') }
    this.#answer(200, headers, { contentType, ...shown })
    this.#keep()
  }

  siblings(headers: HeaderList, siblings: readonly Sibling[]): void {
    this.#room.take(siblings.reduce((sum, { value }) => sum + value.byteLength, 0))
    const body = [...siblingList(siblings).pieces].join('').trimEnd()
    this.#answer(300, headers, {}, body.slice(1, -1))
    this.#keep()
  }

  json(headers: HeaderList, value: string): void {
    this.#room.take(value.length)
    this.#answer(200, headers, {}, `"value":${value}`)
    this.#keep()
  }

  problem(code: ErrorCode, detail: string, details: ErrorDetails, headers: HeaderList): void {
    const retryAfter = retryAfterOf(code, details)
    this.#answer(ERRORS[code].status, headers, {
      ...(retryAfter === undefined ? {} : { retryAfter }),
      problem: problemDocument(code, detail, details, this.#id),
    })
  }

  /** Only the answers to reads: a write has taken effect, and its answer must not become an error. */
  #keep(): void {
    this.#room.keep(this.text)
  }

  /** `more` is the text of further members. */
  #answer(status: number, headers: HeaderList, members: object, more = ''): void {
    this.status = status
    const text = JSON.stringify({ status, ...this.#membersOf(headers), ...members })
    this.text = more === '' ? text : `${text.slice(0, -1)},${more}}`
  }

  #membersOf(headers: HeaderList): Record<string, unknown> {
    const members: Record<string, unknown> = {}
    for (let i = 0; i < headers.length; i += 2) {
      const [name = '', value = ''] = headers.slice(i, i + 2)
      if (name === 'Quorate-Session') this.session = value
      const add = MEMBERS[name]
      if (add !== undefined) Object.assign(members, add(value))
    }
    return members
  }
}

/** What each header becomes. The other headers are for browsers and caches, or belong to the whole batch. */
const MEMBERS: Readonly<Record<string, (value: string) => object>> = {
  ETag: (etag) => ({ etag }),
  'Quorate-Context': (context) => ({ context }),
  'Quorate-Siblings': (count) => ({ siblingCount: Number(count) }),
  'Quorate-Existed': (existed) => ({ existed: existed === 'true' }),
  'Quorate-Consistency': (consistency) => ({ consistency }),
  'Quorate-Coordinator': (coordinator) => ({ coordinator }),
  'Quorate-Quorum': (quorum) => {
    const [need, got, hinted] = quorum.match(/\d+/g)?.map(Number) ?? []
    return { quorum: { need, got, hinted } }
  },
  'Quorate-Stale': (stale) => ({ stale }),
  'Last-Modified': (lastModified) => ({ lastModified }),
}
