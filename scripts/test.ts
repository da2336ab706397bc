/**
 * `npm test` runs every check of the project, even if some fail. The last line is `N passed, N failed`, to which
 * `, N skipped` may be added. A static check counts as one test.
 *
 * Docker tests need a Docker engine. If none answers, they are skipped with a message; with CI=true that is a failure.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, type Options } from '../src/command-line/command.ts'
import { parseCommand, type Parsed } from '../src/command-line/parse-command.ts'
import { runCommand } from '../src/command-line/run-command.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const STATIC_CHECKS: readonly { readonly name: string; readonly command: readonly string[] }[] = [
  { name: 'types', command: ['typescript/bin/tsc', '--noEmit'] },
  { name: 'lint', command: ['oxlint/bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', command: ['oxfmt/bin/oxfmt', '--check', '.'] },
  { name: 'unused', command: ['knip/bin/knip.js', '--no-progress'] },
]
const VITEST = ['vitest/vitest.mjs', '--config', 'test/vitest.config.ts']

/** Only what hangs meets these limits, on a machine with other work, too. */
const STATIC_TIMEOUT_MS = 10 * 60_000
const TESTS_TIMEOUT_MS = 60 * 60_000
const DOCKER_TIMEOUT_MS = 60_000
/** How long tests may take to stop the processes that they have started. */
const INTERRUPTED_MS = 30_000

interface Counts {
  passed: number
  failed: number
  skipped: number
}

interface Ended {
  /** Undefined if the time was over or the program could not be started. */
  readonly code: number | null | undefined
  readonly output: string
}

const running = new Set<ChildProcess>()
let interrupted = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt)
// The process that started this one is gone. Nobody else could stop it, so stop now.
process.on('disconnect', interrupt)

const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
/** Printed once more at the end, because the output before is long. */
const failures: string[] = []
const scratch = mkdtempSync(join(tmpdir(), 'quorate-test-'))
/** Hundreds of nodes, commands and threads load the same modules, so a cache compiles each module only once. */
const ENVIRONMENT = { NODE_COMPILE_CACHE: join(scratch, 'compiled') }

const TEST_COMMAND = command({
  name: 'test',
  call: 'npm test --',
  about:
    'Runs every check of the project. Tests that need a Docker engine are skipped if none answers.',
  options: {},
  exitCodes: [
    [0, 'all checks passed'],
    [1, 'a check failed'],
  ],
})

