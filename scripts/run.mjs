/**
 * `node scripts/run.mjs SCRIPT ARGS…` runs a script of this project. It installs the packages of the lock file if they are
 * missing, and uses the Node.js that the project brings along. It is plain JavaScript, because any Node.js from 20 on must
 * be able to run this file.
 *
 * Invariant: the script gets exactly one signal for one key press or one signal, and this process ends with its exit code.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkCommand } from './link-command.mjs'

const NODE_MAJOR_MIN = 24
/** Ctrl-C reaches this process twice: from the terminal, and from npm, which forwards its own signal. */
const SAME_SIGNAL_WITHIN_MS = 300
const ORPHAN_CHECK_INTERVAL_MS = 250
const STOP_SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

const root = fileURLToPath(new URL('..', import.meta.url))

const [script, ...args] = process.argv.slice(2)
if (script === undefined) fail('usage: node scripts/run.mjs SCRIPT ARGS…', 2)
if (!isInstalled()) install()
linkCommand()
run(projectNode(), [join(root, script), ...args])

/**
 * Compares the content of the lock files, not their age, so that a checkout or a touched file does not install again.
 * Optional packages may be absent, because most of them are for other platforms.
 */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true
    const installed = present[path]
    return installed === undefined ? entry.optional === true : installed.version === entry.version
  })
}

/** @returns {Record<string, { version?: string, optional?: boolean }>} */
function packagesOf(/** @type {string} */ lockFile) {
  return existsSync(lockFile) ? JSON.parse(readFileSync(lockFile, 'utf8')).packages : {}
}

function install() {
  const command = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    '--fetch-retries=1',
  ]
  const npm = process.env['npm_execpath']
  process.stderr.write('Installing the packages this project needs, once: npm ci\n')
  // Send the output of npm to stderr, because it is not part of the script's output.
  const options = { cwd: root, stdio: /** @type {(string | number)[]} */ (['ignore', 2, 2]) }
  const done =
    npm !== undefined && basename(npm).startsWith('npm')
      ? spawnSync(process.execPath, [npm, ...command], options)
      : spawnSync('npm', command, { ...options, shell: process.platform === 'win32' })
  if (done.status === 0) return
  const reason = done.error?.message ?? (done.signal || `exit code ${done.status}`)
  fail(`The packages could not be installed (${reason}); is the npm registry within reach?`, 1)
}

/** The Node.js that came with the packages; otherwise the running one, if it is recent enough. */
function projectNode() {
  const program = process.platform === 'win32' ? 'node.exe' : 'node'
  for (const name of ['node', 'node-bin']) {
    const path = join(
      root,
      'node_modules',
      `${name}-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
      'bin',
      program,
    )
    if (existsSync(path) && majorOf(path) >= NODE_MAJOR_MIN) return path
  }
  if (majorOfVersion(process.version) >= NODE_MAJOR_MIN) return process.execPath
  return fail(
    `Node.js ${NODE_MAJOR_MIN} is needed: the packages have none for ${process.platform}-${process.arch}, ` +
      `and this is ${process.version}`,
    1,
  )
}

/** 0 if the program does not run here, for example because it was built for another C library. */
function majorOf(/** @type {string} */ program) {
  try {
    return majorOfVersion(execFileSync(program, ['--version'], { encoding: 'utf8' }))
  } catch {
    return 0
  }
}

function majorOfVersion(/** @type {string} */ version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0)
}

/**
 * Runs the script in its own session, because it would otherwise get the terminal's signals twice. The IPC channel closes
 * when this process is gone, so that the script notices it in any case.
 */
function run(/** @type {string} */ node, /** @type {string[]} */ command) {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...command], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: process.platform !== 'win32',
  })
  /** @type {Map<string, number>} */
  const passedOnAtMs = new Map()
  for (const signal of STOP_SIGNALS) {
    process.on(signal, () => {
      const nowMs = performance.now()
      if (nowMs - (passedOnAtMs.get(signal) ?? -Infinity) < SAME_SIGNAL_WITHIN_MS) return
      passedOnAtMs.set(signal, nowMs)
      child.kill(signal)
    })
  }
  // Outside the terminal's session, nothing else tells the script that the window has a new size.
  if (process.platform !== 'win32') process.on('SIGWINCH', () => child.kill('SIGWINCH'))
  if (process.env['npm_lifecycle_event'] !== undefined) stopWhenOrphaned(child)
  child.on('error', (error) => fail(`${node} could not be started: ${error.message}`, 1))
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal])
  })
}

/**
 * npm forwards a signal to the shell that runs the script, and some shells end without forwarding it. Only a new parent
 * process shows that.
 */
function stopWhenOrphaned(/** @type {import('node:child_process').ChildProcess} */ child) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    child.kill('SIGTERM')
  }, ORPHAN_CHECK_INTERVAL_MS)
  watch.unref()
}

/** @returns {never} */
function fail(/** @type {string} */ line, /** @type {number} */ code) {
  process.stderr.write(`${line}\n`)
  process.exit(code)
}
