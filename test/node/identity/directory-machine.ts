/** The machine of a node whose directory is started on again and again, as far as the proof of it goes. */
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { DirectoryProof } from '../../../src/node/identity/directory-proof.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { forgetLives } from '../../../src/node/identity/migration.ts'
import { NodeState } from '../../../src/node/identity/node-state.ts'
import { withNewLife } from '../../../src/node/identity/own-lives.ts'
import type { HeardLives } from '../../../src/node/wire/heard-lives.ts'
import type { Metrics } from '../../../src/ports/metrics.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { runningSchedule } from '../../simulation/world/virtual-time.ts'

const schedule = runningSchedule()
const nothing = (): void => undefined
const UNCOUNTED: Metrics = { count: nothing, gauge: nothing, seconds: nothing }

/** As a peer says it that tells no lives apart. */
export const unnamed = (stamp: number): HeardLives => ({ named: new Map(), unnamed: stamp })
export const ofLives = (...named: readonly (readonly [number, number])[]): HeardLives => ({
  named: new Map(named),
  unnamed: 0,
})

/** One life of a node, as far as its proof goes. */
export interface Life {
  readonly life: number
  readonly proof: DirectoryProof
  /** Resolves once everything that was said to the proof is durable. */
  readonly saved: () => Promise<void>
}

/** The machine of a node, which is started on it again and again. */
export function machine() {
  const random = new SeededRandom('directory')
  const platter = new Platter(random)
  const host = new Host('n1', 0, schedule())
  let lives = 0
  let incarnation = 0
  /** Of the lives to come; then they are counted. */
  const numbers: number[] = []
  const open = async (): Promise<{ state: NodeState; commits: GroupCommit }> => {
    host.end()
    const disk = new VirtualDisk(platter, host, random)
    const timers = host.timers()
    const commits = new GroupCommit({ disk, timers, clock: host, metrics: UNCOUNTED })
    return { state: await NodeState.load(disk, msgpackCodec, commits), commits }
  }
  /** As `takeIdentity`, with a number that the test knows. */
  const begin = async (state: NodeState, life: number): Promise<void> => {
    const listed = withNewLife(state, life, ++incarnation).map((its) => [...its])
    await Promise.all([state.set('incarnation', incarnation), state.set('own-lives', listed)])
  }
  /** Starts a life whose clock is given out up to `bound`; what the directory knew comes first. */
  const start = async (bound: number, hasLostData = false): Promise<Life> => {
    const { state, commits } = await open()
    const life = numbers.shift() ?? ++lives
    await forgetLives(state)
    await begin(state, life)
    const proof = await DirectoryProof.load(state, hasLostData)
    await state.set('clock', bound)
    // A word is stored once what follows from it is, which takes a turn.
    const saved = async (): Promise<void> => {
      await new Promise(setImmediate)
      await commits.whenIdle()
    }
    return { life, proof, saved }
  }
  return {
    start,
    numbers,
    platter,
    crash: () => {
      host.end()
      platter.endMachine()
    },
    /** A life of a version that lists none: it does the same to all else. */
    startUnlisted: async (bound: number): Promise<void> => {
      const { state } = await open()
      const listed = state.get('own-lives') ?? []
      await begin(state, ++lives)
      await DirectoryProof.load(state, false)
      await state.set('own-lives', listed)
      await state.set('clock', bound)
    },
    /** The first life: n2 has heard of none before, and that is durable. */
    startProven: async (bound: number): Promise<Life> => {
      const first = await start(bound)
      hear(first.proof, 'n2', unnamed(0))
      await first.saved()
      return first
    },
  }
}

/** A peer's answer whose consequences for the votes are durable at once. */
export function hear(proof: DirectoryProof, peer: string, lives: HeardLives): void {
  proof.heard(peer, lives, () => Promise.resolve())
}
