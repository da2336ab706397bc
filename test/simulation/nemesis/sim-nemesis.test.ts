import { describe, expect, it } from 'vitest'
import {
  FAULT_KINDS,
  type Fault,
  type FaultKind,
  SKEW_ALL,
  STALL,
  SWAP,
  TWIN,
  UPGRADE,
} from '../../../src/simulation/plan/sim-fault.ts'
import { Nemesis } from '../../../src/simulation/nemesis/sim-nemesis.ts'
import { nodeIds, type NumberedFault } from '../../../src/simulation/plan/plan.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { SimulatedNode } from '../../../src/simulation/world/simulated-node.ts'
import { SETTINGS } from '../../../src/simulation/world/simulated-settings.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'

const IDS = nodeIds(5)
const START_MS = 5000
const END_MS = 8000
/** Second crashes, and the isolation that follows a lost quorum, are over by then. */
const CALM_MS = 14_000

/** Five nodes that hold a few keys, and these faults. */
class Scene {
  readonly schedule = new Schedule()
  readonly wires = new Wires(this.schedule, new SeededRandom('wires'))
  readonly nodes: ReadonlyMap<string, SimulatedNode>
  readonly nemesis: Nemesis
  readonly told: string[] = []
  readonly directories: string[] = []
  onFault: () => void = () => undefined

  constructor(faults: readonly NumberedFault[], mayLoseData = true) {
    const random = new SeededRandom('nodes')
    const members = IDS.map((id) => ({ id, peerUrl: `sim://${id}`, zone: id }))
    const settings = { ...SETTINGS, members }
    const events = {
      onBroken: (node: string, error: unknown) => {
        throw new Error(`${node} is broken`, { cause: error })
      },
      onMessages: () => undefined,
      onLog: () => undefined,
    }
    this.nodes = new Map(
      IDS.map((nodeId, index) => [
        nodeId,
        new SimulatedNode(
          index,
          this.schedule,
          this.wires,
          { ...settings, nodeId },
          random.child(nodeId),
          events,
        ),
      ]),
    )
    this.nemesis = new Nemesis(
      {
        schedule: this.schedule,
        wires: this.wires,
        nodes: this.nodes,
        onFault: (text) => {
          this.told.push(text)
          this.onFault()
        },
        isMember: () => true,
        change: () => undefined,
        mayLoseData: () => mayLoseData,
        onDirectory: (node) => this.directories.push(node),
        mayRot: (_node, key) => key.startsWith('d/'),
        buildTwin: (nodeId, address) =>
          new SimulatedNode(
            IDS.length,
            this.schedule,
            this.wires,
            { ...settings, nodeId },
            random.child(address),
            events,
            false,
            address,
          ),
      },
      faults,
    )
  }

  async start(): Promise<void> {
    for (const node of this.nodes.values()) node.start()
    await this.until(3000)
    for (let i = 0; i < 30; i++) {
      let outcome: string | undefined
      this.node('n1').call(
        (service) =>
          service.put({
            bucket: 'default',
            key: `key-${i}`,
            level: 'all',
            timeoutMs: 1000,
            requestId: 'scene',
            content: {
              value: Uint8Array.of(i),
              contentType: '',
              tombstone: false,
              expiresAtMs: 0,
            },
            context: undefined,
          }),
        ({ type }) => (outcome = type),
      )
      await this.until(START_MS - 100, () => outcome !== undefined)
      expect(outcome).toBe('answered')
    }
    await this.until(START_MS - 1)
  }

  until(ms: number, isDone?: () => boolean): Promise<void> {
    return runSchedule(this.schedule, ms * 1000, isDone)
  }

  node(id: string): SimulatedNode {
    return this.nodes.get(id) as SimulatedNode
  }

  /** What is not as it should be, in words. */
  wrongs(): string[] {
    const wrongs: string[] = []
    for (const from of IDS) {
      for (const to of IDS) if (this.wires.isCut(from, to)) wrongs.push(`${from} is cut from ${to}`)
    }
    for (const [what, value] of Object.entries(this.wires.faults)) {
      if (value !== 0) wrongs.push(`frames: ${what}`)
    }
    for (const { id, host, platter, hasProcess, isUp } of this.nodes.values()) {
      if (!hasProcess) wrongs.push(`${id} has no process`)
      else if (host.isFrozen) wrongs.push(`${id} is frozen`)
      else if (!isUp) wrongs.push(`${id} does not serve`)
      if (Math.abs(host.skewMs) > 1) wrongs.push(`${id} has another time`)
      if (platter.isFull) wrongs.push(`the disk of ${id} is full`)
      if (platter.isStalled) wrongs.push(`the disk of ${id} does not answer`)
      if (platter.slowness !== 1) wrongs.push(`the disk of ${id} is slow`)
      if (platter.failPercent !== 0) wrongs.push(`the disk of ${id} fails`)
    }
    return wrongs
  }

