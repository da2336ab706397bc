/**
 * Runs the commands of the README, block by block, against a real cluster of processes, and compares what
 * they print. `…` in the README stands for anything. Ports and the data directory are those of this test.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/cluster/local-cluster.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README_PORT = 8000
const COMMAND_TIMEOUT_MS = 60_000

interface Step {
  readonly command: string
  readonly expected: string
}

const steps = stepsOf(readFileSync(join(ROOT, 'README.md'), 'utf8'))
let directory: string
let cluster: LocalCluster

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-readme-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(directory, 'data'), basePort: 0 })
})

afterAll(async () => {
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
})

it('the README has commands to run', () => {
  expect(steps.length).toBeGreaterThan(10)
})

it.each(steps)('README: $command', async ({ command, expected }) => {
  const output = await run(here(command))
  if (!matches(output, expected)) expect(output).toBe(expected)
})

/** Each `$ command` of the console blocks, with the lines below it. */
function stepsOf(readme: string): Step[] {
  const blocks = [...readme.matchAll(/```console\n([\s\S]*?)```/g)].map(([, block]) => block ?? '')
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        const [command = '', ...lines] = text.trimEnd().split('\n')
        return { command, expected: lines.join('\n') }
      }),
  )
}

/** The README's node on port 8003 is this cluster's third; chaos is told where the processes are. */
function here(command: string): string {
  return command
    .replace(/localhost:(80\d\d)/g, (_, port) => {
      const node = cluster.nodes[Number(port) - README_PORT - 1]
      return `127.0.0.1:${node?.clientPort}`
    })
    .replace('npm run --silent chaos --', `npm run --silent --prefix '${ROOT}' chaos --`)
    .replace(/(chaos -- .*)$/, `$1 --target local --data '${join(directory, 'data')}'`)
}

function run(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const quiet = command.replaceAll(/\bcurl /g, 'curl --silent --show-error ')
    const options = { cwd: directory, timeout: COMMAND_TIMEOUT_MS }
    execFile('bash', ['-c', quiet], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trimEnd())
      else reject(new Error(`${quiet}: ${error.message}\n${stdout}\n${stderr}`))
    })
  })
}

function matches(output: string, expected: string): boolean {
  const literal = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${literal.join('[^]*?')}$`).test(output)
}
