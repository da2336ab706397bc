/**
 * Who may import whom: imports go one way, and only the composition of a node chooses adapters. One table; a
 * file that no row names may not import anything, so that a new folder must be given its place.
 */
import { posix } from 'node:path'

interface ImportRule {
  /** Groups of this project's files. */
  readonly groups: readonly string[]
  readonly builtins: boolean
  readonly packages: boolean
}

const PURE = { builtins: false, packages: false }
const OUTSIDE = { builtins: true, packages: true }

/** A group is a folder of src; `settings` is one of its own within `server`, to which main.ts belongs. */
const RULES: Readonly<Record<string, ImportRule>> = {
  core: { groups: ['core'], ...PURE },
  ports: { groups: ['ports'], ...PURE },
  node: { groups: ['core', 'ports', 'node'], ...PURE },
  adapters: { groups: ['core', 'ports', 'adapters'], ...OUTSIDE },
  api: { groups: ['core', 'ports', 'node', 'html', 'api'], ...OUTSIDE },
  // Runs in browsers. Of the core it takes the types of the catalogue of errors.
  client: { groups: ['client', 'core'], ...PURE },
  // Restores as a client, over files that it gets as bytes.
  restore: { groups: ['restore', 'client', 'core'], ...PURE },
  // Knows nothing of the store: a bug shared by both would be invisible.
  checker: { groups: ['checker'], ...PURE },
  html: { groups: ['html'], ...PURE },
  // Bundles the script of its page.
  report: { groups: ['report', 'checker', 'html'], ...OUTSIDE },
  random: { groups: ['random'], ...PURE },
  // The second composition: chooses the virtual ports, takes the real codec, and has histories judged.
  simulation: {
    groups: [
      'simulation',
      'node',
      'core',
      'ports',
      'adapters',
      'random',
      'checker',
      'command-line',
      'terminal',
    ],
    ...OUTSIDE,
  },
  // The page and its build. The page shows the types and the words of the core.
  lab: { groups: ['lab', 'simulation', 'core', 'command-line'], ...OUTSIDE },
  // A command of an installed package may use it alone.
  'command-line': { groups: ['command-line'], builtins: true, packages: false },
  // An installed package runs it without any other package.
  cli: {
    groups: ['cli', 'client', 'command-line', 'restore', 'terminal'],
    builtins: true,
    packages: false,
  },
  terminal: { groups: ['terminal'], builtins: true, packages: false },
  'local-cluster': { groups: ['local-cluster', 'command-line'], ...OUTSIDE },
  chaos: { groups: ['chaos', 'local-cluster', 'command-line'], ...OUTSIDE },
  testcontainers: { groups: ['testcontainers', 'chaos'], ...OUTSIDE },
  harness: {
    groups: [
      'harness',
      'checker',
      'chaos',
      'command-line',
      'local-cluster',
      'random',
      'report',
      'terminal',
    ],
    ...OUTSIDE,
  },
  // Fills the databases of nodes as they do it themselves, and times the simulator.
  bench: {
    groups: [
      'bench',
      'checker',
      'command-line',
      'random',
      'local-cluster',
      'simulation',
      'node',
      'core',
      'ports',
      'adapters',
      'terminal',
    ],
    ...OUTSIDE,
  },
  settings: { groups: ['settings', 'core'], builtins: true, packages: false },
  server: {
    groups: ['server', 'settings', 'api', 'adapters', 'node', 'core', 'ports'],
    ...OUTSIDE,
  },
  scripts: {
    groups: [
      'scripts',
      'bench',
      'chaos',
      'checker',
      'cli',
      'command-line',
      'local-cluster',
      'harness',
      'simulation',
      'lab',
      'terminal',
    ],
    ...OUTSIDE,
  },
}

const SETTINGS_FOLDER = 'src/server/settings/'

/** One sentence for each import of the file that goes where it must not; `file` is relative to the project. */
export function findImportViolations(file: string, source: string): string[] {
  const group = groupOf(file)
  const rule = RULES[group]
  return importsOf(source).flatMap((target) => {
    if (rule === undefined) return [`${file}: ${group} has no row in the import rules`]
    const wrong = `${file}: ${group} must not import ${target}`
    if (target.startsWith('node:')) return rule.builtins ? [] : [wrong]
    if (!target.startsWith('.')) return rule.packages ? [] : [wrong]
    const path = posix.join(posix.dirname(file), target)
    if (path === 'src/main.ts') return [wrong]
    return rule.groups.includes(groupOf(path)) ? [] : [wrong]
  })
}

function groupOf(file: string): string {
  const [top = '', folder = '', ...rest] = file.split('/')
  if (top !== 'src') return top
  if (file.startsWith(SETTINGS_FOLDER)) return 'settings'
  return rest.length > 0 ? folder : 'server'
}

/** The formatter puts each import and export on a line of its own start and in single quotes. */
const STATIC_IMPORT =
  /^(?:import|export)\s+(?:type\s+)?(?:(?:[\w$*{][^'"]*?|\{[^}]*\})\sfrom\s+)?'([^'\n]+)'/gm
const DYNAMIC_IMPORT = /\b(?:import|require)\(\s*([^)\s]*)/g

/** What the source imports, types included, as it names it. */
export function importsOf(source: string): string[] {
  const fixed = [...source.matchAll(STATIC_IMPORT)].map(([, target]) => target ?? '')
  const dynamic = [...source.matchAll(DYNAMIC_IMPORT)].map(([, target = '']) =>
    target.replaceAll(/^['"`]|['"`],?$/g, ''),
  )
  return [...fixed, ...dynamic]
}