  /** The records of a node, as text. */
  records(id: string): string {
    const { platter } = this.node(id)
    const keys = platter.keys().filter((key) => key.startsWith('d/'))
    return keys.map((key) => `${key}=${String(platter.get(key))}`).join('\n')
  }
}

function fault(kind: FaultKind, more: Partial<Fault> = {}): Fault {
  const common = { startMs: START_MS, endMs: END_MS, nodes: IDS, cut: 'mute', strength: 99 }
  return { ...common, kind, ...more } as Fault
}

/** What is wrong while a fault of a kind lasts; nothing where it is not seen from outside. */
const SHOWS: Readonly<Record<FaultKind, RegExp | undefined>> = {
  partition: /n1 is cut from n3/,
  isolate: /n5 is cut from n1/,
  oneway: /n1 is cut from n2/,
  bridge: /n2 is cut from n4/,
  ring: /n1 is cut from n3/,
  flap: /n1 is cut from n2/,
  loss: /lossPercent/,
  duplicate: /duplicatePercent/,
  reorder: /reorderPercent/,
  delay: /delayMs/,
  kill: /n1 has no process/,
  power: /n1 has no process/,
  blackout: /n5 has no process/,
  restart: /n1 has no process/,
  pause: /n1 is frozen/,
  skew: /n1 has another time/,
  drift: /n1 has another time/,
  full: /the disk of n1 is full/,
  slow: /the disk of n1 is slow/,
  stall: /the disk of n1 does not answer/,
  'io-error': /the disk of n1 fails/,
  rot: undefined,
  'lost-data': /n1 has no process/,
  'old-data': undefined,
  membership: undefined,
  upgrade: /n1 has no process/,
  'skew-all': /n1 has another time/,
  'lost-quorum': /n2 is cut from n1/,
  // Most are cut off from the first process; how the second one fares is seen below.
  twin: /n1 is cut from n2/,
  swap: /n1 has no process|n1 does not serve/,
}

/** Of the faults of which not every strength shows at once. */
const SHOWN_STRENGTH: Readonly<Partial<Record<FaultKind, number>>> = { twin: 60, swap: 10 }

const KINDS: readonly FaultKind[] = [...FAULT_KINDS, UPGRADE, STALL, SKEW_ALL, TWIN, SWAP]

describe('a fault', () => {
  it.each(KINDS)('of kind %s lasts until its end, and no longer', async (kind) => {
    const { [kind]: strength = 99 } = SHOWN_STRENGTH
    const scene = new Scene([{ number: 0, fault: fault(kind, { strength }) }])
    await scene.start()
    expect(scene.wrongs()).toEqual([])

    // A node that is stopped cleanly takes a moment; a flapping link is cut at first.
    await scene.until(START_MS + 300)
    expect(scene.nemesis.faults).toBe(1)
    expect(scene.told).toHaveLength(1)
    const shows = SHOWS[kind]
    if (shows === undefined) expect(scene.wrongs()).toEqual([])
    else expect(scene.wrongs().join('\n')).toMatch(shows)

    await scene.until(CALM_MS)
    expect(scene.wrongs()).toEqual([])
  })

  it.each(KINDS)('of kind %s ends early if the cluster is healed', async (kind) => {
    const scene = new Scene([{ number: 0, fault: fault(kind, { endMs: 100_000 }) }])
    await scene.start()
    await scene.until(START_MS)
    expect(scene.nemesis.faults).toBe(1)
    scene.nemesis.heal()
    await scene.until(CALM_MS)
    expect(scene.wrongs()).toEqual([])
  })

  it('ends early, too, while a node is being stopped', async () => {
    const scene = new Scene([{ number: 0, fault: fault('restart', { endMs: 100_000 }) }])
    await scene.start()
    const n1 = scene.node('n1')
    let wasStopped: boolean | undefined
    scene.onFault = () => {
      wasStopped = !n1.hasProcess
      scene.nemesis.heal()
    }
    await scene.until(CALM_MS)
    expect(wasStopped).toBe(false)
    expect(scene.wrongs()).toEqual([])
  })

  it('leaves nothing behind after the heal', async () => {
    const scene = new Scene([{ number: 0, fault: fault('lost-quorum', { strength: 40 }) }])
    await scene.start()
    await scene.until(END_MS + 1000)
    expect(scene.wires.isCut('n3', 'n1')).toBe(true)
    const { life } = scene.node('n1').host
    scene.nemesis.heal()
    expect(scene.wires.isCut('n3', 'n1')).toBe(false)
    await scene.until(CALM_MS)
    expect(scene.node('n1').host.life).toBe(life)
    expect(scene.wrongs()).toEqual([])
  })

  it('does not begin after the heal', async () => {
    const scene = new Scene([{ number: 0, fault: fault('kill', { endMs: 100_000 }) }])
    await scene.start()
    scene.nemesis.heal()
    await scene.until(START_MS + 1000)
    expect(scene.nemesis.faults).toBe(0)
    expect(scene.wrongs()).toEqual([])
  })

  it('does not end a longer fault of the same kind', async () => {
    const scene = new Scene([
      { number: 0, fault: fault('isolate', { endMs: 30_000 }) },
      { number: 1, fault: fault('partition', { startMs: START_MS + 100 }) },
      { number: 2, fault: fault('loss', { strength: 30, endMs: 30_000 }) },
      { number: 3, fault: fault('loss', { strength: 60 }) },
    ])
    await scene.start()
    await scene.until(END_MS + 1)
    expect(scene.wires.isCut('n1', 'n2')).toBe(true)
    expect(scene.wires.isCut('n2', 'n3')).toBe(false)
    expect(scene.wires.faults.lossPercent).toBe(11)
  })

  it('is skipped if its machine already has one', async () => {
    const scene = new Scene([
      { number: 0, fault: fault('pause') },
      { number: 1, fault: fault('kill', { startMs: START_MS + 100 }) },
      { number: 2, fault: fault('kill', { startMs: START_MS + 200, nodes: ['n2', 'n1'] }) },
    ])
    await scene.start()
    await scene.until(START_MS + 300)
    expect(scene.told.map((text) => text.split(' for ')[0])).toEqual(['pause n1', 'kill n2'])
  })
})

