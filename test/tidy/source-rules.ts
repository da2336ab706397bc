/**
 * What every source file keeps to and neither compiler nor linter looks at. Each rule takes text and returns
 * what is wrong with it, so that a test can show that it is able to find something.
 */

/** Core is synchronous: a function that cannot be suspended keeps what it has checked true. */
export function findAsync(source: string): string[] {
  return [...codeOf(source).matchAll(/\b(?:async|await|Promise)\b/g)].map(([word]) => word)
}

/** A file says what it is for before it does anything: a comment first, or right after the imports. */
export function opensWithComment(source: string): boolean {
  const IMPORTS = /^(?:import\s[^'"]*['"][^'"]*['"]\s*)*/
  const text = source.replace(/^#!.*\n/, '')
  return (
    ['/*', '//'].some((mark) => text.startsWith(mark)) ||
    text.replace(IMPORTS, '').startsWith('/**')
  )
}

/** A function that is set after its object was made: a reader cannot tell when it works (core/signal.ts). */
export function findLateFunctions(source: string): string[] {
  const fields = /^ {2}(?!readonly )(?:#?\w+): \([^)]*\) => [^=\n]+ = \(/gm
  return [...codeOf(source).matchAll(fields)].map(([field]) => field.trim())
}

/** Work that was put off lives in the tracker. In two parts, so that this file does not name it itself. */
export function findPutOffWork(text: string): string[] {
  return [...text.matchAll(new RegExp(`\\b(?:${'TO'}DO|${'FIX'}ME)\\b`, 'g'))].map(([word]) => word)
}

/** Places that exist on one machine only. */
export function findMachinePlaces(text: string): string[] {
  const places = [
    String.raw`(?<![\w.-])/(?:root|work|Users)/[\w.-]+`,
    String.raw`(?<![\w.-])/home/(?!node\b)[\w.-]+`,
    String.raw`\bhttps?://(?:registry|npm)\.[\w.-]+`,
  ]
  return [...text.matchAll(new RegExp(places.join('|'), 'g'))].map(([place]) => place)
}

/** `read-coordinator.ts`, `read-coordinator.test.ts`, `vitest.config.ts`. */
export function isKebabCase(path: string): boolean {
  return path.split('/').every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/.test(part))
}

interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly resolved?: string
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/**
 * A lock file names no registry, and lists the packages of other platforms too: `npm ci` refuses it otherwise,
 * on every machine.
 */
export function findLockFileFaults(lockFile: string): string[] {
  const { packages } = JSON.parse(lockFile) as LockFile
  const faults: string[] = []
  for (const [path, { resolved, optionalDependencies = {} }] of Object.entries(packages)) {
    if (resolved !== undefined) faults.push(`${path} names where it came from`)
    for (const name of Object.keys(optionalDependencies)) {
      if (!isListed(packages, path, name)) faults.push(`${name}, wanted by ${path}, is not listed`)
    }
  }
  return faults
}

/** As Node.js looks packages up: next to the one that wants it, then further up. */
function isListed(packages: LockFile['packages'], from: string, name: string): boolean {
  let folder = from
  for (;;) {
    if (Object.hasOwn(packages, `${folder === '' ? '' : `${folder}/`}node_modules/${name}`))
      return true
    if (folder === '') return false
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/') - 1))
  }
}

/** Without comments, as the formatter lays them out. */
function codeOf(source: string): string {
  return source.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, '').replaceAll(/(^|\s)\/\/.*$/gm, '')
}
