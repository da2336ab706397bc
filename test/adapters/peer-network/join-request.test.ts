/**
 * Asking to be let into a cluster, over real connections to the peer port of a member: who waits, who gives up, and
 * what a member bears. The same seed several times in the list stands for rounds without the pause between them.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { askToJoin, type JoinOptions } from '../../../src/adapters/peer-network/join-request.ts'
import { PROTOCOL } from '../../../src/adapters/peer-network/handshake.ts'
import { VERSIONS } from '../../../src/core/protocol-versions.ts'
import type { Admit } from '../../../src/adapters/peer-network/join-desk.ts'
import { createPeerNetwork } from '../../../src/adapters/peer-network/peer-network.ts'
import { createPinoLog } from '../../../src/adapters/log/pino-log.ts'

const silent = createPinoLog({ node: 'test', level: 'silent' })
const n6 = { id: 'n6', peerUrl: 'http://127.0.0.1:7086', zone: 'east' }
/** As it is asked. */
const speaking = { ...n6, protocol: PROTOCOL, versions: `${VERSIONS.oldest}-${VERSIONS.newest}` }
const NOBODY = 'http://127.0.0.1:1'

const cleanups: (() => void | Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A member that answers so; its address. */
async function member(admit?: Admit): Promise<string> {
  const network = createPeerNetwork({
    self: 'n1',
    newestVersion: VERSIONS.newest,
    listen: { host: '127.0.0.1', port: 0 },
    log: silent,
    ...(admit === undefined ? {} : { admit }),
  })
  await network.start()
  cleanups.push(() => network.close())
  return `http://127.0.0.1:${network.port()}`
}

function documentOf(...ids: string[]): string {
  return JSON.stringify({ epoch: 2, members: ids.map((id) => ({ id })) })
}

function welcome(document: string): { status: number; text: string } {
  return { status: 200, text: JSON.stringify({ document }) }
}

/** The answers in turn, the last one again and again. */
function answering(...answers: { status: number; text: string }[]): Admit {
  let asked = 0
  return async () => answers[Math.min(asked++, answers.length - 1)] as (typeof answers)[number]
}

function join(seeds: string[], options: Partial<JoinOptions> = {}): Promise<string> {
  const rest = { replaces: undefined, log: silent, stop: undefined, versions: VERSIONS }
  return askToJoin({ self: n6, seeds, ...rest, ...options })
}

describe('a node that asks to join', () => {
  it('says who it is, whose place it takes, and gets the document', async () => {
    const asked: unknown[] = []
    const seed = await member(async (request) => {
      asked.push(request)
      return welcome(documentOf('n1', 'n6'))
    })
    expect(await join([seed], { replaces: 'n3' })).toBe(documentOf('n1', 'n6'))
    expect(asked).toEqual([{ ...n6, replaces: 'n3' }])
  })

  it('goes on to the next member where one is not there', async () => {
    const seed = await member(answering(welcome(documentOf('n6'))))
    expect(await join([NOBODY, seed])).toBe(documentOf('n6'))
  })

  it('waits for a member that is too old to know of joining', async () => {
    const seed = await member(
      answering({ status: 404, text: 'Not Found' }, welcome(documentOf('n6'))),
    )
    expect(await join([seed])).toBe(documentOf('n6'))
  })

  it('waits for the end of another change, and tells it once', async () => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const seed = await member(
      answering(
        { status: 409, text: 'n2 is leaving, waiting for n1' },
        { status: 409, text: 'n2 is leaving, waiting for n2' },
        welcome(documentOf('n6')),
      ),
    )
    const log = createPinoLog({ node: 'n6', level: 'info', destination })
    expect(await join([seed, seed, seed], { log })).toBe(documentOf('n6'))
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('n2 is leaving')
  })

  it.each([
    ['too few members decide', { status: 503, text: 'no majority' }],
    ['the change was undone before the answer', welcome(documentOf('n1'))],
    ['the answer is none', { status: 200, text: 'yes' }],
  ])('asks again where %s', async (_what, answer) => {
    const seed = await member(answering(answer, welcome(documentOf('n6'))))
    expect(await join([seed, seed])).toBe(documentOf('n6'))
  })

  it('comes back in another round', async () => {
    const seed = await member(
      answering({ status: 503, text: 'no majority' }, welcome(documentOf('n6'))),
    )
    expect(await join([seed])).toBe(documentOf('n6'))
  })

  it('gives up where it is refused, with the reason', async () => {
    const seed = await member(answering({ status: 403, text: 'n3 is no member' }))
    await expect(join([seed, NOBODY])).rejects.toThrow(`${seed} does not let it join: n3 is no`)
  })

  it('goes on with the other members where one refuses it, and tells why', async () => {
    const lines: string[] = []
    const destination = { write: (line: string) => void lines.push(line) }
    const log = createPinoLog({ node: 'n6', level: 'info', destination })
    const wrong = await member(answering({ status: 403, text: 'it is of another cluster' }))
    const right = await member(
      answering({ status: 503, text: 'no majority' }, welcome(documentOf('n6'))),
    )
    expect(await join([wrong, NOBODY, right], { log })).toBe(documentOf('n6'))
    expect(lines.filter((line) => line.includes('it is of another cluster'))).toHaveLength(1)
  })

  it('gives up where all members refuse it, with the reason of each', async () => {
    const first = await member(answering({ status: 403, text: 'n3 is no member' }))
    const second = await member(answering({ status: 400, text: 'n6 is no id' }))
    await expect(join([first, NOBODY, second])).rejects.toThrow(
      `${first} does not let it join: n3 is no member; ${second} does not let it join: n6 is no id`,
    )
  })

  it('gives up when it is told to', async () => {
    const stop = new AbortController()
    const asked = Promise.withResolvers<void>()
    const seed = await member(async () => {
      asked.resolve()
      return new Promise(() => undefined)
    })
    const joining = join([seed], { stop: stop.signal })
    await asked.promise
    stop.abort(new Error('stopping'))
    await expect(joining).rejects.toThrow('stopping')
  })
})

