/** What every README keeps to: it is reachable, its links and places are there, and its commands run in a test. */
import { describe, expect, test } from 'vitest'
import {
  blocksOf,
  brokenLinks,
  EXAMPLE_TESTS,
  isCommands,
  isExample,
  isKnownLanguage,
  isNamedBy,
  missingPlaces,
  NOT_RUN,
  readDocuments,
  standsIn,
  stepsOf,
  unreachable,
} from './documents.ts'
import { type ProjectFile, readFiles } from './project-files.ts'

const README_LINES_MAX = 199

const documents = readDocuments()
const blocks = documents.flatMap(blocksOf)

test('the first README can be read in one sitting', () => {
  const [readme] = documents
  expect(readme?.path).toBe('README.md')
  expect(readme?.text.trimEnd().split('\n').length).toBeLessThanOrEqual(README_LINES_MAX)
})

describe('links', () => {
  test('lead somewhere', () => {
    expect(brokenLinks(documents)).toEqual([])
  })

  test('lead from the first README to every other one', () => {
    expect(documents.length).toBeGreaterThan(5)
    expect(unreachable(documents)).toEqual([])
  })

  test.each(['[a](no/such/file.md)', '[a](#no-such-heading)', '[a](docker/README.md#no-such)'])(
    '%s would be refused',
    (text) => {
      expect(brokenLinks([made(`# A heading\n${text}\n`)])).toHaveLength(1)
    },
  )

  test('of code, of other sites and to headings are told apart', () => {
    const text = '# Two words, `code`\n`[a](x)` [b](https://a.example/x) [c](#two-words-code)\n'
    expect(brokenLinks([made(text)])).toEqual([])
  })
})

test('places that are named are there', () => {
  expect(documents.flatMap(missingPlaces)).toEqual([])
  expect(missingPlaces(made('see `src/no-such-room`'))).toHaveLength(1)
})

describe('blocks', () => {
  test('say what they are', () => {
    expect(blocks.filter((block) => !isKnownLanguage(block)).map(placeOf)).toEqual([])
  })

  test('of commands have a command in every step', () => {
    const empty = blocks
      .filter(isCommands)
      .filter(
        (block) => stepsOf(block).length === 0 || stepsOf(block).some(({ command }) => !command),
      )
    expect(empty.map(placeOf)).toEqual([])
  })

  test('that no test runs are listed once each, with a reason', () => {
    for (const entry of NOT_RUN) {
      const named = blocks.filter((block) => isNamedBy(block, entry) && isCommands(block))
      expect(named.map(placeOf), `${entry.document}: ${entry.first}`).toHaveLength(1)
      expect(entry.why).not.toBe('')
    }
  })
})

describe('examples', () => {
  const examples = blocks.filter(isExample)

  test('exist in each document that a test runs', () => {
    const documents = new Set(examples.map(({ document }) => document))
    expect([...documents].sort()).toEqual(Object.keys(EXAMPLE_TESTS).sort())
  })

  test.each(examples)('of $document, line $line, stand in a test', (example) => {
    const [source] = readFiles(EXAMPLE_TESTS[example.document] ?? '')
    expect(standsIn(example, source?.text ?? ''), example.text).toBe(true)
    expect(standsIn(example, 'const other = 1\n')).toBe(false)
  })
})

test('a console block is taken apart into commands and what they print', () => {
  const [block] = blocksOf(made('```console\n$ a \\\n  b\none\ntwo\n$ c\n```\n'))
  expect(block && stepsOf(block)).toEqual([
    { command: 'a \\\n  b', expected: 'one\ntwo' },
    { command: 'c', expected: '' },
  ])
})

function made(text: string): ProjectFile {
  return { path: 'README.md', text }
}

function placeOf({
  document,
  line,
  language,
}: {
  document: string
  line: number
  language: string
}) {
  return `${document}:${line}: ${language}`
}
