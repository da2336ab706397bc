import { describe, expect, test } from 'vitest'
import { command } from '../../src/command-line/command.ts'
import { durationText, parseDuration } from '../../src/command-line/duration.ts'
import { nearName } from '../../src/command-line/near-name.ts'
import { parseCommand } from '../../src/command-line/parse-command.ts'
import { UsageError } from '../../src/command-line/usage-error.ts'
import { newSeed, SEED_PATTERN } from '../../src/command-line/seed.ts'

const TABLE = command({
  name: 'bake',
  call: 'bake',
  about: 'Bakes.',
  words: [{ name: 'CAKE' }, { name: 'GUEST', isRepeated: true, value: { kind: 'seed' } }],
  options: {
    heat: { kind: 'number', min: 0, max: 250, default: 180, about: 'Degrees.' },
    for: { kind: 'duration', max: 3_600_000, about: 'How long.' },
    rest: { kind: 'duration', isInSeconds: true, max: 60_000, needs: 'for', about: 'A pause.' },
    with: {
      kind: 'names',
      names: ['nuts', 'plums', 'partition-halves'],
      allowsNone: true,
      about: 'What.',
    },
    shape: { kind: 'choice', names: ['round', 'square'], about: 'Which.' },
    layers: { kind: 'numbers', max: 9, without: ['shape'], about: 'Which.' },
    note: { kind: 'text', placeholder: 'TEXT', about: 'A note.' },
    dry: { kind: 'flag', about: 'Only say it.' },
  },
  exitCodes: [[0, 'done']],
})

function parse(line: string): ReturnType<typeof parseCommand<typeof TABLE.options>> {
  return parseCommand(TABLE, line === '' ? [] : line.split(' '))
}

describe('a command line', () => {
  test('gives values of the kinds of its table, and defaults', () => {
    expect(parse('torte --for 10m --with nuts,plums --layers 1,2')).toEqual({
      values: {
        heat: 180,
        for: 600_000,
        rest: undefined,
        with: ['nuts', 'plums'],
        shape: undefined,
        layers: [1, 2],
        note: undefined,
        dry: false,
      },
      given: new Set(['for', 'with', 'layers']),
      subcommand: undefined,
      words: ['torte'],
    })
  })

  test('may mix options and words, and words may look like negative numbers', () => {
    const parsed = parse('--dry -5s --heat=200 ann --for 1h -- bob')
    expect(parsed?.words).toEqual(['-5s', 'ann', 'bob'])
    expect(parsed?.values).toMatchObject({ dry: true, heat: 200, for: 3_600_000 })
  })

  test('takes a dash alone for a value', () => {
    expect(parse('torte --note - -')).toMatchObject({
      values: { note: '-' },
      words: ['torte', '-'],
    })
  })

  test('takes the last of two values, so that a copied command can be changed at its end', () => {
    expect(parse('torte --heat 100 --heat 120')?.values.heat).toBe(120)
  })

  test('takes a space in a name for a dash', () => {
    expect(parseCommand(TABLE, ['torte', '--with', 'partition halves, nuts'])?.values.with).toEqual(
      ['partition-halves', 'nuts'],
    )
  })

  test('takes a number alone for seconds where only seconds are allowed', () => {
    expect(parse('torte --for 1m --rest 30')?.values.rest).toBe(30_000)
    expect(parse('torte --for 1m --rest 1m')?.values.rest).toBe(60_000)
  })

  test.each(['--help', '-h', 'torte --heat 999 --help'])('%s asks for help', (line) => {
    expect(parse(line)).toBeUndefined()
  })

  test.each([
    ['', 'needs CAKE [GUEST…]'],
    ['torte a/b', 'GUEST a/b: must be 1 to 64 letters'],
    ['torte --heta 1', 'there is no option --heta (did you mean --heat?)'],
    ['torte -x', 'there is no option -x'],
    ['torte --heat', '--heat needs a value'],
    ['torte --heat --dry', '--heat needs a value'],
    ['torte --heat=', '--heat : must be a whole number from 0 to 250'],
    ['torte --heat -1', '--heat -1: must be a whole number from 0 to 250'],
    ['torte --heat 1e2', '--heat 1e2: must be'],
    ['torte --heat 0x10', '--heat 0x10: must be'],
    ['torte --dry=yes', '--dry takes no value'],
    ['torte --for 90', '--for 90: must be a duration such as 500ms, 30s or 10m, from 1ms to 1h'],
    ['torte --for 1m --rest 500ms', '--rest 500ms: must be whole seconds such as 30, 30s or 10m'],
    ['torte --rest 5', '--rest needs --for'],
    ['torte --layers 1 --shape round', '--layers does not go with --shape'],
    ['torte --layers 1,x', '--layers 1,x: must be whole numbers from 0 to 9'],
    ['torte --shape rond', '--shape rond: must be one of round, square (did you mean round?)'],
    ['torte --with none,nuts', '--with none: must be none alone, or some of nuts'],
    ['torte --note=', '--note : must be a text that is not empty'],
  ])('%s is refused', (line, message) => {
    expect(() => parse(line)).toThrow(UsageError)
    expect(() => parse(line)).toThrow(message)
  })
})

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['90s', 90_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
])('%s is %d ms, and is written so', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
  expect(durationText(ms)).toBe(text)
})

test.each(['30', '1.5s', '-5s', 's', ' 5s', '5 s', '5d', '5S', ''])(
  '"%s" is no duration',
  (text) => {
    expect(parseDuration(text)).toBeUndefined()
  },
)

test.each([
  ['sead', 'seed'],
  ['seeds', 'seeds'],
  ['nemeiss', 'nemesis'],
  ['NODES', 'nodes'],
  ['x', undefined],
  ['earthquake', undefined],
])('%s is near %s', (text, name) => {
  expect(nearName(text, ['seed', 'seeds', 'nodes', 'nemesis'])).toBe(name)
})

test('seeds are new each time, and can be given again', () => {
  const seeds = Array.from({ length: 20 }, newSeed)
  expect(new Set(seeds).size).toBeGreaterThan(10)
  for (const seed of seeds) expect(seed).toMatch(SEED_PATTERN)
})