describe('a fault of the data', () => {
  it('rots one record of one node', async () => {
    const scene = new Scene([{ number: 0, fault: fault('rot') }])
    await scene.start()
    const before = IDS.map((id) => scene.records(id))
    await scene.until(START_MS + 1)
    const changed = IDS.filter((id, i) => scene.records(id) !== before[i])
    expect(changed).toEqual(['n1'])
  })

  it.each(['lost-data', 'lost-quorum'] as const)('%s loses a directory', async (kind) => {
    // Of an odd strength it damages what the node keeps of itself, and the node gives up the directory.
    const scene = new Scene([{ number: 0, fault: fault(kind, { strength: 98 }) }])
    await scene.start()
    expect(scene.records('n1')).not.toBe('')
    await scene.until(END_MS - 1)
    expect(scene.records('n1')).toBe('')
    expect(scene.directories).toEqual(['n1'])
  })

  it('restores a directory from the backup of the first fault of its kind', async () => {
    const scene = new Scene([
      { number: 0, fault: fault('old-data', { endMs: START_MS + 100 }) },
      { number: 1, fault: fault('rot', { startMs: START_MS + 200, endMs: START_MS + 300 }) },
      { number: 2, fault: fault('old-data', { startMs: START_MS + 400 }) },
    ])
    await scene.start()
    const before = scene.records('n1')
    await scene.until(START_MS + 399)
    expect(scene.records('n1')).not.toBe(before)
    await scene.until(START_MS + 401)
    expect(scene.records('n1')).toBe(before)
    expect(scene.directories).toEqual(['n1'])
  })

  it.each(['lost-data', 'old-data', 'lost-quorum'] as const)(
    '%s destroys no only copy',
    async (kind) => {
      const faults = [
        { number: 0, fault: fault(kind, { endMs: START_MS + 500 }) },
        { number: 1, fault: fault(kind, { startMs: START_MS + 1000 }) },
      ]
      const scene = new Scene(faults, false)
      await scene.start()
      const before = scene.records('n1')
      await scene.until(END_MS + 1)
      expect(scene.records('n1')).toBe(before)
      expect(scene.directories).toEqual([])
    },
  )

  it.each([
    [10, 2],
    [98, 1],
  ])('of strength %d has its node crash so often: %d', async (strength, crashes) => {
    const scene = new Scene([{ number: 0, fault: fault('lost-data', { strength }) }])
    await scene.start()
    const { host } = scene.node('n1')
    const { life } = host
    await scene.until(CALM_MS)
    // Each crash ends a life, and so does each start.
    expect(host.life - life).toBe(2 * crashes)
    expect(scene.wrongs()).toEqual([])
  })
})
