/**
 * The script of a page as one text: its files one after another, without types, imports and exports. For the type
 * checker they are real modules. In the page they share one scope, so no two files may declare the same name.
 */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

/** Each file comes after the files that it imports. */
const FILES = [
  'time-window.ts',
  'palette.ts',
  'model.ts',
  'lane-layout.ts',
  'lane-picture.ts',
  'charts.ts',
  'details.ts',
  'gestures.ts',
  'start.ts',
]

const IMPORT = /^import\s[^'"]*'\.[^']*'\n/gm
const EXPORT = /^export (?=(?:async )?function |const |interface |type )/gm

export function pageScript(): string {
  const source = FILES.map((file) =>
    readFileSync(new URL(`../page/${file}`, import.meta.url), 'utf8'),
  ).join('\n')
  return `'use strict';(() => {\n${withoutTypes(source.replaceAll(IMPORT, '').replaceAll(EXPORT, ''))}\n})()`
}

/**
 * Node.js warns at the first use that this function is experimental. Users of a check have no use for the warning, so
 * it is suppressed.
 */
function withoutTypes(source: string): string {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => undefined
  try {
    return stripTypeScriptTypes(source)
      .replaceAll(/^\s*\n/gm, '')
      .replaceAll(/[ \t]+$/gm, '')
  } finally {
    process.emitWarning = emitWarning
  }
}
