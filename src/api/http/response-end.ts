/** Waits until a response has ended or can take more bytes, also if its connection ends before its turn. */
import type { ServerResponse } from 'node:http'

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

export function isGone(response: ServerResponse): boolean {
  return response.destroyed || response.req.socket.destroyed
}
