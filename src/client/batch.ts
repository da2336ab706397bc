/**
 * Several calls as one request. Each call has an outcome of its own: a batch is not a transaction.
 *
 * The calls are made on buckets whose requests go into a queue. The request with all of them is repeated as a whole, or
 * not at all: a call that was rejected alone must not overtake a later one of its key.
 */
import { answerOf, operationOf, type OperationAnswer } from './batch-operation.ts'
import { Handles } from './handles.ts'
import type { CallOptions, KeyRequest, RequestParts, RequestQueue } from './key-requests.ts'
import { given } from './key-requests.ts'
import { type Answer, emptyAnswer, parseJson } from './request/answer.ts'
import { errorOf, type Failure } from './request/call.ts'
import { RejectedError, UnknownOutcomeError } from './request/request-error.ts'
import type { Budget } from './request/sender.ts'
import { assertUsage } from './request/usage.ts'

const PATH = '/v1/batch'

/** What each call of a batch resolves or rejects with. */
export type BatchResults<T extends readonly Promise<unknown>[]> = {
  -readonly [K in keyof T]: PromiseSettledResult<Awaited<T[K]>>
}

/** Rejects only if the client is closed, or `build` throws. */
export async function runBatch<T extends readonly Promise<unknown>[]>(
  parts: RequestParts,
  build: (batch: Handles) => T,
  options: CallOptions = {},
): Promise<BatchResults<T>> {
  const queue = new BatchQueue(parts.sender.budget(options))
  const calls = Promise.allSettled(build(new Handles({ ...parts, queue })))
  await queue.send(parts)
  return (await calls) as BatchResults<T>
}

interface QueuedRequest {
  readonly bucket: string
  readonly request: KeyRequest
  readonly operation: Readonly<Record<string, unknown>>
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

class BatchQueue implements RequestQueue {
  readonly budget: Budget
  readonly #queued: QueuedRequest[] = []
  #isSent = false

  constructor(budget: Budget) {
    this.budget = budget
  }

  add(bucket: string, request: KeyRequest): Promise<Answer> {
    assertUsage(!this.#isSent, 'a batch takes one request of each call, and has been sent already')
    const operation = operationOf(bucket, request)
    return new Promise((resolve, reject) => {
      this.#queued.push({ bucket, request, operation, resolve, reject })
    })
  }

  /** Sends what has been added. Settles each request, and never rejects. */
  async send(parts: RequestParts): Promise<void> {
    this.#isSent = true
    if (this.#queued.length === 0) return
    try {
      const answer = await this.#exchange(parts)
      const answers = answersIn(answer)
      for (const [i, queued] of this.#queued.entries()) {
        settle(queued, answers[i] as OperationAnswer, parts, answer.isAfterUnknown === true)
      }
    } catch (error) {
      for (const queued of this.#queued) queued.reject(errorFor(queued, error))
    }
  }

  #exchange(parts: RequestParts): Promise<Answer> {
    const { sender, session } = parts
    const send = async (token: string | undefined): Promise<Answer> => {
      const answer = await this.#sendNow(parts, token)
      const isOver = answersIn(answer).some(({ problem }) => problem?.code === 'bad_session')
      if (isOver) session.forget()
      return answer
    }
    const isInSession =
      session.takesAll || this.#queued.some((queued) => mayBeCausal(queued, parts))
    if (!isInSession) return send(undefined)
    return session.run(sender, this.budget, `POST ${PATH}`, send)
  }

  #sendNow({ sender }: RequestParts, token: string | undefined): Promise<Answer> {
    const requests = this.#queued.map(({ request }) => request)
    return sender.send(
      {
        method: 'POST',
        path: PATH,
        query: {},
        headers: given({ 'content-type': 'application/json', 'quorate-session': token }),
        body: JSON.stringify({ operations: this.#queued.map(({ operation }) => operation) }),
        isRead: requests.every(isRead),
        isRepeatable: requests.every((one) => isRead(one) || one.isRepeatable === true),
        statuses: [200],
        failureIn: (answer) => this.#failureIn(answer),
      },
      this.budget,
    )
  }

  #failureIn(answer: Answer): Failure | undefined {
    if (answersIn(answer).length === this.#queued.length) return undefined
    const detail = 'the answer does not list one answer for each operation'
    return emptyAnswer('outcome_unknown', detail, answer.status)
  }
}

/** Empty if the body is not the answer to a batch. */
function answersIn({ body }: Answer): readonly OperationAnswer[] {
  const told = parseJson(body) as { readonly answers?: readonly OperationAnswer[] } | undefined
  return Array.isArray(told?.answers) ? (told.answers as readonly OperationAnswer[]) : []
}

function settle(
  { bucket, request, resolve, reject }: QueuedRequest,
  told: OperationAnswer,
  { levels }: RequestParts,
  isAfterUnknown: boolean,
): void {
  const answer = answerOf(request.method, told)
  if (!('headers' in answer)) {
    const failure = isAfterUnknown ? asUnknown(answer) : answer
    reject(errorOf(nameOf(bucket, request), isRead(request), failure, []))
    return
  }
  if (request.level === undefined) levels.learn(bucket, answer.headers.get('quorate-consistency'))
  resolve(answer)
}

/** The rejection of a later attempt tells nothing about an earlier one. */
function asUnknown(failure: Failure): Failure {
  if (failure.outcome === 'unknown') return failure
  const detail = `an earlier attempt may have been applied, and the last one was rejected: ${failure.detail}`
  return { ...failure, code: 'outcome_unknown', outcome: 'unknown', problem: undefined, detail }
}

/** The outcome of one request in a batch that failed as a whole. A read has changed nothing. */
function errorFor({ bucket, request }: QueuedRequest, error: unknown): unknown {
  if (!(error instanceof UnknownOutcomeError) || !isRead(request)) return error
  const { problem, attempts, code } = error
  return new RejectedError({
    code: problem === undefined && code === 'outcome_unknown' ? 'unreachable' : code,
    detail: `${nameOf(bucket, request)} failed with its batch`,
    retryable: true,
    attempts,
    problem,
    cause: error,
  })
}

/** Until the default level of a bucket is known, it may be `causal`. */
function mayBeCausal({ bucket, request }: QueuedRequest, { levels }: RequestParts): boolean {
  const level = request.level ?? levels.find(bucket)
  return level === undefined || level === 'causal'
}

function isRead({ method }: KeyRequest): boolean {
  return method === 'GET'
}

function nameOf(bucket: string, { method, key }: KeyRequest): string {
  return `${method} ${bucket}/${key}`
}
