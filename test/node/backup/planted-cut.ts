/**
 * Runs the scenario of cuts with a planted bug, and prints what it found as JSON. A process of its own, because the bug
 * changes modules while they are loaded. Argument: the name of the bug.
 */
import { plant } from '../../../src/simulation/bugs/plant.ts'

const SEEDS_MAX = 8
const COMMON = { what: '', seeds: 0, seconds: 0, workloads: [], nemesis: [] }
const BUGS = {
  /**
   * One node takes its snapshot a moment after its clock has passed the cut, and not before. The check of each timestamp would
   * refuse most of these backups, so it is off, too.
   */
  'late-snapshot': {
    file: 'node/backup/held-cuts.ts',
    find: 'this.#take(held))\n    if (unhook',
    replace:
      "this.#timers.after(this.#parts.self === 'n1' ? 100 : 0, () => this.#take(held)))\n    if (unhook",
    also: { file: 'node/backup/cut-reader.ts', find: 'newestDot(object) > at', replace: 'false' },
  },
  /** Answers to clients leave before every member has its snapshot. */
  'open-gate': {
    file: 'node/backup/held-cuts.ts',
    find: 'const open = gate.close()',
    replace: 'const open = () => gate.isClosed',
  },
} as const

const name = process.argv[2] as keyof typeof BUGS
plant({ name, ...COMMON, ...BUGS[name] })
const { runCuts } = await import('./cut-scenario.ts')
const plan = {
  seconds: 6,
  clients: 12,
  makers: 1,
  delayMs: 15,
  hasFaults: false,
  changesMembers: false,
}
const found = { violations: 0, made: 0 }
for (let seed = 1; seed <= SEEDS_MAX && found.violations === 0; seed++) {
  const { violations, made } = await runCuts({ ...plan, seed: `planted ${seed}` })
  found.violations += violations.length
  found.made += made
}
console.log(JSON.stringify(found))