describe('a member that is asked', () => {
  const post = (seed: string, body: string): Promise<Response> =>
    fetch(`${seed}/v1/peer/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })

  it.each([
    ['no JSON', '{id', 400],
    ['a list', '[]', 403],
    ['a word', '"n6"', 400],
    ['another protocol', JSON.stringify({ ...n6, protocol: 'quorate-peer/0' }), 403],
    ['a version that holds the others back', JSON.stringify({ ...n6, protocol: PROTOCOL }), 403],
    ['no version', JSON.stringify({ ...speaking, versions: 'new' }), 403],
    ['5 KB', JSON.stringify({ ...speaking, zone: 'z'.repeat(5000) }), 413],
  ])('refuses %s without asking its node', async (_what, body, status) => {
    let asked = 0
    const seed = await member(async () => {
      asked++
      return welcome(documentOf('n6'))
    })
    const response = await post(seed, body)
    expect([response.status, asked]).toEqual([status, 0])
  })

  it('lets nobody join where its network was not told how', async () => {
    const response = await post(await member(), JSON.stringify(speaking))
    expect(response.status).toBe(403)
  })

  it('asks its node for a few at once, and tells the others to come again', async () => {
    const [full, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let asked = 0
    const seed = await member(async () => {
      if (++asked === 4) full.resolve()
      await release.promise
      return welcome(documentOf('n6'))
    })
    const body = JSON.stringify(speaking)
    const first = Array.from({ length: 4 }, async () => (await post(seed, body)).status)
    await full.promise
    expect((await post(seed, body)).status).toBe(503)
    release.resolve()
    expect(await Promise.all(first)).toEqual([200, 200, 200, 200])
    expect((await post(seed, body)).status).toBe(200)
  })

  it('answers 500 where its node breaks, and goes on', async () => {
    const seed = await member(async () => Promise.reject(new Error('a bug')))
    const body = JSON.stringify(speaking)
    const response = await post(seed, body)
    expect([response.status, await response.text()]).toEqual([500, 'n1 met an internal error'])
    expect((await post(seed, body)).status).toBe(500)
  })
})
