/**
 * Five containers whose network is really cut: what each side can and cannot do meanwhile, what is there
 * afterwards, and that a cut has an end whatever becomes of the command that made it.
 */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, expect, onTestFailed, test } from 'vitest'
import { NODES, type NodeId, type Stack } from './stack.ts'

/** Far more than a request may take: one that hangs fails here. */
const ANSWER_MS_MAX = 10_000
const NOTICED = { timeout: 90_000, interval: 200 }
const MINORITY: readonly NodeId[] = ['n1', 'n2']
const CUT = 'partition n1,n2/n3,n4,n5'

let stack: Stack

interface Answer {
  readonly status: number
  readonly body: string
  readonly context: string
}

async function request(at: NodeId, path: string, init: RequestInit = {}): Promise<Answer> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  const response = await fetch(stack.url(at, path), { ...init, signal })
  const context = response.headers.get('quorate-context') ?? ''
  return { status: response.status, body: await response.text(), context }
}

async function put(
  at: NodeId,
  key: string,
  value: string,
  consistency: string,
  context?: string,
): Promise<Answer> {
  const headers: Record<string, string> =
    context === undefined ? {} : { 'quorate-context': context }
  const path = `/v1/kv/default/${key}?consistency=${consistency}`
  return request(at, path, { method: 'PUT', body: value, headers })
}

function get(at: NodeId, key: string, consistency: string): Promise<Answer> {
  return request(at, `/v1/kv/default/${key}?consistency=${consistency}`)
}

/** All values of an answer, in an order of their own. */
function valuesOf({ status, body }: Answer): string[] {
  if (status === 200) return [body]
  if (status !== 300) throw new Error(`no value: ${status} ${body}`)
  const { siblings } = JSON.parse(body) as { siblings: { value: string }[] }
  return siblings.map(({ value }) => value).sort()
}

/** `done`, `rejected` or `unknown`, with the status. */
function outcomeOf({ status, body }: Answer): string {
  if (status < 400) return `${status} done`
  return `${status} ${(JSON.parse(body) as { outcome?: string }).outcome}`
}

async function chaos(command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await stack.chaos(command)
  expect(exitCode, `chaos ${command}: ${stderr}`).toBe(0)
  return stdout
}

/** A key with that many of its three owners among n1 and n2. */
async function findKey(name: string, ownersInMinority: number): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const key = `${name}-${i}`
    const { body } = await request('n1', `/v1/cluster/ring?bucket=default&key=${key}`)
    const { preference } = JSON.parse(body) as {
      preference: { node: NodeId; role: string }[]
    }
    const owners = preference.filter(({ role }) => role === 'owner').map(({ node }) => node)
    if (owners.filter((id) => MINORITY.includes(id)).length === ownersInMinority) return key
  }
  throw new Error(`of 200 keys none has ${ownersInMinority} owners among ${MINORITY.join()}`)
}

/** Asks every published port again and again until it is stopped; tells who did not answer. */
function watchPorts(): { stop(): Promise<{ asked: number; silent: string[] }> } {
  const over = new AbortController()
  const silent: string[] = []
  let asked = 0
  const watch = async (id: NodeId): Promise<void> => {
    while (!over.signal.aborted) {
      const said = await request(id, '/livez').then(({ status }) => String(status), String)
      asked += 1
      if (said !== '200') silent.push(`${id}: ${said}`)
      await sleep(100, undefined, { signal: over.signal }).catch(() => undefined)
    }
  }
  const watched = Promise.all(NODES.map(watch))
  return {
    stop: async () => {
      over.abort()
      await watched
      return { asked, silent }
    },
  }
}

