/**
 * A client of ZooKeeper that can write and read one node of its tree at a time. It is written here, because the
 * packages for Node.js are either not maintained or compile C code when they are installed. The messages are those of
 * zookeeper.jute: each is a length and a record, and numbers are big-endian.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { StoreConnection } from './store-connection.ts'

const CREATE = 1
const GET_DATA = 4
const SET_DATA = 5
const CLOSE_SESSION = -11
const NO_NODE = -101
const ANY_VERSION = -1
const ALL_PERMISSIONS = 31
const SESSION_MS = 30_000
const PASSWORD_BYTES = 16
/** An answer begins with i32 request number · i64 transaction · i32 error. */
const ERROR_AT = 12
const HEAD_BYTES = 16

interface Answer {
  /** 0, or a negative code. */
  readonly error: number
  readonly body: Buffer
}

export async function connectZookeeper(url: string): Promise<StoreConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  const exchange = exchangerOf(socket)
  await exchange(openSession())
  let number = 0
  const ask = async (type: number, body: Buffer): Promise<Answer> => {
    number += 1
    const answer = await exchange(Buffer.concat([int(number), int(type), body]))
    if (answer.readInt32BE(0) !== number) throw new Error('ZooKeeper answered another request')
    return { error: answer.readInt32BE(ERROR_AT), body: answer.subarray(HEAD_BYTES) }
  }
  return {
    put: async (key, value) => {
      const path = pathOf(key)
      const data = bytes(Buffer.from(value))
      const { error } = await ask(SET_DATA, Buffer.concat([path, data, int(ANY_VERSION)]))
      if (error !== NO_NODE) refuseError(error)
      else {
        const flags = int(0)
        refuseError((await ask(CREATE, Buffer.concat([path, data, openToAll(), flags]))).error)
      }
    },
    get: async (key) => {
      const isWatched = Buffer.of(0)
      const { error, body } = await ask(GET_DATA, Buffer.concat([pathOf(key), isWatched]))
      if (error === NO_NODE) return undefined
      refuseError(error)
      return body.subarray(4, 4 + body.readInt32BE(0)).toString()
    },
    close: async () => {
      await ask(CLOSE_SESSION, Buffer.alloc(0)).catch(() => undefined)
      socket.destroy()
    },
  }
}

/** Sends one frame at a time, and resolves to the frame that answers it. */
function exchangerOf(socket: Socket): (frame: Buffer) => Promise<Buffer> {
  let waiting: { resolve: (frame: Buffer) => void; reject: (error: Error) => void } | undefined
  let received = Buffer.alloc(0)
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    if (received.length < 4) return
    const end = 4 + received.readInt32BE(0)
    if (received.length < end) return
    waiting?.resolve(received.subarray(4, end))
    received = received.subarray(end)
  })
  const broken = (): void => waiting?.reject(new Error('the connection to ZooKeeper broke'))
  socket.on('error', broken)
  socket.on('close', broken)
  return (frame) => {
    const answered = Promise.withResolvers<Buffer>()
    waiting = answered
    if (socket.destroyed) broken()
    else socket.write(bytes(frame))
    return answered.promise
  }
}

/** i32 protocol · i64 last transaction · i32 timeout · i64 session · password · read-only. */
function openSession(): Buffer {
  const zero = Buffer.alloc(8)
  const password = bytes(Buffer.alloc(PASSWORD_BYTES))
  return Buffer.concat([int(0), zero, int(SESSION_MS), zero, password, Buffer.of(0)])
}

/** One access rule: anyone may do anything. */
function openToAll(): Buffer {
  const [scheme, id] = [bytes(Buffer.from('world')), bytes(Buffer.from('anyone'))]
  return Buffer.concat([int(1), int(ALL_PERMISSIONS), scheme, id])
}

function pathOf(key: string): Buffer {
  return bytes(Buffer.from(`/${key}`))
}

function int(number: number): Buffer {
  const buffer = Buffer.alloc(4)
  buffer.writeInt32BE(number)
  return buffer
}

function bytes(buffer: Buffer): Buffer {
  return Buffer.concat([int(buffer.length), buffer])
}

function refuseError(error: number): void {
  if (error !== 0) throw new Error(`ZooKeeper answered with error ${error}`)
}
