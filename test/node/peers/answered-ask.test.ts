/**
 * How an ask ends by its answer. If that cannot be read, the peer may have done what it was asked. After a stale epoch the
 * ask is sent again, with its trace.
 */
import { expect, it } from 'vitest'
import { msgpackCodec } from '../../../src/adapters/codec/msgpack-codec.ts'
import { NodeClock } from '../../../src/node/identity/node-clock.ts'
import { NodeState } from '../../../src/node/identity/node-state.ts'
import { PeerLives } from '../../../src/node/identity/peer-lives.ts'
import type { AskHandlers } from '../../../src/node/peers/ask-handlers.ts'
import type { EpochSource } from '../../../src/node/peers/epoch-source.ts'
import { FramesIn } from '../../../src/node/peers/frames-in.ts'
import { Peers } from '../../../src/node/peers/peers.ts'
import type { Reply } from '../../../src/node/peers/reply.ts'
import { GroupCommit } from '../../../src/node/storage/group-commit.ts'
import { APPLY } from '../../../src/node/wire/asks/copy-asks.ts'
import { type Ask, encodeFrame, parseFrame } from '../../../src/node/wire/messages.ts'
import type { Encodable } from '../../../src/ports/codec.ts'
import type { Log } from '../../../src/ports/log.ts'
import type { Metrics } from '../../../src/ports/metrics.ts'
import type { Span } from '../../../src/ports/tracer.ts'
import { SeededRandom } from '../../../src/random/seeded-random.ts'
import { Host } from '../../../src/simulation/world/host.ts'
import { runSchedule, Schedule } from '../../../src/simulation/world/schedule.ts'
import { Platter, VirtualDisk } from '../../../src/simulation/world/virtual-disk.ts'
import { VirtualNetwork } from '../../../src/simulation/world/virtual-network.ts'
import { Wires } from '../../../src/simulation/world/wires.ts'

const nothing = (): void => undefined
const SILENT: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const UNCOUNTED: Metrics = { count: nothing, gauge: nothing, seconds: nothing }
const PEERS = ['n1', 'n2'].map((id) => ({ id, url: `sim://${id}` }))

/** Sends one `apply` from n1 to n2, which answers with these fields. */
async function replyTo(fields: readonly Encodable[]): Promise<Reply<unknown> | undefined> {
  return (await exchange([['ok', ...fields]])).reply
}

/** The same with an answer for each sending. Resolves also with the kinds of all messages that n2 got. */
async function exchange(
  answers: readonly (readonly Encodable[])[],
  parent?: Span,
): Promise<{ readonly reply: Reply<unknown> | undefined; readonly kinds: readonly string[] }> {
  const kinds: string[] = []
  const left = [...answers]
  const schedule = new Schedule()
  const random = new SeededRandom('garbled')
  const wires = new Wires(schedule, random)
  const [host, other] = ['n1', 'n2'].map((id, i) => new Host(id, i, schedule)) as [Host, Host]
  const network = new VirtualNetwork(host, wires)
  const disk = new VirtualDisk(new Platter(random), host, random)
  const ports = {
    clock: host,
    timers: host.timers(),
    network,
    disk,
    codec: msgpackCodec,
    log: SILENT,
    metrics: UNCOUNTED,
  }
  let reply: Reply<unknown> | undefined
  const run = async (): Promise<void> => {
    const state = await NodeState.load(disk, msgpackCodec, new GroupCommit(ports))
    const lives = new PeerLives(undefined)
    const clock = new NodeClock(ports, { state, lives, maxDriftMs: 500 })
    await clock.start()
    const epochs: EpochSource = { epoch: 1, catchUp: (_from, _peers, then) => then() }
    const peers = new Peers(ports, { clock, epochs, life: 1 })
    new FramesIn(ports, { clock, epochs, lives, peers, handlers: {} as AskHandlers }).start()
    network.setPeers(PEERS.slice(1))
    await network.start()
    const far = new VirtualNetwork(other, wires)
    far.onFrame((from, _channel, bytes) => {
      const frame = parseFrame(msgpackCodec.decode(bytes))
      const asks = frame.items as unknown as readonly Ask[]
      kinds.push(...asks.map(([, kind]) => kind))
      for (const [id] of asks.filter((ask) => ask[0] !== 0)) {
        const answer = encodeFrame({ ...frame, life: 2, items: [[id, ...(left.shift() ?? [])]] })
        far.send(from, 'answer', msgpackCodec.encode(answer))
      }
    })
    far.setPeers(PEERS.slice(0, 1))
    await far.start()
    peers.linkChanged.listen((peer, isOpen) => {
      if (!isOpen) return
      const request = { bucket: 'default', key: 'k', record: new Uint8Array(1), flags: 0 }
      const done = (told: Reply<unknown>): void => {
        reply = told
      }
      peers.ask(peer, APPLY, request, clock.nowMs() + 1000, done, parent)
    })
  }
  const running = run()
  await runSchedule(schedule, 5_000_000)
  await running
  return { reply, kinds }
}

it('an answer in the format is the reply', async () => {
  expect(await replyTo([true, ['n1', 7], 9, true])).toEqual({
    type: 'ok',
    answer: {
      existed: true,
      uncovered: [{ actor: 'n1', timestamp: 7 }],
      newest: 9,
      isWhole: true,
    },
  })
})

it.each([[[]], [[true, 'n1', 9]], [[true, ['n1'], 9]], [[true, [], 'nine']]])(
  'the answer %j counts as lost',
  async (fields) => {
    expect(await replyTo(fields)).toEqual({ type: 'lost', reason: 'garbled' })
  },
)

it('an ask that is sent again has its trace again', async () => {
  const span: Span = {
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    tracestate: '',
    child: () => span,
    add: nothing,
    end: nothing,
  }
  const done = ['ok', true, [], 9, true]
  const { reply, kinds } = await exchange([['stale_epoch', 'too old'], done], span)
  expect(reply).toMatchObject({ type: 'ok' })
  expect(kinds).toEqual(['trace', 'apply', 'trace', 'apply'])
})
