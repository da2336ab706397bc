/**
 * The script of a page, as one text: its files without types, imports and exports, one after another. They
 * are real modules to the type checker; here they share one scope, so no two of them may name the same thing.
 */
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'

/** Each after those that it imports. */
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
 * Node.js warns at the first use that the function is new. That is of no use to somebody who runs a check, so
 * it is not let through.
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
