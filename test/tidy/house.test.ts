import { expect, test } from 'vitest'
import { findHouseFaults } from './house-rules.ts'
import { fileGraph } from './import-graph.ts'
import { readFiles } from './project-files.ts'

test('src/README.md names every folder of src, and what it imports', () => {
  const [readme] = readFiles('src/README.md')

  expect(findHouseFaults(readme?.text ?? '', fileGraph(readFiles('src/**/*.{ts,tsx}')))).toEqual([])
})

const FILES = fileGraph([
  { path: 'src/main.ts', text: "import { a } from './core/a.ts'\n" },
  { path: 'src/core/a.ts', text: "import type { B } from './hash/b.ts'\n" },
  { path: 'src/core/hash/b.ts', text: '' },
])
const TRUE_ROWS = [
  '| `main.ts` | starts | `core` |',
  '| `core` | decides | nothing |',
  '| `core/*.ts` | decides | `hash` |',
  '| `core/hash` | hashes | nothing |',
]

test('a table that is true has no faults', () => {
  expect(findHouseFaults(TRUE_ROWS.join('\n'), FILES)).toEqual([])
})

test.each([
  [1, '', 'core has no row'],
  [1, '| `core` | decides | `node` |', 'core: its row says `node`, its files import nothing'],
  [
    2,
    '| `core/*.ts` | decides | nothing |',
    'core/*.ts: its row says nothing, its files import `hash`',
  ],
  [3, `${TRUE_ROWS[3]}\n| \`core/old\` | is gone | nothing |`, 'there is no core/old'],
])('row %i as %j is told: %s', (at, row, fault) => {
  expect(findHouseFaults(TRUE_ROWS.with(at, row).join('\n'), FILES)).toEqual([fault])
})
