/**
 * Waits until a response has ended or can take more bytes, also if its connection ends before its turn. A reader that
 * stalls does not keep the memory of its answer.
 */
import type { ServerResponse } from 'node:http'

/** A reader that takes nothing of a large answer for this long loses its connection. */
export const STALLED_MS_MAX = 30_000
/** How often the socket looks whether bytes have left, in the time after which a reader counts as stalled. */
const LOOKS = 15

/** Calls back once, when the response has been sent or its connection is gone. */
export function onceClosed(response: ServerResponse, then: () => void): void {
  // A response that waits for earlier ones emits no event when the connection ends, so listen to the socket too.
  const { socket } = response.req
  let isOver = false
  const end = (): void => {
    // If both close, both events come.
    if (isOver) return
    isOver = true
    response.off('close', end)
    socket.off('close', end)
    then()
  }
  if (response.destroyed || socket.destroyed) {
    then()
    return
  }
  response.on('close', end)
  socket.on('close', end)
}

/** Resolves when the written bytes have been sent, or the connection is gone. */
export function drained(response: ServerResponse): Promise<void> {
  const { socket } = response.req
  if (response.destroyed || socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const end = (): void => {
      response.off('drain', end)
      response.off('close', end)
      socket.off('close', end)
      resolve()
    }
    response.on('drain', end)
    response.on('close', end)
    socket.on('close', end)
  })
}

/** Like `drained`, but a reader that stalls loses its connection. */
export async function drainedInTime(response: ServerResponse): Promise<void> {
  const stop = boundStall(response)
  await drained(response)
  stop()
}

/** Ends the connection of a reader that takes nothing for so long. Returns what stops that; the end of the answer does. */
export function boundStall(response: ServerResponse, stalledMs = STALLED_MS_MAX): () => void {
  const { socket } = response.req
  const lookMs = stalledMs / LOOKS
  const stall = new Stall(lookMs)
  const look = (): void => {
    if (stall.lastsMs(performance.now()) >= stalledMs) socket.destroy()
    else socket.setTimeout(lookMs)
  }
  const stop = (): void => {
    response.off('timeout', look)
    response.off('finish', stop)
    // It is the socket's timeout, and a later pipelined request may take longer.
    socket.setTimeout(0)
  }
  response.on('timeout', look)
  response.setTimeout(lookMs)
  // Before the listener of Node.js, which sets the timeout of an idle connection.
  response.prependOnceListener('finish', stop)
  return stop
}

/**
 * How long no byte has left a socket. The timeout of a socket calls back only if none has left since the socket looked
 * last; otherwise it begins again. So a single timeout of the whole time could take twice as long.
 */
export class Stall {
  readonly #lookMs: number
  #lookedMs = -Infinity
  #sinceMs = 0

  constructor(lookMs: number) {
    this.#lookMs = lookMs
  }

  /** Call at each timeout of the socket. */
  lastsMs(nowMs: number): number {
    // A look that saw bytes leave called nobody back, so this one comes twice as late. Timers may be a little early.
    if (nowMs - this.#lookedMs > 1.75 * this.#lookMs) this.#sinceMs = nowMs - this.#lookMs
    this.#lookedMs = nowMs
    return nowMs - this.#sinceMs
  }
}

export function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.req.socket.destroyed
}
