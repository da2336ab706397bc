import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { Link } from '../../../src/adapters/peer-network/link.ts'

it('carries an object that was merged from many sides of a cut, in one frame', async () => {
  const lengths: number[] = []
  const closed: string[] = []
  const handler = {
    frame: (frame: Uint8Array) => void lengths.push(frame.length),
    closed: (reason: string) => void closed.push(reason),
    isMute: () => false,
  }
  const accepted = Promise.withResolvers<Socket>()
  const server = createServer((socket) => accepted.resolve(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const far = new Link(await accepted.promise, Buffer.alloc(0), handler)
  const near = new Link(socket, Buffer.alloc(0), handler)
  try {
    expect(near.send(new Uint8Array(100 * 1024 * 1024))).toBe(true)
    // What is queued now is too much for another frame.
    expect(near.send(new Uint8Array(1))).toBe(false)
    await expect.poll(() => lengths).toEqual([100 * 1024 * 1024])
    expect(near.send(new Uint8Array(1))).toBe(true)
    expect(closed).toEqual([])
  } finally {
    near.close('the test has ended')
    far.close('the test has ended')
    server.close()
  }
})
