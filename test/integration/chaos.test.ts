/** The chaos command on local processes: what it says, what the nodes say, and that every fault has an end. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { chaosCommand } from '../../src/chaos/chaos-command.ts'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import { type CliEnded, quorate } from '../cli/cli-run.ts'

const NOTICED = { timeout: 90_000, interval: 200 }

let dir: string
let cluster: LocalCluster
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorate-chaos-'))
  cluster = await startCluster({ nodes: 3, dataDir: join(dir, 'data'), basePort: 0 })
})
afterEach(async () => {
  await chaos('heal')
})
afterAll(async () => {
  await cluster.stop()
  await rm(dir, { recursive: true })
})

interface Said {
  readonly exitCode: number
  readonly printed: string
  readonly complained: string
}

async function run(command: string, dataDir: string): Promise<Said> {
  const printed: string[] = []
  const complained: string[] = []
  const argv = [...command.split(' '), '--target', 'local', '--data', dataDir]
  const exitCode = await chaosCommand(argv, {
    print: (line) => void printed.push(line),
    complain: (line) => void complained.push(line),
    directory: dir,
    script: 'of Docker only',
  })
  return { exitCode, printed: printed.join('\n'), complained: complained.join('\n') }
}

/** Of a command that has to succeed. */
async function chaos(command: string): Promise<string> {
  const { exitCode, printed, complained } = await run(command, cluster.dataDir)
  expect(exitCode, complained).toBe(0)
  return printed
}

test('quorate status names the groups of a cut, and what still works in each', async () => {
  const endpoints = cluster.nodes.map(({ clientUrl }) => clientUrl)
  const status = (): Promise<CliEnded> => quorate('status --timeout 30s', { endpoints })
  await chaos('partition n1/n2,n3 --for 600s')
  const groups = /^n2, n3 +yes +yes +yes +yes +yes +no\nn1 +yes +yes +yes +no +no +no$/m
  await expect.poll(async () => (await status()).printed, NOTICED).toMatch(groups)
  const { code, printed } = await status()
  expect(code).toBe(6)
  expect(printed).toMatch(/^n1 +· +no +no$/m)
  expect(printed).toContain(
    'The cluster is cut into 2 groups (n2, n3 | n1): reads and writes at quorum and strong work for every key ' +
      'through n2, n3 and for no key through n1; those at weak and eventual for every key',
  )
  await chaos('heal')
  await expect.poll(async () => (await status()).code, NOTICED).toBe(0)
})

test('a one-way cut is one-way, shows in the status, and ends with heal', async () => {
  expect(await chaos('oneway n1 n3 --for 600s')).toContain('active: oneway n1 n3.')
  const status = await chaos('status')
  expect(status).toMatch(/^n1 +· +yes +no +running$/m)
  expect(status).toMatch(/^n3 +yes +yes +· +running$/m)
  expect(status).toMatch(/^active: 1 peer link cut or lossy, for \d+ s more$/m)

  expect(await chaos('heal')).toContain('every node runs and reaches every other one')
  expect(await chaos('status')).toMatch(/^n1 +· +yes +yes +running\n[^]*no faults are active$/m)
})

test('an isolated node comes back when its lease ends', async () => {
  await chaos('isolate n2 --for 8s')
  const status = async (): Promise<string> => chaos('status')
  await expect.poll(status, NOTICED).toContain('no faults are active')
  await expect.poll(status, NOTICED).toMatch(/^n2 +yes +· +yes +running$/m)
})

test('a cut that is over before anyone could notice it is no success', async () => {
  expect(await run('isolate n2 --for 1ms', cluster.dataDir)).toMatchObject({
    exitCode: 1,
    complained: 'chaos: the fault ended before the nodes noticed it: use a longer --for',
  })
})

test('a killed node is gone until it is healed', async () => {
  await chaos('kill n3 --for 600s')
  expect(await chaos('status')).toMatch(/^n3 .* killed\n[^]*active: n3 killed, for \d+ s more$/m)
  await chaos('heal')
  expect(await chaos('status')).toMatch(/^n3 +yes +yes +· +running$/m)
})

