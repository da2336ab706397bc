/** The driver of the world: it obeys one order after another, and a run ends the same however it was driven. */
import { describe, expect, it } from 'vitest'
import { announcement } from '../../src/lab/picture/announcement.ts'
import { type Pace, RunDriver } from '../../src/lab/run/run-driver.ts'
import type { News, Scene } from '../../src/lab/run/scene.ts'
import { playPlan } from '../../src/simulation/interactive/play-plan.ts'
import { SPLIT_PLAN } from '../simulation/interactive/split-plan.ts'

/** Real time passes only when a task is run. */
class ManualPace implements Pace {
  #nowMs = 0
  #tasks: (() => void)[] = []
  #isDrawn = true

  nowMs(): number {
    return this.#nowMs
  }

  after(ms: number, task: () => void): void {
    this.#tasks.push(() => {
      this.#nowMs += Math.max(1, ms)
      task()
    })
  }

  isDrawn(): boolean {
    return this.#isDrawn
  }

  setDrawn(isDrawn: boolean): void {
    this.#isDrawn = isDrawn
  }

  runNext(): boolean {
    const task = this.#tasks.shift()
    task?.()
    return task !== undefined
  }
}

function driven() {
  const pace = new ManualPace()
  const news: News[] = []
  const driver = new RunDriver(pace, (each) => news.push(each))
  const pump = async (isDone: () => boolean): Promise<void> => {
    while (!isDone()) {
      pace.runNext()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const obey = async (order: Parameters<RunDriver['obey']>[0]): Promise<void> => {
    let isDone = false
    void driver.obey(order).then(() => {
      isDone = true
    })
    await pump(() => isDone)
  }
  const scene = (): Scene => {
    const last = news.findLast((each) => each.type === 'scene')
    return (last as { readonly scene: Scene }).scene
  }
  return { driver, news, obey, pace, pump, scene }
}

const START = { seed: 'split', nodes: 3, endMs: 2000, actions: [] }
const PUT = {
  do: 'put',
  client: 1,
  node: 'n1',
  level: 'quorum',
  bucket: 'default',
  key: 'cart',
  value: 'apple',
} as const

describe('the driver', () => {
  it('loads a plan, goes to its end, and shows the hash of the command line', async () => {
    const { obey, scene } = driven()
    await obey({ do: 'load', plan: SPLIT_PLAN })
    const { hash, verdict } = await playPlan(SPLIT_PLAN)
    expect(scene().view).toMatchObject({ nowUs: 12_000_000, hash })
    expect(scene().verdict).toEqual(verdict)
    expect(scene().plan).toEqual(SPLIT_PLAN)
    expect(scene().view.repairs.length).toBeGreaterThan(0)
  })

  it('plays at a speed, pauses, steps, and goes back and forth without changing the run', async () => {
    const { obey, pump, scene } = driven()
    await obey({ do: 'load', plan: SPLIT_PLAN, atUs: 2_000_000 })
    await obey({ do: 'speed', speed: 100 })
    await obey({ do: 'play' })
    await pump(() => scene().view.nowUs >= 6_000_000)
    await obey({ do: 'pause' })
    expect(scene().isPlaying).toBe(false)
    const paused = scene().view.nowUs
    await obey({ do: 'step' })
    expect(scene().view.nowUs).toBeGreaterThan(paused)
    expect(scene().view.nowUs).toBeLessThanOrEqual(paused + 50_000)
    await obey({ do: 'seek', toUs: 2_500_000 })
    expect(scene()).toMatchObject({ endUs: 12_000_000, view: { nowUs: 2_500_000 } })
    expect(scene().plan).toEqual(SPLIT_PLAN)
    await obey({ do: 'play' })
    await pump(() => !scene().isPlaying)
    const { hash } = await playPlan(SPLIT_PLAN)
    expect(scene().view).toMatchObject({ nowUs: 12_000_000, hash })
  })

  it('tells a page that draws slowly no scene before it has drawn the last, until time stands still', async () => {
    const { obey, news, pace, pump, scene } = driven()
    await obey({ do: 'load', plan: START })
    pace.setDrawn(false)
    await obey({ do: 'speed', speed: 10 })
    const told = news.length
    await obey({ do: 'play' })
    for (let i = 0; i < 200; i++) {
      pace.runNext()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(news.length).toBe(told)
    pace.setDrawn(true)
    await pump(() => news.length > told)
    expect(scene().view.nowUs).toBeGreaterThan(2_000_000)
    pace.setDrawn(false)
    await obey({ do: 'pause' })
    expect(scene().isPlaying).toBe(false)
  })

  it('tells which requests were sent by hand, until the run is repeated', async () => {
    const { obey, scene } = driven()
    await obey({ do: 'load', plan: SPLIT_PLAN })
    expect(scene().sentByHand).toEqual([])
    expect(announcement(scene())).toBe('')
    await obey({ do: 'act', action: PUT })
    const sent = scene().view.requests.at(-1)
    expect(scene().sentByHand).toEqual([sent?.number])
    expect(announcement(scene())).toBe('')
    await obey({ do: 'act', action: { do: 'kill', node: 'n3' } })
    await obey({ do: 'seek', toUs: scene().view.nowUs + 5_000_000 })
    expect(scene().sentByHand).toEqual([sent?.number])
    const words = announcement(scene())
    expect(words).toMatch(new RegExp(`^${sent?.number}: A puts "apple" at n1`))
    // Nobody can hear outcomes at that pace.
    expect(announcement({ ...scene(), isPlaying: true, speed: 100 })).toBe('')
    expect(announcement({ ...scene(), isPlaying: true, speed: 1 })).toBe(words)
    await obey({ do: 'seek', toUs: 5_000_000 })
    expect(scene().view.requests.length).toBeGreaterThan(0)
    expect(announcement(scene())).toBe('')
  })

  it('drops what was planned for later if something is done in the past', async () => {
    const { obey, scene } = driven()
    await obey({ do: 'load', plan: SPLIT_PLAN })
    await obey({ do: 'seek', toUs: 5_000_000 })
    await obey({ do: 'act', action: { do: 'kill', node: 'n3' } })
    expect(scene().plan.actions.map((action) => action.do)).toEqual([
      'put',
      'cut',
      'put',
      'put',
      'kill',
    ])
    expect(scene()).toMatchObject({ endUs: 5_000_000, plan: { endMs: 5000 } })
  })

  it('of many places only the last one counts, and a wrong action is told', async () => {
    const { driver, news, obey, scene } = driven()
    await obey({ do: 'load', plan: START })
    void driver.obey({ do: 'seek', toUs: 900_000_000 })
    await obey({ do: 'seek', toUs: 3_000_000 })
    expect(scene().view.nowUs).toBe(3_000_000)
    expect(scene().endUs).toBe(3_000_000)
    await obey({ do: 'act', action: { ...PUT, node: 'n9' } })
    expect(news.filter(({ type }) => type === 'refused')).toEqual([
      { type: 'refused', message: 'put at 3000 ms: there is no n9; the nodes are n1, n2, n3' },
    ])
    await obey({ do: 'act', action: PUT })
    expect(scene().view.requests).toHaveLength(1)
    await obey({ do: 'choose', key: { bucket: 'latest', key: 'k' } })
    expect(scene().view.key).toMatchObject({ bucket: 'latest', key: 'k' })
  })
})
