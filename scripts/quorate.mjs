#!/usr/bin/env node
/**
 * The command `quorate`. In a checkout it runs scripts/quorate.ts, and in an installed package the compiled program,
 * because Node.js runs no TypeScript in `node_modules`. It is plain JavaScript, because any Node.js from 20 on must be able
 * to run this file.
 */
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { fileURLToPath } from 'node:url'

/** The first version that runs TypeScript without a warning. */
const PLAIN_MAJOR = 24
const PLAIN_MINOR = 3
/** These are started as npm starts them: in a process of their own that gets each signal once. */
const SCRIPTS = ['up', 'chaos', 'check', 'sim', 'bench']

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const isPlain = major > PLAIN_MAJOR || (major === PLAIN_MAJOR && minor >= PLAIN_MINOR)
const program = new URL('./quorate.ts', import.meta.url)

if (!existsSync(program)) {
  const { start } = await import(new URL('../dist/cli/start.js', import.meta.url).href)
  await start(process.argv.slice(2), undefined)
} else if (isPlain && !SCRIPTS.includes(process.argv[2] ?? '')) {
  const { linkCommand } = await import('./link-command.mjs')
  linkCommand()
  // Stripping the types of all modules takes longer than most commands. The directory belongs to this checkout, because
  // whoever can write to it can change what the command does.
  const cache = new URL('../node_modules/.cache/quorate', import.meta.url)
  if (existsSync(new URL('../node_modules', import.meta.url))) {
    module.enableCompileCache(fileURLToPath(cache))
  }
  await import(program.href)
} else {
  process.argv.splice(2, 0, 'scripts/quorate.ts')
  await import('./run.mjs')
}
