/** Clients of a simulated cluster that read and write a few keys at one level, and record a history. */
import type { EventType, HistoryEvent, Json } from '../../src/checker/history/history.ts'
import { EMPTY_SESSION, type Session } from '../../src/core/causality/session.ts'
import type { PlainLevel } from '../../src/core/quorum/level.ts'
import type { ReadAnswer } from '../../src/node/service/service.ts'
import { requestOptions, type Via } from '../../src/simulation/clients/client.ts'
import type { Workload } from '../../src/simulation/clients/client-workload.ts'

export interface RecordedLoad {
  readonly bucket: 'default' | 'latest' | 'strong'
  readonly level: PlainLevel | 'strong'
  readonly keys: readonly string[]
}

export interface RecordedWork {
  readonly workload: Workload
  readonly events: readonly HistoryEvent[]
}

const READ_PERCENT = 55

/** A client keeps its session, but continues as another process after a write of unknown outcome. */
interface Client {
  readonly session: number
  process: number
  /** What the store says that the session has seen; undefined at levels without sessions. */
  token: Session | undefined
}

interface Deed {
  readonly client: Client
  readonly f: 'read' | 'write'
  readonly key: string
}

export function recordedWork({ bucket, level, keys }: RecordedLoad): RecordedWork {
  const events: HistoryEvent[] = []
  const clients = new Map<string, Client>()
  let nextNumber = 0
  let nextValue = 1

  const newClient = (): Client => {
    const number = nextNumber++
    return {
      session: number,
      process: number,
      token: level === 'causal' ? EMPTY_SESSION : undefined,
    }
  }

  const note = (via: Via, type: EventType, { client, f, key }: Deed, value: Json): void => {
    const { process, session } = client
    const time = via.nowUs() * 1000
    events.push({ index: events.length, time, process, session, type, f, key, value })
    if (type === 'info') client.process = nextNumber++
  }

  const read = (
    via: Via,
    client: Client,
    key: string,
    at: PlainLevel | 'strong',
    done: (isRead: boolean) => void,
  ): void => {
    const deed = { client, f: 'read', key } as const
    note(via, 'invoke', deed, null)
    via.call(
      `get ${key} ${at}`,
      (service) => service.get({ ...asked(bucket, key), level: at, session: client.token }),
      (outcome) => {
        if (outcome.type === 'ok') {
          client.token = outcome.answer.session
          note(via, 'ok', deed, valueOf(outcome.answer))
        } else note(via, 'fail', deed, null)
        done(outcome.type === 'ok')
      },
    )
  }

  const write = (via: Via, client: Client, key: string, done: () => void): void => {
    const deed = { client, f: 'write', key } as const
    const value = nextValue++
    const content = {
      value: new TextEncoder().encode(String(value)),
      contentType: 'text/plain',
      tombstone: false,
      expiresAtMs: 0,
    }
    const request = { ...asked(bucket, key), level, content, context: undefined }
    note(via, 'invoke', deed, value)
    via.call(
      `put ${value} to ${key} ${level}`,
      (service) => service.put({ ...request, session: client.token }),
      (outcome) => {
        if (outcome.type === 'ok') client.token = outcome.answer.session
        const end = { ok: 'ok', rejected: 'fail', unknown: 'info' } as const
        note(via, end[outcome.type], deed, value)
        done()
      },
    )
  }

  const turn: Workload['work']['turn'] = (via, done) => {
    const client = clients.get(via.client) ?? newClient()
    clients.set(via.client, client)
    const key = via.random.pick(keys as [string, ...string[]])
    if (via.random.chance(READ_PERCENT)) read(via, client, key, level, done)
    else write(via, client, key, done)
  }

  /** Each key is read by a client of its own, with every copy. */
  const readAll: Workload['readAll'] = (via, done) => {
    let waiting = keys.length
    let unread = 0
    for (const key of keys) {
      read(
        via,
        { ...newClient(), token: undefined },
        key,
        level === 'strong' ? level : 'all',
        (isRead) => {
          if (!isRead) unread++
          if (--waiting === 0) done(unread)
        },
      )
    }
  }

  return { workload: { work: { turn }, readAll }, events }
}

function asked(bucket: string, key: string) {
  return requestOptions({ bucket, key, level: 'quorum' })
}

function valueOf({ siblings }: ReadAnswer): Json {
  const values = siblings.map(({ value }) => Number(new TextDecoder().decode(value)))
  return values.length > 1 ? values : (values[0] ?? null)
}
