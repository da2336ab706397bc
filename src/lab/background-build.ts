/**
 * Builds the lab beside a starting cluster, whose nodes serve it at `/ui/`. It takes some seconds of a process of its
 * own, so nobody waits for it. A failure only leaves the lab as it was.
 */
import { spawn } from 'node:child_process'
import { globSync, renameSync, rmSync, statSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const BUILDER = join(ROOT, 'scripts', 'lab.ts')
const BUILT = join(ROOT, 'dist', 'lab')
/** Files appear at their place only when all of them are complete. */
const UNFINISHED = join(ROOT, 'dist', 'lab-unfinished')

/** Does nothing if the lab is as new as the source. */
export function buildInBackground(): void {
  try {
    if (builtMs() > newestSourceMs()) return
    rmSync(UNFINISHED, { recursive: true, force: true })
    const builder = spawn(process.execPath, [BUILDER, '--out', UNFINISHED], { stdio: 'ignore' })
    builder.on('error', () => undefined)
    builder.on('exit', (code) => {
      if (code === 0) publish()
    })
    builder.unref()
    if (builder.pid !== undefined) setPriority(builder.pid, constants.priority.PRIORITY_LOW)
  } catch {
    // The checkout is read-only, for example.
  }
}

function publish(): void {
  try {
    rmSync(BUILT, { recursive: true, force: true })
    renameSync(UNFINISHED, BUILT)
  } catch {
    // Another process was faster.
  }
}

function builtMs(): number {
  return statSync(join(BUILT, 'index.html'), { throwIfNoEntry: false })?.mtimeMs ?? 0
}

function newestSourceMs(): number {
  const files = globSync('src/**/*', { cwd: ROOT })
  return Math.max(...files.map((file) => statSync(join(ROOT, file)).mtimeMs))
}
