/**
 * The tables of src/README.md against the files: which folders there are, and which imports which. A row names a folder
 * of src, or a folder within one; `core/*.ts` are the files that lie in core itself. Folders within one folder are named
 * without it in the column of imports.
 */
import { posix } from 'node:path'
import { groupGraph, type ImportGraph } from './import-graph.ts'

const ROW = /^\| `([^`]+)`\s*\|([^|]*)\|([^|]*)\|$/gm
const OWN_FILES = '*.ts'

/** One sentence for each row that is wrong, missing or too much. */
export function findHouseFaults(tables: string, files: ImportGraph): string[] {
  const said = rowsOf(tables)
  const found = foldersOf(files)
  const faults: string[] = []
  for (const [folder, imports] of found) {
    const row = said.get(folder)
    if (row === undefined) faults.push(`${folder} has no row`)
    else if (row !== wordsFor(imports)) {
      faults.push(`${folder}: its row says ${row}, its files import ${wordsFor(imports)}`)
    }
  }
  for (const folder of said.keys()) if (!found.has(folder)) faults.push(`there is no ${folder}`)
  return faults
}

function rowsOf(tables: string): ReadonlyMap<string, string> {
  return new Map(
    [...tables.matchAll(ROW)].map(([, folder = '', , imports = '']) => [folder, imports.trim()]),
  )
}

/** Folders of src import each other; so do the folders within one of them. */
function foldersOf(files: ImportGraph): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [folder, targets] of groupGraph(files, topOf)) found.set(folder, [...targets])
  for (const top of [...found.keys()].filter((name) => !name.endsWith('.ts'))) {
    const own = new Map([...files].filter(([file]) => topOf(file) === top))
    const inner = groupGraph(own, innerOf)
    if (inner.size === 1 && inner.has(`${top}/${OWN_FILES}`)) continue
    for (const [folder, targets] of inner) {
      const siblings = [...targets].filter((target) => target.startsWith(`${top}/`))
      found.set(
        folder,
        siblings.map((target) => target.slice(top.length + 1)),
      )
    }
  }
  return found
}

/** `src/core/hash/xxh32.ts` → `core`; `src/main.ts` → `main.ts`. */
function topOf(file: string): string {
  return file.split('/')[1] ?? ''
}

/** `src/core/hash/xxh32.ts` → `core/hash`; `src/core/errors.ts` → `core/*.ts`. */
function innerOf(file: string): string {
  const folder = posix.relative('src', posix.dirname(file))
  return folder.includes('/') ? folder : `${folder}/${OWN_FILES}`
}

function wordsFor(imports: readonly string[]): string {
  if (imports.length === 0) return 'nothing'
  return [...imports]
    .sort()
    .map((name) => `\`${name}\``)
    .join(' ')
}
