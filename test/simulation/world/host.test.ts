import { beforeEach, describe, expect, it } from 'vitest'
import { Host, WALL_START_MS } from '../../../src/simulation/world/host.ts'
import { Schedule } from '../../../src/simulation/world/schedule.ts'

const SECOND_US = 1_000_000

let schedule = new Schedule()
let host = new Host('n1', 0, schedule)
beforeEach(() => {
  schedule = new Schedule()
  host = new Host('n1', 0, schedule)
})

function pass(us: number): void {
  const untilUs = schedule.nowUs + us
  while (schedule.runNext(untilUs));
}

describe('the clocks of a host', () => {
  it('show the time of the world, and monotonic clocks start anywhere', () => {
    const other = new Host('n2', 1, schedule)
    pass(3 * SECOND_US)
    expect(host.wallMs()).toBe(WALL_START_MS + 3000)
    expect(other.wallMs()).toBe(host.wallMs())
    expect(Math.abs(other.monotonicMs() - host.monotonicMs())).toBeGreaterThan(100_000)
  })

  it.each([1500, -20_000])('the wall clock jumps by %d ms, and the monotonic does not', (ms) => {
    const beforeMs = host.monotonicMs()
    host.jump(ms)
    expect(host.monotonicMs()).toBe(beforeMs)
    expect(host.skewMs).toBe(ms)
    pass(SECOND_US)
    expect(host.skewMs).toBe(ms)
    host.jump(-ms)
    expect(host.skewMs).toBe(0)
  })

  it.each([1.2, 0.8])('both drift at the rate %d from then on, without a jump', (rate) => {
    pass(10 * SECOND_US)
    const before = { wallMs: host.wallMs(), monotonicMs: host.monotonicMs() }
    host.drift(rate)
    expect({ wallMs: host.wallMs(), monotonicMs: host.monotonicMs() }).toEqual(before)
    pass(10 * SECOND_US)
    expect(host.wallMs() - before.wallMs).toBeCloseTo(10_000 * rate)
    expect(host.monotonicMs() - before.monotonicMs).toBeCloseTo(10_000 * rate)
    expect(host.skewMs).toBeCloseTo(10_000 * (rate - 1))
  })

  it('are right again, and stay so, once they are synchronised', () => {
    host.drift(1.2)
    host.jump(-5000)
    pass(10 * SECOND_US)
    host.synchronise()
    expect(host.skewMs).toBeCloseTo(0)
    pass(10 * SECOND_US)
    expect(host.skewMs).toBeCloseTo(0)
  })
})

describe('the timers of a host', () => {
  it('follow its own clock', () => {
    const ran: string[] = []
    host.drift(2)
    host.timers().after(1000, () => ran.push(`once at ${schedule.nowUs}`))
    const every = host.timers().every(1000, () => ran.push(`every at ${schedule.nowUs}`))
    pass(1.1 * SECOND_US)
    expect(ran).toEqual(['once at 500000', 'every at 500000', 'every at 1000000'])
    every.cancel()
    pass(SECOND_US)
    expect(ran).toHaveLength(3)
  })

  it('can be cancelled, by themselves too', () => {
    let ran = 0
    const once = host.timers().after(10, () => ran++)
    once.cancel()
    const every = host.timers().every(10, () => {
      ran++
      every.cancel()
    })
    pass(SECOND_US)
    expect(ran).toBe(1)
  })

  it('ignore jumps of the wall clock', () => {
    let ranUs = 0
    host.timers().after(1000, () => (ranUs = schedule.nowUs))
    host.jump(20_000)
    pass(2 * SECOND_US)
    expect(ranUs).toBe(SECOND_US)
  })
})

describe('a process that is frozen', () => {
  it('does all pending work in order when it is thawed', () => {
    const ran: string[] = []
    const note = (what: string) => () => void ran.push(what)
    host.freeze()
    host.timers().after(10, note('timer'))
    host.timers().soon(note('soon'))
    host.run(note('request'))
    pass(SECOND_US)
    expect(host.isFrozen).toBe(true)
    expect(ran).toEqual([])
    host.thaw()
    expect(host.isFrozen).toBe(false)
    pass(0)
    expect(ran).toEqual(['request', 'soon', 'timer'])
  })

  it('loses nothing when it is frozen twice, or again before it has caught up', () => {
    const ran: number[] = []
    host.freeze()
    host.run(() => {
      ran.push(1)
      host.freeze()
    })
    host.run(() => ran.push(2))
    host.freeze()
    host.thaw()
    pass(SECOND_US)
    expect(ran).toEqual([1])
    host.thaw()
    pass(SECOND_US)
    expect(ran).toEqual([1, 2])
  })

  it('has clocks that continue', () => {
    host.freeze()
    pass(SECOND_US)
    expect(host.wallMs()).toBe(WALL_START_MS + 1000)
  })
})

describe('a process that has ended', () => {
  it('runs no timer, no pending work, and no late callback', () => {
    const ran: string[] = []
    const note = (what: string) => () => void ran.push(what)
    const timers = host.timers()
    timers.after(10, note('once'))
    timers.every(10, note('every'))
    timers.soon(note('soon'))
    const late = host.task(note('task'))
    host.freeze()
    host.run(note('frozen'))
    host.end()
    expect(host.isFrozen).toBe(false)
    late()
    host.thaw()
    host.run(note('the next life'))
    pass(SECOND_US)
    expect(ran).toEqual(['the next life'])
  })

  it('drops the work that was pending when it was thawed', () => {
    const ran: string[] = []
    host.freeze()
    host.run(() => ran.push('waited'))
    host.thaw()
    host.end()
    pass(SECOND_US)
    expect(ran).toEqual([])
  })
})
