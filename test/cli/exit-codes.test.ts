/** Each exit code, against a server that answers as a node may answer. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { EXIT, EXIT_CODES } from '../../src/cli/outcome/exit-code.ts'
import { ERRORS, type ErrorCode } from '../../src/core/errors.ts'
import { freePorts } from '../../src/local-cluster/address-plan.ts'
import { quorate } from './cli-run.ts'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

let server: Server
let endpoints: readonly string[]
let answer: Answer

beforeAll(async () => {
  server = createServer((request, response) => answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  endpoints = [`http://127.0.0.1:${(server.address() as AddressInfo).port}`]
})

beforeEach(() => {
  answer = problem('internal')
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function problem(code: ErrorCode, more: object = {}): Answer {
  const { status, outcome, retryable, title } = ERRORS[code]
  const body = {
    code,
    status,
    outcome,
    retryable,
    title,
    detail: `The detail of ${code}.`,
    ...more,
  }
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json' })
    response.end(JSON.stringify(body))
  }
}

const value: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'quorate-consistency': 'quorum' })
  response.end('value')
}

/** The request arrives, and no answer comes. */
const hangUp: Answer = (request) => {
  request.resume().on('end', () => request.socket.destroy())
}

/** A change of the members begins, and then the node is gone. */
const beginAndFall: Answer = (request, response) => {
  if (request.method === 'GET') return hangUp(request, response)
  const change = { kind: 'leave', joining: null, leaving: 'n2', phase: 'moving' }
  response.writeHead(202, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ epoch: 2, change: { ...change, done: [], waitingFor: [] } }))
}

const CASES: readonly (readonly [code: number, line: string, answer: Answer, told: string])[] = [
  [EXIT.ok, 'get default k', value, ''],
  [
    EXIT.error,
    'put default k v',
    problem('value_too_large'),
    'code value_too_large, outcome rejected',
  ],
  [EXIT.error, 'get default k', problem('host_not_allowed'), 'The detail of host_not_allowed.'],
  [EXIT.usage, 'get default k --consistency all', problem('bad_parameter'), 'code bad_parameter'],
  [EXIT.usage, 'get default', value, 'needs BUCKET KEY'],
  [EXIT.usage, 'get UPPER k', value, 'BUCKET UPPER: must be the name of a bucket'],
  [EXIT.usage, 'get default ..', value, 'KEY ..: must be a key'],
  [EXIT.usage, 'get default k\uFFFD', value, 'must be a key in UTF-8'],
  [EXIT.usage, 'put default k v\uFFFD', value, 'pass it on standard input'],
  [EXIT.usage, 'gte default k', value, 'there is no command gte (did you mean get?)'],
  [EXIT.usage, 'get default k --jsno', value, 'there is no option --jsno (did you mean --json?)'],
  [
    EXIT.usage,
    'get default k --endpoints ftp://x',
    value,
    '--endpoints ftp://x: must be addresses',
  ],
  [EXIT.usage, 'put strong k v --if-absent --context c', value, '--if-absent does not go with'],
  [EXIT.notFound, 'get default k', problem('key_absent'), 'default/k does not exist'],
  [EXIT.notFound, 'list nothing', problem('bucket_unknown'), 'The detail of bucket_unknown.'],
  [
    EXIT.siblings,
    'put default k v',
    problem('too_many_siblings'),
    'npx quorate siblings lists them',
  ],
  [
    EXIT.conditionFailed,
    'put strong k v --if-absent',
    problem('precondition_failed'),
    'strong/k exists',
  ],
  [
    EXIT.rejected,
    'put default k v',
    problem('quorum_unreachable'),
    'outcome rejected: nothing was applied',
  ],
  [
    EXIT.rejected,
    'get default k',
    problem('quorum_unreachable'),
    'npx quorate status shows who reaches whom',
  ],
  [EXIT.rejected, 'del default k', problem('not_ready'), 'Try again in a moment'],
  [EXIT.unknown, 'put default k v', hangUp, 'the write may or may not have been applied'],
  [EXIT.unknown, 'put default k v', problem('outcome_unknown'), 'outcome unknown'],
  [EXIT.unknown, 'del default k', problem('internal'), 'Read the key to find out.'],
  [EXIT.unknown, 'apply leave n2', hangUp, 'the change may or may not have been made'],
  [
    EXIT.unknown,
    'apply leave n2 --wait',
    beginAndFall,
    'npx quorate moves shows whether the change',
  ],
  [EXIT.unknown, 'apply leave n2 --wait', beginAndFall, 'no node told whether it has ended'],
]

test.each(CASES)('%i: %s', async (code, line, given, told) => {
  answer = given
  const ended = await quorate(['--timeout', '900ms', ...line.split(' ')], { endpoints })
  expect(ended).toMatchObject({ code, complained: expect.stringContaining(told) })
  expect(ended.printed).toBe(code === EXIT.ok ? 'value' : '')
})

describe('8', () => {
  test.each([
    'get default k',
    'put default k v',
    'status',
    'ring',
    'where default k',
    'list default',
  ])('no node can be reached: %s', async (line) => {
    const ports = await freePorts(2)
    const nowhere = ports.map((port) => `http://127.0.0.1:${port}`)
    const argv = ['--timeout', '500ms', ...line.split(' ')]
    const { code, complained } = await quorate(argv, { endpoints: nowhere })
    expect(code).toBe(EXIT.unreachable)
    for (const url of nowhere) expect(complained).toContain(`tried ${url}: no connection`)
    expect(complained).toContain('code unreachable, outcome rejected: nothing was applied')
    expect(complained).toContain('npm start')
  })
})

describe('130', () => {
  test.each([
    ['get default k', ''],
    ['status', ''],
    ['put default k v', 'the write may or may not have been applied'],
  ])('Ctrl-C while no answer comes: %s', async (line, told) => {
    const stop = new AbortController()
    answer = () => stop.abort(new DOMException('stopped', 'AbortError'))
    const ended = await quorate(line, { endpoints, stop: stop.signal })
    expect(ended).toMatchObject({ code: EXIT.interrupted, printed: '' })
    expect(ended.complained).toContain(told)
  })
})

test('every exit code has its case', () => {
  const tried = [...CASES.map(([code]) => code), EXIT.unreachable, EXIT.interrupted]
  expect(EXIT_CODES.map(([code]) => code).filter((code) => !tried.includes(code))).toEqual([])
})

test('an error is one object of JSON with --json', async () => {
  const replicas = [{ node: 'n2', status: 'unreachable', ms: 1 }]
  answer = problem('storage_full', { replicas, requestId: 'r1' })
  const ended = await quorate('put default k v --json --timeout 300ms', { endpoints })
  expect(ended).toMatchObject({ code: EXIT.rejected, printed: '' })
  const { error } = JSON.parse(ended.complained) as { error: { attempts: unknown[] } }
  expect(error).toMatchObject({
    code: 'storage_full',
    outcome: 'rejected',
    message: 'The detail of storage_full.',
    advice: 'Free disk space on the node, or use another node.',
    exitCode: EXIT.rejected,
    replicas,
    requestId: 'r1',
  })
  expect(error.attempts[0]).toMatchObject({
    endpoint: endpoints[0],
    status: 503,
    code: 'storage_full',
  })
})

test('a text of a node cannot change the terminal', async () => {
  answer = problem('overloaded', { detail: '\u001b[2Jgone' })
  const { complained } = await quorate('get default k --timeout 300ms', { endpoints })
  expect(complained).toContain('\\u{1b}[2Jgone')
  expect(complained).not.toContain('\u001b')
})
