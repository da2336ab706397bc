/** The files of this project as text, without what is installed or produced. */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROJECT_ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface ProjectFile {
  /** Relative to the project, with slashes. */
  readonly path: string
  readonly text: string
}

const PRODUCED = ['node_modules', '.git', '.quorate', '.chaos', 'dist', 'results', 'coverage']

/** Patterns are relative to the project. */
export function readFiles(...patterns: readonly string[]): ProjectFile[] {
  return globSync(patterns, { cwd: PROJECT_ROOT, exclude: (name) => PRODUCED.includes(name) })
    .filter((path) => statSync(join(PROJECT_ROOT, path)).isFile())
    .map((path) => ({
      path: path.replaceAll('\\', '/'),
      text: readFileSync(join(PROJECT_ROOT, path), 'utf8'),
    }))
}