/** Each test ends with a whole cluster, or is healed if it fails: to heal takes seconds of all processors. */
export function testCuts(started: () => Stack): void {
  beforeAll(() => {
    stack = started()
  })
  beforeEach(() => {
    onTestFailed(async () => {
      await chaos('heal')
    })
  })

  test('what is put on one node is got on another', async () => {
    expect((await put('n1', 'hello', 'world', 'quorum')).status).toBe(204)
    expect(await get('n5', 'hello', 'quorum')).toMatchObject({ status: 200, body: 'world' })
  })

  test('peers are reached over the peer network alone', async () => {
    const said = await Promise.all([
      stack.connect('n2', stack.clientAddress('n1'), 8080),
      stack.connect('n2', 'n1.peer', 7080),
      stack.connect('n2', stack.clientAddress('n1'), 7080),
    ])
    expect(said).toEqual(['connected', 'connected', 'ECONNREFUSED'])
  })

  test('a partition: quorum where there is a majority, eventual on both sides, siblings after', async () => {
    const ours = await findKey('ours', 2)
    const theirs = await findKey('theirs', 1)
    const far = await findKey('far', 0)
    const both = await findKey('both', 1)
    const ports = watchPorts()

    await chaos(`${CUT} --for 600s`)
    // Until the cut is noticed the outcome may be unknown; it is never done.
    for (const [at, key] of [
      ['n1', theirs],
      ['n2', far],
      ['n5', ours],
    ] as const)
      expect(outcomeOf(await put(at, key, 'nobody', 'quorum'))).toMatch(
        /^(503 rejected|504 unknown)$/,
      )
    for (const [at, key] of [
      ['n1', theirs],
      ['n2', far],
      ['n5', ours],
    ] as const) {
      const write = async (): Promise<string> => outcomeOf(await put(at, key, 'nobody', 'quorum'))
      await expect.poll(write, NOTICED).toBe('503 rejected')
      expect(outcomeOf(await get(at, key, 'quorum'))).toBe('503 rejected')
    }
    for (const [at, key] of [
      ['n4', theirs],
      ['n3', far],
      ['n1', ours],
    ] as const) {
      const write = async (): Promise<string> => outcomeOf(await put(at, key, 'side', 'quorum'))
      await expect.poll(write, NOTICED).toBe('204 done')
      expect(valuesOf(await get(at, key, 'quorum'))).toContain('side')
    }
    expect(outcomeOf(await put('n1', both, 'left', 'eventual'))).toBe('204 done')
    expect(outcomeOf(await put('n5', both, 'right', 'eventual'))).toBe('204 done')
    expect(valuesOf(await get('n2', both, 'eventual'))).toEqual(['left'])
    expect(valuesOf(await get('n3', both, 'eventual'))).toEqual(['right'])

    await chaos('heal')
    const { asked, silent } = await ports.stop()
    expect(silent).toEqual([])
    expect(asked).toBeGreaterThan(NODES.length)

    for (const id of NODES) {
      const read = async (): Promise<string[]> => valuesOf(await get(id, both, 'quorum'))
      await expect.poll(read, NOTICED).toEqual(['left', 'right'])
    }
    const { context } = await get('n2', both, 'quorum')
    expect(outcomeOf(await put('n3', both, 'resolved', 'quorum', context))).toBe('204 done')
    for (const id of NODES) {
      const read = async (): Promise<string[]> => valuesOf(await get(id, both, 'quorum'))
      await expect.poll(read, NOTICED).toEqual(['resolved'])
    }
  })

  test('a one-way cut is one-way, and outlives a restart', async () => {
    await chaos('oneway n1 n3 --for 600s')
    const connected = (pairs: readonly (readonly [NodeId, NodeId])[]): Promise<string[]> =>
      Promise.all(pairs.map(([from, to]) => stack.connect(from, `${to}.peer`, 7080)))
    expect(
      await connected([
        ['n1', 'n3'],
        ['n3', 'n1'],
      ]),
    ).toEqual(['timeout', 'connected'])
    const status = await chaos('status')
    expect(status).toMatch(/^n1 +· +yes +no +yes +yes +running$/m)
    expect(status).toMatch(/^n3 +yes +yes +· +yes +yes +running$/m)
    expect(status).toMatch(/^active: oneway n1 n3, for \d+ s more$/m)

    await chaos('restart n3')
    expect(
      await connected([
        ['n1', 'n3'],
        ['n2', 'n3'],
      ]),
    ).toEqual(['timeout', 'connected'])

    await chaos('heal')
    expect(await stack.connect('n1', 'n3.peer', 7080)).toBe('connected')
  })

  test('a bridge sees both sides, which do not see each other', async () => {
    await chaos('bridge n3 --for 600s')
    const status = await chaos('status')
    expect(status).toMatch(/^n1 +· +yes +yes +no +no +running$/m)
    expect(status).toMatch(/^n3 +yes +yes +· +yes +yes +running$/m)
    expect(status).toMatch(/^n5 +no +no +yes +yes +· +running$/m)
    await chaos('heal')
  })

  test('killed and paused nodes come back, by heal and with their values', async () => {
    const key = await findKey('survivor', 2)
    expect(outcomeOf(await put('n1', key, 'kept', 'all'))).toBe('204 done')
    await chaos('kill n1 --for 600s')
    await chaos('pause n4 --for 600s')
    const status = await chaos('status')
    expect(status).toMatch(/^n1 .* exited$/m)
    expect(status).toMatch(/^n4 .* paused$/m)

    await chaos('heal')
    for (const id of NODES) {
      const read = async (): Promise<string> => (await get(id, key, 'all')).body
      await expect.poll(read, NOTICED).toBe('kept')
    }
  })

  test('a cut ends with its lease, though its command was killed', async () => {
    const command = stack.startChaos(`${CUT} --for 30s`)
    const ended = once(command, 'close')
    await expect.poll(() => stack.isOnPeerNetwork('n2'), { ...NOTICED, interval: 50 }).toBe(false)
    command.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(await stack.connect('n2', 'n3.peer', 7080)).not.toBe('connected')

    // Not by `status`, which would end it itself.
    for (const id of MINORITY)
      await expect.poll(() => stack.isOnPeerNetwork(id), NOTICED).toBe(true)
    for (const [from, to] of [
      ['n1', 'n3.peer'],
      ['n5', 'n2.peer'],
    ] as const)
      await expect.poll(() => stack.connect(from, to, 7080), NOTICED).toBe('connected')
    expect(await chaos('status')).toContain('no faults are active')
  })

  test('a cut ends with its lease, though its heal was killed half-way', async () => {
    await chaos(`${CUT} --for 30s`)
    const heal = stack.startChaos('heal')
    const ended = once(heal, 'close')
    await expect.poll(() => stack.isOnPeerNetwork('n1'), { ...NOTICED, interval: 50 }).toBe(true)
    heal.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
    expect(await chaos('status')).toMatch(/^active: partition /m)

    await expect.poll(() => stack.chaosNetworks(), NOTICED).toBe('')
    await expect.poll(() => stack.connect('n2', 'n3.peer', 7080), NOTICED).toBe('connected')
    expect(await chaos('status')).toContain('no faults are active')
  })

  test('a dry run tells the commands, and runs none of them', async () => {
    const { exitCode, stdout } = await stack.chaos('isolate n2 --dry-run')
    expect(exitCode).toBe(0)
    const network = `${stack.project}_peer`
    expect(stdout).toMatch(new RegExp(`^docker network disconnect --force ${network} [0-9a-f]+\n$`))
    expect(await stack.isOnPeerNetwork('n2')).toBe(true)
  })

  test('a fault of a node that there is not is refused', async () => {
    expect(await stack.chaos('isolate n9')).toMatchObject({
      exitCode: 2,
      stderr: 'chaos: there is no node n9; the nodes are n1, n2, n3, n4, n5\n',
    })
  })

  test('a container that was connected again by hand is found by the others after heal', async () => {
    await stack.reconnectByHand('n3')
    expect(await stack.connect('n1', 'n3.peer', 7080)).not.toBe('connected')
    await chaos('heal')
    expect(await stack.connect('n1', 'n3.peer', 7080)).toBe('connected')
    expect(await stack.isOnPeerNetwork('n3')).toBe(true)
  })
}
