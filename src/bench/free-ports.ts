/** Ports of the loopback that nobody listens on at this moment. */
import { createServer } from 'node:net'

export async function freePorts(count: number): Promise<number[]> {
  // All are held at once, so that none is given twice.
  const servers = Array.from({ length: count }, () => createServer())
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
