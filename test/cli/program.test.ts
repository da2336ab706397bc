/** The table of the program: every command has help, and finds its way from the words of a command line. */
import { describe, expect, test } from 'vitest'
import { COMMANDS, HANDED_OVER, PROGRAM } from '../../src/cli/program.ts'
import { commandsOf, readProgramLine } from '../../src/command-line/program.ts'
import { quorate } from './cli-run.ts'

const NAMES = Object.keys(commandsOf(PROGRAM))

test('names every command of the contract', () => {
  expect(NAMES).toEqual(
    expect.arrayContaining(
      'get put del list watch siblings resolve status ring where plan apply moves doctor backup restore completion up chaos check sim bench'.split(
        ' ',
      ),
    ),
  )
  expect(NAMES.toSorted()).toEqual([...Object.keys(COMMANDS), ...Object.keys(HANDED_OVER)].sort())
})

describe('a command line', () => {
  test.each([
    ['get a b', 'get', 'a b'],
    ['--json get a b', 'get', '--json a b'],
    ['--endpoints x,y --json get a', 'get', '--endpoints x,y --json a'],
    ['--endpoints=x get a', 'get', '--endpoints=x a'],
    ['help put', 'put', '--help'],
    ['--help put', 'put', '--help'],
    ['chaos heal --for 1s', 'chaos', 'heal --for 1s'],
  ])('%s', (line, name, rest) => {
    expect(readProgramLine(PROGRAM, line.split(' '))).toEqual({ name, argv: rest.split(' ') })
  })

  test.each(['', '--help', '-h', 'help', '--json'])(
    '%j asks for the help of the program',
    (line) => {
      const argv = line === '' ? [] : [line]
      expect(readProgramLine(PROGRAM, argv)).toEqual({ name: undefined, argv: [] })
    },
  )

  test.each([
    ['puut a b', 'there is no command puut (did you mean put?); the commands are get, put'],
    ['help puut', 'there is no command puut'],
    ['--nothing', 'there is no option --nothing before the name of a command'],
  ])('%s is refused', (line, message) => {
    expect(() => readProgramLine(PROGRAM, line.split(' '))).toThrow(message)
  })
})

describe('help', () => {
  test('lists all commands, the exit codes, and examples', async () => {
    const { code, printed, complained } = await quorate('--help')
    expect({ code, complained }).toEqual({ code: 0, complained: '' })
    expect(printed).toMatch(/^Usage: npx quorate COMMAND \[options\]\n/)
    for (const name of NAMES) expect(printed).toMatch(new RegExp(`^  ${name} `, 'm'))
    expect(printed).toMatch(/^ {2}7 +unknown: /m)
    for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })

  test.each(Object.keys(COMMANDS))('of %s', async (name) => {
    const { code, printed, complained } = await quorate(['help', name])
    expect({ code, complained }).toEqual({ code: 0, complained: '' })
    expect(printed).toMatch(new RegExp(`^Usage: npx quorate ${name} `))
    expect(printed).toContain(`\nExamples:\n  npx quorate ${name}`)
    expect(printed).toMatch(/^ {2}2 +wrong arguments$/m)
    for (const line of printed.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
    expect((await quorate([name, '-h'])).printed).toBe(printed)
  })
})

describe.each(Object.entries(COMMANDS))('the table of %s', (_name, { table }) => {
  const { about, options, examples = [] } = table

  test('says everything in sentences', () => {
    for (const text of [about, ...Object.values(options).map((option) => option.about)]) {
      expect(text).toMatch(/^[A-Z].*[.]$/)
    }
  })

  test('names only options that there are', () => {
    const names = Object.keys(options)
    for (const { without = [] } of Object.values(options)) {
      expect(names).toEqual(expect.arrayContaining([...without]))
    }
    const given = examples.flatMap((line) =>
      [...line.matchAll(/--([a-z-]+)/g)].map(([, name]) => name),
    )
    expect(names).toEqual(expect.arrayContaining(given))
  })
})

describe('a command that a script runs', () => {
  test('gets its own arguments, and gives its exit code', async () => {
    const calls: unknown[] = []
    const handOver = async (...call: unknown[]): Promise<number> => {
      calls.push(call)
      return 254
    }
    expect((await quorate('check --workload x --help', { handOver })).code).toBe(254)
    expect(calls).toEqual([['check', ['--workload', 'x', '--help']]])
  })

  test('says what it needs where there is no checkout', async () => {
    expect(await quorate('up')).toMatchObject({
      code: 1,
      complained: 'quorate up: needs a checkout of Quorate, and this is the installed package\n',
    })
  })
})

test('the version is that of the package', async () => {
  expect(await quorate('--version')).toMatchObject({ code: 0, printed: 'quorate 1.2.3\n' })
})
