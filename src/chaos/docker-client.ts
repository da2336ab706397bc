/** Runs the `docker` command, and finds the containers of one compose project that are nodes of this store. */
import { execFile } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { promisify } from 'node:util'

export interface NodeContainer {
  /** n1, n2, … */
  readonly id: string
  readonly container: string
  readonly project: string
  /** `running`, `paused`, `exited`, … */
  readonly state: string
  readonly image: string
}

const run = promisify(execFile)
const TIMEOUT_MS = 60_000
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024

/** `env`: variables besides those of this process. Rejects with Docker's error message. */
export async function docker(
  args: readonly string[],
  timeoutMs = TIMEOUT_MS,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const options = {
      timeout: timeoutMs,
      maxBuffer: OUTPUT_BYTES_MAX,
      env: { ...process.env, ...env },
    }
    return (await run('docker', [...args], options)).stdout
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim()
    throw new Error(`docker ${args.join(' ')}: ${said || String(error)}`, { cause: error })
  }
}

/** Several projects match, so the user must choose one. */
export class SeveralProjectsError extends Error {}

const FORMAT = [
  '{{.Label "quorate.node"}}',
  '{{.ID}}',
  '{{.Label "com.docker.compose.project"}}',
  '{{.State}}',
  '{{.Label "com.docker.compose.project.working_dir"}}',
  '{{.Image}}',
].join('\t')

/** The nodes of `project` in order of their ids; without it, of the only project that was started from `directory`. */
export async function findNodes(
  directory: string,
  project: string | undefined,
): Promise<NodeContainer[]> {
  const of = project === undefined ? [] : [`label=com.docker.compose.project=${project}`]
  const filters = ['label=quorate.node', ...of].flatMap((filter) => ['--filter', filter])
  const listing = await docker(['ps', '--all', ...filters, '--format', FORMAT])
  const nodes = listing
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'))
    .filter(([, , , , startedFrom = '']) => project !== undefined || isSame(startedFrom, directory))
    .map(([id = '', container = '', ofProject = '', state = '', , image = '']): NodeContainer => {
      return { id, container, project: ofProject, state, image }
    })
  const projects = new Set(nodes.map((node) => node.project))
  if (projects.size > 1)
    throw new SeveralProjectsError(
      `several projects run here (${[...projects].join(', ')}): name one with --project`,
    )
  return nodes.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Compares real paths, because compose may have been started through a symbolic link. */
function isSame(path: string, directory: string): boolean {
  try {
    return realpathSync(path) === realpathSync(directory)
  } catch {
    // The path does not exist on this machine, or no longer exists.
    return false
  }
}