const output = {
  print: (line: string): void => console.log(line),
  complain: (line: string): void => console.error(line),
}
const read = (): Parsed<Options> | undefined => parseCommand(TEST_COMMAND, process.argv.slice(2))
let exitCode = 1
try {
  exitCode = await runCommand(TEST_COMMAND, output, read, runChecks)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
process.exit(exitCode)

async function runChecks(): Promise<number> {
  await runAll()
  if (failures.length > 0) console.log(`FAILED: ${failures.join(', ')}`)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`)
  return counts.failed === 0 && !interrupted ? 0 : 1
}

async function checkStatically(name: string, command: readonly string[]): Promise<void> {
  if (interrupted) return
  const startMs = performance.now()
  const { code, output } = await runTool(command, STATIC_TIMEOUT_MS)
  const took = `${((performance.now() - startMs) / 1000).toFixed(1)} s`
  if (code === 0) {
    counts.passed += 1
    console.log(`${name.padEnd(8)}ok (${took})`)
    return
  }
  counts.failed += 1
  failures.push(name)
  console.log(output.trimEnd())
  console.log(`${name.padEnd(8)}FAILED (${took})`)
}

async function isDockerThere(): Promise<boolean> {
  if (interrupted) return false
  const { code, output } = await run(
    'docker',
    ['version', '--format', '{{.Server.Version}}'],
    DOCKER_TIMEOUT_MS,
  )
  if (code === 0) return true
  const reason = output.trim().split('\n').at(-1) || 'docker version gave no answer'
  console.log(`docker  tests are skipped, because no engine answers: ${reason}`)
  if (process.env['CI'] === 'true') {
    counts.failed += 1
    failures.push('an engine for the docker tests')
    console.log('docker  FAILED: with CI=true an engine must answer')
  }
  return false
}

/**
 * The virtual tests need only the processor, so they run at low priority beside all others. The docker tests mostly wait
 * for containers, so they begin first, beside what needs most of the processor: the static checks and the unit tests.
 * The local tests also wait for clusters, and come last, because their nodes notice each other late on a busy machine.
 */
async function runAll(): Promise<void> {
  const virtual = runProject('virtual', 'pipe', constants.priority.PRIORITY_LOW)
  const withDocker = await isDockerThere()
  if (!withDocker) counts.skipped += await countDockerTests()
  const docker = withDocker ? runProject('docker', 'pipe') : undefined
  await Promise.all(STATIC_CHECKS.map(({ name, command }) => checkStatically(name, command)))
  await runProject('unit', 'inherit')
  await runProject('local', 'inherit')
  await Promise.all([docker, virtual])
}

/** Piped output is shown at the end, because two reporters would write into each other's lines. */
async function runProject(
  project: string,
  shown: 'pipe' | 'inherit',
  priority?: number,
): Promise<void> {
  if (interrupted) return
  const report = join(scratch, `${project}.json`)
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const command = [...VITEST, '--run', '--passWithNoTests', '--project', project, ...reporters]
  const { code, output } = await runTool(command, TESTS_TIMEOUT_MS, shown, priority)
  if (output !== '') console.log(output.trimEnd())
  addReport(project, report, code === 0)
}

async function countDockerTests(): Promise<number> {
  const listFile = join(scratch, 'docker.json')
  const command = [...VITEST, 'list', '--project', 'docker', `--json=${listFile}`]
  const { code } = await runTool(command, STATIC_TIMEOUT_MS)
  return code === 0 ? (JSON.parse(readFileSync(listFile, 'utf8')) as unknown[]).length : 0
}

interface Report {
  readonly numPassedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly testResults: readonly {
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/** A file that could not be loaded, or an error outside of any test, counts as one failure. */
function addReport(project: string, path: string, isClean: boolean): void {
  let failed = 0
  try {
    const report = JSON.parse(readFileSync(path, 'utf8')) as Report
    counts.passed += report.numPassedTests
    counts.skipped += report.numPendingTests + report.numTodoTests
    for (const { status, assertionResults } of report.testResults) {
      const inFile = assertionResults.filter((result) => result.status === 'failed').length
      failed += inFile === 0 && status === 'failed' ? 1 : inFile
    }
  } catch {
    console.log(`${project.padEnd(8)}FAILED: the tests ended without a report`)
    isClean = false
  }
  if (failed === 0 && !isClean) failed = 1
  if (failed > 0) failures.push(`${failed} of the ${project} tests`)
  counts.failed += failed
}

/** Runs one of the installed packages with the Node.js of this process. */
function runTool(
  [script, ...args]: readonly string[],
  timeoutMs: number,
  output: 'pipe' | 'inherit' = 'pipe',
  priority?: number,
): Promise<Ended> {
  const path = join(root, 'node_modules', script ?? '')
  return run(process.execPath, [path, ...args], timeoutMs, output, priority)
}

async function run(
  program: string,
  args: readonly string[],
  timeoutMs: number,
  output: 'pipe' | 'inherit' = 'pipe',
  priority?: number,
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...ENVIRONMENT, ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }) },
    timeout: timeoutMs,
  })
  running.add(child)
  // The processes that it starts inherit its priority.
  if (priority !== undefined && child.pid !== undefined) setPriority(child.pid, priority)
  const chunks: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  }
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, output: Buffer.concat(chunks).toString('utf8') }
  } catch (error) {
    return { code: undefined, output: (error as Error).message }
  } finally {
    running.delete(child)
  }
}

/** Interrupts the tests, which then stop the processes that they started. A second signal does not wait for them. */
function interrupt(): void {
  if (interrupted) process.exit(1)
  interrupted = true
  counts.failed += 1
  for (const child of running) child.kill('SIGINT')
  setTimeout(() => process.exit(1), INTERRUPTED_MS).unref()
}
