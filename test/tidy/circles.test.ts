/** No file imports what imports it, and no room of the node does; and a folder can be taken in at one look. */
import { dirname } from 'node:path/posix'
import { describe, expect, test } from 'vitest'
import { fileGraph, findCircles, groupGraph, type ImportGraph } from './import-graph.ts'
import { readFiles } from './project-files.ts'

const FILES_PER_FOLDER_MAX = 25

const files = fileGraph(readFiles('src/**/*.{ts,tsx}'))
const nodeFiles = new Map([...files].filter(([file]) => file.startsWith('src/node/')))

describe('imports form no circle', () => {
  test('between files of src', () => {
    expect(files.size).toBeGreaterThan(400)
    expect(findCircles(files)).toEqual([])
  })

  test('between rooms of src/node', () => {
    const rooms = groupGraph(nodeFiles, dirname)

    expect(rooms.size).toBeGreaterThan(10)
    expect(findCircles(rooms)).toEqual([])
  })

  test.each([
    [[['a', ['a']]], ['a → a']],
    [
      [
        ['a', ['b']],
        ['b', ['c', 'a']],
        ['c', ['a']],
      ],
      ['a → b → a', 'c → a → b → c'],
    ],
    [
      [
        ['a', ['b', 'c']],
        ['b', ['c']],
        ['c', ['outside']],
      ],
      [],
    ],
  ])('%j has the circles %j', (edges, circles) => {
    expect(findCircles(graphOf(edges as [string, string[]][]))).toEqual(circles)
  })

  test('and types count', () => {
    const graph = fileGraph([
      { path: 'src/a.ts', text: "import type { B } from './b.ts'\n" },
      {
        path: 'src/b.ts',
        text: "import {\n  a,\n} from './a.ts'\nimport { join } from 'node:path'\n",
      },
    ])

    expect(findCircles(graph)).toEqual(['src/a.ts → src/b.ts → src/a.ts'])
  })

  test('between folders whose files form none', () => {
    const graph = graphOf([
      ['one/a.ts', ['two/b.ts']],
      ['two/c.ts', ['one/d.ts']],
    ])

    expect(findCircles(graph)).toEqual([])
    expect(findCircles(groupGraph(graph, dirname))).toEqual(['one → two → one'])
  })
})

test(`no folder of src has more than ${FILES_PER_FOLDER_MAX} files of its own`, () => {
  const counts = new Map<string, number>()
  for (const { path } of readFiles('src/**/*')) {
    const folder = dirname(path)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }

  expect([...counts].filter(([, count]) => count > FILES_PER_FOLDER_MAX)).toEqual([])
})

function graphOf(edges: readonly (readonly [string, readonly string[]])[]): ImportGraph {
  return new Map(edges.map(([from, targets]) => [from, new Set(targets)]))
}
