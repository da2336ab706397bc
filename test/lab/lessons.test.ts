/** The lessons on the real world: each replay passes its steps in order, and nothing else does. */
import { describe, expect, it } from 'vitest'
import { parseChaosArguments } from '../../src/chaos/chaos-arguments.ts'
import { parseFault } from '../../src/chaos/chaos-fault.ts'
import { firstPlan, type Lesson, NOT_BEGUN, progressed } from '../../src/lab/lessons/lesson.ts'
import { LESSONS } from '../../src/lab/lessons/lessons.ts'
import { InteractiveWorld } from '../../src/simulation/interactive/interactive-world.ts'
import type { TimedPlan } from '../../src/simulation/interactive/timed-plan.ts'

const LOOK_US = 500_000
/** So many actions are left out in turn: the first ones, because each takes a whole run. */
const LEFT_OUT = 4

/** How many steps are done after each look. */
async function doneDuring(lesson: Lesson, plan: TimedPlan, ...guesses: (number | null)[]) {
  const world = new InteractiveWorld(plan)
  const seen: number[][] = guesses.map(() => [])
  const progress = guesses.map((guess) => ({ ...NOT_BEGUN, guess }))
  for (let us = 0; us <= plan.endMs * 1000; us += LOOK_US) {
    await world.advance(us)
    const view = world.view({ key: lesson.key })
    const scene = {
      view,
      plan,
      get verdict() {
        return world.judge()
      },
    }
    for (const i of guesses.keys()) {
      progress[i] = progressed(lesson, progress[i]!, scene)
      seen[i]!.push(progress[i].done)
    }
  }
  return seen
}

describe.each(LESSONS)('lesson $id, $title', (lesson) => {
  it('passes its steps one after another in its replay, but only after a prediction', async () => {
    const [seen, without] = await doneDuring(lesson, lesson.replay, 0, null)
    expect([...new Set(seen)]).toEqual(Array.from({ length: lesson.steps.length + 1 }, (_, i) => i))
    expect(new Set(without)).toEqual(new Set([0]))
  })

  it('is not passed by waiting, nor without one of the actions', async () => {
    const [waited] = await doneDuring(lesson, { ...firstPlan(lesson), endMs: 4000 }, 0)
    expect(waited?.at(-1)).toBe(0)
    const { actions } = lesson.replay
    for (const [i, action] of actions.slice(0, LEFT_OUT).entries()) {
      const plan = { ...lesson.replay, actions: actions.toSpliced(i, 1) }
      const [seen] = await doneDuring(lesson, plan, 0)
      expect(seen?.at(-1), `without ${action.do}`).toBeLessThan(lesson.steps.length)
    }
  })

  it('has commands that chaos takes', () => {
    const chaos = lesson.commands
      .flatMap((line) => line.split(' && '))
      .filter((command) => command.startsWith('npm run chaos -- '))
      .map((command) => command.split(' ').slice(4))
    for (const words of chaos.filter(([name]) => name !== 'heal')) {
      expect(() => parseChaosArguments(words)).not.toThrow()
      const fault = parseChaosArguments(words)?.words ?? []
      expect(() => parseFault(fault, ['n1', 'n2', 'n3', 'n4', 'n5'])).not.toThrow()
    }
  })

  it('has commands that touch only the containers and volumes of its own project', () => {
    const docker = lesson.commands
      .filter((line) => !line.startsWith('#'))
      .flatMap((line) => line.match(/docker (?:[^&|;$()"']|"\$volume")+/g) ?? [])
    for (const command of docker) {
      expect(command).toMatch(/^docker (?:compose |inspect |volume rm "\$volume"$)/)
    }
    expect(lesson.commands.join('\n')).not.toMatch(/\bgrep\b|\bprune\b|\bxargs\b/)
  })

  it('has one right choice, and begins as its replay does', () => {
    expect(lesson.choices[lesson.right]).toBeDefined()
    const { endMs, actions, ...world } = firstPlan(lesson)
    expect(actions).toEqual([])
    expect(lesson.replay).toMatchObject(world)
    expect(lesson.replay.actions[0]!.atMs).toBeGreaterThan(endMs)
  })
})

it('the lessons are twelve, of which the last one has three cases', () => {
  expect(LESSONS.map(({ id }) => id).join(' ')).toBe('1 2 3 4 5 6 7 8 9 10 11 12a 12b 12c')
})