test('a paused node answers nothing, and goes on', async () => {
  await chaos('pause n1 --for 600s')
  expect(await chaos('status')).toMatch(/^n1 .* paused$/m)
  await chaos('heal')
  expect(await chaos('status')).toMatch(/^n1 +· +yes +yes +running$/m)
})

test('a node whose clock is wrong is refused, says so, and comes back', async () => {
  expect(await chaos('skew n2 +3s --for 600s')).toContain('active: skew n2 +3s.')
  expect(await chaos('status')).toMatch(/^active: the clock of n2 is 3 s off, for \d+ s more$/m)
  const verdictOf = async (i: number): Promise<string> => {
    const answer = await fetch(`${cluster.nodes[i]?.clientUrl}/v1/cluster`)
    return ((await answer.json()) as { verdict: string }).verdict
  }
  await expect.poll(() => verdictOf(0), NOTICED).toContain('n1 refuses what n2 sends: its clock')
  await expect
    .poll(() => verdictOf(1), NOTICED)
    .toContain('The clock of n2 is 3 s ahead of n1, n3, which refuse what it sends.')
  await chaos('heal')
  expect(await chaos('status')).toContain('no faults are active')
  // Until true time has caught up with what it has said.
  const write = async (): Promise<number> => {
    const url = `${cluster.nodes[1]?.clientUrl}/v1/kv/default/after`
    return (await fetch(url, { method: 'PUT', body: 'x' })).status
  }
  await expect.poll(write, NOTICED).toBe(204)
})

test('a link that flaps is whole again after heal', async () => {
  expect(await chaos('flap n1 n3 --for 600s')).toContain('active: flap n1 n3.')
  await chaos('heal')
  expect(await chaos('status')).toMatch(/^n1 +· +yes +yes +running\n[^]*no faults are active$/m)
})

test('a dry run tells what would be done, and nothing is', async () => {
  const plan = await chaos('oneway n1 n3 --dry-run')
  expect(plan.split('\n')).toEqual([
    expect.stringMatching(/n1[/\\]links\.json: lose 100 % of the link n1 to n3$/),
    expect.stringMatching(/n3[/\\]links\.json: lose 100 % of the link n1 to n3$/),
  ])
  expect(await chaos('skew n2 -1s --dry-run')).toMatch(
    /n2[/\\]clock\.json: \{"offsetMs":-1000,"untilMs":\d+\}$/,
  )
  expect(await chaos('kill n2 --dry-run')).toMatch(/^kill n2 \(process \d+\)$/)
  expect(await chaos('status')).toContain('no faults are active')
})

test('every fault is a line of chaos.jsonl, with its end', async () => {
  await chaos('pause n2 --for 30s')
  const lines = (await readFile(join(dir, 'chaos.jsonl'), 'utf8')).trim().split('\n')
  const { at, until, target, command } = JSON.parse(lines.at(-1) as string) as Record<
    string,
    string
  >
  expect({ target, command }).toEqual({ target: 'local', command: 'pause n2' })
  expect(Date.parse(until as string) - Date.parse(at as string)).toBe(30_000)
})

test('a fault that failed is a line too, and one more says so', async () => {
  expect((await run('isolate n2 --for 1ms', cluster.dataDir)).exitCode).toBe(1)
  const lines = (await readFile(join(dir, 'chaos.jsonl'), 'utf8')).trim().split('\n')
  const [begun, ended] = lines.slice(-2).map((line) => JSON.parse(line) as Record<string, string>)
  expect(begun).toMatchObject({ command: 'isolate n2', id: ended?.['id'] })
  expect(ended?.['failed']).toContain('the fault ended before the nodes noticed it')
})

test('bad words and an absent cluster end with 2, and say what there is', async () => {
  expect(await run('cut n1 n7', cluster.dataDir)).toMatchObject({
    exitCode: 2,
    complained: 'chaos: there is no node n7; the nodes are n1, n2, n3',
  })
  expect(await run('heal', join(dir, 'nothing'))).toMatchObject({
    exitCode: 2,
    complained: `chaos: no local cluster runs on ${join(dir, 'nothing')} (start one: npm start)`,
  })
})
