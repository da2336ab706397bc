/**
 * Runs the commands of every README, block by block and in order, against one cluster of real processes, and compares
 * what they print with what the block shows. `…` stands for anything. Ports, directories and lengths of runs are those
 * of this test.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalCluster, startCluster } from '../../src/local-cluster/local-cluster.ts'
import {
  blocksOf,
  isCommands,
  isNamedBy,
  NOT_RUN,
  readDocuments,
  stepsOf,
} from '../tidy/documents.ts'
import { PROJECT_ROOT } from '../tidy/project-files.ts'

/** In the README files n1 answers on the port after this one. */
const README_PORT = 8000
const COMMAND_TIMEOUT_MS = 120_000
const CHECK_SECONDS_MAX = 5
const SIMULATED_SECONDS_MAX = 5
const SEEDS_MAX = 2

let directory: string
let cluster: LocalCluster
/** Client ports by node; a node that joins has one, too. */
let ports: ReadonlyMap<string, number>

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'quorate-readme-'))
  cluster = await startCluster({ nodes: 5, dataDir: join(directory, 'data'), basePort: 0 })
})

afterAll(async () => {
  await cluster.stop()
  rmSync(directory, { recursive: true, force: true })
})

for (const document of readDocuments()) {
  const blocks = blocksOf(document).filter(
    (block) => isCommands(block) && !NOT_RUN.some((entry) => isNamedBy(block, entry)),
  )
  if (blocks.length === 0) continue
  describe(document.path, () => {
    it.each(blocks.flatMap(stepsOf))('$command', async ({ command, expected }) => {
      ports = await clientPorts()
      const output = await run(here(command), expected === undefined)
      if (expected !== undefined && !matches(output, expected)) expect(output).toBe(expected)
    })
  })
}

async function clientPorts(): Promise<ReadonlyMap<string, number>> {
  const nodes = await cluster.control.status()
  return new Map(nodes.map(({ id, clientUrl }) => [id, Number(new URL(clientUrl).port)]))
}

/** The same command for the cluster of this test. What runs for a time runs for a short one. */
function here(command: string): string {
  const data = `--data '${cluster.dataDir}'`
  const results = join(directory, 'results')
  const run = `npm run --silent --prefix '${PROJECT_ROOT}'`
  return (
    command
      .replaceAll(/localhost:(80\d\d)/g, (_, port) => {
        const id = `n${Number(port) - README_PORT}`
        return `127.0.0.1:${ports.get(id) ?? `0 (${id} does not run)`}`
      })
      .replaceAll(
        /npm start -- (--join \S+)/g,
        `npm start --silent --prefix '${PROJECT_ROOT}' -- $1 ${data}`,
      )
      .replaceAll('npm run chaos --', `${run} chaos -- --target local ${data}`)
      .replaceAll(
        'npm run check -- --workload',
        `${run} check -- --target local ${data} --results '${results}' --rate 100 --workload`,
      )
      // The scripts of npm run in the project, and this command in a directory of the test.
      .replaceAll(
        /npm run check -- --history (\S+)/g,
        `${run} check -- --history '${directory}/$1'`,
      )
      .replaceAll(/npm run sim -- --plan (\S+)/g, `${run} sim -- --plan '${directory}/$1'`)
      .replaceAll('npm run sim --', `${run} sim --`)
      .replaceAll(
        'npx quorate ',
        `QUORATE_ENDPOINTS=127.0.0.1:${ports.get('n1')} '${process.execPath}' '${join(PROJECT_ROOT, 'scripts/quorate.mjs')}' `,
      )
      .replaceAll(/--time-limit (\d+)s/g, limited('--time-limit', 's', CHECK_SECONDS_MAX))
      .replaceAll(/--seconds (\d+)/g, limited('--seconds', '', SIMULATED_SECONDS_MAX))
      .replaceAll(/--seeds (\d+)/g, limited('--seeds', '', SEEDS_MAX))
      .replaceAll(/\bcurl /g, 'curl --silent --show-error ')
  )
}

function limited(option: string, unit: string, max: number): (_: string, n: string) => string {
  return (_, n) => `${option} ${Math.min(Number(n), max)}${unit}`
}

/** With `all` every command must succeed, else only the last one. */
function run(command: string, all: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const flags = all ? ['-euo', 'pipefail'] : []
    const options = { cwd: directory, timeout: COMMAND_TIMEOUT_MS }
    execFile('bash', [...flags, '-c', command], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trimEnd())
      else reject(new Error(`${command}: ${error.message}\n${stdout}\n${stderr}`))
    })
  })
}

function matches(output: string, expected: string): boolean {
  const literal = expected.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${literal.join('[^]*?')}$`).test(output)
}
