import { describe, expect, it } from 'vitest'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'

/** Runs everything up to `untilUs` without giving promises a turn. */
function runAll(schedule: Schedule, untilUs: number): void {
  while (schedule.runNext(untilUs));
}

describe('a schedule', () => {
  it('runs events by time, and those of one moment in the order in which they were scheduled', () => {
    const schedule = new Schedule()
    const random = new SeededRandom('events')
    const planned = Array.from({ length: 500 }, (_, order) => ({ atUs: random.below(50), order }))
    const ran: typeof planned = []
    for (const event of planned) {
      schedule.after(event.atUs, () => {
        expect(schedule.nowUs).toBe(event.atUs)
        ran.push(event)
      })
    }
    runAll(schedule, 1000)
    expect(ran).toEqual(planned.toSorted((a, b) => a.atUs - b.atUs || a.order - b.order))
    expect(schedule.events).toBe(500)
  })

  it('counts a delay from the moment of scheduling', () => {
    const schedule = new Schedule()
    const at: number[] = []
    schedule.after(10, () => schedule.after(10, () => at.push(schedule.nowUs)))
    schedule.after(15, () => at.push(schedule.nowUs))
    runAll(schedule, 100)
    expect(at).toEqual([15, 20])
  })

  it('runs immediate work after all due events, before time advances', () => {
    const schedule = new Schedule()
    const ran: string[] = []
    const note = (what: string) => () => void ran.push(`${what} ${schedule.nowUs}`)
    schedule.after(5, () => {
      schedule.soon(() => {
        ran.push(`soon ${schedule.nowUs}`)
        schedule.soon(note('sooner still'))
      })
      schedule.after(0, note('due'))
    })
    schedule.after(5, note('tie'))
    schedule.after(6, note('later'))
    runAll(schedule, 100)
    expect(ran).toEqual(['tie 5', 'due 5', 'soon 5', 'sooner still 5', 'later 6'])
  })

  it('ends a loop that never ends, whether time stands still in it or not', () => {
    for (const delayUs of [undefined, 0, 1]) {
      const schedule = new Schedule()
      const again = (): void => {
        if (delayUs === undefined) schedule.soon(again)
        else schedule.after(delayUs, again)
      }
      again()
      expect(() => runAll(schedule, 1e9)).toThrow('an endless loop')
    }
  })

  it('neither runs nor counts a cancelled event', () => {
    const schedule = new Schedule()
    const ran: number[] = []
    const events = [1, 2, 3].map((atUs) => schedule.after(atUs, () => ran.push(atUs)))
    schedule.cancel(events[1]!)
    schedule.after(1, () => schedule.cancel(events[2]!))
    runAll(schedule, 100)
    expect(ran).toEqual([1])
    expect(schedule.events).toBe(2)
    // Late, and twice: nothing happens.
    for (const event of events) schedule.cancel(event)
  })

  it('stops at the given time, before later events', () => {
    const schedule = new Schedule()
    let ran = 0
    schedule.after(10, () => ran++)
    expect(schedule.runNext(9)).toBe(false)
    expect([ran, schedule.nowUs]).toEqual([0, 9])
    expect(schedule.runNext(10)).toBe(true)
    expect(schedule.runNext(Infinity)).toBe(false)
    expect([ran, schedule.nowUs]).toEqual([1, 10])
  })

  it('refuses events in the past', () => {
    expect(() => new Schedule().after(-1, () => undefined)).toThrow('in the past')
  })
})

describe('a schedule that runs', () => {
  it('settles all promises between two events', async () => {
    const schedule = new Schedule()
    const steps: string[] = []
    // More than one batch of events is handed to the event loop at once.
    const count = 600
    for (let i = 0; i < count; i++) {
      schedule.after(Math.floor(i / 2), () => {
        steps.push(`event ${i}`)
        void Promise.resolve()
          .then(() => undefined)
          .then(() => undefined)
          .then(() => steps.push(`follows ${i}`))
      })
    }
    await runSchedule(schedule, count)
    expect(steps).toEqual(
      Array.from({ length: count }, (_, i) => [`event ${i}`, `follows ${i}`]).flat(),
    )
  })

  it('stops after the event that made it done, and can go on', async () => {
    const schedule = new Schedule()
    let ran = 0
    for (let i = 1; i <= 10; i++) schedule.after(i, () => ran++)
    await runSchedule(schedule, 100, () => ran === 4)
    expect([ran, schedule.nowUs]).toEqual([4, 4])
    await runSchedule(schedule, 100)
    expect([ran, schedule.nowUs]).toEqual([10, 100])
  })

  it('fails with the error of an event, and runs no further event', async () => {
    const schedule = new Schedule()
    let later = 0
    schedule.after(1, () => {
      throw new Error('thrown by an event')
    })
    schedule.after(2, () => later++)
    await expect(runSchedule(schedule, 100)).rejects.toThrow('thrown by an event')
    expect(later).toBe(0)
  })
})
