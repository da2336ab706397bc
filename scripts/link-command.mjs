/**
 * Lets `npx quorate` find the command of this checkout at once. npm links the commands of packages that a project needs,
 * but not the project's own one, for which npx would look for many seconds.
 */
import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const TARGET = join('..', '..', 'scripts', 'quorate.mjs')

/** Does nothing without installed packages. A failure only leaves npx slow. */
export function linkCommand() {
  const directory = fileURLToPath(new URL('../node_modules/.bin', import.meta.url))
  const isWindows = process.platform === 'win32'
  const link = join(directory, isWindows ? 'quorate.cmd' : 'quorate')
  if (!existsSync(directory) || existsSync(link)) return
  try {
    if (isWindows) writeFileSync(link, `@node "%~dp0\\${TARGET}" %*\r\n`)
    else symlinkSync(TARGET, link)
  } catch {
    // The directory is read-only, or another process was faster.
  }
}
