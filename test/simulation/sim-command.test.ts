/** The command `sim` as its user meets it: what it prints, and how it ends. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { faultsOf } from '../../src/simulation/plan/plan.ts'
import { parseSimArguments, planDefaultsOf } from '../../src/simulation/sim-arguments.ts'
import { plantedBug } from '../../src/simulation/bugs/planted-bugs.ts'
import type { PlantedBug } from '../../src/simulation/bugs/planted-bug.ts'
import { RunPool } from '../../src/simulation/run-pool.ts'
import { findBug, simCommand } from '../../src/simulation/sim-command.ts'
import { WatchedProgress } from '../terminal/watched-progress.ts'

let printed: string[] = []
let folder = ''
let progress = new WatchedProgress()
beforeEach(() => {
  printed = []
  progress = new WatchedProgress()
  folder = mkdtempSync(join(tmpdir(), 'quorate-sim-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function sim(line: string): Promise<number> {
  return simCommand(line === '' ? [] : line.split(' '), {
    print: (text) => printed.push(text),
    complain: (text) => printed.push(text),
    progress,
  })
}

function text(): string {
  return printed.join('\n')
}

describe('runs without a violation', () => {
  it('exit with code 0, and print the trace hash of a single run', async () => {
    expect(await sim('--seed 7 --seconds 8 --nemesis none --keys 4')).toBe(0)
    expect(printed.at(-1)).toMatch(/^no violation found; trace hash [0-9a-f]{16}$/)
    expect(text()).toContain('seed 7, commit ')
  })

  it('write every event to the --trace file', async () => {
    const file = join(folder, 'trace.txt')
    expect(await sim(`--seed 7 --seconds 8 --nemesis kill --keys 4 --trace ${file}`)).toBe(0)
    const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(JSON.parse(head)).toMatchObject({ seed: '7', seconds: 8, nemesis: ['kill'], keys: 4 })
    expect(lines.length).toBeGreaterThan(100)
    for (const line of lines) expect(line).toMatch(/^\d+\.\d{6} (?:n[1-5]|-) ./)
    expect(lines.some((line) => line.includes('*** kill'))).toBe(true)
  })

  it('use consecutive seeds', async () => {
    expect(await sim('--seed 3 --seeds 4 --seconds 5 --nemesis none --keys 4')).toBe(0)
    expect(text()).toContain('4 of 4 runs done, 0 with a violation')
    expect(printed.at(-1)).toMatch(/, seeds 3 to 6, 5 s each$/)
    const share = { done: 0, all: 4, isEven: true }
    expect(progress.shown).toEqual([{ text: '0 of 4 seeds', share }])
    expect(progress.now).toBeUndefined()
  })
})

describe('a run with a violation', () => {
  const planted = plantedBug('merge-drops-sibling') as PlantedBug

  it('prints the invariant, the smallest story, and the commands that repeat it', async () => {
    expect(await sim(`--seed 1 --planted ${planted.name}`)).toBe(1)
    const [found] = printed.filter((line) => line.includes('VIOLATION (seed 1): '))
    expect(found).toBeDefined()

    const broken = /\nbroken invariant: ([a-z-]+): ([^\n]+)/.exec(text())
    expect(broken).not.toBeNull()
    const [, invariant = '', message = ''] = broken as RegExpExecArray
    const story = printed.filter((line) => /^ +\d+\.\d{4} {2}(?:[o.] {2}){5}/.test(line))
    expect(story.length).toBeGreaterThan(5)
    expect(story.at(-1)).toContain('VIOLATION')

    const commands = printed.filter((line) => line.includes('npm run sim -- '))
    expect(commands).toHaveLength(2)
    const plans = commands.map((line) => {
      const args = parseSimArguments(line.trim().split('npm run sim -- ')[1]!.split(' '))!
      expect(args).toMatchObject({ planted: [planted], seeds: 1, isSearch: false })
      return args.plan
    })
    const [small, first] = plans
    expect(first).toEqual({ ...planDefaultsOf(planted), seed: '1', onlyFaults: undefined })
    expect(faultsOf(small!).length).toBeLessThan(faultsOf(first!).length)
    expect(small!.seconds).toBeLessThan(first!.seconds)

    const pool = new RunPool(2, planted.name)
    try {
      const [again, whole] = await Promise.all([pool.run(small!), pool.run(first!)])
      expect(again.violation).toMatchObject({ invariant, message })
      expect(whole.violation?.invariant).toBe(invariant)
      expect(printed.at(-1)).toBe(`trace hash ${whole.hash}`)
    } finally {
      await pool.close()
    }
  })

  it('among many is printed with its seed, and the first one is made smaller', async () => {
    expect(await sim(`--seed 1 --seeds 3 --planted ${planted.name}`)).toBe(1)
    const seeds = printed.flatMap((line) => /^seed (\d): /.exec(line)?.[1] ?? [])
    expect(seeds.length).toBeGreaterThan(0)
    expect(text()).toContain(`3 of 3 runs done, ${seeds.length} with a violation`)
    expect(text()).toContain(`VIOLATION (seed ${seeds.toSorted()[0]}): `)
    expect(text()).toContain('\nrepeat this smaller run: npm run sim -- ')
  })
})

describe('the search for planted bugs', () => {
  const planted = plantedBug('merge-drops-sibling') as PlantedBug

  it('exits with code 0 if it finds the bug', async () => {
    expect(await sim(`--planted ${planted.name}`)).toBe(0)
    expect(text()).toMatch(
      new RegExp(
        `found ${planted.name} with seed \\d+ \\(at most ${planted.seeds} seeds are allowed\\): [a-z-]+: `,
      ),
    )
    expect(printed.at(-1)).toBe('1 of 1 planted bugs found')
    expect(progress.shown.map((work) => work.text)).toEqual([
      `${planted.name}, 0 of at most ${planted.seeds} seeds tried`,
      expect.stringMatching(/^0 smaller runs tried, of at most \d+$/),
    ])
  })

  it('misses a bug if no run can show it', async () => {
    const pool = new RunPool(2, planted.name)
    try {
      // In such a bucket nothing is merged that it could drop.
      const tame = { ...planted, seeds: 3, seconds: 5, workloads: ['lww'], nemesis: [] } as const
      const tried: number[] = []
      expect(await findBug(pool, tame, (seeds) => tried.push(seeds))).toBeUndefined()
      expect(tried.at(-1)).toBe(tame.seeds)
    } finally {
      await pool.close()
    }
  })
})

describe('a plan of timed actions', () => {
  const file = (): string => join(folder, 'plan.json')
  const kill = { atMs: 1000, do: 'kill', node: 'n3' }
  const plan = { seed: 'p', nodes: 3, endMs: 2000, actions: [kill] }

  it('runs, and writes its log to the --trace file', async () => {
    writeFileSync(file(), JSON.stringify(plan))
    const trace = join(folder, 'trace.txt')
    expect(await sim(`--plan ${file()} --trace ${trace}`)).toBe(0)
    expect(printed[0]).toBe('plan plan.json, seed p: 1 action in 2.0 s')
    const [head = '', ...lines] = readFileSync(trace, 'utf8').trimEnd().split('\n')
    expect(JSON.parse(head)).toEqual(plan)
    expect(lines).toContain('1.000000 n3 *** kill n3')
  })

  it.each([
    ['is not JSON', '{', /^sim: --plan .*plan\.json: Expected property name/],
    [
      'names a node that is not there',
      JSON.stringify({ ...plan, actions: [{ ...kill, node: 'n4' }] }),
      /^sim: --plan .*plan\.json: kill at 1000 ms: there is no n4; the nodes are n1, n2, n3$/,
    ],
  ])('that %s is refused', async (_, content, message) => {
    writeFileSync(file(), content)
    expect(await sim(`--plan ${file()}`)).toBe(2)
    expect(printed).toEqual([expect.stringMatching(message)])
  })

  it('that does not exist is refused, and so is one with a seed of its own', async () => {
    expect(await sim(`--plan ${file()}`)).toBe(2)
    expect(text()).toContain('plan.json: cannot be read: ENOENT')
    expect(await sim('--plan plan.json --seed 7')).toBe(2)
    expect(text()).toContain('sim: --plan does not go with --seed')
  })
})
