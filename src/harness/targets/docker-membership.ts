/** Makes containers join and leave. The joining ones are services of docker-compose.yml that are started by name. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findContainers, PROJECT_LABELS } from './docker-check-target.ts'
import type { MembershipDriver } from '../check-membership.ts'
import type { Endpoint } from '../store-client.ts'

const PROJECT_DIR = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '')
const TIMEOUT_MS = 120_000
const NEWCOMERS = ['n6', 'n7'] as const
/** Counts the same keys as src/harness/targets/leftovers.ts, in a container with the volume. */
const COUNT = `
import { Level } from 'level'
const database = new Level('/data/db', { valueEncoding: 'buffer' })
let count = 0
for await (const key of database.keys()) if (/^[dphx]\\//.test(key)) count++
await database.close()
console.log(count)
`

const run = promisify(execFile)

export function dockerMembership(): MembershipDriver {
  return {
    newcomers: NEWCOMERS,
    join: async (id, replaces) => {
      const env = {
        ...process.env,
        ...(replaces === undefined ? {} : { QUORATE_REPLACES: replaces }),
      }
      const project = await docker('ps', ...PROJECT_LABELS, '--format', PROJECT_FORMAT)
      const [name = ''] = project.split('\n')
      await compose(['-p', name, 'up', '-d', '--no-build', '--no-deps', id], env)
      return endpointOf(id)
    },
    retire: async (id) => {
      const container = await docker(
        'ps',
        '-q',
        ...PROJECT_LABELS,
        '--filter',
        `label=quorate.node=${id}`,
      )
      const format = '{{range .Mounts}}{{.Name}}{{end}}'
      const volume = await docker('inspect', '-f', format, container)
      const image = await docker('inspect', '-f', '{{.Image}}', container)
      await docker('rm', '-f', container)
      const node = ['node', '--input-type=module', '-e', COUNT]
      const count = await docker(
        'run',
        '--rm',
        '-v',
        `${volume}:/data`,
        '-w',
        '/app',
        image,
        ...node,
      )
      return Number(count)
    },
  }
}

const PROJECT_FORMAT = '{{.Label "com.docker.compose.project"}}'

async function endpointOf(id: string): Promise<Endpoint> {
  const found = (await findContainers()).find(({ node }) => node === id)
  if (found === undefined) throw new Error(`the container of ${id} publishes no port`)
  return found
}

/** Compose 2.x is a subcommand of docker; 1.29 is a command of its own. */
async function compose(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const options = { cwd: PROJECT_DIR, timeout: TIMEOUT_MS, env }
  const isPart = await run('docker', ['compose', 'version']).then(
    () => true,
    () => false,
  )
  await (isPart
    ? run('docker', ['compose', ...args], options)
    : run('docker-compose', [...args], options))
}

async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', [...args], { timeout: TIMEOUT_MS })
  return stdout.trim()
}
